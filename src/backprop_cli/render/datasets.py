"""What is told of a data set: rows that are not ok, by file and row, and how many parts are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backprop_cli.batch.tally import FAULTS
from backprop_cli.text import listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.datasets.run import Summary


def render_rows(records: Sequence[dict[str, Any]]) -> list[str]:
    """Return the lines that tell which rows are not ok, at a kink or in doubt."""
    rows = sum(record["rows"] for record in records)
    kinds = {kind: found for kind in FAULTS if (found := _met(records, str(kind)))}
    lines = []
    if kinds:
        count = sum(sum(met["rows"] for _, met in found) for found in kinds.values())
        told = ", ".join(f"{_sum(found):,} {kind} ({_where(found)})" for kind, found in kinds.items())
        lines.append(f"{count:,} of {_rows(rows)} {_are(count)} not ok: {told}")
        lines += [f"  {_first(found)}: {found[0][1]['message']}" for found in kinds.values()]
    for kind, told in (
        ("kink", "at a kink"),
        ("overflow", "computed from a value that overflows, and may be wrong"),
        ("cut", "not kept whole"),
    ):
        if found := _met(records, kind):
            lines.append(f"{_rows(_sum(found))} {_are(_sum(found))} {told} ({_where(found)})")
    lost = sorted({key for record in records for key in record["lost"]})
    if lost:
        lines.append(f"keys of later rows could not be kept: {listing(lost)}")
    return lines


def render_parts(summary: Summary, records: Sequence[dict[str, Any]], total: int, output: str) -> str:
    """Return the line that tells which parts are there. records: of this run's share of all."""
    rows = sum(record["rows"] for record in records)
    there = len(records) - summary.written
    told = f"{_parts(summary.written)} written" + (f", {there:,} there before" if there else "")
    if summary.repeated:
        told += f", {summary.repeated:,} handed out again after a worker or a storage failed"
    if not summary.is_whole and not summary.failures:
        told += f"; {total - len(summary.records):,} of all {total:,} missing as yet"
    return f"{told}: {_rows(rows)} in {output}"


def render_progress(done: int, total: int, rows: int, failed: int) -> str:
    """Return how many parts are done. rows: of these.  failed: parts that will not be."""
    told = f"{done:,} of {_parts(total)}, {_rows(rows)}"
    return f"{told}, {failed:,} failed" if failed else told


def render_share(read: int, size: int, seconds: float) -> str:
    """Return how much of the data is read, of ``size`` bytes, and how long the rest takes at this pace."""
    told = f"{100 * read // max(size, 1)}% of {_bytes(size)}"
    if not 0 < read < size:
        return told
    minutes = seconds * (size - read) / read / 60
    return f"{told}, {f'some {minutes:,.0f} min' if minutes >= 1 else 'less than a minute'} left"


def _bytes(size: int) -> str:
    for power, unit in ((9, "GB"), (6, "MB"), (3, "kB")):
        if size >= 10**power:
            return f"{size / 10**power:,.1f} {unit}"
    return f"{size} B"


def _met(records: Sequence[dict[str, Any]], kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the parts that have rows of a kind, and what is told of these."""
    return [(record["name"], record["met"][kind]) for record in records if kind in record["met"]]


def _sum(found: Sequence[tuple[str, dict[str, Any]]]) -> int:
    return sum(met["rows"] for _, met in found)


def _first(found: Sequence[tuple[str, dict[str, Any]]]) -> str:
    name, met = found[0]
    return f"{name}, row {met['first'][0]:,}"


def _where(found: Sequence[tuple[str, dict[str, Any]]]) -> str:
    return _first(found) if _sum(found) == 1 else f"in {_files(len(found))}, first {_first(found)}"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


def _parts(count: int) -> str:
    return "1 part" if count == 1 else f"{count:,} parts"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
