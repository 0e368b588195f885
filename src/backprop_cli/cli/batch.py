"""``backprop batch``."""

from __future__ import annotations

import re
from contextlib import ExitStack, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from backprop_cli.batch.forms import BINARY, ENDINGS, Form
from backprop_cli.batch.sums import Reduction
from backprop_cli.cli.app import turn_on_collector
from backprop_cli.cli.command import From, command
from backprop_cli.cli.data import (
    form_of_data,
    form_of_output,
    open_data,
    open_results,
    open_table,
    tell_columns,
)
from backprop_cli.cli.datasets import SetOptions, SetRun, find_files, is_set, is_several, run_set
from backprop_cli.cli.dialect import DialectOptions
from backprop_cli.cli.options import Shown, Where, choose_format, refuse_no_output
from backprop_cli.cli.reduced import run_reduced
from backprop_cli.cli.sample import SampleOptions, tell_rows, tell_sample
from backprop_cli.errors import InputError, Status, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from backprop_cli.batch.job import Job
    from backprop_cli.cli.options import PointOptions
    from backprop_cli.console.output import Output

_EXAMPLE = 'backprop batch "(a*b+c)*f" --data points.csv'


class EngineName(StrEnum):
    """What computes."""

    auto = "auto"
    python = "python"
    numpy = "numpy"
    jit = "jit"
    numba = "numba"


InputFormat = Annotated[
    Form | None,
    typer.Option("--input-format", help="Form of the data, told by the file's ending by default."),
]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="A=COLUMN,...", help="Read an input from a column of another name."),
]


class DataOptions(NamedTuple):
    """The options that say what is read."""

    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="FILE",
            help="The rows, - for standard input; columns are inputs by their names.",
        ),
    ] = None
    input_format: InputFormat = None
    map: Map = None


class FilesOptions(NamedTuple):
    """The options that say what is read, of one file or many."""

    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            metavar="FILE",
            help="The rows, - for standard input; columns are inputs by their names. Many files: a folder, "
            "a glob in quotes, or again for each.",
        ),
    ] = None
    input_format: InputFormat = None
    map: Map = None


class ResultOptions(NamedTuple):
    """The options that say what is written, and where."""

    values: Annotated[
        list[str] | None,
        typer.Option("--values", metavar="D,E,...", help="Write the values of these steps, too."),
    ] = None
    outputs: Annotated[
        list[str] | None,
        typer.Option(
            "--outputs", metavar="U,V,...", help="Write the gradients of these steps, grad_U_X, too."
        ),
    ] = None
    order: Annotated[
        int, typer.Option("--order", metavar="N", min=1, max=2, help="2: second derivatives, hess_A_B, too.")
    ] = 1
    target: Annotated[
        str,
        typer.Option(
            "--output",
            metavar="FILE",
            show_default=False,
            help="Write to FILE, whole or not at all; - for standard output; FOLDER/ for a file each.",
        ),
    ] = "-"
    json: Annotated[bool, typer.Option("--json", help="Short for --format jsonl.")] = False
    format: Annotated[
        Form | None,
        typer.Option(
            "--format",
            help="Form of the output, told by the ending of --output, or that of the data.",
        ),
    ] = None
    keep: Annotated[bool, typer.Option("--keep", help="Repeat the data in front of the results.")] = False
    prefix: Annotated[
        str,
        typer.Option(
            "--prefix", metavar="TEXT", show_default=False, help="Begin the names of results with it."
        ),
    ] = ""
    reduce: Annotated[
        Reduction | None,
        typer.Option("--reduce", help="Write one row: the sum of all, or their mean; rounded once."),
    ] = None
    group: Annotated[
        str | None,
        typer.Option(
            "--group-by", metavar="COLUMN", help="With --reduce: write a row for each word of this column."
        ),
    ] = None


