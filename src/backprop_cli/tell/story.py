"""A computation told step by step: forward with numbers plugged in, then back by the chain rule."""

from __future__ import annotations

import math
import re
from collections import deque
from functools import cache
from typing import TYPE_CHECKING

from backprop_cli.errors import InputError
from backprop_cli.notation.partials import partial_text, slope_text
from backprop_cli.operations.table import OPS
from backprop_cli.record import Record
from backprop_cli.report import FEW_DIGITS
from backprop_cli.text import decimal_text, did_you_mean, listing, number_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from backprop_cli.operations.bounded import BoundedReals
    from backprop_cli.operations.op import Op
    from backprop_cli.report import NodeRecord, Report

_NAME = re.compile(r"[^\W\d]\w*(?:#\d+|\[[\d, ]+\])*(?!\w*\()")
_MOST_REASONS = 3


class Forward(Record):
    """A value on the way forward: node = symbols = numbers = value.

    underflows: whether the value is 0 only because what these numbers come to is too small for a double.
    """

    node: str
    symbols: str
    numbers: str
    value: float
    underflows: bool = False


_FEW_ELEMENTS = 6


class Term(Record):
    """What one use of a node contributes to its gradient: the gradient of the user times a local derivative.

    user, expr: the node that uses it, and what it computes.  arriving: the gradient there.
    formula, numbers: the local derivative in symbols and with numbers plugged in.  slope: its value.
    product: arriving · slope.  held: what stands behind the symbol of the local derivative, where that is not
    the whole derivative of the user by the node; see ``text.held_mark``.
    reason: what the user's operation does to a gradient.  case: which case of that holds here, or "".
    """

    user: str
    expr: str
    arriving: float
    formula: str
    numbers: str
    slope: float
    product: float
    reason: str
    case: str
    held: str = ""

    @property
    def is_blocked(self) -> bool:
        """Whether the product is 0 since nothing arrives or nothing passes, where the other is not finite."""
        return not self.product and not (math.isfinite(self.arriving) and math.isfinite(self.slope))

    @property
    def underflows(self) -> bool:
        """Whether the product is 0 only because it is too small for a double."""
        return bool(not self.product and self.arriving and self.slope)


class Backward(Record):
    """The gradient of a node: the sum of its terms; none for the output, and where there is no path to it.

    found: the gradient of an input where it is not that sum, but found from both sides or in many digits.
    """

    node: str
    terms: tuple[Term, ...]
    gradient: float
    found: float | None = None


class Story(Record):
    """A computation, told in the order in which it is done.

    inputs: what is given.  backward: a node comes behind all nodes that use it.
    notes: node -> what is to be said of it: kinks and the like.
    arrays: name and the nodes that are its elements, of arrays of which one element is as good as all.
    """

    program: str
    output: str
    upstream: float
    inputs: tuple[Forward, ...]
    forward: tuple[Forward, ...]
    backward: tuple[Backward, ...]
    notes: dict[str, list[str]]
    read_as: str = ""
    arrays: tuple[tuple[str, tuple[str, ...]], ...] = ()


def tell(report: Report, *, why: str | None = None, digits: int | None = 6) -> Story:
    """Return the story of a report. why: tell of this node only. Raises InputError."""
    nodes = {node.id: node for node in report.nodes}
    if why is not None:
        why = find_node(report, why).id
    users: dict[str, list[tuple[NodeRecord, int]]] = {node.id: [] for node in report.nodes}
    for node in report.nodes:
        for argnum, operand in enumerate(node.operands):
            if isinstance(operand, str) and not _is_condition(node) and not _is_condition(nodes[operand]):
                users[operand].append((node, argnum))
    notes: dict[str, list[str]] = {}
    for warning in report.warnings:
        notes.setdefault(warning.node or report.output, []).append(warning.message)
    for place, note in _right_numbers(report, digits):
        notes.setdefault(place, []).append(note)
    told = [node for node in report.nodes if why is None or node.id == why]
    return Story(
        report.program,
        report.output,
        report.upstream,
        tuple(Forward(n.id, "", "", n.value) for n in told if n.op == "input"),
        tuple(_forward(n, nodes, digits) for n in told if n.op != "input"),
        tuple(
            _backward(node, users[node.id], nodes, report, digits, notes)
            for node in _backward_order(report, nodes, users)
            if (node.id == why) or (why is None and _is_asked_for(node, report))
        ),
        notes,
        report.read_as,
        () if why is not None else _long_arrays(report),
    )


