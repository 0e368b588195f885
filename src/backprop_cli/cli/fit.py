"""``backprop fit``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from backprop_cli.batch.forms import Form
from backprop_cli.cli.batch import DataOptions, read_map
from backprop_cli.cli.command import From, command
from backprop_cli.cli.data import form_of_data, load_data
from backprop_cli.cli.dialect import DialectOptions
from backprop_cli.cli.minimize import read_bounds
from backprop_cli.cli.options import File, Language, PointOptions, Shown, digits_of, form_of, listed, loader
from backprop_cli.cli.picture import Picture, check_picture, draw_planes
from backprop_cli.cli.saved import Begin, Save, refuse_data, save_point, with_start
from backprop_cli.console.environment import Environment
from backprop_cli.errors import Status, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from backprop_cli.console.output import Output
    from backprop_cli.fitting.report import Fit
    from backprop_cli.fitting.wish import Data, Start, Wish
    from backprop_cli.language.arrays.values import Value

_EXAMPLE = 'backprop fit "y ~ a*exp(-b*x)" --data d.csv'

_FIX = "--fix a=2, or --fix a=2,b=3"


class FitFormat(StrEnum):
    """Forms of a fit."""

    table = "table"
    json = "json"
    csv = "csv"


Arguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FORMULA [NAME=START]...",
        help="What is explained, ~, what explains it; and starts: a number, or a range, b=0.1..10.",
        show_default=False,
    ),
]


class FitOptions(NamedTuple):
    """The options that say what is fitted, and how."""

    environment: Environment
    arguments: Arguments = None
    file: File = None
    language: Language = None
    sigma: Annotated[
        str,
        typer.Option(
            "--sigma", metavar="COLUMN", show_default=False,
            help="The error of the left side: a column, or a formula of columns.",
        ),
    ] = ""  # fmt: skip
    scale_errors: Annotated[
        bool, typer.Option("--scale-errors", help="Scale errors by the residuals, though there is --sigma.")
    ] = False
    fix: Annotated[
        list[str] | None, typer.Option("--fix", metavar="A=2,...", help="Parameters that stay; w[0]=1, too.")
    ] = None
    bounds: Annotated[
        str | None, typer.Option("--bounds", metavar="A=0..1,B=0..", help="Where parameters stay.")
    ] = None
    starts: Annotated[
        int | None,
        typer.Option(
            "--starts", metavar="N", min=1, max=10_000, help="How many starts are drawn from ranges: 20."
        ),
    ] = None
    certify: Annotated[
        bool, typer.Option("--certify", help="Prove that a local minimum lies beside the estimates.")
    ] = False
    allow_bad: Annotated[bool, typer.Option("--allow-bad", help="Leave rows out that can't be read.")] = False

    def read(self, begin: str | None) -> tuple[str, Wish]:
        """Return the formula and what is asked for beside it. begin: the file of a saved point.

        Raises UsageError, FileError, ParseError or InputError.
        """
        from backprop_cli.fitting.wish import Wish
        from backprop_cli.language.arrays.values import Array

        if self.file is None and not self.arguments:
            raise UsageError("a formula is missing", hint=_EXAMPLE)
        fixed = _fixed(self.fix, self.environment)
        options = PointOptions(self.environment, self.arguments, self.file, language=self.language)
        if begin is not None:
            options = with_start(options, begin, fixed)
        words = list(options.arguments or [])
        head = words[: self.file is None]
        ranges = [word for word in words[len(head) :] if ".." in word.partition("=")[2]]
        others = [word for word in words[len(head) :] if word not in ranges]
        text, given = options._replace(arguments=[*head, *others]).read_program_of_arrays(
            shapes=True, elements=True
        )
        arrays = {name: value for name, value in given.items() if isinstance(value, Array)}
        starts: dict[str, Start] = {
            name: value for name, value in given.items() if not isinstance(value, Array)
        }
        for word in ranges:
            starts |= _range(word, (*starts, *arrays))
        bounds = read_bounds(self.bounds)
        return text, Wish(
            starts,
            fixed,
            bounds,
            self.sigma,
            self.scale_errors,
            self.starts,
            arrays=arrays,
            certify=self.certify,
        )


@command(
    epilog="""\b
Examples:
  backprop fit "y ~ a*exp(-b*x)" --data decay.csv
  backprop fit "y ~ a*exp(-b*x) + c" --data decay.csv b=0.1..10 --fix c=0
  backprop fit "log(y) ~ a - b*x" --data decay.csv --sigma s --json
  backprop fit "y ~ a*x + b" --data line.csv --predict more.csv --certify
  backprop fit "y ~ a*x + b" --data line.csv --picture line.svg

\b
Names that are no columns are parameters. Those in which the formula is linear
need no start.