@command(
    epilog="""\b
Examples:
  backprop batch "(a*b+c)*f" --data points.csv
  backprop batch "(a*b+c)*f" --data points.csv f=5 --wrt a,b --keep
  backprop batch "(a*b+c)*f" --data in.parquet --map c=d --output out.npz
  backprop batch "(w*x - y)^2" --data d.csv w=1 --wrt w --reduce mean
  backprop batch "x^2*y" --data d.csv --order 2
  backprop batch "a*b" --data prices.csv.gz --delimiter ';' --decimal ,
  backprop batch "a*b" --data FOLDER --output OUT/
  tail -f log.csv | backprop batch "relu(w*x)" w=2 --data - --json

\b
A row of the result: value, grad_NAME for each input, value_NAME for each step
of --values, grad_U_NAME for each of --outputs, hess_A_B of --order 2, and
status: ok, kink, undefined, nonfinite or bad input.

\b
Exit status: 0 done; 1 a row differs from that of --check, or --strict asks
for more; 2 a mistake in the program, a value, an option or the header, or an
unusable file; 3 a row is neither ok nor at a kink (0 with --allow-bad).""",
)
def batch(
    rows: Annotated[FilesOptions, From(FilesOptions)],
    options: Where,
    written: Annotated[DialectOptions, From(DialectOptions)],
    results: Annotated[ResultOptions, From(ResultOptions)],
    allow_bad: Annotated[
        bool, typer.Option("--allow-bad", help="Rows without a result are no failure.")
    ] = False,
    *,
    drawn: Annotated[SampleOptions, From(SampleOptions)],
    spread: Annotated[SetOptions, From(SetOptions)],
    engine: Annotated[
        EngineName,
        typer.Option("--engine", help="What computes; jit is compiled, and numba another word for it."),
    ] = EngineName.auto,
    output: Shown,
) -> int:
    """Compute value and gradients at every row of data."""
    names = _names_of_data(rows, options)
    if is_set(names, results.target, is_reduced=results.reduce is not None):
        job, shape = _read_set_job(rows, options, results, engine, drawn)
        job = job._replace(skips=allow_bad)
        asked = SetRun(job, shape, names, rows.input_format, results.target, spread, written, drawn)
        return run_set(asked, output)
    spread.refuse_single()
    if is_several(names):
        files, dialect = find_files(names, rows.input_format, written, output)
        job = _read_job(files[0].form, names, rows, options, results, engine, output)
        return run_reduced(
            job._replace(skips=allow_bad, dialect=dialect), names, files, results.target, drawn, output
        )
    form = rows.input_format or form_of_data(names[0])
    job = _read_job(form, names, rows, options, results, engine, output)
    job = job._replace(skips=allow_bad, dialect=written.read(form))
    sample = drawn.draw()

    from backprop_cli.batch.job import Run, prepare, run_work

    with ExitStack() as stack:
        data = open_data(output.environment, names[0], job.form, stack, job.dialect)
        table, advance = open_table(data, job, output.environment, stack)
        work = prepare(job, table)
        tell_columns(work.batch.source.read_as, work.unread, output)
        sink, flush = open_results(results.target, data, job, output, stack)
        turn_on_collector()
        tally, lost = run_work(work, table, Run(sink, flush, advance, sample))
    tell_rows(tally, output, lost)
    if sample is not None and not tell_sample(sample, work.batch, tally.rows, drawn, output):
        return Status.CHECK_FAILED
    return Status.UNDEFINED if tally.faults() and not allow_bad else Status.DONE


def _read_job(
    form: Form,
    names: Sequence[str],
    rows: FilesOptions,
    options: PointOptions,
    results: ResultOptions,
    engine: EngineName,
    output: Output,
) -> Job:
    """Return what is asked for of data in a form. Raises UsageError, ParseError or InputError."""
    refuse_no_output(results.target)
    short = Form.jsonl if results.json else None
    shape = choose_format(results.format, None, short) or form_of_output(results.target, form)
    if "-" in names and _named_program(options) == "-":
        raise UsageError("the program and the data can't both be standard input", hint=_EXAMPLE)
    writes_terminal = results.target == "-" and output.environment.writes_terminal
    if writes_terminal and shape in BINARY and not output.quiet:
        raise UsageError(f"{BINARY[shape]} is nothing for a terminal", hint="--output FILE, or a pipe")
    return _job(form, shape, rows, options, results, engine)


