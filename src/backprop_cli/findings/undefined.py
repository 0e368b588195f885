"""Values and gradients that do not exist: which node is to blame, and what would cure it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.errors import DomainError
from backprop_cli.graph.sweep import Failure, forward, needed
from backprop_cli.operations.reals import LADDER
from backprop_cli.report import BEYOND, LossKind, Place
from backprop_cli.text import decimal_text, number_text, side_text

if TYPE_CHECKING:
    from backprop_cli.diagnostic import Span
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.graph.tape import Graph
    from backprop_cli.report import GradientCheck, Loss, Report

# Nodes that are computed again in many digits, in some 0.5 s.
_MOST_ROUNDED = 10_000
_ROUNDED = "is rounded to {}"
_DID = {
    LossKind.UNDERFLOW: "underflows to {}",
    LossKind.CANCELLATION: "cancels to {}",
}


def find_failure(sweep: Sweep) -> tuple[int, Failure]:
    """Return the first node without a finite value on the way to the output, and why it has none."""
    graph, primal, failures = sweep.graph, sweep.primal, sweep.failures
    marks = needed(graph, primal)
    node = next(
        node
        for node in range(len(graph.ops))
        if marks[node]
        and (failures.get(node, Failure.OPERAND) != Failure.OPERAND or math.isinf(primal[node]))
    )
    return node, failures.get(node, Failure.OVERFLOW)


def undefined_value(sweep: Sweep, *, rounds: bool = True) -> DomainError:
    """Return the error that names the first node that went wrong on the way to the output.

    rounds: whether the values are rounded, so that a value may be missing for that alone.
    """
    from backprop_cli.findings.cures import find_cure

    node, why = find_failure(sweep)
    lost, is_sure = _rounded_out(sweep, node) if rounds and why == Failure.DOMAIN else (None, True)
    message, (start, end) = _went_wrong(sweep, node, why) if lost is None else _was_rounded(sweep, node, lost)
    if not is_sure:
        message += " in doubles"
    return DomainError(message, sweep.graph.text, start, end, find_cure(sweep, node))


def _went_wrong(sweep: Sweep, node: int, why: Failure) -> tuple[str, Span]:
    """Return what is said of a node without a value, and where it stands."""
    graph = sweep.graph
    op = graph.ops[node]
    assert op is not None
    operands = graph.operands[node]
    rounded = [float(f"{sweep.primal[operand]:.6g}") for operand in operands]
    # Six digits of 1.0000000001 would be inside the domain.
    is_close = why == Failure.DOMAIN and all(map(math.isfinite, rounded)) and op.domain.contains(*rounded)
    got = _operands(sweep, node, None if is_close else 6)
    start, end = graph.spans[node]
    if why == Failure.DOMAIN:
        if len(operands) == 1:
            inner = graph.spans[operands[0]]
            # An operand that stands elsewhere too has the span of its first place.
            if start <= inner[0] and inner[1] <= end:
                start, end = inner
        return f"{_needs(graph, node)}, got {got}", (start, end)
    if why == Failure.INDETERMINATE:
        return f"{graph.source(node)} is indeterminate, got {got}", (start, end)
    return f"{graph.source(node)} overflows: it is beyond 1.79769e308, got {got}", (start, end)


def _needs(graph: Graph, node: int) -> str:
    op = graph.ops[node]
    assert op is not None
    # "div" and "pow" are names that nobody writes.
    told_as = " ".join(graph.source(node).split()) if op.infix else op.name
    return f"{told_as} needs {op.domain.words}"


def _operands(sweep: Sweep, node: int, digits: int | None = 6) -> str:
    """Return the operands of a node with their values; numbers only where there is nothing else."""
    graph = sweep.graph
    operands = graph.operands[node]
    op = graph.ops[node]
    orders = operands[: op.orders] if op is not None else ()
    told = [x for x in dict.fromkeys(operands) if x not in graph.numbers or x in orders] or operands
    return " and ".join(_equation(graph, operand, sweep.primal[operand], digits) for operand in told)


# ---- operands that rounding took out of a domain ----


class _Rounded(NamedTuple):
    """An operand that is inside the domain, but not as a double. true: its text.  loss: where it was lost."""

    operand: int
    true: str
    loss: Loss | None


def _rounded_out(sweep: Sweep, node: int) -> tuple[_Rounded | None, bool]:
    """Return the operand that only rounding took out of the domain of a node, if that is what happened.

    Second, whether it is known: exp(-1e300) underflows in any digits, and is above 0 all the same.
    """
    if node > _MOST_ROUNDED:
        return None, False
    from backprop_cli.findings.losses import BothSweeps, Quantity

    exact = _in_many_digits(sweep, node)
    if exact is None or node in exact.failures:
        return None, exact is not None
    both = BothSweeps(sweep, exact)
    operands = [Quantity(Place.VALUE, x) for x in sweep.graph.operands[node]]
    poorest = min(operands, key=both.digits)
    true = _apart(both.m.mp, both.true(poorest), sweep.primal[poorest.node])
    return (_Rounded(poorest.node, true, both.find_loss(poorest)), True) if true else (None, False)


def _in_many_digits(sweep: Sweep, node: int) -> Sweep | None:
    """Return a sweep in bounded reals in which a node surely has a value or none; None if none tells."""
    from backprop_cli.operations.bounded import bounded_reals

    for digits in LADDER:
        primal, failures = forward(sweep.graph, sweep.point, bounded_reals(digits))
        # What is neither sure to have a value nor sure to have none is indeterminate.
        is_sure = primal[node].error < math.inf if node not in failures else True
        if is_sure and failures.get(node) != Failure.INDETERMINATE:
            return sweep._replace(primal=primal, failures=failures)
    return None


def _apart(mp: Any, true: Any, double: float) -> str:
    """Return a number in as many digits as tell it from a double; "" where 50 don't."""
    for digits in (6, 17, 50):
        text = re.sub(r"\.0(?=e|$)", "", mp.nstr(true, digits))
        if mp.mpf(text) != double:
            return text
    return ""


