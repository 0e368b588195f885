"""Second derivatives as tables, CSV, LaTeX and JSON: schema backprop/hessian@1."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

from backprop_cli.calculus.report import Kind
from backprop_cli.console.sheets import Block, Row, Sheet
from backprop_cli.console.strict_json import dump, maybe_number, number, warning_record
from backprop_cli.errors import UsageError
from backprop_cli.text import decimal_text, listing, number_text, reading, side_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from backprop_cli.calculus.report import Critical, Entry, HessianReport
    from backprop_cli.console.sheets import Role

_WIDEST = 8
"""A matrix of more inputs is told entry by entry."""
_MOST_ROWS = 40


def hessian_blocks(report: HessianReport, digits: int | None, *, everything: bool) -> list[Block]:
    """Return the matrix, the entries with what is known of them, and what they come to."""
    blocks = []
    if report.has_matrix and 0 < len(report.names) <= _WIDEST:
        blocks.append(_block(_matrix(report, digits)))
    if report.has_matrix and report.names:
        blocks.append(_block(_entries(report, digits, everything=everything)))
    if report.third:
        blocks.append(_block(_third(report.third, digits, everything=everything)))
    if report.product is not None:
        blocks.append(_block(_product(report, digits, everything=everything)))
    return [*blocks, Block((), lambda: [(line, "") for line in closing(report, digits)])]


def _block(sheet: Sheet) -> Block:
    return Block((lambda: sheet,), lambda: _lines(sheet))


def _lines(sheet: Sheet) -> list[tuple[str, Role]]:
    """Return a sheet as lines, for a terminal too narrow for columns."""
    return [("  ".join(cell[0] for cell in row.cells if cell[0]), row.role) for row in sheet.rows]


def _entry(report: HessianReport, a: str, b: str) -> Entry | None:
    return report.entries.get(a, {}).get(b)


def _value(entry: Entry | None, digits: int | None) -> str:
    if entry is None:
        return "0"
    if entry.at_kink:
        return {"at a kink": "kink", "the second derivative jumps": "jumps"}.get(entry.reason, "not known")
    if entry.within:
        return f"0 within {entry.within}"
    if math.isinf(entry.value) and entry.text is not None:
        return decimal_text(entry.text, digits)
    return number_text(entry.value, digits)


def _matrix(report: HessianReport, digits: int | None) -> Sheet:
    names = report.names
    rows = [Row(((a,), *((_value(_entry(report, a, b), digits),) for b in names)), "input") for a in names]
    return Sheet((f"∂²{report.output}", *names), tuple(range(1, len(names) + 1)), rows)


def _triangle(report: HessianReport) -> Iterator[tuple[str, str, Entry]]:
    """Yield the entries on and above the diagonal."""
    places = {name: place for place, name in enumerate(report.names)}
    for a in report.names:
        for b, entry in sorted(report.entries.get(a, {}).items(), key=lambda item: places[item[0]]):
            if places[a] <= places[b]:
                yield a, b, entry


def _entries(report: HessianReport, digits: int | None, *, everything: bool) -> Sheet:
    found = [((a, b), entry) for a, b, entry in _triangle(report)]
    return _sheet("second derivative", found, digits, everything=everything)


def _third(third: Mapping[tuple[str, ...], Entry], digits: int | None, *, everything: bool) -> Sheet:
    return _sheet("third derivative", list(third.items()), digits, everything=everything)


def _sheet(
    what: str, found: Sequence[tuple[tuple[str, ...], Entry]], digits: int | None, *, everything: bool
) -> Sheet:
    """Return derivatives by the inputs that they are by, with what is known of them."""
    shown = found if everything else found[:_MOST_ROWS]
    rows = [_row(inputs, entry, digits) for inputs, entry in shown]
    if len(found) > len(shown):
        rows.append(
            Row(((f"… {len(found) - len(shown):,} more (--all)",), *(("",) for _ in range(4))), "note")
        )
    return Sheet(("by", what, "sympy's formula", "digits", "check"), (1, 3), rows, wraps=2)


def _row(inputs: tuple[str, ...], entry: Entry, digits: int | None) -> Row:
    count = "" if entry.digits is None else str(entry.digits)
    role: Role = "fail" if entry.status == "fail" else "note" if entry.at_kink else "pass"
    cells = (", ".join(inputs), _value(entry, digits), entry.formula or "", count, _verdict(entry, digits))
    return Row(tuple((cell,) for cell in cells), role)


def _verdict(entry: Entry, digits: int | None) -> str:
    if entry.status == "pass":
        return f"rule ok, {entry.reason}" if entry.reason else "ok"
    if entry.status == "fail":
        return f"WRONG: {entry.reason}"
    if not entry.at_kink or (entry.left is None and entry.right is None):
        is_known = not entry.at_kink and math.isfinite(entry.value)
        return f"not compared: {entry.reason}" if is_known else entry.reason
    return f"{entry.reason}: {side_text(entry.left, digits)} left, {side_text(entry.right, digits)} right"


def _product(report: HessianReport, digits: int | None, *, everything: bool) -> Sheet:
    assert report.product is not None
    along = report.along or {}
    shown = list(report.product.items())[: None if everything else _MOST_ROWS]
    rows = [
        Row(((name,), (number_text(along.get(name, 0.0), digits),), (_told(x, digits),)), "input")
        for name, x in shown
    ]
    if len(report.product) > len(shown):
        rows.append(Row(((f"… {len(report.product) - len(shown):,} more (--all)",), ("",), ("",)), "note"))
    return Sheet(("input", "direction", "Hessian times it"), (1, 2), rows)


def _told(x: float, digits: int | None) -> str:
    """Return a sum of doubles, which tells nothing where one of them is not finite."""
    return number_text(x, digits) if math.isfinite(x) else "not known"


def closing(report: HessianReport, digits: int | None) -> Iterator[str]:
    """Yield the last lines: the value, how sure all is, the eigenvalues and the kind of point."""
    if report.read_as:
        yield reading(report.read_as)
    yield f"{report.output} = {number_text(report.value, digits)}; {_certainty(report)}"
    if report.third:
        yield _counted("third", list(report.third.values()))
    if report.bend is not None:
        yield f"second derivative along the direction: {_told(report.bend, digits)}"
    if report.eigenvalues is not None:
        values = [number_text(x, digits) for x in report.eigenvalues]
        yield f"eigenvalue{'s' * (len(values) != 1)}: {', '.join(values)}"
    elif report.names:
        yield f"no eigenvalues: {report.no_eigenvalues}"
    if report.critical is not None:
        yield critical_text(report.critical)


def _certainty(report: HessianReport) -> str:
    entries = [entry for _, _, entry in _triangle(report)]
    if not report.has_matrix:
        return "the Hessian times the direction, computed in doubles, not checked"
    if report.numbers == "doubles":
        return f"{_count('second', entries)}, computed in doubles, not checked"
    return _counted("second", entries)


def _count(order: str, entries: Sequence[Entry]) -> str:
    return f"{len(entries):,} {order} derivative{'s' * (len(entries) != 1)}"


def _counted(order: str, entries: Sequence[Entry]) -> str:
    """Return how many derivatives there are, and how sure they are."""
    count = _count(order, entries)
    wrong = next((entry for entry in entries if entry.status == "fail"), None)
    if wrong is not None:
        return f"{count}; CHECK FAILED: {wrong.reason}"
    confirmed = sum(entry.status == "pass" for entry in entries)
    by_sympy = (
        "all confirmed by sympy"
        if confirmed == len(entries)
        else f"{confirmed:,} confirmed by sympy"
        if confirmed
        else "not checked by sympy"
    )
    right = ", all digits right" if entries and all(entry.digits == 16 for entry in entries) else ""
    return f"{count}, {by_sympy}{right}"


def critical_text(critical: Critical) -> str:
    """Return what kind of point it is as a sentence."""
    if critical.kind is Kind.NONE:
        return "no critical point: the gradient is not 0"
    if critical.kind is Kind.OPEN:
        return "a critical point, undecided: the Hessian is singular"
    proved = ", proved" if critical.is_proved else ""
    if critical.point is None:
        return f"a critical point: a {critical.kind}{proved}"
    where = listing([f"{name} = {number_text(x, None)}" for name, x in critical.point.items()])
    away = number_text(critical.distance, 2)
    return f"a critical point is at {where}, {away} from yours: a {critical.kind}{proved}"


# ---- other forms ----


def render_csv(report: HessianReport) -> str:
    """Return an entry of the upper triangle a row; what does not exist is left empty.

    Where there is a direction and no matrix, the product with it. Third derivatives need a column for the
    third input.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if report.third is not None:
        second = {(a, b, ""): entry for a, b, entry in _triangle(report)}
        writer.writerow(("by", "and_by", "and_third_by", "value", "digits", "check"))
        for inputs, entry in [*second.items(), *report.third.items()]:
            digits = "" if entry.digits is None else entry.digits
            writer.writerow((*inputs, _number(entry.value), digits, entry.status))
        return text.getvalue()
    if not report.has_matrix:
        along, product = report.along or {}, report.product or {}
        writer.writerow(("by", "direction", "product"))
        writer.writerows((name, repr(along.get(name, 0.0)), _number(x)) for name, x in product.items())
        return text.getvalue()
    writer.writerow(("by", "and_by", "value", "left", "right", "digits", "check"))
    for a, b, entry in _triangle(report):
        numbers = (_number(x) for x in (entry.value, entry.left, entry.right))
        writer.writerow((a, b, *numbers, "" if entry.digits is None else entry.digits, entry.status))
    return text.getvalue()


