"""The main job: text and a point in, the record of value, gradients and check out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.cures import find_cure
from backprop_cli.errors import DomainError, InputError
from backprop_cli.kinks import find_kinks, inputs_behind, sides_of_gradient, sides_of_operation
from backprop_cli.namespaces import FLOAT
from backprop_cli.naming import Naming, number_text
from backprop_cli.report import FEW_DIGITS, KinkRecord, NodeRecord, Notice, Report
from backprop_cli.source import Source, check_names, choose_point, listing, read_source
from backprop_cli.sweep import forward, needed, reverse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from backprop_cli.graph import Graph
    from backprop_cli.kinks import Sides
    from backprop_cli.parse import Program
    from backprop_cli.report import Check
    from backprop_cli.sweep import Failures

# Slopes on both sides of a kink take two sweeps with mpmath per input: up to some 2 s in all.
_MOST_SIDE_STEPS = 20_000
_MOST_KINKS_TOLD = 10


def gradient(
    program: str,
    inputs: Mapping[str, float] | None = None,
    /,
    *,
    wrt: Iterable[str] | None = None,
    upstream: float = 1.0,
    check: bool = True,
    **more_inputs: float,
) -> Report:
    """Return the value of a program and its gradient by every input, cross-checked against sympy.

    program: an expression, or statements, in the language of the README.
    inputs, more_inputs: the value of each input, a finite real number; angles are radians. Inputs that
    the program gives a constant have that as their default.
    wrt: the inputs to differentiate by, all of them by default.
    upstream: the gradient that arrives at the output; every gradient is multiplied by it.
    check: whether to cross-check with sympy, which costs some milliseconds.

    The output is one number, so ``report.gradients[name]`` is upstream · ∂output/∂name, a float. At a kink
    it is what the convention says (``report.warnings``); where a gradient does not exist it is NaN, and
    infinite where the slope is.

    Raises ParseError for a program that is not in the language, InputError for a missing, unknown or
    non-finite input, DomainError where the value does not exist; all are BackpropError.

    >>> gradient("(a*b + c)*f", a=2, b=3, c=-10, f=5).gradients["a"]
    15.0
    """
    given = {**(inputs or {}), **more_inputs}
    source = read_source(program, given)
    point = choose_point(source, given)
    return differentiate_source(source, point, wrt=wrt, upstream=upstream, check=check)


def differentiate_source(
    source: Source,
    point: dict[str, float],
    *,
    wrt: Iterable[str] | None = None,
    upstream: float = 1.0,
    check: bool = True,
) -> Report:
    """Return the report of a program at a point; see ``gradient``."""
    wanted = list(source.inputs) if wrt is None else check_names(source, wrt)
    if not math.isfinite(upstream):
        raise InputError(f"the upstream gradient is {upstream}", hint="it is a finite number")
    # From here on sympy is needed, whose import is most of the time of a short run.
    from backprop_cli.lower import lower_program
    from backprop_cli.parse import parse_source

    expressions = parse_source(source)
    graph = lower_program(expressions)
    naming = Naming(graph)
    primal, failures = forward(graph, point, FLOAT)
    value = primal[graph.output]
    if graph.output in failures or not math.isfinite(value):
        raise undefined(graph, primal, failures)
    adjoint, partials = reverse(graph, primal, float(upstream), FLOAT)
    gradients = {name: adjoint[graph.inputs[name]] or 0.0 for name in wanted}
    kinks = find_kinks(graph, primal, adjoint)
    behind = inputs_behind(graph, kinks, primal, partials)
    sides: dict[str, Sides] = {}
    for name in wanted:
        if name in behind:
            few = len(graph.ops) * len(behind) <= _MOST_SIDE_STEPS
            sides[name] = _scaled(sides_of_gradient(graph, point, name), upstream) if few else (None, None)
    kink_records = {node: _kink_record(graph, node, primal) for node in kinks[:_MOST_KINKS_TOLD]}
    checked = _check(
        check, expressions, graph, point, upstream, gradients, sides, (primal, adjoint, partials)
    )
    nodes = _node_records(graph, naming, primal, adjoint, partials, kink_records)
    warnings = [
        *_name_warnings(naming),
        *_kink_warnings(graph, naming, primal, kinks, kink_records, sides, gradients),
        *_overflow_warnings(naming, primal, adjoint),
        *_digit_warnings(naming, checked),
    ]
    return Report(
        program=source.text,
        inputs=point,
        output=naming.id(graph.output),
        value=value,
        upstream=float(upstream),
        gradients=gradients,
        nodes=nodes,
        check=checked,
        warnings=tuple(warnings),
    )


def _check(
    asked: bool,
    expressions: Program,
    graph: Graph,
    point: dict[str, float],
    upstream: float,
    gradients: dict[str, float],
    sides: dict[str, Sides],
    sweeps: tuple[Sequence[float], Sequence[float | None], Sequence[object]],
) -> Check:
    from backprop_cli import check as checks

    if not asked:
        return checks.skip_check(gradients, "not asked for")
    return checks.cross_check(expressions, graph, point, upstream, gradients, sides, sweeps)


def _scaled(sides: Sides, upstream: float) -> Sides:
    left, right = sides
    return (
        None if left is None else left * upstream,
        None if right is None else right * upstream,
    )


# ---- records ----


def _node_records(
    graph: Graph,
    naming: Naming,
    primal: Sequence[float],
    adjoint: Sequence[float | None],
    partials: Sequence[tuple[float | None, ...] | None],
    kinks: Mapping[int, KinkRecord],
) -> tuple[NodeRecord, ...]:
    records = []
    for node in naming.order:
        op = graph.ops[node]
        operands = graph.operands[node] if not graph.constant[node] else ()
        slopes = partials[node]
        if slopes is None and operands:
            slopes = _idle_partials(graph, node, primal)
        records.append(
            NodeRecord(
                id=naming.id(node),
                op="constant" if graph.constant[node] else op.name if op is not None else "input",
                expr=naming.expression(node),
                operands=tuple(primal[x] if graph.constant[x] else naming.id(x) for x in operands),
                value=primal[node],
                partials=slopes or (),
                gradient=adjoint[node] or 0.0,
                kink=kinks.get(node),
                aliases=naming.aliases(node),
                is_named=naming.is_named(node),
            )
        )
    return tuple(records)


def _idle_partials(graph: Graph, node: int, primal: Sequence[float]) -> tuple[float | None, ...]:
    """Return the partials of a node without a path to the output, NaN where they don't exist."""
    op = graph.ops[node]
    assert op is not None
    xs = [primal[operand] for operand in graph.operands[node]]
    fixed = graph.fixed(node)
    if not all(map(math.isfinite, [*xs, primal[node]])):
        return tuple(None if f else math.nan for f in fixed)
    return tuple(
        None if f else FLOAT.partial(op, argnum, primal[node], xs, fixed) for argnum, f in enumerate(fixed)
    )


