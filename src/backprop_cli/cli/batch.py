"""``backprop batch``."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backprop_cli.batch.forms import DELIMITERS, ENDINGS, TEXT, Form
from backprop_cli.cli.app import app, turn_on_collector
from backprop_cli.cli.data import (
    begin,
    form_of_data,
    form_of_output,
    open_columns,
    open_data,
    open_rows,
    open_sink,
)
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
from backprop_cli.console.output import Output, is_terminal
from backprop_cli.errors import Status, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import BinaryIO, TextIO

    from backprop_cli.batch.cells import Table
    from backprop_cli.batch.points import Points
    from backprop_cli.batch.program import Batch
    from backprop_cli.batch.sample import Sample
    from backprop_cli.batch.tally import Tally
    from backprop_cli.batch.writers import CsvWriter, JsonWriter

_EXAMPLE = 'backprop batch "(a*b+c)*f" --data points.csv'
_TITLES = {Form.parquet: "Parquet", Form.arrow: "Arrow", Form.npy: "NPY", Form.npz: "NPZ"}


class EngineName(StrEnum):
    """What computes."""

    auto = "auto"
    python = "python"
    numpy = "numpy"
    jit = "jit"
    numba = "numba"


@app.command(
    cls=ProgramCommand,
    options_metavar="[OPTIONS]",
    epilog="""\b
Examples:
  backprop batch "(a*b+c)*f" --data points.csv
  backprop batch "(a*b+c)*f" --data points.csv f=5 --wrt a,b --keep
  backprop batch "(a*b+c)*f" --data in.parquet --map c=d --output out.npz
  tail -f log.csv | backprop batch "relu(w*x)" w=2 --data - --json

\b
A row of the result: value, grad_NAME for each input, value_NAME for each step
of --values, and status: ok, kink, undefined, nonfinite or bad input.