def _number(x: float | None) -> str:
    return "" if x is None or math.isnan(x) else repr(x)


def render_latex(report: HessianReport, digits: int | None) -> str:
    """Return the matrix as LaTeX, for amsmath."""
    from backprop_cli.notation.latex import matrix_latex, name_latex

    if not report.has_matrix:
        raise UsageError(
            "the matrix of a large program is not formed with --along",
            hint="--format table, json or csv has the Hessian times the direction",
        )

    if report.third is not None:
        raise UsageError("LaTeX has the matrix alone", hint="--order 3 is in the table, in JSON and in CSV")

    def cell(a: str, b: str) -> float:
        entry = _entry(report, a, b)
        return 0.0 if entry is None else entry.value

    names = ", ".join(map(name_latex, report.names))
    rows = [[number_text(cell(a, b), digits) for b in report.names] for a in report.names]
    return f"\\[ \\nabla^2 {name_latex(report.output)}\\,({names}) = {matrix_latex(rows)} \\]\n"


def render_json(report: HessianReport) -> str:
    """Return the report as one line of JSON."""
    record: dict[str, Any] = {
        "schema": "backprop/hessian@1",
        "program": report.program,
        **({"read_as": report.read_as} if report.read_as else {}),
        "inputs": report.inputs,
        "output": report.output,
        "value": report.value,
        "upstream": report.upstream,
        "gradients": _numbers(report.gradients),
        "names": list(report.names),
        "hessian": {
            a: {b: number(e.value) for b, e in report.entries.get(a, {}).items()} for a in report.names
        }
        if report.has_matrix
        else None,
        "eigenvalues": None if report.eigenvalues is None else [*map(number, report.eigenvalues)],
        "critical": None if report.critical is None else _critical(report.critical),
        "numbers": report.numbers,
        "check": {
            "status": report.status,
            "entries": [_check((a, b), entry) for a, b, entry in _triangle(report)],
        },
        "warnings": [*map(warning_record, report.warnings)],
    }
    if report.third is not None:
        third = report.third.items()
        record["third"] = [_check(inputs, entry) | {"third": number(entry.value)} for inputs, entry in third]
    if report.along is not None:
        product, second = _numbers(report.product or {}), maybe_number(report.bend)
        record["along"] = {"direction": report.along, "product": product, "second": second}
    return dump(record)


def _numbers(values: Mapping[str, float]) -> dict[str, float | str]:
    return {name: number(x) for name, x in values.items()}


def _critical(critical: Critical) -> dict[str, Any]:
    record: dict[str, Any] = {"kind": critical.kind, "certain": critical.is_proved}
    if critical.point is not None:
        record |= {"point": critical.point, "distance": critical.distance}
    return record


def _check(inputs: Iterable[str], entry: Entry) -> dict[str, Any]:
    record: dict[str, Any] = {"by": [*inputs], "status": entry.status}
    optional = {
        "reason": entry.reason,
        "digits": entry.digits,
        "value": entry.text,
        "within": entry.within,
        "formula": entry.formula,
    }
    record |= {key: x for key, x in optional.items() if x not in (None, "")}
    if entry.at_kink:
        record["kink"] = True
    if entry.at_kink and len(record["by"]) == 2:
        record |= {"left": maybe_number(entry.left), "right": maybe_number(entry.right)}
    return record
