"""The records that a computation returns. Plain data: rendering only reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backprop_cli.record import Record, Word
from backprop_cli.text import held_mark, nested

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sympy.core.expr import Expr

    from backprop_cli import Explanation, Picture
    from backprop_cli.diagnostic import Diagnostic

ALL_DIGITS = 16
"""What a binary64 number can have."""
FEW_DIGITS = 12
"""A gradient or a value with fewer right digits is warned of."""


BOTH_SIDES, ONE_SIDE, NEARER_SIDE = "both sides", "one side", "nearer side"
"""What a gradient is found from where the slopes of both sides are equal; where only one side has values; and
where conventions add up to no slope between those of both sides."""
BEYOND = "beyond what doubles hold"
"""Why a gradient that is finite and known is not compared."""
NO_VALUE = "computed with more digits, the value does not exist"
"""Why nothing is compared where doubles alone have a value."""
KINK, POSSIBLE_KINK, EDGE = "kink", "possible kink", "edge of the domain"
"""Where nothing is compared; possible where the slopes beside the point are not known."""
TOO_SMALL = "too small for a double"
"""Why a number that is right otherwise has few digits."""


class Outcome(Word):
    """What became of a comparison. ERROR: what was to be compared is itself a mistake."""

    PASS = "pass"
    FAIL = "fail"
    SKIPPED = "skipped"
    ERROR = "error"


class Steps(Word):
    """What counts as a step: what the program names, or every operation."""

    NAMED = "named"
    ALL = "all"


class Place(Word):
    """Which of a node's numbers is meant. SLOPE: the partial by one of its operands."""

    VALUE = "value"
    GRADIENT = "gradient"
    SLOPE = "slope"


class LossKind(Word):
    """How digits were lost.

    UNDERFLOW: the number is below the normal doubles.  CANCELLATION: terms of a sum take each other away.
    ABSORPTION: a sum rounds off its small term, and its large one is taken away after it.  AMPLIFICATION:
    an error is larger beside the result than beside the operand.  DECISION: an error decides a condition.
    INNER: terms cancel within the operation itself.
    """

    UNDERFLOW = "underflow"
    CANCELLATION = "cancellation"
    ABSORPTION = "absorption"
    AMPLIFICATION = "amplification"
    DECISION = "decision"
    INNER = "inner"


class Loss(Record):
    """Where a double lost most of its digits, and how.

    node, place: the number that lost them.  operand: the one that a slope is by.  source: the node whose
    error is amplified or decides, or the term that is rounded off.  number: the double that was computed.
    factor: how many times the error was amplified; how many times as large as the result the terms are that
    cancel; how many times as large as the term that is rounded off the other one is.
    is_most: at least half of all the digits that are lost went there.
    """

    node: int
    place: Place
    kind: LossKind
    operand: int | None = None
    source: int | None = None
    number: float | None = None
    factor: float | None = None
    is_most: bool = True


class GradientCheck(Record):
    """What the cross-check found for one input.

    status: passed, failed or skipped, then with a reason.  formula: sympy's derivative.  value: its value,
    to as many of 50 digits as are certain; None where none is.  digits: how many of the float gradient are
    right (16: all).  underflow: they are few because the true gradient, which is not known to be zero, is
    below 2.2e-308, where doubles have fewer digits, or none.
    zero_within: the float gradient is rounding error alone, and this bounds it; digits is then None.
    at_kink: the gradient rests on a convention, and so was not compared.  left, right: at a kink, the slope
    of the output on each side; None where it has no value there, NaN where the slope is not known.
    loss: where digits were lost, if few are right; looked for in the poorest gradients.
    origin: what the gradient was found from where it is not the sweep in doubles: "both sides", "one side",
    "nearer side", "50 digits" (or 200, or 800).
    named: a formula of the gradient in the names of the program, which is not sympy's.
    """

    status: Outcome
    formula: str | None = None
    value: str | None = None
    digits: int | None = None
    underflow: bool = False
    zero_within: float | None = None
    reason: str = ""
    at_kink: bool = False
    left: float | None = None
    right: float | None = None
    loss: Loss | None = None
    origin: str = ""
    named: str = ""

    @property
    def why_skipped(self) -> str:
        """Why it was not compared, as it stands behind "not checked"."""
        article = "the" if self.reason == EDGE else "a"
        return f"at {article} {self.reason}" if self.at_kink else self.reason


class Check(Record):
    """The outcome of the cross-check.

    status: passed, failed or skipped, then with a reason.  precision: the digits computed with.
    loss: where gradients lost digits.  value: the value of the program, to as many of 50 digits as are
    certain.  value_digits, value_underflow, value_zero_within: of the double, as those of gradients; the
    first and the last are None where it could not be compared.  value_loss: where it lost digits.
    """

    status: Outcome
    method: str | None
    precision: int | None
    gradients: dict[str, GradientCheck]
    reason: str = ""
    value: str | None = None
    value_digits: int | None = None
    value_underflow: bool = False
    value_zero_within: float | None = None
    value_loss: Loss | None = None


class KinkRecord(Record):
    """A node that is not differentiable at this point.

    convention: what was used as its partial.  left, right: per operand, the partial on each side of it; None
    for a constant and where the operation has no value, NaN where it is not known.  smooth: the operands
    along which there is a derivative all the same: that of x**y by x, for x < 0 and a whole y.
    """

    convention: str
    left: tuple[float | None, ...]
    right: tuple[float | None, ...]
    smooth: frozenset[int] = frozenset()

    @property
    def word(self) -> str:
        """What it is called: an edge where no operand has values on both sides, and some on one."""
        one_sided = all(None in sides for sides in zip(self.left, self.right, strict=True))
        return "edge" if one_sided and self.left != self.right else "kink"

    @property
    def place(self) -> str:
        """Where the node is: at a kink, or at the edge of its domain."""
        return "at the edge of the domain" if self.word == "edge" else "at a kink"


