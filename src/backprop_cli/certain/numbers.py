"""The records of numbers that are certain. Apart from those of ``report``: few runs need them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.record import Record
from backprop_cli.report import Outcome
from backprop_cli.text import held_mark

if TYPE_CHECKING:
    from backprop_cli.diagnostic import Diagnostic
    from backprop_cli.language.arrays.shapes import Shape


class CertainNumber(Record):
    """A number as text: a fraction, or so many digits, each of them right.

    within: where it has not the digits asked for, a bound of its error.  at_kink: it may rest on a
    convention.  status, reason: what became of the comparison with sympy's number.  origin: "both sides" of a
    kink, where it was found from them.
    """

    text: str
    within: str = ""
    at_kink: bool = False
    status: Outcome = Outcome.SKIPPED
    reason: str = "not asked for"
    origin: str = ""


class ExactNode(Record):
    """One node in fractions. As NodeRecord; a partial that is no fraction is None too."""

    id: str
    op: str
    expr: str
    operands: tuple[str, ...]
    value: str
    partials: tuple[str | None, ...]
    gradient: str
    held: tuple[tuple[str, ...], ...] = ()

    def mark(self, argnum: int) -> str:
        """Return what a partial holds as it stands behind its symbol; see ``text.held_mark``."""
        return held_mark(self.held, argnum, self.operands)


class CertainReport(Record):
    """Value and gradients of a program at a point, numbers being what is written: 0.1 is 1/10.

    digits: how many are right, None where the numbers are fractions.  inputs, upstream: fractions, or so many
    digits.  nodes: of fractions only, as in Report.
    value_shift, shifts: by how much reading the numbers as doubles would move the value and the gradients, ""
    where it would not.  read_as: as in Report.  shapes: of inputs that are arrays of elements x[0] and so on.
    """

    program: str
    digits: int | None
    inputs: dict[str, str]
    output: str
    value: CertainNumber
    upstream: str
    gradients: dict[str, CertainNumber]
    nodes: tuple[ExactNode, ...]
    value_shift: str
    shifts: dict[str, str]
    warnings: tuple[Diagnostic, ...]
    read_as: str = ""
    shapes: tuple[tuple[str, Shape], ...] = ()

    @property
    def status(self) -> Outcome:
        """Return what became of the comparison with sympy as a whole."""
        found = {number.status for number in (self.value, *self.gradients.values())}
        return next((s for s in (Outcome.FAIL, Outcome.SKIPPED) if s in found), Outcome.PASS)
