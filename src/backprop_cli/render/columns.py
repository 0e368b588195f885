"""The verdicts on columns of data: text, JSON (schema backprop/columns@1), TAP 13 and JUnit XML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backprop_cli.batch.tally import place_of
from backprop_cli.console.sheets import Block
from backprop_cli.console.strict_json import dump, maybe_number, number
from backprop_cli.expect.suite import CaseResult
from backprop_cli.render.rows import render_summary
from backprop_cli.render.suite import WRITERS
from backprop_cli.render.verdicts import MARKS, apart
from backprop_cli.report import Outcome
from backprop_cli.text import listing, number_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.batch.tally import Start
    from backprop_cli.console.output import Output
    from backprop_cli.console.sheets import Role
    from backprop_cli.expect.columns import ColumnVerdict, Example, RowsVerification, Slip

_MOST_SLIPS = 5
_EVERY_ROW = "every row can be compared"


def shower(
    form: str, output: Output, digits: int | None, *, allow_bad: bool
) -> Callable[[RowsVerification, str], None]:
    """Return what writes a verification; it takes also the name of the data.

    allow_bad: whether rows that can't be compared are no failure.
    """

    def show(found: RowsVerification, name: str) -> None:
        if form == "json":
            output.write(dump(rows_record(found)) + "\n")
        elif form == "text":
            output.write_blocks([Block((), lambda: verification_lines(found, digits))])
            output.tell_reading(found.read_as)
        else:
            writer = WRITERS[form](output, name)
            for result in case_results(found, digits, allow_bad=allow_bad):
                writer.add(result)
            writer.close()

    return show


def case_results(found: RowsVerification, digits: int | None, *, allow_bad: bool) -> list[CaseResult]:
    """Return the verdicts as those of cases, one each, and one for the rows that can't be compared."""
    seconds = found.seconds / max(1, len(found.verdicts))
    results = [
        CaseResult(v.claim.claim, v.status, seconds, told=tuple(_off_lines(v, digits, found.files)))
        for v in found.verdicts
    ]
    if found.faults and not allow_bad:
        results.append(CaseResult(_EVERY_ROW, Outcome.ERROR, 0.0, told=tuple(_fault_lines(found))))
    return results


# ---- text ----


def verification_lines(found: RowsVerification, digits: int | None) -> list[tuple[str, Role]]:
    """Return a line per column, what is behind the rows that are off, and the verdict."""
    lines: list[tuple[str, Role]] = []
    width = max(len(v.claim.claim) for v in found.verdicts)
    for v in found.verdicts:
        role: Role = "fail" if v.off else "pass"
        told = _off_lines(v, digits, found.files)
        head = told[0] if told else f"{_rows(v.rows)}{_lost(v)}"
        lines.append((f"{MARKS[v.status]:5} {v.claim.claim:{width}}  {head}", role))
        lines += [(f"      {line}", "") for line in told[1:]]
    lines += [(line, "") for line in ["", *_fault_lines(found)]] if found.faults else []
    return [*lines, closing(found)]


def closing(found: RowsVerification) -> tuple[str, Role]:
    """Return the last line."""
    count, failed = len(found.verdicts), sum(v.off > 0 for v in found.verdicts)
    rows = f"{found.compared:,} of {_rows(found.rows)}" if found.faults else _rows(found.rows)
    if failed:
        return f"{failed} of {count} column{'s' * (count > 1)} OFF; {rows} compared", "fail"
    met = "1 column is" if count == 1 else f"{count} columns are"
    return f"{met} as expected; {rows} compared", "pass" if not found.faults else ""


def _off_lines(v: ColumnVerdict, digits: int | None, starts: Sequence[Start]) -> list[str]:
    """Return how many rows are off, what is behind them, and the worst of each kind; none if all are met.

    starts: the files that the rows are of, () for a single one.
    """
    if not v.off:
        return []
    lines = [f"{v.off:,} of {_rows(v.rows)} {'is' if v.off == 1 else 'are'} off{_confirmed(v)}{_lost(v)}"]
    for slip in v.slips[:_MOST_SLIPS]:
        lines.append(
            f"{which_rows(slip, v.rows, starts)}{', ' * bool(slip.where)}{_where(slip)}: {_why(slip)}"
        )
        lines.append(f"  {_told(slip.worst, digits, starts)}")
    more = len(v.slips) - _MOST_SLIPS
    if more > 0:
        lines.append(f"and {more:,} more kinds of rows")
    return lines