\b
Exit status: 0 done; 1 a row differs from that of --check; 2 a mistake in the
program, a value, an option or the header, or an unusable file; 3 a row is
neither ok nor at a kink (0 with --allow-bad).""",
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
        Form | None,
        typer.Option("--input-format", help="Form of the data, told by the file's ending by default."),
    ] = None,
    map: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="A=COLUMN,...", help="Read an input from a column of another name."),
    ] = None,
    file: File = None,
    wrt: Wrt = None,
    upstream: Upstream = "1",
    values: Annotated[
        list[str] | None,
        typer.Option("--values", metavar="D,E,...", help="Write the values of these steps, too."),
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            "--output",
            metavar="FILE",
            show_default=False,
            help="Write to FILE, whole or not at all; - for standard output.",
        ),
    ] = "-",
    json: Annotated[bool, typer.Option("--json", help="Short for --format jsonl.")] = False,
    format: Annotated[
        Form | None,
        typer.Option(
            "--format",
            help="Form of the output, told by the ending of --output, or that of the data.",
        ),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Repeat the data in front of the results.")] = False,
    allow_bad: Annotated[
        bool, typer.Option("--allow-bad", help="Rows without a result are no failure.")
    ] = False,
    check: Annotated[
        int,
        typer.Option(
            "--check",
            metavar="N",
            min=0,
            show_default=False,
            help="Compute N rows, drawn at random, once more with sympy.",
        ),
    ] = 0,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Draw the same rows again.")] = None,
    engine: Annotated[
        EngineName,
        typer.Option("--engine", help="What computes; jit is compiled, and numba another word for it."),
    ] = EngineName.auto,
    quiet: Quiet = False,
    color: ColorOption = Color.auto,
) -> int:
    """Compute value and gradients at every row of data."""
    if data is None:
        named = next((word for word in arguments or () if Path(word).suffix in ENDINGS), None)
        raise UsageError("--data is missing", hint=f"did you mean --data {named}?" if named else _EXAMPLE)
    program = file or next(iter(arguments or ()), None)
    form = input_format or form_of_data(data)
    shape = choose_format(format, None, Form.jsonl if json else None) or form_of_output(target, form)
    if program is None:
        raise UsageError("a program is missing", hint=_EXAMPLE)
    if program == data == "-":
        raise UsageError("the program and the data can't both be standard input", hint=_EXAMPLE)
    if target == "-" and shape not in TEXT and not quiet and is_terminal(sys.stdout):
        raise UsageError(f"{_TITLES[shape]} is nothing for a terminal", hint="--output FILE, or a pipe")

    from backprop_cli.batch.cells import Table
    from backprop_cli.batch.points import Points, column_name
    from backprop_cli.batch.program import Batch
    from backprop_cli.batch.sample import Sample, choose_seed, find_disagreements
    from backprop_cli.batch.tally import Tally
    from backprop_cli.batch.writers import result_columns
    from backprop_cli.language.source import check_names, evaluate_constant, read_source
    from backprop_cli.render.rows import render_check, render_summary

    text, given = read_program(arguments, file)
    read_source(text, given)  # for its errors, which need not wait for the data
    arriving = evaluate_constant(upstream)
    renamed = _read_map(map, given)
    if engine is EngineName.numba:
        engine = EngineName.jit
    sample = Sample(check, choose_seed() if seed is None else seed) if check else None
    output = Output(color)
    tally = Tally()
    with ExitStack() as stack:
        opened = open_data(data, form, stack)
        by_row = form in TEXT and shape in TEXT and engine in (EngineName.auto, EngineName.python)
        if by_row and engine is EngineName.auto and _has_columns():
            opened, by_row = begin(opened)
        if not by_row:
            _need_columns(form, shape, engine)
        table = open_rows(opened, stack) if by_row else open_columns(opened, stack)
        columns = {column_name(name) for name in table.names}
        source = read_source(text, {*given, *columns, *renamed})  # a column may be called pi
        wanted = choose_inputs(source, wrt) or list(source.inputs)
        check_names(source, renamed)
        points = Points(source, given, renamed)
        if table.has_header:
            points.check_header(table.names)
        work = Batch(source, wanted, arriving, _read_names(values))
        titles = result_columns(wanted, work.values)
        if keep:
            _check_kept(table.names, shape, titles)
        if not quiet:
            for name in sorted(columns.intersection(given)):
                output.diagnose(f"warning: the column {name} is not read: its value is given")
        kept = table.names if keep else None
        sink = None if quiet and target == "-" else open_sink(target, shape, output, stack)
        # A stream is answered as it comes.
        hurried = opened.size is None or (target == "-" and is_terminal(sys.stdout))
        flush = sink.flush if sink is not None and hurried else _no_flush
        turn_on_collector()
        lost: set[str] = set()
        if isinstance(table, Table):
            writer = None if sink is None else _row_writer(sink, shape, titles, kept)
            flush()
            _run_rows(table, work, points, tally, sample, writer, flush)
            lost = writer.lost if writer is not None else lost
        else:
            from backprop_cli.batch.frames.run import open_writer, run_columns
            from backprop_cli.console.progress import Progress

            block_writer = None if sink is None else open_writer(sink, shape, titles, kept, points, form)
            flush()
            with Progress(table.total, table.unit) as progress:
                run_columns(
                    table,
                    work,
                    points,
                    tally,
                    sample,
                    block_writer,
                    flush,
                    progress.advance,
                    engine=engine,
                    keep=keep,
                )
            lost = block_writer.lost if block_writer is not None else lost
    differences: list[str] = []
    lines = [] if sink is None else render_summary(tally, lost)
    if sample is not None:
        checked, differences = find_disagreements(sample, work)
        lines += render_check(tally.rows, checked, sample.seed, differences)
    if not quiet:
        if target == "-":
            output.flush()
        for line in lines:
            output.diagnose(line)
    if differences:
        return Status.CHECK_FAILED
    return Status.UNDEFINED if tally.faults() and not allow_bad else Status.DONE


def _run_rows(
    table: Table,
    batch: Batch,
    points: Points,
    tally: Tally,
    sample: Sample | None,
    writer: CsvWriter | JsonWriter | None,
    flush: Callable[[], None],
) -> None:
    for row in table.rows:
        result = batch.compute_row(row, points)
        tally.add(result)
        if sample is not None:
            for _ in sample.places(1):
                sample.take(tally.rows, partial(points.read, row), result)
        if writer is not None:
            writer.write_result(row, result)
            flush()


def _row_writer(
    sink: TextIO | BinaryIO, form: Form, columns: Sequence[str], kept: tuple[str, ...] | None
) -> CsvWriter | JsonWriter:
    from backprop_cli.batch.writers import CsvWriter, JsonWriter

    text: TextIO = sink  # type: ignore[assignment]
    if form is Form.jsonl:
        return JsonWriter(text, columns, keep=kept is not None)
    return CsvWriter(text, DELIMITERS[form], kept or (), columns)


def _no_flush() -> None:
    pass


def _has_columns() -> bool:
    """Tell whether NumPy and pyarrow are there, without the time that importing them takes."""
    from importlib.util import find_spec

    try:
        return find_spec("numpy") is not None and find_spec("pyarrow") is not None
    except ValueError:  # they are kept from being imported
        return False


def _need_columns(form: Form, shape: Form, engine: EngineName) -> None:
    if _has_columns():
        return
    what = f"the engine {engine}"
    if form in _TITLES:
        what = f"reading {_TITLES[form]}"
    elif shape in _TITLES:
        what = f"writing {_TITLES[shape]}"
    raise UsageError(f"{what} needs NumPy and pyarrow", hint="pip install 'backprop_cli[batch]'")


def _read_map(words: Sequence[str] | None, given: Collection[str]) -> dict[str, str]:
    """Return the columns that inputs are read from, by the inputs. Raises UsageError."""
    from backprop_cli.batch.points import column_name

    renamed: dict[str, str] = {}
    for word in words or ():
        for part in re.split(r",(?=[^,=]+=)", word):
            name, equals, column = part.partition("=")
            name = column_name(name)
            if not equals or not name or not column.strip():
                raise UsageError(f"--map can't be {part!r}", hint="--map a=COLUMN, or --map a=COLUMN,b=OTHER")
            if name in renamed:
                raise UsageError(f"--map gives {name} two columns")
            if name in given:
                raise UsageError(f"{name} is given both a value and a column")
            renamed[name] = column_name(column)
    return renamed


def _read_names(words: Sequence[str] | None) -> list[str]:
    """Return the steps that --values names. Given more than once, its lists add up."""
    from backprop_cli.batch.points import column_name

    names = [column_name(name) for word in words or () for name in word.split(",") if name.strip()]
    if words and not names:
        raise UsageError("--values names no step", hint="--values d,e")
    return list(dict.fromkeys(names))


def _check_kept(data: Sequence[str], form: Form, results: Sequence[str]) -> None:
    """Check that the columns of the data can stand beside those of the result. Raises UsageError."""
    names = [name.strip() for name in data]
    for name in names:
        if name in results:
            raise UsageError(f"the data has a column {name} of its own", hint="rename it, or omit --keep")
        if form not in DELIMITERS and names.count(name) > 1:
            what = "object" if form is Form.jsonl else "file"
            raise UsageError(f"the data has two columns {name!r}, which one {what} can't keep")
    if form is not Form.jsonl and not names:
        raise UsageError("the first row has no keys to make a header of", hint="--format jsonl needs none")
