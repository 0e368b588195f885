"""``backprop batch``."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from backprop_cli.cli.app import Status, app, turn_on_collector
from backprop_cli.cli.options import (
    Arguments,
    Color,
    ColorOption,
    File,
    Quiet,
    Upstream,
    Wrt,
    choose_format,
    choose_inputs,
    read_program,
)
from backprop_cli.cli.words import ProgramCommand
from backprop_cli.errors import FileError, UsageError
from backprop_cli.render.stream import Output, is_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.render.progress import Progress
    from backprop_cli.render.rows import CsvWriter, JsonWriter
    from backprop_cli.rows import Table


class Kind(StrEnum):
    """Forms of data."""

    csv = "csv"
    tsv = "tsv"
    jsonl = "jsonl"


_ENDINGS = {".csv": Kind.csv, ".tsv": Kind.tsv, ".jsonl": Kind.jsonl, ".ndjson": Kind.jsonl}
_DELIMITERS = {Kind.csv: ",", Kind.tsv: "\t"}
_EXAMPLE = 'backprop batch "(a*b+c)*f" --data points.csv'


@app.command(
    cls=ProgramCommand,
    options_metavar="[OPTIONS]",
    epilog="""\b
Examples:
  backprop batch "(a*b+c)*f" --data points.csv
  backprop batch "(a*b+c)*f" --data points.csv f=5 --wrt a,b --keep
  tail -f log.csv | backprop batch "relu(w*x)" w=2 --data - --json

\b
A row of the result: value, grad_NAME for each input, and status: ok, kink,
undefined, nonfinite or bad input.

\b
Exit status: 0 done; 2 a mistake in the program, a value, an option or the
header; 3 a row is neither ok nor at a kink (0 with --allow-bad).""",
)
def batch(
    arguments: Arguments = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="FILE",
            help="The rows, - for standard input; columns are inputs by their names.",
        ),
    ] = None,
    input_format: Annotated[
        Kind | None,
        typer.Option("--input-format", help="Form of the data, told by the file's ending by default."),
    ] = None,
    file: File = None,
    wrt: Wrt = None,
    upstream: Upstream = "1",
    json: Annotated[bool, typer.Option("--json", help="Short for --format jsonl.")] = False,
    format: Annotated[
        Kind | None, typer.Option("--format", help="Form of the output; that of the data by default.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Repeat the data in front of the results.")] = False,
    allow_bad: Annotated[
        bool, typer.Option("--allow-bad", help="Rows without a result are no failure.")
    ] = False,
    quiet: Quiet = False,
    color: ColorOption = Color.auto,
) -> int:
    """Compute value and gradients at every row of data."""
    if data is None:
        named = next((word for word in arguments or () if Path(word).suffix in _ENDINGS), None)
        raise UsageError("--data is missing", hint=f"did you mean --data {named}?" if named else _EXAMPLE)
    kind = input_format or _kind_of(data)
    program = file or next(iter(arguments or ()), None)
    if program is None:
        raise UsageError("a program is missing", hint=_EXAMPLE)
    if program == data == "-":
        raise UsageError("the program and the data can't both be standard input", hint=_EXAMPLE)

    from backprop_cli.batch import Batch, Points, Tally, column_name
    from backprop_cli.render.rows import render_summary, result_columns
    from backprop_cli.source import evaluate_constant, read_source

    text, given = read_program(arguments, file)
    read_source(text, given)  # for its errors, which need not wait for the data
    seed = evaluate_constant(upstream)
    form = choose_format(format, kind, Kind.jsonl if json else None)
    output = Output(color)
    tally = Tally()
    with _open_table(data, kind) as (table, waits):
        columns = {column_name(name) for name in table.names}
        source = read_source(text, {*given, *columns})  # a column may be called pi
        wanted = choose_inputs(source, wrt) or list(source.inputs)
        points = Points(source, given)
        if table.has_header:
            points.check_header(table.names)
        if keep:
            _check_kept(table, form, result_columns(wanted))
        engine = Batch(source, wanted, seed)
        if not quiet:
            for name in sorted(columns.intersection(given)):
                output.diagnose(f"warning: the column {name} is not read: its value is given")
        writer = None if quiet else _writer(output, form, table.names if keep else None, wanted)
        # A stream is answered row by row.
        flush = output.flush if waits or is_terminal(sys.stdout) else lambda: None
        flush()
        turn_on_collector()
        for row in table.rows:
            result = engine.compute_row(row, points)
            tally.add(result)
            if writer is not None:
                writer.write_result(row, result)
                flush()
    if writer is not None:
        output.flush()
        for line in render_summary(tally, writer.lost):
            output.diagnose(line)
    return Status.UNDEFINED if tally.faults() and not allow_bad else Status.DONE


def _kind_of(data: str) -> Kind:
    """Return the form of the data by the ending of the file's name; of a stream it is csv."""
    if data == "-" or (Path(data).exists() and not Path(data).is_file()):
        return Kind.csv
    ending = Path(data).suffix
    if ending.lower() not in _ENDINGS:
        _open(data).close()  # what is not there has no form
        raise UsageError(
            f"the form of {data} can't be told by its ending",
            hint=f"the endings are {', '.join(_ENDINGS)}; or give --input-format csv, tsv or jsonl",
        )
    return _ENDINGS[ending.lower()]


