"""Values and gradients that do not exist: which node is to blame, and what would cure it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.errors import DomainError
from backprop_cli.graph.sweep import Failure, needed
from backprop_cli.report import BEYOND
from backprop_cli.text import number_text, side_text

if TYPE_CHECKING:
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.graph.tape import Graph
    from backprop_cli.report import GradientCheck, Report


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


def undefined_value(sweep: Sweep) -> DomainError:
    """Return the error that names the first node without a value on the way to the output."""
    from backprop_cli.findings.cures import find_cure

    graph, primal = sweep.graph, sweep.primal
    node, why = find_failure(sweep)
    op = graph.ops[node]
    assert op is not None
    operands = graph.operands[node]
    told = [operand for operand in dict.fromkeys(operands) if operand not in graph.numbers] or operands
    rounded = [float(f"{primal[operand]:.6g}") for operand in operands]
    # Six digits of 1.0000000001 would be inside the domain.
    is_close = why == Failure.DOMAIN and all(map(math.isfinite, rounded)) and op.domain.contains(*rounded)
    digits = None if is_close else 6
    got = " and ".join(_equation(graph, operand, primal[operand], digits) for operand in told)
    start, end = graph.spans[node]
    if why == Failure.DOMAIN:
        # "div" and "pow" are names that nobody writes.
        told_as = " ".join(graph.source(node).split()) if op.infix else op.name
        message = f"{told_as} needs {op.domain.words}, got {got}"
        if len(operands) == 1:
            inner = graph.spans[operands[0]]
            # An operand that stands elsewhere too has the span of its first place.
            if start <= inner[0] and inner[1] <= end:
                start, end = inner
    elif why == Failure.INDETERMINATE:
        message = f"{graph.source(node)} is indeterminate, got {got}"
    else:
        message = f"{graph.source(node)} overflows: it is beyond 1.8e308, got {got}"
    return DomainError(message, graph.text, start, end, find_cure(sweep, node))


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
    """Return the error for the gradient by a node that is not finite, or was lost in doubles."""
    found = report.check.gradients.get(name)
    if found is not None and found.value is not None:
        mantissa, _, exponent = found.value.partition("e")
        number = f"{number_text(float(mantissa))}e{int(exponent)}"
        return DomainError(f"the gradient by {name} is {number}, {BEYOND}", hint=hint)
    told = _told_by_sides(found, slope) if found is not None and found.at_kink else ""
    if not told:
        told = f"was lost in doubles{'' if math.isnan(slope) else f', which give {number_text(slope)}'}"
    at = "" if "on the" in told else _blamed(report)
    return DomainError(f"the gradient by {name} {told}{at}", hint=hint)


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
    return f"does not exist at this point{f': its slope is {words}' if told else ''}"
