"""``backprop check --data``: what is expected stands in the columns of a file."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.cli.app import turn_on_collector
from backprop_cli.cli.batch import read_map
from backprop_cli.cli.data import form_of_data, open_data
from backprop_cli.cli.datasets import find_files, is_several
from backprop_cli.cli.options import read_tolerance
from backprop_cli.errors import Status, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.batch.dialect import Dialect
    from backprop_cli.batch.frames.frame import Reader
    from backprop_cli.batch.tally import Start
    from backprop_cli.cli.batch import FilesOptions
    from backprop_cli.cli.dialect import DialectOptions
    from backprop_cli.cli.options import PointOptions
    from backprop_cli.console.output import Output
    from backprop_cli.expect.columns import ColumnClaim, RowsVerification, Tolerance

_EXAMPLE = "--expect a=@grad_a --expect value=@loss"
_WRITTEN = "written"


class Tolerances(NamedTuple):
    """--rtol and --atol as they are written: "1e-9,a=1e-6"."""

    rtol: str
    atol: str | None

    def read(self, claims: Sequence[ColumnClaim], default: float) -> list[Tolerance]:
        """Return that of each claim. Raises UsageError or ParseError."""
        from backprop_cli.expect.columns import Tolerance

        relative = _read_parts("--rtol", self.rtol, claims)
        absolute = _read_parts("--atol", self.atol, claims)
        found = []
        for claim in claims:
            text = relative.get(claim.target, relative.get("", ""))
            as_written = text == _WRITTEN
            rtol = default if as_written or not text else read_tolerance("--rtol", text)
            least = absolute.get(claim.target, absolute.get(""))
            atol = None if least is None else read_tolerance("--atol", least)
            found.append(Tolerance(rtol, atol, as_written))
        return found


def check_rows(
    expect: Sequence[str],
    options: PointOptions,
    rows: FilesOptions,
    written: DialectOptions,
    tolerances: Tolerances,
    show: Callable[[RowsVerification, str], None],
    output: Output,
    *,
    allow_bad: bool,
) -> int:
    """Judge columns, and show what came of it. show: takes also the name of the data."""
    from backprop_cli.report import Outcome

    found = _verify(expect, options, rows, written, tolerances, output)
    show(found, Path((rows.data or [""])[0]).stem)
    if found.status == Outcome.FAIL:
        return Status.CHECK_FAILED
    return Status.UNDEFINED if found.faults and not allow_bad else Status.DONE


def _verify(
    expect: Sequence[str],
    options: PointOptions,
    rows: FilesOptions,
    written: DialectOptions,
    tolerances: Tolerances,
    output: Output,
) -> RowsVerification:
    from backprop_cli.batch.job import has_columns
    from backprop_cli.batch.points import Points, read_over_columns
    from backprop_cli.expect.columns import read_column_claim
    from backprop_cli.expect.defaults import RTOL

    if not expect:
        raise UsageError("--data has nothing to be compared", hint=_EXAMPLE)
    if not has_columns():
        raise UsageError("--data needs NumPy and pyarrow", hint="pip install 'backprop_cli[batch]'")
    text, given = options.read_program()
    if "-" in (rows.data or ()) and "-" in (options.file, *(options.arguments or ())[:1]):
        raise UsageError("the program and the data can't both be standard input", hint="--data FILE")
    renamed = read_map(rows.map, given)
    upstream = options.read_upstream()

    from backprop_cli.console.progress import Progress
    from backprop_cli.expect.rows.verify import verify_rows

    with ExitStack() as stack:
        reader, dialect, starts = _open(rows, written, output, stack)
        names = (*reader.names, *reader.elements)
        source = read_over_columns(text, given, renamed, options.notation, names)
        claims = [read_column_claim(word, source) for word in expect]
        pairs = list(zip(claims, tolerances.read(claims, RTOL), strict=True))
        columns = {claim.column: False for claim in claims}
        columns |= {claim.column: True for claim, tolerance in pairs if tolerance.as_written}
        points = Points(source, given, renamed, dialect, columns)
        if reader.has_header:
            points.check_header(reader.names, reader.elements, is_text=reader.is_text)
        turn_on_collector()
        progress = stack.enter_context(Progress(output.environment, reader.total, reader.unit))
        return verify_rows(source, reader, points, pairs, upstream, progress.advance, starts)


def _open(
    rows: FilesOptions, written: DialectOptions, output: Output, stack: ExitStack
) -> tuple[Reader, Dialect, Sequence[Start]]:
    """Return what reads the data, how that is written, and the files that are begun, of several."""
    names = rows.data or []
    if is_several(names):
        from backprop_cli.datasets.whole import WholeReader

        files, dialect = find_files(names, rows.input_format, written, output)
        whole = WholeReader(files, dialect)
        return whole, dialect, whole.starts
    from backprop_cli.batch.frames.read import open_reader

    form = rows.input_format or form_of_data(names[0])
    dialect = written.read(form)
    data = open_data(output.environment, names[0], form, stack, dialect)
    reader = open_reader(data.file, data.name, data.form, data.size, data.begun, stack, dialect)
    return reader, dialect, ()


def _read_parts(option: str, text: str | None, claims: Sequence[ColumnClaim]) -> dict[str, str]:
    """Return tolerances as they are written, by what they are of, "" for all others. Raises UsageError."""
    found: dict[str, str] = {}
    known = [claim.target for claim in claims]
    for part in text.split(",") if text is not None else ():
        name, equals, number = part.rpartition("=")
        name = name.strip()
        if (equals and name not in known) or not number.strip():
            raise UsageError(
                f"{option} can't be {part!r}", hint=f"{option} 1e-6, or {option} {known[0]}=1e-6"
            )
        if name in found:
            raise UsageError(f"{option} is given twice{f' for {name}' if name else ''}")
        found[name] = number.strip()
    return found