def _open(name: str) -> TextIOWrapper:
    try:
        if name != "-":
            binary: BinaryIO = Path(name).open("rb")  # noqa: SIM115 - the caller closes it
        elif sys.stdin is None:
            raise FileError("standard input is closed")
        else:
            if is_terminal(sys.stdin):
                Output().diagnose("reading the data from the terminal; end it with Ctrl-D")
            binary = sys.stdin.buffer
    except OSError as error:
        raise FileError(f"can't read {name}: {error.strerror}") from None
    # Bytes that are not UTF-8 spoil their own row at most.
    return TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")


@contextmanager
def _open_table(name: str, kind: Kind) -> Iterator[tuple[Table, bool]]:
    """Open data for reading; tell also whether it is a stream, which may wait for more."""
    from backprop_cli.render.progress import Progress
    from backprop_cli.rows import read_csv, read_jsonl

    with _open(name) as stream:
        status = os.fstat(stream.fileno())
        size = status.st_size if stat.S_ISREG(status.st_mode) else None
        with Progress(size, "lines" if size is None else "bytes") as progress:
            lines = _lines(stream, name, progress)
            table = read_jsonl(lines) if kind is Kind.jsonl else read_csv(lines, _DELIMITERS[kind])
            yield table, size is None


def _lines(stream: TextIOWrapper, name: str, progress: Progress) -> Iterator[str]:
    by_line = progress.total is None
    try:
        for line in stream:
            # Characters for bytes: near enough to show how far it is.
            progress.advance(1 if by_line else len(line))
            yield line
    except OSError as error:
        raise FileError(f"can't read {name}: {error.strerror}") from None


def _check_kept(table: Table, form: Kind, results: list[str]) -> None:
    """Check that the columns of the data can stand beside those of the result. Raises UsageError."""
    names = [name.strip() for name in table.names]
    for name in names:
        if name in results:
            raise UsageError(f"the data has a column {name} of its own", hint="rename it, or omit --keep")
        if form is Kind.jsonl and names.count(name) > 1:
            raise UsageError(f"the data has two columns {name!r}, which one object can't keep")
    if form is not Kind.jsonl and not names:
        raise UsageError("the first row has no keys to make a header of", hint="--format jsonl needs none")


def _writer(
    output: Output, form: Kind, kept: tuple[str, ...] | None, wrt: list[str]
) -> CsvWriter | JsonWriter:
    from backprop_cli.render.rows import CsvWriter, JsonWriter

    stream = output.data_stream()
    if form is Kind.jsonl:
        return JsonWriter(stream, wrt, keep=kept is not None)
    return CsvWriter(stream, _DELIMITERS[form], kept or (), wrt)