\b
Exit status: 0 the fit converged; 1 it did not, ended at a kink, the data
can't tell some parameters, or --certify proved nothing; 2 a mistake in the
formula, a value, an option or the data; 3 a start has no value.""",
)
def fit(
    options: Annotated[FitOptions, From(FitOptions)],
    rows: Annotated[DataOptions, From(DataOptions)],
    written: Annotated[DialectOptions, From(DialectOptions)],
    predict: Annotated[
        str | None,
        typer.Option("--predict", metavar="FILE", help="Say the formula at the rows of FILE, too."),
    ] = None,
    save: Save = None,
    begin: Begin = None,
    picture: Picture = None,
    *,
    form: Annotated[FitFormat, form_of(FitFormat.table)],
    digits: Annotated[int | None, digits_of(6)],
    output: Shown,
) -> int:
    """Fit a formula to rows of data.

    Least squares on exact derivatives. The errors of the parameters are scaled by the residuals, or
    with --sigma follow from those of the data; what the data can't tell is said in words.
    """
    if rows.data is None:
        raise UsageError("the data is missing", hint=f"--data FILE, as in {_EXAMPLE}")
    refuse_data(save, rows.data)
    check_picture(picture, is_table=form is FitFormat.table)
    from backprop_cli.console.progress import Progress
    from backprop_cli.fitting.fit import fit_rows
    from backprop_cli.fitting.formula import read_formula
    from backprop_cli.fitting.wish import needed_columns

    text, wish = options.read(begin)
    wish = wish._replace(drawn=picture is not None)
    notation = None if options.language is None else options.language.value
    formula = None

    def needed(known: list[str]) -> list[str]:
        nonlocal formula
        formula = read_formula(text, known, wish.named, notation)
        return needed_columns(formula, wish, known)

    data = _load(options, rows, written, rows.data, needed)
    assert formula is not None
    read = [name for name in formula.program.inputs if name in data.columns]
    more = (
        None
        if predict is None
        else _load(options, rows._replace(input_format=None), written, predict, lambda _: read)
    )
    with Progress(output.environment, None, "evaluations") as progress:
        found = fit_rows(formula, data, wish, more, progress.advance)
    if save is not None:
        save_point(save, found.looked_for)
    _show(found, form, digits, output)
    if picture is not None:
        from backprop_cli.draw.planes import fit_planes

        draw_planes(fit_planes(found), picture, output)
    return _status(found)


def _status(found: Fit) -> Status:
    from backprop_cli.fitting.report import Outcome

    if found.interrupted:
        return Status.INTERRUPTED
    is_done = found.outcome in (Outcome.CONVERGED, Outcome.EXACT)
    if found.certificate is not None and found.certificate.reason:
        return Status.CHECK_FAILED
    return Status.DONE if is_done else Status.CHECK_FAILED


def _load(
    options: FitOptions,
    rows: DataOptions,
    written: DialectOptions,
    name: str,
    needed: Callable[[list[str]], list[str]],
) -> Data:
    """Return the columns that are needed. needed: tells which, of those that are there."""
    from backprop_cli.batch.job import has_columns
    from backprop_cli.batch.points import column_name

    if not has_columns():
        raise UsageError("a fit needs NumPy and pyarrow", hint="pip install 'backprop_cli[fit]'")
    from backprop_cli.fitting.wish import Data

    form: Form = rows.input_format or form_of_data(name)
    renamed = read_map(rows.map, ())

    def choose(names: tuple[str, ...]) -> dict[str, str]:
        wanted = needed(list(dict.fromkeys([*map(column_name, names), *renamed])))
        if not wanted:
            raise UsageError("the formula reads no column of the data")
        return {name: renamed.get(name, name) for name in wanted}

    columns, skipped = load_data(
        options.environment, name, form, written.read(form), choose, "a fit", allow_bad=options.allow_bad
    )
    return Data(columns, len(next(iter(columns.values()))), skipped)


def _range(word: str, others: Container[str]) -> dict[str, Start]:
    """Return the range that b=0.1..10 gives a parameter. Raises UsageError, ParseError or InputError."""
    from backprop_cli.language.reader import is_name
    from backprop_cli.language.source import evaluate_constant, input_name, is_element

    left, _, span = word.partition("=")
    name = input_name(left.strip())
    low, _, high = span.partition("..")
    if not (is_name(name) or is_element(name)) or not low.strip() or not high.strip():
        raise UsageError(f"a range can't be {word!r}", hint="b=0.1..10; --bounds takes open ones")
    if name in others:
        raise UsageError(f"{name} is given two starts")
    return {name: (evaluate_constant(low), evaluate_constant(high))}


def _fixed(words: list[str] | None, environment: Environment) -> dict[str, Value]:
    """Return the parameters that --fix gives a number. Raises UsageError, ParseError or InputError."""
    from backprop_cli.language.values import read_values

    parts = [part for word in words or () for part in listed(word)]
    if words and not parts:
        raise UsageError("--fix names no parameter", hint=_FIX)
    return read_values(parts, _FIX, loader(environment), elements=True)


def _show(found: Fit, form: FitFormat, digits: int | None, output: Output) -> None:
    from backprop_cli.render import fit as render

    if form is FitFormat.table:
        output.write_blocks(render.fit_blocks(found, digits))
        return
    output.write(render.render_json(found) + "\n" if form is FitFormat.json else render.render_csv(found))
    if form is FitFormat.csv:
        for line, _ in render.closing(found, digits):
            output.remark(line)
