"""Uncertainty budgets as tables, CSV and JSON: schema backprop/budget@1."""

from __future__ import annotations

import csv
import io
import math
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from backprop_cli.console.sheets import Block, Row, Sheet
from backprop_cli.console.strict_json import dump, maybe_number, number, warning_record
from backprop_cli.render.json import check_record
from backprop_cli.text import listing, number_text, reading, side_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.console.sheets import Role
    from backprop_cli.uncertainty.report import BudgetReport, Part, Samples

_UNCERTAIN_DIGITS = 2
_MOST_PLACES = 17
_PLAIN = range(-5, 7)
"""Powers of ten of the first digit of a number that is written without an exponent."""
_CONTEXT = Context(prec=800)


def concise(value: float, uncertainty: float) -> str:
    """Return 4.50(35) for 4.5 ± 0.35: two digits of the uncertainty, below the last two of the value."""
    if not uncertainty:
        return number_text(value)
    spread = Decimal(repr(uncertainty))
    place = Decimal((0, (1,), spread.adjusted() - _UNCERTAIN_DIGITS + 1))
    spread = spread.quantize(place, context=_CONTEXT)
    if len(spread.as_tuple().digits) > _UNCERTAIN_DIGITS:  # 0.0996 is 0.10
        place = place.scaleb(1)
        spread = spread.quantize(place, context=_CONTEXT)
    if value and Decimal(value).adjusted() - place.adjusted() >= _MOST_PLACES:
        return f"{number_text(value, None)} ± {number_text(uncertainty, _UNCERTAIN_DIGITS)}"
    rounded = Decimal(repr(value)).quantize(place, context=_CONTEXT)
    first = max(rounded.adjusted() if rounded else spread.adjusted(), spread.adjusted())
    digits = "".join(map(str, spread.as_tuple().digits))
    sign = "-" if rounded < 0 else ""
    if place.adjusted() <= 0 and first in _PLAIN:
        return f"{sign}{abs(rounded):f}({digits})"
    return f"{sign}{abs(rounded).scaleb(-first, context=_CONTEXT):f}({digits})e{first}"


def budget_blocks(report: BudgetReport, digits: int | None) -> list[Block]:
    """Return the budget, the largest share first, and what it comes to."""
    sheet = _sheet(report, digits)
    return [
        Block((lambda: sheet,), lambda: _lines(sheet)),
        Block((), lambda: [(line, "") for line in closing(report, digits)]),
    ]


def _lines(sheet: Sheet) -> list[tuple[str, Role]]:
    """Return a sheet as lines, for a terminal too narrow for columns."""
    return [
        (
            "  ".join(
                f"{name} {cell[0]}" if place else cell[0]
                for place, (name, cell) in enumerate(zip(sheet.header, row.cells, strict=True))
                if cell[0]
            ),
            row.role,
        )
        for row in sheet.rows
    ]


def _sheet(report: BudgetReport, digits: int | None) -> Sheet:
    has_dof = any(not math.isinf(part.quantity.dof) for part in report.parts.values())
    columns = ("quantity", "estimate", "uncertainty", "dof", "sensitivity", "contribution", "share")
    rows = [_row(name, part, digits) for name, part in _by_share(report)]
    if report.correlated is not None:
        rows.append(
            Row((*((text,) for text in ("correlation", "", "", "", "", "")), (_share(report.correlated),)))
        )
    rows += [
        Row(
            tuple((text,) for text in (name, number_text(report.inputs[name], digits), "exact", *[""] * 4)),
            "idle",
        )
        for name in report.exact
    ]
    kept = [place for place, column in enumerate(columns) if has_dof or column != "dof"]
    rows = [Row(tuple(row.cells[place] for place in kept), row.role) for row in rows]
    return Sheet(tuple(columns[place] for place in kept), tuple(range(1, len(kept))), rows)


def _by_share(report: BudgetReport) -> list[tuple[str, Part]]:
    return sorted(report.parts.items(), key=lambda item: -(item[1].share or 0.0))


def _row(name: str, part: Part, digits: int | None) -> Row:
    quantity = part.quantity
    numbers = (
        number_text(quantity.estimate, digits),
        number_text(quantity.uncertainty, digits),
        "" if math.isinf(quantity.dof) else number_text(quantity.dof, digits),
        "kink" if part.at_kink else number_text(part.sensitivity, digits),
        "" if part.at_kink else number_text(part.contribution, digits),
        "" if part.share is None else _share(part.share),
    )
    return Row(tuple((text,) for text in (name, *numbers)), "input" if part.is_known else "note")


def _share(share: float) -> str:
    return f"{number_text(100 * share, 3)} %"


def closing(report: BudgetReport, digits: int | None) -> Iterator[str]:
    """Yield the last lines: the result to first order, to second order, and at random points."""
    if report.read_as:
        yield reading(report.read_as)
    yield _first_order(report, digits)
    yield from _coverage(report, digits)
    if report.second is not None:
        second = report.second
        yield (
            f"to second order: {concise(report.value + second.shift, second.uncertainty)}, "
            f"standard uncertainty {number_text(second.uncertainty, digits)}, "
            f"the mean shifted by {number_text(second.shift, digits)}"
        )
    elif report.no_second:
        yield f"no second order: {report.no_second}"
    if report.samples is not None:
        yield from _samples(report.samples, digits)


