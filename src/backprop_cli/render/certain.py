"""Numbers that are certain: as tables and lines, as Markdown, and as JSON: schema backprop/exact@1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backprop_cli.console.sheets import Block, Row, Sheet
from backprop_cli.console.strict_json import dump, warning_record
from backprop_cli.language.arrays.shapes import element_names
from backprop_cli.render.markdown import escape, table
from backprop_cli.render.table import mark_lines
from backprop_cli.text import listing, nested

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backprop_cli.certain.numbers import CertainNumber, CertainReport, ExactNode
    from backprop_cli.console.sheets import Role
    from backprop_cli.language.arrays.shapes import Shape

_NODE_CODE, _GRADIENT_CODE = (0, 1, 3), (0,)


def certain_blocks(report: CertainReport) -> list[Block]:
    """Return the nodes, if there are fractions of them, the gradients, and what is known of them."""
    blocks = [_block(sheet) for sheet, _ in _sheets(report, stacked=False)]
    return [*blocks, Block((), lambda: closing(report))]


def _block(sheet: Sheet) -> Block:
    return Block((lambda: sheet,), lambda: _lines(sheet))


def render_markdown(report: CertainReport) -> str:
    """Return the same as Markdown."""
    parts = [table(sheet, code) for sheet, code in _sheets(report, stacked=True)]
    lines = "\n\n".join(escape(line) for line, _ in closing(report))
    return "\n\n".join([*parts, lines]) + "\n"


def _sheets(report: CertainReport, *, stacked: bool) -> list[tuple[Sheet, tuple[int, ...]]]:
    sheets: list[tuple[Sheet, tuple[int, ...]]] = []
    if report.nodes:
        sheets.append((_node_sheet(report, stacked=stacked), _NODE_CODE))
    if report.gradients:
        sheets.append((_gradient_sheet(report), _GRADIENT_CODE))
    return sheets


def _node_sheet(report: CertainReport, *, stacked: bool) -> Sheet:
    rows = []
    for node in report.nodes:
        slopes = _slopes(node)
        cell = slopes if stacked and slopes else ("  ".join(slopes),)
        expression = "input" if node.op == "input" else node.expr
        rows.append(Row(((node.id,), (expression,), (node.value,), cell, (node.gradient,))))
    slope = f"∂{report.output}/∂node" if report.upstream == "1" else "gradient"
    return Sheet(("node", "expression", "value", "local derivatives", slope), (2, 4), rows)


def _slopes(node: ExactNode) -> tuple[str, ...]:
    return tuple(
        f"∂{node.id}/∂{operand}{node.mark(argnum)} = {slope}"
        for argnum, (operand, slope) in enumerate(zip(node.operands, node.partials, strict=True))
        if slope is not None
    )


def _gradient_sheet(report: CertainReport) -> Sheet:
    rows = [
        Row(((name,), (_text(number),), (_verdict(report, number),)))
        for name, number in report.gradients.items()
    ]
    return Sheet(("input", "gradient", "check"), (1,), rows)


def _text(number: CertainNumber) -> str:
    return f"{number.text} within {number.within}" if number.within else number.text


def _verdict(report: CertainReport, number: CertainNumber) -> str:
    if number.at_kink:
        return "behind a kink, by convention"
    if number.status == "fail":
        return "WRONG: sympy disagrees"
    is_confirmed = number.status == "pass"
    if number.origin:
        return f"{'ok, ' * is_confirmed}from {number.origin}"
    if number.within:
        return "not as many digits"
    if is_confirmed:
        return "ok"
    return f"{'exact' if report.digits is None else 'right'}; not compared: {number.reason}"


def _lines(sheet: Sheet) -> list[tuple[str, Role]]:
    """Return a sheet as lines, for a terminal too narrow for columns."""
    return [("  ".join(" ".join(cell) for cell in row.cells if any(cell)), "") for row in sheet.rows]


def closing(report: CertainReport) -> list[tuple[str, Role]]:
    """Return the last lines: the value, how certain all is, and what the numbers of the program mean."""
    lines = mark_lines(report.nodes)
    lines += [(f"{report.output} = {_text(report.value)}; {_certainty(report)}", "")]
    if report.value_shift or report.shifts:
        moved = [f"{report.output} by {report.value_shift}"] if report.value_shift else []
        moved += [f"the gradient with respect to {name} by {shift}" for name, shift in report.shifts.items()]
        meaning = f"numbers are what is written; read as doubles they would move {listing(moved)}"
        lines.append((meaning, ""))
    return lines


def _certainty(report: CertainReport) -> str:
    if report.status == "fail":
        return "CHECK FAILED: sympy disagrees"
    if report.digits is None:
        right = "all in fractions, exact"
    else:
        open_ones = uncertain(report)
        digits = f"{report.digits:,} digit{'s' * (report.digits != 1)}"
        right = f"not {digits} of {listing(open_ones)}" if open_ones else f"{digits} right"
    numbers = [report.value, *report.gradients.values()]
    confirmed = sum(number.status == "pass" for number in numbers)
    by_sympy = (
        "all confirmed by sympy"
        if confirmed == len(numbers)
        else f"{confirmed:,} of {len(numbers):,} numbers confirmed by sympy"
    )
    return f"{right}, {by_sympy if confirmed else 'not checked by sympy'}"


def uncertain(report: CertainReport) -> list[str]:
    """Return what does not have the digits asked for, in words."""
    value = ["the value"] if report.value.within else []
    names = [name for name, number in report.gradients.items() if number.within]
    return value + [f"the gradient with respect to {name}" for name in names]


# ---- JSON ----


def render_json(report: CertainReport) -> str:
    """Return the report as one line of JSON."""
    record: dict[str, Any] = {
        "schema": "backprop/exact@1",
        "program": report.program,
        **({"read_as": report.read_as} if report.read_as else {}),
        "digits": report.digits,
        "inputs": _in_shape(report.inputs, report.shapes),
        "output": report.output,
        "value": report.value.text,
        "upstream": report.upstream,
        "gradients": _in_shape({name: x.text for name, x in report.gradients.items()}, report.shapes),
        "nodes": [_node(node) for node in report.nodes],
        "check": {
            "status": report.status,
            "value": _check(report.value),
            "gradients": {name: _check(number) for name, number in report.gradients.items()},
        },
        "shift": {"value": report.value_shift or "0", "gradients": report.shifts},
        "warnings": [*map(warning_record, report.warnings)],
    }
    return dump(record)


def _in_shape(texts: dict[str, str], shapes: Iterable[tuple[str, Shape]]) -> dict[str, Any]:
    """Return numbers by the names of inputs, those of an array that is there whole as lists of lists."""
    found: dict[str, Any] = dict(texts)
    for name, shape in shapes:
        elements = element_names(name, shape)
        if all(element in found for element in elements):
            found[name] = nested(shape, [found.pop(element) for element in elements])
    return found


def _node(node: ExactNode) -> dict[str, Any]:
    return {
        "id": node.id,
        "op": node.op,
        "expr": node.expr,
        "operands": list(node.operands),
        "value": node.value,
        "partials": list(node.partials),
        **({"held": node.held} if any(node.held) else {}),
        "gradient": node.gradient,
    }


def _check(number: CertainNumber) -> dict[str, Any]:
    record: dict[str, Any] = {"status": number.status}
    if number.status == "skipped":
        record["reason"] = number.reason
    if number.within:
        record["within"] = number.within
    if number.at_kink:
        record["kink"] = True
    if number.origin:
        record["from"] = number.origin
    return record