def _kink_record(graph: Graph, node: int, primal: Sequence[float]) -> KinkRecord:
    op = graph.ops[node]
    assert op is not None
    assert op.kink is not None
    sides = sides_of_operation(graph, node, primal)
    return KinkRecord(
        op.kink.convention,
        tuple(None if pair is None else pair[0] for pair in sides),
        tuple(None if pair is None else pair[1] for pair in sides),
    )


# ---- warnings ----


def _name_warnings(naming: Naming) -> list[Notice]:
    return [
        Notice(
            "shadowed",
            naming.id(node),
            f"the program assigns {name} again; the input {name} is the node {naming.id(node)}",
        )
        for name, node in naming.graph.inputs.items()
        if naming.id(node) != name
    ]


def _kink_warnings(
    graph: Graph,
    naming: Naming,
    primal: Sequence[float],
    kinks: Sequence[int],
    records: Mapping[int, KinkRecord],
    sides: Mapping[str, Sides],
    gradients: Mapping[str, float],
) -> list[Notice]:
    warnings = []
    for node in kinks[:_MOST_KINKS_TOLD]:
        op = graph.ops[node]
        assert op is not None
        where = ", ".join(
            f"{naming.operand_source(x)} = {number_text(primal[x])}"
            for x in dict.fromkeys(graph.operands[node])
            if not graph.constant[x]
        )
        record = records[node]
        slopes = []
        for argnum, x in enumerate(graph.operands[node]):
            if graph.constant[x] or op.condition:
                continue
            by = f"by {naming.id(x)} " if sum(not f for f in graph.fixed(node)) > 1 else ""
            slopes.append(
                f"slope {by}{_side(record.left[argnum])} on the left, "
                f"{_side(record.right[argnum])} on the right"
            )
        what = (
            f"the condition {naming.source(node)} is at its boundary, {where}"
            if op.condition
            else f"{naming.source(node)} has a kink at {where}"
        )
        message = f"{what}: {''.join(s + '; ' for s in slopes)}used: {record.convention}"
        cure = find_cure(graph, node)
        warnings.append(Notice("kink", naming.id(node), f"{message}; {cure}" if cure else message))
    if len(kinks) > _MOST_KINKS_TOLD:
        warnings.append(Notice("kink", None, f"{len(kinks) - _MOST_KINKS_TOLD} more nodes are at a kink"))
    for name, (left, right) in sides.items():
        used = gradients[name]
        if left is not None and left == right and math.isfinite(left) and used != left:
            warnings.append(
                Notice(
                    "kink",
                    naming.id(graph.inputs[name]),
                    f"by {name} the program is smooth here with the slope {number_text(left)}, but the "
                    f"conventions at the kinks on the way give {number_text(used)}",
                )
            )
    return warnings


