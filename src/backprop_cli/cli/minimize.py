"""``backprop minimize``."""

from __future__ import annotations

import math
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from backprop_cli.cli.batch import DataOptions, read_map
from backprop_cli.cli.command import From, command
from backprop_cli.cli.data import form_of_data, load_rows
from backprop_cli.cli.dialect import DialectOptions
from backprop_cli.cli.options import Shown, Where, digits_of, form_of, listed
from backprop_cli.cli.picture import Picture, check_picture, draw_planes
from backprop_cli.cli.saved import Begin, Save, refuse_data, save_point, with_drawn, with_start
from backprop_cli.descent.starts import Init
from backprop_cli.errors import Status, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from backprop_cli.batch.points import Points
    from backprop_cli.cli.options import PointOptions
    from backprop_cli.console.output import Output
    from backprop_cli.descent.report import Descent
    from backprop_cli.descent.steps import Bounds
    from backprop_cli.language.source import Source


class DescentFormat(StrEnum):
    """Forms of a descent."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"


class Method(StrEnum):
    """Ways down."""

    newton = "newton"
    bfgs = "bfgs"
    gd = "gd"
    momentum = "momentum"
    adam = "adam"


class Way(NamedTuple):
    """The options that say how to go."""

    method: Annotated[
        Method | None,
        typer.Option("--method", help="By default Newton's; gradient descent where there is --data."),
    ] = None
    rate: Annotated[
        float | None,
        typer.Option("--rate", metavar="R", help="How far a step of gd, momentum or adam goes: 0.1."),
    ] = None
    steps: Annotated[
        int | None,
        typer.Option("--steps", metavar="N", min=0, help="How many at most: 100, 200 of newton and bfgs."),
    ] = None
    until: Annotated[
        float, typer.Option("--until", metavar="SIZE", help="End where the gradient is no longer than this.")
    ] = 0.0
    bounds: Annotated[
        str | None,
        typer.Option("--bounds", metavar="A=0..1,B=0..", help="Where inputs stay; not with newton."),
    ] = None
    maximize: Annotated[bool, typer.Option("--maximize", help="Make the value large.")] = False
    batch_size: Annotated[
        int | None,
        typer.Option("--batch-size", metavar="N", min=1, help="A step for each N rows of --data, shuffled."),
    ] = None
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs", metavar="N", min=0, help="How often all rows are taken, instead of --steps."
        ),
    ] = None
    init: Annotated[
        Init | None,
        typer.Option("--init", help="Draw the numbers of arrays that have a shape alone: W:4x2."),
    ] = None
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", min=0, help="Of what is drawn or shuffled.")
    ] = None

    def check(self, *, has_rows: bool) -> None:
        """Raise UsageError for options that don't go together. has_rows: whether there is --data."""
        if not (math.isfinite(self.until) and self.until >= 0):
            raise UsageError("--until is a length: a number of 0 or more")
        if self.epochs is not None and self.steps is not None:
            raise UsageError("--epochs and --steps both say how long", hint="leave one of them out")
        if not has_rows and (self.batch_size is not None or self.epochs is not None):
            raise UsageError("--batch-size and --epochs go with --data", hint="--steps N")
        if self.batch_size is not None and self.method is Method.bfgs:
            raise UsageError("bfgs takes all rows at once", hint="leave --batch-size out, or --method adam")
        if self.batch_size is not None and self.steps is not None:
            raise UsageError("--steps is of all rows at once", hint="with --batch-size it is --epochs N")
        if self.seed is not None and self.batch_size is None and self.init in (None, Init.ZEROS):
            raise UsageError(
                "--seed changes nothing: no number is drawn and no row shuffled",
                hint="it goes with --init normal or xavier, and with --batch-size",
            )


@command(
    epilog="""\b
Examples:
  backprop minimize "(1-x)^2 + 100*(y-x^2)^2" x=-1.2 y=1
  backprop minimize "C = (tanh(w*2) - 1)^2" w=0.5 --method gd --rate 1
  backprop minimize "a*exp(-x) + x^2" a=3 x=0 --wrt x --save found.json
  backprop minimize "(w - 3)^2" w=0 --method gd --picture cost.svg
  backprop minimize "(w*x + b - y)^2" w=0 b=0 --data points.csv --rate 0.1
  backprop minimize "(W@[p,q]-y)^2" W:2 --init zeros --data d.csv --epochs 9

\b
Exit status: 0 a minimum is reached, or all steps of gd, momentum or adam are
done; 1 it is not reached; 2 a mistake in the program, a value or an option;
3 the start has no value or no gradient.""",
)
def minimize(
    options: Where,
    way: Annotated[Way, From(Way)],
    rows: Annotated[DataOptions, From(DataOptions)],
    written: Annotated[DialectOptions, From(DialectOptions)],
    trace: Annotated[bool, typer.Option("--trace", help="Show every step of a long descent.")] = False,
    save: Save = None,
    begin: Begin = None,
    picture: Picture = None,
    *,
    form: Annotated[DescentFormat, form_of(DescentFormat.table)],
    digits: Annotated[int | None, digits_of(6)],
    output: Shown,
) -> int:
    """Move inputs against the gradient to a minimum.

    The values given are the start. The verdict says what the last point is: nothing is called a minimum
    that the second derivatives don't show to be one.
    """
    if options.read_upstream() != 1:
        raise UsageError("--upstream changes no minimum", hint="--rate says how far a step goes")
    way.check(has_rows=rows.data is not None)
    refuse_data(save, rows.data)
    check_picture(picture, is_table=form is DescentFormat.table)
    if begin is not None:
        options = with_start(options, begin)
    options = with_drawn(options, way.init, way.seed or 0)
    from backprop_cli.console.progress import Progress
    from backprop_cli.descent.report import End

    long = way.steps if way.epochs is None else way.epochs
    with Progress(output.environment, long, "steps" if way.batch_size is None else "epochs") as progress:
        descend = _descend if rows.data is None else partial(_train, rows, written)
        descent = descend(options, way, progress.advance)
    if save is not None:
        save_point(save, {**descent.fixed, **descent.steps[descent.best].point})
    _show(descent, form, digits, output, everything=trace)
    if picture is not None:
        from backprop_cli.draw.planes import cost_plane, path_plane

        way_down = path_plane(descent) if rows.data is None else None
        draw_planes([cost_plane(descent), *([way_down] if way_down else [])], picture, output)
    return Status.INTERRUPTED if descent.end is End.INTERRUPTED else _status(descent)