def _first_order(report: BudgetReport, digits: int | None) -> str:
    if report.uncertainty is None:
        return f"{report.output} = {number_text(report.value, digits)}; {no_uncertainty(report, digits)}"
    told = f"standard uncertainty {number_text(report.uncertainty, digits)} to first order"
    if not report.uncertainty:
        return f"{report.output} = {number_text(report.value, digits)}; {told}"
    return f"{report.output} = {concise(report.value, report.uncertainty)}; {told}"


def no_uncertainty(report: BudgetReport, digits: int | None = 6) -> str:
    """Return why there is no uncertainty to first order."""
    kinked = {name: part for name, part in report.parts.items() if part.at_kink}
    if not kinked:
        names = [name for name, part in report.parts.items() if not part.is_known]
        return f"no uncertainty to first order: no finite slope with respect to {listing(names)}"
    name, part = next(iter(kinked.items()))
    sides = f"{side_text(part.left, digits)} on the left, {side_text(part.right, digits)} on the right"
    return f"no uncertainty to first order: a kink, slope {sides} with respect to {name}"


def _coverage(report: BudgetReport, digits: int | None) -> Iterator[str]:
    found = report.coverage
    if found is not None:
        kind = "normal"
        if not math.isinf(found.dof):
            kind = f"Student's t, {number_text(report.dof or 0.0, digits)} effective degrees of freedom"
        yield (
            f"expanded uncertainty {number_text(found.expanded, digits)} for {number_text(found.percent)} %, "
            f"coverage factor {number_text(found.factor, digits)} ({kind})"
        )
    elif report.dof is None and report.uncertainty:
        yield "no expanded uncertainty: effective degrees of freedom are those of independent inputs"


def _samples(samples: Samples, digits: int | None) -> Iterator[str]:
    missing = f", {samples.missing:,} of them without a value" if samples.missing else ""
    yield f"at {samples.count:,} random points of normal inputs (seed {samples.seed}){missing}:"
    low, high = number_text(samples.low, digits), number_text(samples.high, digits)
    yield (
        f"  mean {number_text(samples.mean, digits)}, standard deviation "
        f"{number_text(samples.deviation, digits)}, shortest {number_text(samples.percent)} % interval "
        f"{low} to {high}"
    )


# ---- other forms ----


def render_csv(report: BudgetReport) -> str:
    """Return an uncertain input a row, then the output; what does not exist is left empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("quantity", "estimate", "uncertainty", "dof", "sensitivity", "contribution", "share"))
    for name, part in _by_share(report):
        quantity = part.quantity
        slopes = (part.sensitivity, part.contribution, part.share)
        writer.writerow((name, *map(_cell, (quantity.estimate, quantity.uncertainty, quantity.dof, *slopes))))
    writer.writerow((report.output, *map(_cell, (report.value, report.uncertainty, report.dof)), "", "", ""))
    return text.getvalue()


def _cell(x: float | None) -> str:
    return "" if x is None or not math.isfinite(x) else repr(x)


def render_json(report: BudgetReport) -> str:
    """Return the report as one line of JSON."""
    record: dict[str, Any] = {
        "schema": "backprop/budget@1",
        "program": report.program,
        **({"read_as": report.read_as} if report.read_as else {}),
        "inputs": report.inputs,
        "output": report.output,
        "value": number(report.value),
        "uncertainty": report.uncertainty,
        "text": None if report.uncertainty is None else concise(report.value, report.uncertainty),
        "quantities": {name: _quantity(part) for name, part in report.parts.items()},
        "correlations": [{"by": list(pair), "value": r} for pair, r in report.correlations.items()],
        "correlation_share": report.correlated,
        "dof": maybe_number(report.dof),
        "coverage": None if report.coverage is None else _numbers(report.coverage),
        "second_order": None if report.second is None else _numbers(report.second),
        **({"no_second_order": report.no_second} if report.no_second else {}),
        **({} if report.samples is None else {"monte_carlo": _numbers(report.samples)}),
        "check": check_record(report.check),
        "warnings": [*map(warning_record, report.warnings)],
    }
    return dump(record)


def _numbers(record: object) -> dict[str, float | str]:
    return {name: number(x) if isinstance(x, float) else x for name, x in vars(record).items()}


def _quantity(part: Part) -> dict[str, Any]:
    quantity = part.quantity
    record: dict[str, Any] = {
        "estimate": quantity.estimate,
        "uncertainty": quantity.uncertainty,
        "dof": number(quantity.dof),
        "sensitivity": None if part.at_kink else number(part.sensitivity),
        "contribution": None if part.at_kink else number(part.contribution),
        "share": part.share,
    }
    if part.at_kink:
        record["kink"] = {"left": maybe_number(part.left), "right": maybe_number(part.right)}
    return record