def _where(slip: Slip) -> str:
    return f"where {slip.where}" if slip.where else ""


def _why(slip: Slip) -> str:
    return slip.diagnosis or f"nothing known explains {'it' if slip.rows == 1 else 'them'}"


def _confirmed(v: ColumnVerdict) -> str:
    """Tell how many are off by many digits too; the promise is no more than that."""
    if v.confirmed == v.off:
        return ""
    return f", {v.confirmed:,} of them confirmed in many digits" if v.confirmed else ""


def _lost(v: ColumnVerdict) -> str:
    if not v.lost:
        return ""
    return f"; {v.lost:,} met in many digits alone, where doubles lose them"


def which_rows(slip: Slip, compared: int, starts: Sequence[Start] = ()) -> str:
    """Return the rows of a slip: all of them where that is short, else how many between which."""
    if slip.rows == compared > 1:
        return f"all {compared:,} rows"
    first, last = place_of(slip.first[0], starts), place_of(slip.last, starts)
    if slip.rows == 1:
        return f"row {last}"
    if slip.rows == slip.last - slip.first[0] + 1 > 2:
        return f"rows {first} to {last}"
    if slip.rows == len(slip.first):
        return f"rows {listing([place_of(row, starts) for row in slip.first])}"
    return f"{slip.rows:,} rows between {first} and {last}"


def _told(example: Example, digits: int | None, starts: Sequence[Start]) -> str:
    got, expected = apart(example.got, example.expected, digits)
    point = "".join(f" {name}={number_text(x, digits)}" for name, x in list(example.inputs.items())[:8])
    where = f" at{point}" if point else ""
    told = "no number" if expected == "undefined" else expected
    return f"row {place_of(example.row, starts)}{where}: expected {told}, got {got}"


def _fault_lines(found: RowsVerification) -> list[str]:
    from backprop_cli.batch.tally import Tally

    tally = Tally()
    tally.rows = found.rows
    tally.met = dict(found.faults)
    return render_summary(tally, (), found.files)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


# ---- JSON ----


def rows_record(found: RowsVerification) -> dict[str, Any]:
    """Return a verification as the object that JSON has for it."""
    return {
        "schema": "backprop/columns@1",
        "program": found.program,
        **({"read_as": found.read_as} if found.read_as else {}),
        "inputs": {name: number(x) for name, x in found.inputs.items()},
        "upstream": number(found.upstream),
        "status": found.status,
        "rows": found.rows,
        "compared": found.compared,
        **({"files": [start._asdict() for start in found.files]} if found.files else {}),
        "expectations": [_verdict_record(v) for v in found.verdicts],
        "faults": {
            status: {"rows": met.rows, "first": list(met.first), "message": met.message}
            for status, met in found.faults.items()
        },
    }


def _verdict_record(v: ColumnVerdict) -> dict[str, Any]:
    return {
        "expectation": v.claim.claim,
        "of": v.claim.of,
        "node": v.claim.name,
        "column": v.claim.column,
        "status": v.status,
        "rtol": number(v.tolerance.rtol),
        "atol": maybe_number(v.tolerance.atol),
        "as_written": v.tolerance.as_written,
        "rows": v.rows,
        "off": v.off,
        "confirmed": v.confirmed,
        "lost": v.lost,
        "slips": [
            {
                "rows": slip.rows,
                "first": list(slip.first),
                "last": slip.last,
                "diagnosis": slip.diagnosis,
                "where": slip.where,
                "worst": _example_record(slip.worst),
            }
            for slip in v.slips
        ],
    }


def _example_record(example: Example) -> dict[str, Any]:
    return {
        "row": example.row,
        "inputs": {name: number(x) for name, x in example.inputs.items()},
        "expected": maybe_number(None if example.expected != example.expected else example.expected),
        "got": number(example.got),
    }
