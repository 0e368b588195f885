"""The report as strict JSON (RFC 8259): schema backprop/grad@1."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from backprop_cli.console.strict_json import dump, maybe_number, number, warning_record
from backprop_cli.render.arrays import whole_arrays
from backprop_cli.report import Outcome
from backprop_cli.text import nested

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from backprop_cli.calculus.report import Elasticity
    from backprop_cli.report import ArrayRecord, Check, GradientCheck, NodeRecord, Report


def render_report(report: Report) -> str:
    """Return the report as one line of JSON."""
    return "".join(report_pieces(report))


def report_pieces(report: Report, relative: Mapping[str, Elasticity] | None = None) -> Iterator[str]:
    """Yield the same line in pieces: of a million nodes it has some 400 MB.

    relative: written, too, if there is any.
    """
    yield f'{{"schema": "backprop/grad@1", "program": {dump(report.program)}'
    if report.read_as:
        yield f', "read_as": {dump(report.read_as)}'
    yield ', "inputs": '
    yield from _numbers(report.inputs, report, "values")
    yield f', "output": {dump(report.output)}, "value": {dump(number(report.value))}'
    yield f', "upstream": {dump(number(report.upstream))}, "gradients": '
    yield from _numbers(report.gradients, report, "gradients")
    if report.outline:
        yield ', "arrays": '
        arrays = report.arrays.items()
        yield from _joined("{", (f"{dump(name)}: {dump(_array(array))}" for name, array in arrays), "}")
    if relative:
        yield f', "elasticity": {dump({name: vars(found) for name, found in relative.items()})}'
    yield ', "nodes": '
    yield from _joined("[", (dump(_node(node)) for node in report.nodes), "]")
    check = check_record(report.check, with_gradients=False)
    yield f', "check": {dump(check)[:-1]}, "gradients": '
    found = report.check.gradients.items()
    yield from _joined("{", (f"{dump(name)}: {dump(_gradient(of))}" for name, of in found), "}")
    yield f'}}, "warnings": {dump([*map(warning_record, report.warnings)])}}}'


def _numbers(values: Mapping[str, float], report: Report, which: str) -> Iterator[str]:
    """Yield numbers by name; those of elements as an array of its shape where all of it is there."""
    groups = whole_arrays(report, values)
    elements = {element for group in groups.values() for element in group.elements}
    whole = (
        (name, nested(array.shape, [number(x) for x in getattr(array, which)]))
        for name, array in groups.items()
    )
    single = ((name, number(x)) for name, x in values.items() if name not in elements)
    return _joined("{", (f"{dump(name)}: {dump(x)}" for name, x in chain(whole, single)), "}")


def _array(array: ArrayRecord) -> dict[str, Any]:
    return {
        "shape": list(array.shape),
        "op": array.op,
        "expr": array.expr or array.name,
        "elements": nested(array.shape, array.elements),
        "value": nested(array.shape, [number(x) for x in array.values]),
        "gradient": nested(array.shape, [maybe_number(x) for x in array.gradients]),
    }


def _joined(opening: str, pieces: Iterable[str], closing: str) -> Iterator[str]:
    yield opening
    for place, piece in enumerate(pieces):
        yield f", {piece}" if place else piece
    yield closing


def _node(node: NodeRecord) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": node.id,
        "op": node.op,
        "expr": node.expr,
        "operands": [x if isinstance(x, str) else number(x) for x in node.operands],
        "value": number(node.value),
        "partials": [maybe_number(x) for x in node.partials],
        "gradient": number(node.gradient),
    }
    if any(node.held):
        record["held"] = node.held
    if node.swept is not None:
        record["swept"] = number(node.swept)
    if node.aliases:
        record["aliases"] = list(node.aliases)
    if node.kink is not None:
        record["kink"] = {
            "convention": node.kink.convention,
            "left": [maybe_number(x) for x in node.kink.left],
            "right": [maybe_number(x) for x in node.kink.right],
        }
    return record


def check_record(check: Check, *, with_gradients: bool = True) -> dict[str, Any]:
    """Return the outcome of the cross-check as JSON has it."""
    record: dict[str, Any] = {"status": check.status}
    if check.reason:
        record["reason"] = check.reason
    if check.method is not None:
        record["method"] = check.method
    if check.precision is not None:
        record["precision"] = check.precision
    if check.value is not None:
        record["value"] = check.value
    if check.method is not None:
        record["value_digits"] = check.value_digits
    if check.value_underflow:
        record["value_underflow"] = True
    if check.value_zero_within is not None:
        record["value_zero_within"] = check.value_zero_within
    if with_gradients:
        record["gradients"] = {name: _gradient(found) for name, found in check.gradients.items()}
    return record


def _gradient(found: GradientCheck) -> dict[str, Any]:
    record: dict[str, Any] = {"status": found.status}
    if found.reason:
        record["reason"] = found.reason
    if found.origin:
        record["from"] = found.origin
    if found.formula is not None:
        record["formula"] = found.formula
    if found.named:
        record["named"] = found.named
    if found.value is not None:
        record["value"] = found.value
    if found.status != Outcome.SKIPPED:
        record["digits"] = found.digits
    if found.underflow:
        record["underflow"] = True
    if found.zero_within is not None:
        record["zero_within"] = found.zero_within
    if found.at_kink:
        record["kink"] = {"left": maybe_number(found.left), "right": maybe_number(found.right)}
    return record