def _read_set_job(
    rows: FilesOptions,
    options: PointOptions,
    results: ResultOptions,
    engine: EngineName,
    drawn: SampleOptions,
) -> tuple[Job, Form | None]:
    """Return what is asked for of a data set, and the form of all results, None for that of each file."""
    shape = choose_format(results.format, None, Form.jsonl if results.json else None)
    if results.reduce is not None:
        raise UsageError("--reduce writes one row, and a folder has a file for each", hint="--output FILE")
    job = _job(rows.input_format or Form.csv, shape or Form.csv, rows, options, results, engine)
    return job._replace(check=drawn.size(), seed=drawn.seed), shape


def _named_program(options: PointOptions) -> str:
    """Return what names the program: the text, a file or a stream. Raises UsageError."""
    program = options.file or next(iter(options.arguments or ()), None)
    if program is None:
        raise UsageError("a program is missing", hint=_EXAMPLE)
    return program


def _job(
    form: Form,
    shape: Form,
    rows: FilesOptions,
    options: PointOptions,
    results: ResultOptions,
    engine: EngineName,
) -> Job:
    """Return what is asked for of data in a form."""
    _named_program(options)
    if results.group is not None and (results.reduce is None or not results.group.strip()):
        raise UsageError("--group-by takes a column, beside --reduce", hint="--reduce sum --group-by COLUMN")
    if results.keep and results.reduce is not None:
        raise UsageError("--reduce writes one row, beside which no data can stand", hint="omit --keep")

    from backprop_cli.batch.job import Job

    text, given = options.read_program_of_arrays()
    _refuse_at_once(text, given, options.notation)
    return Job(
        program=text,
        given=given,
        renamed=read_map(rows.map, given),
        notation=options.notation,
        wrt=options.wrt_names(),
        upstream=options.read_upstream(),
        values=_read_names(results.values, "--values"),
        outputs=_read_names(results.outputs, "--outputs"),
        order=results.order,
        form=form,
        shape=shape,
        keep=results.keep,
        prefix=results.prefix,
        reduction=results.reduce,
        group=results.group or "",
        engine=EngineName.jit if engine is EngineName.numba else engine,
    )


def _refuse_at_once(text: str, given: Collection[str], notation: str | None) -> None:
    """Raise ParseError for a text that no names of columns could make a program, before the data is read."""
    from backprop_cli.language.foreign.scan import RefusalError
    from backprop_cli.language.source import read_source

    with suppress(RefusalError, InputError):  # a name in it may be that of a column, or an array of columns
        read_source(text, given, notation)


def _names_of_data(rows: FilesOptions, options: PointOptions) -> list[str]:
    """Return what the data is called. Raises UsageError where nothing says it."""
    if not rows.data:
        named = next((word for word in options.arguments or () if Path(word).suffix in ENDINGS), None)
        raise UsageError("--data is missing", hint=f"did you mean --data {named}?" if named else _EXAMPLE)
    return rows.data


def read_map(words: Sequence[str] | None, given: Collection[str]) -> dict[str, str]:
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


def _read_names(words: Sequence[str] | None, option: str) -> list[str]:
    """Return the steps that an option names. Given more than once, its lists add up."""
    from backprop_cli.batch.points import column_name

    names = [column_name(name) for word in words or () for name in word.split(",") if name.strip()]
    if words and not names:
        raise UsageError(f"{option} names no step", hint=f"{option} d,e")
    return list(dict.fromkeys(names))
