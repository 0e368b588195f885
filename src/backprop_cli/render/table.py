"""The report as a table: for a terminal with rich, for a pipe as plain aligned text.

Both show the same cells. A terminal too narrow for the columns gets one block per node instead, which wraps
between words, so no number is ever cut.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from backprop_cli.console.sheets import Block, Role, Row, Sheet
from backprop_cli.language.arrays.shapes import shape_text
from backprop_cli.render.arrays import array_cells, array_lines, arrays_asked_for, numbers_text
from backprop_cli.report import (
    ALL_DIGITS,
    BOTH_SIDES,
    FEW_DIGITS,
    POSSIBLE_KINK,
    TOO_SMALL,
    ArrayRecord,
    Outcome,
)
from backprop_cli.text import decimal_text, few_digits, held_words, number_text, reading, side_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from backprop_cli.certain.numbers import ExactNode
    from backprop_cli.report import Check, GradientCheck, NodeRecord, Report

# A graph with more nodes than this is summed up, unless all of it is asked for.
_FEW_NODES = 30
_FEW_ROWS = 40
_FEW_ELEMENTS = 6


def node_sheet(report: Report, *, digits: int | None, everything: bool, stacked: bool) -> Sheet:
    """Return the table of nodes. stacked: every local derivative on a line of its own."""
    shown, hidden = choose_nodes(report, everything)
    rows = []
    for node in shown:
        if node is None:
            rows.append(Row((("…",), (f"{hidden:,} more nodes (--all shows them)",), *[("",)] * 3), "note"))
            continue
        if isinstance(node, ArrayRecord):
            rows.append(Row(array_cells(node, digits), _role_of_array(report, node)))
            continue
        slopes = _slopes(node, digits)
        rows.append(
            Row(
                (
                    (node.id,),
                    (node.expr if node.op != "input" else "input",),
                    (number_text(node.value, digits),),
                    slopes if stacked and slopes else ("  ".join(slopes),),
                    (number_text(node.gradient, digits),),
                ),
                _role(report, node),
            )
        )
    slope = f"∂{report.output}/∂node" if report.upstream == 1 else "gradient"
    return Sheet(("node", "expression", "value", "local derivatives", slope), (2, 4), rows)


def check_sheet(report: Report, *, digits: int | None, everything: bool) -> Sheet:
    """Return the table of gradients: by reverse mode, by sympy, the digits right, the verdict."""
    groups = {} if everything else arrays_asked_for(report)
    elements = {element for group in groups.values() for element in group.elements}
    names = [*groups, *(name for name in report.gradients if name not in elements)]
    hidden = 0
    if not everything and len(names) > _FEW_ROWS:
        hidden = len(names) - _FEW_ROWS
        names = [*names[: _FEW_ROWS // 2], "", *names[-_FEW_ROWS // 2 :]]
    rows = []
    for name in names:
        if not name:
            rows.append(Row((("…",), (f"{hidden:,} more",), *[("",)] * 4), "note"))
            continue
        if name in groups:
            rows += _array_rows(report, groups[name], digits)
            continue
        found = report.check.gradients[name]
        verdict, role = _verdict(found, digits)
        value = "" if found.value is None else decimal_text(found.value, digits)
        rows.append(
            Row(
                (
                    (name,),
                    (_gradient_text(report, name, digits),),
                    (found.named or found.formula or "",),
                    (value,),
                    ("" if found.digits is None else str(found.digits),),
                    (verdict,),
                ),
                role,
            )
        )
    in_names = any(report.check.gradients[name].named for name in names if name in report.check.gradients)
    header = ("formula", "by sympy") if in_names else ("sympy's formula", "its value")
    return Sheet(("input", "gradient", *header, "digits", "check"), (1, 3, 4), rows, wraps=2)


def _array_rows(report: Report, array: ArrayRecord, digits: int | None) -> Iterator[Row]:
    """Yield the row of an array that is an input, and rows of what there is to tell of single elements."""
    checks = {element: report.check.gradients[element] for element in array.elements if element is not None}
    verdicts = {element: _verdict(found, digits) for element, found in checks.items()}
    common, count = Counter(verdicts.values()).most_common(1)[0]
    others = [element for element, verdict in verdicts.items() if verdict != common]
    known = (found.digits for element, found in checks.items() if verdicts[element] == common)
    counts = [digits for digits in known if digits is not None]
    told = common[0] if not others else f"{common[0]}: {count:,} of {len(checks):,}"
    gradient = numbers_text(array.gradients, array.shape, digits)
    name = f"{array.name} {shape_text(array.shape)}"
    right = str(min(counts)) if counts else ""
    yield Row(((name,), (gradient,), ("",), ("",), (right,), (told,)), common[1])
    for element in others[:_FEW_ELEMENTS]:
        verdict, role = verdicts[element]
        found = checks[element]
        value = "" if found.value is None else decimal_text(found.value, digits)
        cells = (element, number_text(report.gradients[element], digits), "", value)
        of_digits = "" if found.digits is None else str(found.digits)
        yield Row((*((cell,) for cell in cells), (of_digits,), (verdict,)), role)
    if len(others) > _FEW_ELEMENTS:
        rest = f"{len(others) - _FEW_ELEMENTS:,} more elements (--all shows them)"
        yield Row((("…",), (rest,), *[("",)] * 4), "note")


def summary(report: Report, digits: int | None) -> tuple[str, Role]:
    """Return the last line: the value and the verdict on all gradients."""
    head = f"{report.output} = {number_text(report.value, digits)}"
    check = report.check
    count = len(report.gradients)
    gradients = f"{count:,} gradient{'s' * (count != 1)}"
    compared = [c for c in check.gradients.values() if c.status == Outcome.PASS]
    if check.status == Outcome.FAIL:
        wrong = [name for name, c in check.gradients.items() if c.status == Outcome.FAIL]
        what = f"the gradient with respect to {', '.join(wrong[:8])}" if wrong else check.reason
        return f"{head}; CHECK FAILED: sympy disagrees on {what}", "fail"
    if check.status == Outcome.SKIPPED:
        told = _of_value(check)
        if count and all(found.origin == BOTH_SIDES for found in check.gradients.values()):
            return f"{head}; {gradients}, found from {BOTH_SIDES}{told}", "note" if told else "pass"
        return f"{head}; {gradients}, not checked: {check.reason}{told}", "note" if told else ""
    if not count:
        told = _of_value(check)
        return (
            f"{head}; sympy agrees with the value{told or _all_of_value(check)}",
            "note" if told else "pass",
        )
    of_all = "all" if len(compared) == count else f"{len(compared):,}"
    right, role = _digits_right(check, compared)
    sides = sum(found.origin == BOTH_SIDES for found in check.gradients.values())
    more = f", {sides:,} found from {BOTH_SIDES}" if sides else ""
    return f"{head}; {gradients}, {of_all} confirmed by sympy, {right}{more}", role


def _is_poor(digits: int | None) -> bool:
    return digits is not None and digits < FEW_DIGITS


def _of_value(check: Check) -> str:
    """Tell what is wrong with the double of the value, where that is all there is to tell."""
    if check.value_zero_within is not None:
        return f"; it is zero to within rounding, {number_text(check.value_zero_within, 2)}"
    if check.value_underflow:
        return "; it is too small for a double"
    return (
        f"; {few_digits(check.value_digits or 0)} of the value right" if _is_poor(check.value_digits) else ""
    )


def _all_of_value(check: Check) -> str:
    return (
        ", all digits right" if check.value_digits == ALL_DIGITS else f", {check.value_digits} digits right"
    )


def _digits_right(check: Check, compared: Sequence[GradientCheck]) -> tuple[str, Role]:
    """Tell how many digits of value and gradients are right; of what is rounding alone there are none."""
    counts = [found.digits for found in compared if found.digits is not None]
    zeros, of_value = len(compared) - len(counts), check.value_digits
    fewest = min([*counts, *([] if of_value is None else [of_value])], default=None)
    if told := _too_small(check, compared):
        return told, "note"
    if fewest is not None and fewest < FEW_DIGITS:
        where = " of the value" if fewest == of_value and fewest not in counts else ""
        return f"but {few_digits(fewest)}{where} right{'' if where else ' at worst'}", "note"
    if not counts:
        return "zero to within rounding", "pass"
    right = "all digits" if fewest == ALL_DIGITS else f"{fewest} or more digits"
    right += " right" if of_value is not None else f" of the gradient{'s' * (len(counts) != 1)} right"
    notes = [f"{zeros:,} zero to within rounding"] if zeros else []
    if of_value is None:
        noise = check.value_zero_within is not None
        notes.append("the value zero to within rounding" if noise else "the value not compared")
    return ", ".join([right, *notes]), "pass"


def _too_small(check: Check, compared: Sequence[GradientCheck]) -> str:
    """Tell what is too small for a double, if all that has few digits is, or ""."""
    small = sum(found.underflow for found in compared)
    others = sum(_is_poor(found.digits) for found in compared) - small
    if (
        others
        or not (small or check.value_underflow)
        or _is_poor(check.value_digits) != check.value_underflow
    ):
        return ""
    if small == len(compared) and not check.value_underflow:
        return f"but {'it is' if small == 1 else 'they are'} too small for a double"
    gradients = f"{small:,} gradient{'s' * (small != 1)}"
    what = ["the value"] * check.value_underflow + [gradients] * bool(small)
    are = "is" if small + check.value_underflow == 1 else "are"
    return f"but {' and '.join(what)} {are} too small for a double"


def closing(report: Report, digits: int | None) -> list[tuple[str, Role]]:
    """Return the last lines: how the text was read, the verdict, and the numbers that are right.

    The first stands there where the text is in a foreign notation, the last where doubles have few digits.
    """
    read: list[tuple[str, Role]] = [(reading(report.read_as), "note")] if report.read_as else []
    shown, _ = choose_nodes(report, everything=False)
    nodes = (node for node in shown if node is not None and not isinstance(node, ArrayRecord))
    return [*read, *mark_lines(nodes), summary(report, digits), *right_lines(report, digits)]


def mark_lines(nodes: Iterable[NodeRecord | ExactNode]) -> list[tuple[str, Role]]:
    """Return what the marks behind local derivatives say: one that names what is held, one that counts."""
    found: dict[bool, str] = {}
    for node in nodes:
        for argnum, operand in enumerate(node.operands):
            mark = node.mark(argnum)
            if mark:
                found.setdefault(
                    mark[1].isdigit(), f"∂{node.id}/∂{operand}{mark}: {held_words(mark, str(operand))}"
                )
    return [(line, "note") for line in found.values()]


def right_lines(report: Report, digits: int | None) -> list[tuple[str, Role]]:
    """Return the line of the numbers that are right where doubles have few digits, if there is one."""
    numbers = right_numbers(report, digits)
    return [(f"right: {', '.join(numbers)}", "note")] if numbers else []


def right_numbers(report: Report, digits: int | None) -> list[str]:
    """Return the gradients and the value whose doubles have few right digits, as they are."""
    check, output = report.check, report.output
    poor = [(name, found.value) for name, found in check.gradients.items() if _is_poor(found.digits)]
    by = f"∂{output}/∂{{}}" if report.upstream == 1 else "the gradient with respect to {}"
    numbers = [f"{by.format(name)} = {decimal_text(value, digits)}" for name, value in poor if value]
    if check.value and _is_poor(check.value_digits):
        numbers.append(f"{output} = {decimal_text(check.value, digits)}")
    return numbers if check.status != Outcome.FAIL else []


def choose_nodes(report: Report, everything: bool) -> tuple[list[NodeRecord | ArrayRecord | None], int]:
    """Return the nodes to show, None where some are left out, and how many those are.

    An array is one of them, unless everything is asked for.
    """
    nodes: Sequence[NodeRecord | ArrayRecord] = report.nodes if everything else report.outline or report.nodes
    if everything or len(nodes) <= _FEW_NODES:
        return list(nodes), 0

    def is_shown(node: NodeRecord | ArrayRecord) -> bool:
        if isinstance(node, ArrayRecord):
            return True
        return node.op == "input" or node.id == report.output or node.is_named

    def choose(nodes: Iterable[NodeRecord | ArrayRecord], count: int) -> list[NodeRecord | ArrayRecord]:
        return list(islice(filter(is_shown, nodes), count))

    # No more nodes are looked at than it takes: there may be a million.
    shown = choose(nodes, _FEW_ROWS + 1)
    if len(shown) > _FEW_ROWS:
        half = _FEW_ROWS // 2
        return [*shown[:half], None, *choose(reversed(nodes), half)[::-1]], len(nodes) - 2 * half
    return [*shown[:-1], None, shown[-1]], len(nodes) - len(shown)


def _slopes(node: NodeRecord, digits: int | None) -> tuple[str, ...]:
    # An operand used twice (x*x) has two slopes, which the reader adds up.
    return tuple(
        f"∂{node.id}/∂{operand}{node.mark(argnum)} = {number_text(slope, digits)}"
        f"{f' ({node.kink.word})' if node.kink and node.is_at_kink(argnum) else ''}"
        for argnum, (operand, slope) in enumerate(zip(node.operands, node.partials, strict=True))
        if slope is not None
    )


def _role(report: Report, node: NodeRecord) -> Role:
    if node.id == report.output:
        return "output"
    if node.op == "input":
        return "input"
    return "idle" if node.gradient == 0 else ""


def _gradient_text(report: Report, name: str, digits: int | None) -> str:
    """Return a gradient; undefined is only what is known to be."""
    gradient, found = report.gradients[name], report.check.gradients[name]
    is_open = not found.at_kink or found.reason == POSSIBLE_KINK
    return "not known" if math.isnan(gradient) and is_open else number_text(gradient, digits)


def _role_of_array(report: Report, array: ArrayRecord) -> Role:
    if array.name == report.output:
        return "output"
    if array.op == "input":
        return "input"
    return "" if any(array.gradients) else "idle"


def _verdict(found: GradientCheck, digits: int | None) -> tuple[str, Role]:
    if found.status == Outcome.FAIL:
        return "WRONG", "fail"
    if found.at_kink:
        return _sides(found, digits), "note"
    if found.origin == BOTH_SIDES:
        return f"{'ok, ' * (found.status == Outcome.PASS)}from {BOTH_SIDES}", "pass"
    if found.status == Outcome.SKIPPED:
        return f"skipped: {found.reason}", "note"
    if found.zero_within is not None:
        return f"0 within {number_text(found.zero_within, 2)}", "pass"
    if found.underflow:
        return f"rule ok, {TOO_SMALL}", "note"
    if _is_poor(found.digits):
        return "rule ok, few digits", "note"
    return f"ok, found in {found.origin}" if found.origin else "ok", "pass"


def _sides(found: GradientCheck, digits: int | None) -> str:
    """Tell the slopes on both sides; at the edge of a domain there is one."""
    left, right = side_text(found.left, digits), side_text(found.right, digits)
    if found.reason == POSSIBLE_KINK:
        return f"{POSSIBLE_KINK}: no slope known"
    if (found.left is None) == (found.right is None):
        return f"kink: left {left}, right {right}"
    return f"edge of the domain: {f'right {right}' if found.left is None else f'left {left}'}"


# ---- drawing ----


def node_block(report: Report, *, digits: int | None, everything: bool) -> Block:
    """Return the nodes, for which the report need not be checked."""
    nodes = partial(node_sheet, report, digits=digits, everything=everything)
    return Block(
        (partial(nodes, stacked=False), partial(nodes, stacked=True)),
        partial(node_lines, report, digits=digits, everything=everything),
    )


def check_blocks(report: Report, *, digits: int | None, everything: bool) -> list[Block]:
    """Return the check of the gradients, if there are any, and the verdict."""
    verdict = Block((), lambda: closing(report, digits))
    if not report.gradients:
        return [verdict]
    return [check_block(report, digits=digits, everything=everything), verdict]


def check_block(report: Report, *, digits: int | None, everything: bool) -> Block:
    """Return the check of the gradients."""
    sheet = check_sheet(report, digits=digits, everything=everything)
    return Block((lambda: sheet,), lambda: check_lines(sheet))


def node_lines(report: Report, *, digits: int | None, everything: bool) -> list[tuple[str, Role]]:
    """Return the nodes as short lines, for a terminal too narrow for columns."""
    lines: list[tuple[str, Role]] = []
    shown, hidden = choose_nodes(report, everything)
    for node in shown:
        if node is None:
            lines.append((f"… {hidden:,} more nodes (--all shows them)", "note"))
            continue
        if isinstance(node, ArrayRecord):
            lines += array_lines(report, node, digits)
            continue
        value = number_text(node.value, digits)
        text = f"{node.id} = {value}" if node.op == "input" else f"{node.id} = {node.expr} = {value}"
        lines.append((text, _role(report, node)))
        lines.extend((f"  {slope}", "") for slope in _slopes(node, digits))
        lines.append((f"  ∂{report.output}/∂{node.id} = {number_text(node.gradient, digits)}", ""))
    return lines


def check_lines(sheet: Sheet) -> list[tuple[str, Role]]:
    """Return the check of the gradients as short lines."""
    lines: list[tuple[str, Role]] = []
    for row in sheet.rows:
        name, gradient, formula, value, right, verdict = (cell[0] for cell in row.cells)
        lines.append((f"{name}: {gradient}", ""))
        if formula and sheet.header[2] == "formula":
            lines.append((f"  = {formula}", ""))
            formula = ""
        if formula or value:
            lines.append((f"  sympy: {' = '.join(filter(None, (formula, value)))}", ""))
        lines.append((f"  {right} digits, {verdict}" if right else f"  {verdict}", row.role))
    return lines