def _right_numbers(report: Report, digits: int | None) -> Iterator[tuple[str, str]]:
    """Yield nodes and what is said there of a value or gradient that has few right digits in doubles."""
    check, output = report.check, report.output
    if check.value and check.value_digits is not None and check.value_digits < FEW_DIGITS:
        yield output, f"in many digits {output} is {decimal_text(check.value, digits)}"
    ids = {node.id.partition("#")[0]: node.id for node in report.nodes if node.op == "input"}
    for name, found in check.gradients.items():
        if found.value and found.digits is not None and found.digits < FEW_DIGITS:
            right = decimal_text(found.value, digits)
            yield ids[name], f"in many digits the gradient with respect to {name} is {right}"


def _long_arrays(report: Report) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the arrays of more than six elements that are nodes."""
    return tuple(
        (name, tuple(element for element in array.elements if element is not None))
        for name, array in report.arrays.items()
        if len(array.elements) > _FEW_ELEMENTS and array.op != "view"
    )


def _is_condition(node: NodeRecord) -> bool:
    """Tell whether a node is a condition, through which no gradient passes."""
    return node.op in OPS and OPS[node.op].condition


def _is_asked_for(node: NodeRecord, report: Report) -> bool:
    """Tell whether a node is a step, or one of the inputs to differentiate by."""
    return node.op != "input" or node.id.partition("#")[0] in report.gradients


def _backward_order(
    report: Report, nodes: dict[str, NodeRecord], users: dict[str, list[tuple[NodeRecord, int]]]
) -> Iterator[NodeRecord]:
    """Yield the nodes from the output back, each behind all that use it, breadth first."""
    waiting = {name: len(uses) for name, uses in users.items()}
    # What does not lead to the output waits for nobody.
    queue = deque(node for node in reversed(report.nodes) if not waiting[node.id] and not _is_condition(node))
    while queue:
        node = queue.popleft()
        yield node
        for operand in node.operands:
            if isinstance(operand, str) and not _is_condition(nodes[operand]):
                waiting[operand] -= 1
                if not waiting[operand]:
                    queue.append(nodes[operand])


def find_node(report: Report, name: str) -> NodeRecord:
    """Return the node of that name. Raises InputError."""
    known = {alias: node for node in report.nodes for alias in (node.id, *node.aliases)}
    if name not in known:
        if name in report.arrays:
            element = report.arrays[name].elements[0]
            raise InputError(f"{name} is an array", hint=f"name one of its elements, such as {element}")
        hint = did_you_mean(name, known) or f"its nodes are {listing(list(known))}"
        raise InputError(f"{name} is not a node of the program", hint=hint)
    return known[name]


def _forward(node: NodeRecord, nodes: dict[str, NodeRecord], digits: int | None) -> Forward:
    if node.op == "constant":
        return Forward(node.id, node.expr, "", node.value)
    op = OPS[node.op]
    values = [nodes[x].value if isinstance(x, str) else x for x in node.operands]
    if node.folded:
        numbers = _NAME.sub(lambda match: _number(match[0], nodes, digits), node.expr)
        return Forward(node.id, node.expr, numbers, node.value)
    texts = [number_text(x, digits) for x in values]
    if op.infix:
        texts = [f"({text})" if text.startswith("-") else text for text in texts]
    return Forward(node.id, node.expr, op.write(texts), node.value, _underflows(node, op, values))


@cache
def _many_digits() -> BoundedReals:
    from backprop_cli.operations.bounded import bounded_reals

    return bounded_reals(50)


def _underflows(node: NodeRecord, op: Op, values: Sequence[float]) -> bool:
    """Tell whether a value of 0 is surely none in many digits."""
    if node.value or op.condition or not all(map(math.isfinite, values)):
        return False
    m = _many_digits()
    try:
        true = m.value(op, [m.number(x) for x in values])
    except (ArithmeticError, ValueError):
        return False
    return bool(true.value) and not true.is_noise


def _backward(
    node: NodeRecord,
    users: list[tuple[NodeRecord, int]],
    nodes: dict[str, NodeRecord],
    report: Report,
    digits: int | None,
    notes: Mapping[str, Sequence[str]],
) -> Backward:
    if node.id == report.output:
        return Backward(node.id, (), report.upstream)
    # Zero times infinity is nothing behind a closed branch, else it has no value.
    gradient = node.gradient if node.swept is None else node.swept
    lost = math.isnan(gradient)
    terms = tuple(
        _term(user, argnum, nodes, digits, lost=lost, has_note=user.id in notes) for user, argnum in users
    )
    return Backward(node.id, terms, gradient, None if node.swept is None else node.gradient)


def _term(
    user: NodeRecord,
    argnum: int,
    nodes: dict[str, NodeRecord],
    digits: int | None,
    *,
    lost: bool,
    has_note: bool,
) -> Term:
    op = OPS[user.op]
    slope = user.partials[argnum]
    assert slope is not None
    # At a kink no formula has the slope that is used; the note says which convention it is.
    formula = "" if user.kink is not None else slope_text(user, argnum)
    numbers = _NAME.sub(lambda match: _number(match[0], nodes, digits), formula)
    case = "" if user.folded else case_of(user, nodes)
    product = user.gradient * slope if (user.gradient and slope) or lost else 0.0
    reason = _reason_of_step(user) if user.folded else reason_of(op, argnum, user)
    if user.is_at_kink(argnum) and user.kink is not None:
        # Where the program is smooth all the same, no note says what is used.
        used = "" if has_note else f": {user.kink.convention}"
        reason = f"{reason}; here it is at its kink{used}"
    held = user.mark(argnum)
    return Term(user.id, user.expr, user.gradient, formula, numbers, slope, product, reason, case, held)


def case_of(user: NodeRecord, nodes: Mapping[str, NodeRecord]) -> str:
    """Return which case of an operation holds, which gate is open, which branch is taken; "" if none."""
    op = OPS[user.op]
    if op.case is None or user.kink is not None:  # whose note says what is used
        return ""
    xs = [nodes[x].value if isinstance(x, str) else x for x in user.operands]
    return op.case(xs, [_said(x, term, nodes) for x, term in zip(user.operands, user.terms, strict=True)])


def reason_of(op: Op, argnum: int, user: NodeRecord) -> str:
    """Return what an operation does to a gradient; of a power with a number, only what happens here."""
    constant = user.operands[1 - argnum] if op.name == "pow" else ""
    if isinstance(constant, str):
        return op.backward
    here, there = ("base", "exponent") if argnum == 0 else ("exponent", "base")
    number = user.terms[1 - argnum]
    number = number[1:-1] if number.startswith("(") else number
    slope = partial_text(op, argnum, user.terms)
    return f"a power with the {there} {number} passes to its {here} the gradient times {slope}"


def _reason_of_step(user: NodeRecord) -> str:
    """Return what the operations of a step do to a gradient one after the other, if these are few."""
    reasons = list(dict.fromkeys(map(_reason_within, user.folded)))
    if len(reasons) <= _MOST_REASONS:
        return "; ".join(reasons)
    return f"the chain rule through {len(user.folded)} operations"


def _reason_within(node: NodeRecord) -> str:
    varying = next(argnum for argnum, x in enumerate(node.operands) if isinstance(x, str))
    return reason_of(OPS[node.op], varying, node)


def _said(operand: str | float, term: str, nodes: Mapping[str, NodeRecord]) -> str:
    """Return an operand as text, a condition as what it says."""
    return nodes[operand].expr if isinstance(operand, str) and _is_condition(nodes[operand]) else term


def _number(name: str, nodes: dict[str, NodeRecord], digits: int | None) -> str:
    """Return the value of a node as it stands in a formula; the name itself of a constant such as pi."""
    if name not in nodes:
        return name
    text = number_text(nodes[name].value, digits)
    return f"({text})" if text.startswith("-") else text


# ---- the limit ----
