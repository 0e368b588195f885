"""The records that a computation returns. Plain data: rendering only reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from backprop_cli.errors import DomainError

ALL_DIGITS = 16
"""What a binary64 number can have."""
FEW_DIGITS = 12
"""A gradient with fewer right digits is warned of."""


class GradientCheck(NamedTuple):
    """What the cross-check found for one input.

    status: "pass", "fail" or "skipped", then with a reason.  formula: sympy's derivative.  value: its value
    to 50 digits.  digits: how many digits of the float gradient are right (16: all).
    zero_within: the float gradient is rounding error alone, and this bounds it; digits is then None.
    left, right: at a kink, the slope of the output on each side; None where there is none.
    """

    status: str
    formula: str | None = None
    value: str | None = None
    digits: int | None = None
    zero_within: float | None = None
    reason: str = ""
    left: float | None = None
    right: float | None = None

    @property
    def at_kink(self) -> bool:
        """Tell whether the gradient rests on a convention, and so was not compared."""
        return self.reason == "kink"


class Loss(NamedTuple):
    """Where float gradients lost most of their digits: the node, in its "value" or its "gradient"."""

    node: int
    where: str


class Check(NamedTuple):
    """The outcome of the cross-check.

    status: "pass", "fail" or "skipped", then with a reason.  precision: the digits computed with.
    value: the value of the program to 50 digits.
    """

    status: str
    method: str | None
    precision: int | None
    gradients: dict[str, GradientCheck]
    reason: str = ""
    loss: Loss | None = None
    value: str | None = None


class KinkRecord(NamedTuple):
    """A node that is not differentiable at this point.

    convention: what was used as its partial.  left, right: per operand, the partial on each side of it; None
    for a constant and where the operation has no value.
    """

    convention: str
    left: tuple[float | None, ...]
    right: tuple[float | None, ...]


class NodeRecord(NamedTuple):
    """One node. operands: ids, or the number itself for a constant, whose partial is None.

    terms: the operands as they stand in expr: ids, and the texts of constants.
    value: NaN where a branch that was not taken has none.  gradient: upstream · ∂output/∂node.
    aliases: further names that the program gives the same node.  is_named: whether it gives any.
    """

    id: str
    op: str
    expr: str
    operands: tuple[str | float, ...]
    terms: tuple[str, ...]
    value: float
    partials: tuple[float | None, ...]
    gradient: float
    kink: KinkRecord | None = None
    aliases: tuple[str, ...] = ()
    is_named: bool = False


class Notice(NamedTuple):
    """Something a user should know: its kind, the node it is about, and the sentence."""

    kind: str
    node: str | None
    message: str


class Report(NamedTuple):
    """Value and gradients of a program at a point.

    inputs: the point.  output: id of the output node.  gradients: upstream · ∂output/∂input for the requested
    inputs.  nodes: in topological order, inputs first, output last.
    """

    program: str
    inputs: dict[str, float]
    output: str
    value: float
    upstream: float
    gradients: dict[str, float]
    nodes: Sequence[NodeRecord]
    check: Check
    warnings: tuple[Notice, ...]


class Elsewhere(NamedTuple):
    """A further point at which an expectation was compared and is not met."""

    inputs: dict[str, float]
    expected: float
    got: float


class Verdict(NamedTuple):
    """The judgement of one expectation.

    claim: "b = a*f".  of: "gradient" or "value".  node: the id of the node it is about.
    status: "pass" or "fail".  expected: NaN where the formula has no value.  got: computed in doubles, as
    grad shows it.  exact: computed in many digits, where that is another number; either may meet it.
    settled: how it was compared: at the "point" alone, at further "points", so many of them, or for all
    points by "sympy".  diagnosis: what differs, in words.
    """

    claim: str
    of: str
    node: str
    status: str
    expected: float
    got: float
    settled: str
    points: int = 0
    diagnosis: str = ""
    elsewhere: Elsewhere | None = None
    exact: float | None = None

    @property
    def difference(self) -> float:
        """What was got, less what was expected."""
        return self.got - self.expected


class Verification(NamedTuple):
    """A report and the verdicts on what was expected of it.

    seed: of the further points.  missing: what is wrong with a gradient that is asked for and does not exist.
    """

    report: Report
    verdicts: tuple[Verdict, ...]
    seed: int
    missing: DomainError | None = None

    @property
    def status(self) -> str:
        """Tell "pass", or "fail" where an expectation is not met or the cross-check failed."""
        failed = self.report.check.status == "fail" or any(v.status == "fail" for v in self.verdicts)
        return "fail" if failed else "pass"


def skipped_check(
    gradients: Iterable[str], reason: str, known: Mapping[str, GradientCheck] | None = None
) -> Check:
    """Return the record of a check that was not made. known: what is known of some gradients all the same."""
    checks = dict.fromkeys(gradients, GradientCheck("skipped", reason=reason))
    checks |= {name: found for name, found in (known or {}).items() if name in checks}
    return Check("skipped", None, None, checks, reason)
