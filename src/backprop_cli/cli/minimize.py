"""``backprop minimize``."""

from __future__ import annotations

import json
import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from backprop_cli.cli.command import From, command
from backprop_cli.cli.options import Asked, Shown, digits_of, form_of
from backprop_cli.errors import FileError, Status, UsageError

if TYPE_CHECKING:
    from backprop_cli.console.output import Output
    from backprop_cli.descent.report import Descent
    from backprop_cli.descent.steps import Bounds


class DescentFormat(StrEnum):
    """Forms of a descent."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"


class Method(StrEnum):
    """Ways down."""

    newton = "newton"
    gd = "gd"
    momentum = "momentum"
    adam = "adam"


class Way(NamedTuple):
    """The options that say how to go."""

    method: Annotated[
        Method, typer.Option("--method", help="Newton's method, gradient descent, or one of its kin.")
    ] = Method.newton
    rate: Annotated[float, typer.Option("--rate", metavar="R", help="How far a step of the others goes.")] = (
        0.1
    )
    steps: Annotated[
        int | None,
        typer.Option("--steps", metavar="N", min=0, help="How many at most: 100, 200 of Newton's."),
    ] = None
    until: Annotated[
        float, typer.Option("--until", metavar="SIZE", help="End where the gradient is no longer than this.")
    ] = 0.0
    bounds: Annotated[
        str | None,
        typer.Option("--bounds", metavar="A=0..1,B=0..", help="Where inputs stay; not with newton."),
    ] = None
    maximize: Annotated[bool, typer.Option("--maximize", help="Make the value large.")] = False


@command(
    epilog="""\b
Examples:
  backprop minimize "(1-x)^2 + 100*(y-x^2)^2" x=-1.2 y=1
  backprop minimize "C = (tanh(w*2) - 1)^2" w=0.5 --method gd --rate 1
  backprop minimize "a*exp(-x) + x^2" a=3 x=0 --wrt x --save found.json

\b
Exit status: 0 a minimum is reached, or all steps of gd, momentum or adam are
done; 1 it is not reached; 2 a mistake in the program, a value or an option;
3 the start has no value or no gradient.""",
)
def minimize(
    request: Asked,
    way: Annotated[Way, From(Way)],
    trace: Annotated[bool, typer.Option("--trace", help="Show every step of a long descent.")] = False,
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="FILE", help="Write the inputs at the best point as JSON."),
    ] = None,
    *,
    form: Annotated[DescentFormat, form_of(DescentFormat.table)],
    digits: Annotated[int | None, digits_of(6)],
    output: Shown,
) -> int:
    """Move inputs against the gradient to a minimum.

    The values given are the start. The verdict says what the last point is: nothing is called a minimum
    that the second derivatives don't show to be one.
    """
    if request.upstream != 1:
        raise UsageError("--upstream changes no minimum", hint="--rate says how far a step goes")
    if not (math.isfinite(way.until) and way.until >= 0):
        raise UsageError("--until is a length: a number of 0 or more")
    from backprop_cli.console.progress import Progress
    from backprop_cli.descent.minimize import minimize_source
    from backprop_cli.descent.report import End

    with Progress(output.environment, way.steps, "steps") as progress:
        descent = minimize_source(
            request.source,
            request.point,
            wrt=request.wrt,
            method=way.method.value,
            rate=way.rate,
            steps=way.steps,
            until=way.until,
            bounds=_bounds(way.bounds),
            maximize=way.maximize,
            advance=progress.advance,
        )
    if save is not None:
        _save(save, descent)
    _show(descent, form, digits, output, everything=trace)
    return Status.INTERRUPTED if descent.end is End.INTERRUPTED else _status(descent)


def _status(descent: Descent) -> Status:
    from backprop_cli.descent.report import End, Kind

    is_done = descent.method != "newton" and descent.end is End.STEPS and descent.verdict.kind is Kind.OPEN
    return Status.DONE if is_done or descent.verdict.kind is Kind.REACHED else Status.CHECK_FAILED


def _bounds(text: str | None) -> Bounds:
    """Return the bounds that a=0..1,b=..5 says. Raises UsageError, ParseError or InputError."""
    from backprop_cli.language.source import evaluate_constant

    found: Bounds = {}
    for word in [] if text is None else text.split(","):
        name, equals, span = word.partition("=")
        least, dots, most = span.partition("..")
        if not (name.strip() and equals and dots) or not (least.strip() or most.strip()):
            raise UsageError(f"--bounds can't be {word!r}", hint="--bounds a=0..1,b=0..")
        ends = (
            evaluate_constant(least) if least.strip() else -math.inf,
            evaluate_constant(most) if most.strip() else math.inf,
        )
        found[name.strip()] = ends
    return found


def _save(name: str, descent: Descent) -> None:
    """Write the best point, and what was fixed. Raises FileError."""
    from backprop_cli.system.files import write_file

    if not name or Path(name).is_dir():
        raise FileError(f"can't write {name or 'a file without a name'}")
    point = {**descent.fixed, **descent.steps[descent.best].point}
    write_file(name, (json.dumps(point, indent=2) + "\n").encode())


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
