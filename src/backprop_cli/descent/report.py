"""The records of a descent. Plain data: rendering only reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.record import Record, Word

if TYPE_CHECKING:
    from backprop_cli.calculus.report import Critical


class End(Word):
    """Why a descent ended.

    STEPS: all steps are done.  FLAT: the gradient is 0, or smaller than asked for.  STILL: no step changes
    the point, or lowers the cost.  UNDEFINED: no step ends where the program has a value.  KINK: Newton's
    method has no second derivatives there.  INTERRUPTED: by Ctrl-C.
    """

    STEPS = "steps"
    FLAT = "flat"
    STILL = "still"
    UNDEFINED = "undefined"
    KINK = "kink"
    INTERRUPTED = "interrupted"


class Kind(Word):
    """What the point is where a descent ended.

    REACHED: a minimum, or a maximum where that is looked for.  OTHER: another critical point.
    FLAT: one whose second derivatives don't decide.  KINK: there is no derivative.
    AWAY: the inputs grow and the cost goes on falling.  DIVERGED: the cost is higher than at the start.
    OPEN: none of these: it is not there yet.
    """

    REACHED = "reached"
    OTHER = "other"
    FLAT = "flat"
    KINK = "kink"
    AWAY = "away"
    DIVERGED = "diverged"
    OPEN = "open"


class Step(Record):
    """A point on the way.

    cost: the value there.  slopes: its gradient.  size: the length of that.  moves: what is subtracted from
    the inputs to come to the next point, {} at the last.  halved: how often that step was halved, since the
    program had no value behind it, and ``note`` why.  is_kink: whether there is a kink.
    """

    number: int
    point: dict[str, float]
    cost: float
    slopes: dict[str, float]
    size: float
    moves: dict[str, float]
    halved: int = 0
    note: str = ""
    is_kink: bool = False


class Verdict(Record):
    """What the last point is. critical: the critical point that is meant.  told: sentences."""

    kind: Kind
    told: tuple[str, ...]
    critical: Critical | None = None


class Descent(Record):
    """A descent. names: the inputs that move.  fixed: the others.  best: the step with the lowest cost.

    sign: -1 where the value is made large.  read_as: as in Report.  batch: how many rows a batch has, where a
    step is an epoch of batches that ``seed`` shuffles, else 0.
    """

    program: str
    output: str
    names: tuple[str, ...]
    fixed: dict[str, float]
    method: str
    rate: float
    sign: int
    steps: tuple[Step, ...]
    end: End
    best: int
    verdict: Verdict
    read_as: str = ""
    batch: int = 0
    seed: int = 0

    @property
    def unit(self) -> str:
        """What one of the steps is."""
        return "epoch" if self.batch else "step"