class ArrayRecord(Record):
    """An array of the program, or the result of an operation on arrays, which may be one number.

    name: as nodes are named.  shape: () of a number.  expr: how it is made, with the names of arrays.
    op: the operation, "input" of an input, "view" of what has the elements of others.
    backward: what the operation does to the gradient that arrives.
    elements: ids of its nodes, in the order of rows; None of a constant.  values, gradients: in that order.
    There is no gradient of a constant, nor of an element that is also another's, where that is told.
    """

    name: str
    shape: tuple[int, ...]
    op: str
    expr: str
    backward: str
    elements: tuple[str | None, ...]
    values: tuple[float, ...]
    gradients: tuple[float | None, ...]

    @property
    def value(self) -> Any:
        """The values as lists of lists, or a number."""
        return nested(self.shape, self.values)

    @property
    def gradient(self) -> Any:
        """The gradients as lists of lists, or a number."""
        return nested(self.shape, self.gradients)


class NodeRecord(Record):
    """One node. operands: ids, or the number itself for a constant, whose partial is None.

    terms: the operands as they stand in expr: ids, and the texts of constants.
    value: NaN where a branch that was not taken has none.  gradient: upstream · ∂output/∂node.  swept: what
    the backward pass alone gives, where the gradient is found otherwise and is another number.
    held: per operand, the others that depend on it, which its partial holds; itself where it is one of them.
    is_inner: whether it is inside an operation on arrays.
    aliases: further names that the program gives the same node.  is_named: whether it gives any.
    formulas: of a step with others folded into it, the local derivatives as formulas; "" where too long.
    folded: the operations of such a step, from the last one to the first, written in terms of other steps.
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
    swept: float | None = None
    held: tuple[tuple[str, ...], ...] = ()
    is_inner: bool = False
    formulas: tuple[str, ...] = ()
    folded: tuple[NodeRecord, ...] = ()

    def mark(self, argnum: int) -> str:
        """Return what a partial holds as it stands behind its symbol; see ``text.held_mark``."""
        return held_mark(self.held, argnum, self.operands)

    def is_at_kink(self, argnum: int) -> bool:
        """Tell whether the partial by an operand is what a convention says."""
        return self.kink is not None and argnum not in self.kink.smooth


class Report(Record):
    """Value and gradients of a program at a point.

    program: its text.  read_as: the program in the plain language, where the text is in another notation.
    inputs: the point.  output: id of the output node.  gradients: upstream · ∂output/∂input for the requested
    inputs.  nodes: in topological order, inputs first, output last.  outline: of a program with arrays, these
    and the other nodes, in the same order, without what is inside an operation on arrays.
    """

    program: str
    inputs: dict[str, float]
    output: str
    value: float
    upstream: float
    gradients: dict[str, float]
    nodes: Sequence[NodeRecord]
    check: Check
    warnings: tuple[Diagnostic, ...]
    read_as: str = ""
    outline: tuple[ArrayRecord | NodeRecord, ...] = ()

    @property
    def arrays(self) -> dict[str, ArrayRecord]:
        """The arrays, and the numbers that operations on arrays come to, by name; inputs first."""
        return {record.name: record for record in self.outline if isinstance(record, ArrayRecord)}

    # What shows a report is below it on the map, and is reached through the face of the library.

    def explain(
        self,
        *,
        why: str | None = None,
        paths: str | None = None,
        limit: str | None = None,
        nudge: float | None = None,
        steps: str | None = None,
        digits: int | None = 6,
        order: int = 1,
    ) -> Explanation:
        """Return both passes told step by step, as ``backprop explain`` does.

        why, paths, limit: the nodes that are asked about.  nudge: how far to move each input.
        steps: "named" or "all"; None for named ones where the program names steps.  digits: of numbers, None
        for all.  order: 2 for how the second derivatives arise, too.
        Raises InputError for a node that is not there.
        """
        from backprop_cli import explain_report

        return explain_report(self, why, paths, limit, nudge, steps, digits, order)

    def draw(
        self,
        *,
        direction: str = "LR",
        theme: str = "light",
        steps: str | None = None,
        digits: int | None = 4,
    ) -> Picture:
        """Return the graph as a picture, as ``backprop graph`` does.

        direction: "LR" or "TB".  theme: "light", "dark", or "auto" as the page around it is.  steps: as in
        ``explain``.
        """
        from backprop_cli import draw_report

        return draw_report(self, direction, theme, steps, digits)

    def expression(self) -> Expr:
        """Return the program as an expression of SymPy's. Raises LimitError for a program that is long."""
        from backprop_cli import report_expression

        return report_expression(self)

    def _repr_html_(self) -> str:
        from backprop_cli import report_html

        return report_html(self)

    def _repr_latex_(self) -> str:
        from backprop_cli import report_latex

        return report_latex(self)


def skipped_check(
    gradients: Iterable[str], reason: str, known: Mapping[str, GradientCheck] | None = None
) -> Check:
    """Return the record of a check that was not made. known: what is known of some gradients all the same."""
    checks = dict.fromkeys(gradients, GradientCheck(Outcome.SKIPPED, reason=reason))
    checks |= {name: found for name, found in (known or {}).items() if name in checks}
    return Check(Outcome.SKIPPED, None, None, checks, reason)
