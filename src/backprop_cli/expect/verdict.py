"""The records of what was expected, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.record import Record, Word
from backprop_cli.report import Outcome

if TYPE_CHECKING:
    from backprop_cli.errors import DomainError
    from backprop_cli.report import Report


class Settled(Word):
    """How far a claim was compared: at the given point alone, at further ones, or for all by sympy."""

    POINT = "point"
    POINTS = "points"
    SYMPY = "sympy"


class Elsewhere(Record):
    """A further point at which an expectation was compared and is not met."""

    inputs: dict[str, float]
    expected: float
    got: float


class Verdict(Record):
    """The judgement of one expectation.

    claim: "b = a*f".  of: "gradient" or "value".  node: the id of the node it is about.
    status: passed or failed.  expected: NaN where the formula has no value.  got: computed in doubles, as
    grad shows it.  exact: computed in many digits, where that is another number; either may meet it.
    follows: the user's own numbers that it follows from: gradients (e) and values (value of e).
    place: the step through which a gradient that is not met arrives.  rule: what its operations do to one.
    words: of what is expected beside numbers, what was expected and what was got.
    settled: how far it was compared.  points: at how many further ones.  diagnosis: what differs, in words.
    causes: the kinds of what is said in it, as in ``find_causes``.
    """

    claim: str
    of: str
    node: str
    status: Outcome
    expected: float
    got: float
    settled: Settled
    points: int = 0
    diagnosis: str = ""
    causes: tuple[str, ...] = ()
    elsewhere: Elsewhere | None = None
    exact: float | None = None
    words: tuple[str, str] | None = None
    follows: tuple[str, ...] = ()
    place: str = ""
    rule: str = ""

    @property
    def difference(self) -> float:
        """What was got, less what was expected."""
        return self.got - self.expected

    @property
    def is_slip(self) -> bool:
        """Tell whether it is not met, and not because of another that is not."""
        return self.status == Outcome.FAIL and not self.follows


class Verification(Record):
    """A report and the verdicts on what was expected of it.

    seed: of the further points.  missing: what is wrong with a gradient that is asked for and does not exist.
    """

    report: Report
    verdicts: tuple[Verdict, ...]
    seed: int
    missing: DomainError | None = None

    @property
    def slips(self) -> tuple[Verdict, ...]:
        """Return the verdicts on what is wrong in itself."""
        return tuple(verdict for verdict in self.verdicts if verdict.is_slip)

    @property
    def status(self) -> Outcome:
        """Tell whether all passed; not where an expectation is not met or the cross-check failed."""
        outcomes = {self.report.check.status, *(verdict.status for verdict in self.verdicts)}
        return Outcome.FAIL if Outcome.FAIL in outcomes else Outcome.PASS