def _side(slope: float | None) -> str:
    return "none" if slope is None else number_text(slope)


def _overflow_warnings(
    naming: Naming, primal: Sequence[float], adjoint: Sequence[float | None]
) -> list[Notice]:
    for node, bar in enumerate(adjoint):
        if bar is not None and math.isinf(primal[node]):
            return [
                Notice(
                    "overflow",
                    naming.id(node),
                    f"{naming.source(node)} overflows to {number_text(primal[node])}; "
                    "what is computed from it may be wrong",
                )
            ]
    return []


def _digit_warnings(naming: Naming, check: Check) -> list[Notice]:
    warnings = []
    poor = {
        name: found.digits
        for name, found in check.gradients.items()
        if found.digits is not None and found.digits < FEW_DIGITS
    }
    if poor:
        fewest = min(poor.values())
        right = {0: "no digit", 1: "only 1 digit"}.get(fewest, f"only {fewest} digits")
        message = f"{right} of the gradient by {listing(list(poor))} {'is' if fewest < 2 else 'are'} right"
        node = None
        if check.loss is not None:
            node = naming.id(check.loss.node)
            what = naming.source(check.loss.node)
            message += (
                f"; the digits were lost at {node}: "
                + (f"{what} is a difference of nearly equal numbers" if check.loss.where == "value"
                   else f"the contributions to the gradient by {what} cancel")
            )  # fmt: skip
        warnings.append(Notice("digits", node, message))
    for name, found in check.gradients.items():
        if found.zero_within is not None:
            warnings.append(
                Notice(
                    "digits",
                    name,
                    f"the gradient by {name} is zero to within rounding, which is up to "
                    f"{number_text(found.zero_within, 2)} here",
                )
            )
    return warnings


# ---- the value does not exist ----


def undefined(graph: Graph, primal: Sequence[float], failures: Failures) -> DomainError:
    """Return the error that names the first node without a value on the way to the output."""
    marks = needed(graph, list(primal))
    node = next(
        node
        for node in range(len(graph.ops))
        if marks[node] and (failures.get(node, "operand") != "operand" or math.isinf(primal[node]))
    )
    op = graph.ops[node]
    assert op is not None
    operands = graph.operands[node]
    told = [operand for operand in dict.fromkeys(operands) if operand not in graph.numbers] or operands
    got = " and ".join(_equation(graph, operand, primal[operand]) for operand in told)
    start, end = graph.spans[node]
    why = failures.get(node, "overflow")
    if why == "domain":
        message = f"{op.name} needs {op.domain.words}, got {got}"
        if len(operands) == 1:
            start, end = graph.spans[operands[0]]
    elif why == "indeterminate":
        message = f"{graph.source(node)} is indeterminate, got {got}"
    else:
        message = f"{graph.source(node)} overflows: it is beyond 1.8e308, got {got}"
    return DomainError(message, graph.text, start, end, find_cure(graph, node))


def _equation(graph: Graph, node: int, value: float) -> str:
    text, number = graph.source(node), number_text(value)
    return number if text == number or node in graph.numbers else f"{text} = {number}"


def missing_gradients(report: Report) -> DomainError | None:
    """Return the error for requested gradients that do not exist or are infinite, if there are any."""
    for name, slope in report.gradients.items():
        if math.isfinite(slope):
            continue
        kind = "does not exist" if math.isnan(slope) else f"is {number_text(slope)}"
        where = next(
            (
                node
                for node in reversed(report.nodes)
                if any(p is not None and not math.isfinite(p) for p in node.partials)
            ),
            None,
        )
        at = f": no finite slope at {where.id} = {where.expr}" if where is not None else ""
        others = " and ".join(n for n, g in report.gradients.items() if n != name and math.isfinite(g))
        return DomainError(
            f"the gradient by {name} {kind} at this point{at}",
            hint=f"--wrt {others.replace(' and ', ',')} asks for the others" if others else "",
        )
    return None