def _descend(options: PointOptions, way: Way, advance: Callable[[int], None]) -> Descent:
    """Return the descent of a program."""
    from backprop_cli.descent.minimize import minimize_source

    request = options.read()
    return minimize_source(
        request.source,
        request.point,
        wrt=request.wrt,
        method=(way.method or Method.newton).value,
        rate=way.rate,
        steps=way.steps,
        until=way.until,
        bounds=read_bounds(way.bounds),
        maximize=way.maximize,
        advance=advance,
    )


def _train(
    rows: DataOptions,
    written: DialectOptions,
    options: PointOptions,
    way: Way,
    advance: Callable[[int], None],
) -> Descent:
    """Return the descent of the mean of a program over rows. All inputs that have values move, or --wrt."""
    from backprop_cli.batch.job import has_columns
    from backprop_cli.batch.points import Points, read_over_columns
    from backprop_cli.descent.minimize import check_way, run_descent

    if way.method is Method.newton:
        raise UsageError("newton takes no --data", hint="--method bfgs, gd, momentum or adam does")
    if not has_columns():
        raise UsageError("--data needs NumPy and pyarrow", hint="pip install 'backprop_cli[batch]'")
    form = rows.input_format or form_of_data(str(rows.data))
    dialect = written.read(form)
    from backprop_cli.descent.rows import RowsCost
    from backprop_cli.descent.steps import Batches

    renamed = read_map(rows.map, ())
    text, given = options.read_program_of_arrays()
    source: Source
    points: Points

    def prepare(names: tuple[str, ...]) -> Points:
        nonlocal source, points
        source = read_over_columns(text, given, renamed, options.notation, names)
        points = Points(source, given, renamed, dialect)
        return points

    columns, _ = load_rows(options.environment, str(rows.data), form, dialect, prepare, "training")
    values = {name: x for name, x in points.start.items() if name not in columns}
    wanted = options.choose_inputs(source) or list(values)
    for name in wanted:
        if name in columns:
            raise UsageError(
                f"{name} is a column of the data, which does not move", hint="--wrt names others"
            )
    method, bounds = (way.method or Method.gd).value, read_bounds(way.bounds)
    steps = way.steps if way.epochs is None else way.epochs
    check_way(wanted, method, way.rate, bounds, steps)
    cost = RowsCost(
        source,
        wanted,
        {name: x for name, x in values.items() if name not in wanted},
        columns,
        -1 if way.maximize else 1,
    )
    start = {name: values[name] for name in wanted}
    return run_descent(
        cost,
        start,
        "mean",
        method=method,
        rate=way.rate,
        steps=steps,
        until=way.until,
        bounds=bounds,
        advance=advance,
        batches=None if way.batch_size is None else Batches(way.batch_size, way.seed or 0),
    )


def _status(descent: Descent) -> Status:
    from backprop_cli.descent.report import End, Kind
    from backprop_cli.descent.rules import RULES

    is_done = descent.method in RULES and descent.end is End.STEPS and descent.verdict.kind is Kind.OPEN
    return Status.DONE if is_done or descent.verdict.kind is Kind.REACHED else Status.CHECK_FAILED


def read_bounds(text: str | None) -> Bounds:
    """Return the bounds that a=0..1,b=..5 says. Raises UsageError, ParseError or InputError."""
    from backprop_cli.language.source import evaluate_constant, input_name

    found: Bounds = {}
    words = [] if text is None else listed(text)
    if text is not None and not words:
        raise UsageError("--bounds names no input", hint="--bounds a=0..1,b=0..")
    for word in words:
        left, equals, span = word.partition("=")
        name = input_name(left.strip())
        least, dots, most = span.partition("..")
        if not (name and equals and dots) or not (least.strip() or most.strip()):
            raise UsageError(f"--bounds can't be {word!r}", hint="--bounds a=0..1,b=0..")
        if name in found:
            raise UsageError(f"--bounds names {name} twice")
        found[name] = (
            evaluate_constant(least) if least.strip() else -math.inf,
            evaluate_constant(most) if most.strip() else math.inf,
        )
    return found


def _show(
    descent: Descent, form: DescentFormat, digits: int | None, output: Output, *, everything: bool
) -> None:
    from backprop_cli.render import minimize as render

    if form is DescentFormat.table:
        output.write_blocks(render.descent_blocks(descent, digits, everything=everything))
        return
    if form is DescentFormat.json:
        output.write(render.render_json(descent) + "\n")
        return
    text = render.render_csv(descent) if form is DescentFormat.csv else "".join(render.render_lines(descent))
    output.write(text)
    for line, _ in render.closing(descent, digits):
        output.remark(line)