def _was_rounded(sweep: Sweep, node: int, lost: _Rounded) -> tuple[str, Span]:
    """Return what is said of a node without a value whose operand was rounded, and where it was."""
    graph = sweep.graph
    blamed = lost.loss.node if lost.loss else lost.operand
    number = number_text(sweep.primal[blamed], None)
    did = (_DID.get(lost.loss.kind, _ROUNDED) if lost.loss else _ROUNDED).format(number)
    operand = f"{graph.source(lost.operand)} is {lost.true}"
    instead = number_text(sweep.primal[lost.operand], None)
    message = f"{graph.source(blamed)} {did}, got {_operands(sweep, blamed)}"
    return f"{message}; {_needs(graph, node)}, and {operand}, not {instead}", graph.spans[blamed]


def _equation(graph: Graph, node: int, value: float, digits: int | None) -> str:
    text, number = graph.source(node), number_text(value, digits)
    return number if text == number or node in graph.numbers else f"{text} = {number}"


def undefined_gradients(report: Report) -> DomainError | None:
    """Return the error for requested gradients that do not exist or are infinite, if there are any."""
    for name, slope in report.gradients.items():
        if not math.isfinite(slope):
            others = ",".join(n for n, g in report.gradients.items() if n != name and math.isfinite(g))
            return undefined_gradient(
                report, name, slope, hint=f"--wrt {others} asks for the others" if others else ""
            )
    return None


def undefined_gradient(report: Report, name: str, slope: float, hint: str = "") -> DomainError:
    """Return the error for the gradient with respect to a node that is not finite, or was lost in doubles."""
    found = report.check.gradients.get(name)
    told = missing_slope(found, slope)
    is_known = BEYOND in told or ": " in told
    at = "" if is_known else _blamed(report)
    return DomainError(f"the gradient with respect to {name} {told}{at}", hint=hint)


def missing_slope(found: GradientCheck | None, slope: float) -> str:
    """Return what is known of a slope that is not finite, as the end of a sentence."""
    if found is not None and found.value is not None:
        return f"is {decimal_text(found.value)}, {BEYOND}"
    told = _told_by_sides(found, slope) if found is not None and found.at_kink else ""
    return told or f"was lost in doubles{'' if math.isnan(slope) else f', which give {number_text(slope)}'}"


def _blamed(report: Report) -> str:
    """Return the last node without a finite slope, as the end of a sentence."""
    for node in reversed(report.nodes):
        if any(p is not None and not math.isfinite(p) for p in node.partials):
            return f": no finite slope at {node.id} = {node.expr}"
    return ""


def _told_by_sides(found: GradientCheck, slope: float) -> str:
    """Return what the sides tell of a gradient that is not finite, "" where a slope is not known."""
    told = {word: s for word, s in (("left", found.left), ("right", found.right)) if s is not None}
    if any(map(math.isnan, told.values())):
        return ""
    if not math.isnan(slope):
        return f"is {number_text(slope)} at this point"
    words = " and ".join(f"{side_text(side)} on the {word}" for word, side in told.items())
    why = f"its slope is {words}" if told else "along it the program has no value beside this point"
    return f"does not exist at this point: {why}"
