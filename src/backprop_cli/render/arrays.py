"""Arrays in a table: a row for each, with up to six elements or the range that more of them are in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backprop_cli.language.arrays.shapes import shape_text
from backprop_cli.report import ArrayRecord
from backprop_cli.text import nested, number_text

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from backprop_cli.console.sheets import Role
    from backprop_cli.report import Report

_FEW = 6


def numbers_text(numbers: Sequence[float | None], shape: Sequence[int], digits: int | None) -> str:
    """Return numbers in their shape, the range of more than six, "" where there are none."""
    known = [x for x in numbers if x is not None]
    if not known:
        return ""
    if len(numbers) > _FEW:
        texts = [number_text(x, digits) for x in _range(known)]
        return f"{texts[0]} to {texts[1]}" if texts[0] != texts[1] else f"all {texts[0]}"
    texts = ["–" if x is None else number_text(x, digits) for x in numbers]
    return _bracketed(nested(tuple(shape), texts))


def _range(numbers: Sequence[float]) -> tuple[float, float]:
    nan = next((x for x in numbers if x != x), None)
    return (nan, nan) if nan is not None else (min(numbers), max(numbers))


def _bracketed(texts: Any) -> str:
    return texts if isinstance(texts, str) else f"[{', '.join(map(_bracketed, texts))}]"


def array_cells(array: ArrayRecord, digits: int | None) -> tuple[tuple[str, ...], ...]:
    """Return the cells of an array in the table of nodes."""
    expression = array.expr if array.op != "input" else "input"
    return (
        (_title(array),),
        (expression,),
        (numbers_text(array.values, array.shape, digits),),
        (_rule(array),),
        (numbers_text(array.gradients, array.shape, digits),),
    )


def _title(array: ArrayRecord) -> str:
    return f"{array.name} {shape_text(array.shape)}" if array.shape else array.name


def _rule(array: ArrayRecord) -> str:
    if array.op == "view":
        return "the elements are those of its operands"
    if array.shape and array.op != "input" and not any(x is not None for x in array.gradients):
        return "the elements stand above"
    return array.backward


def array_lines(report: Report, array: ArrayRecord, digits: int | None) -> Iterable[tuple[str, Role]]:
    """Yield an array as short lines, for a terminal too narrow for columns."""
    role: Role = "output" if array.name == report.output else "input" if array.op == "input" else ""
    value = numbers_text(array.values, array.shape, digits)
    yield f"{_title(array)} = {f'{array.expr} = ' if array.expr else ''}{value}", role
    if rule := _rule(array):
        yield f"  {rule}", ""
    if gradient := numbers_text(array.gradients, array.shape, digits):
        yield f"  ∂{report.output}/∂{array.name} = {gradient}", ""


def whole_arrays(report: Report, names: Container[str]) -> dict[str, ArrayRecord]:
    """Return the inputs that are arrays all of whose elements are among the names."""
    return {
        record.name.partition("#")[0]: record
        for record in report.outline
        if isinstance(record, ArrayRecord)
        and record.op == "input"
        and all(element in names for element in record.elements)
    }


def arrays_asked_for(report: Report) -> dict[str, ArrayRecord]:
    """Return the inputs that are arrays and whose gradients are asked for."""
    return whole_arrays(report, report.gradients)
