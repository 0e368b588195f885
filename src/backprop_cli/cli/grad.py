"""``backprop grad``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backprop_cli.cli.app import app
from backprop_cli.cli.options import (
    Arguments,
    Color,
    ColorOption,
    CrossCheck,
    Digits,
    File,
    Json,
    Quiet,
    Upstream,
    Wrt,
    choose_format,
    read_digits,
    read_request,
)
from backprop_cli.cli.words import ProgramCommand
from backprop_cli.console.output import Output
from backprop_cli.errors import Status

if TYPE_CHECKING:
    from backprop_cli.report import Report


class Format(StrEnum):
    """Forms of output."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    latex = "latex"


@app.command(
    cls=ProgramCommand,
    options_metavar="[OPTIONS]",
    epilog="""\b
Examples:
  backprop grad "(a*b+c)*f" a=2 b=3 c=-10 f=5
  backprop grad "e = a*b; d = e + c; L = d*f" a=2 b=3 c=-10 f=5
  backprop grad "relu(w*x + b)" w=0.5 x=2 b=-0.3 --upstream 10
  backprop grad --file loss.txt x=1 --wrt x --json | jq .gradients.x

Exit status: 0 done; 1 the check failed; 2 a mistake in the program, a value or an option; 3 the value or a
requested gradient does not exist or is not finite.""",
)
def grad(
    arguments: Arguments = None,
    file: File = None,
    wrt: Wrt = None,
    upstream: Upstream = "1",
    check: CrossCheck = True,
    json: Json = False,
    format: Annotated[
        Format | None, typer.Option("--format", help="Form of the output, table by default.")
    ] = None,
    digits: Digits = "6",
    everything: Annotated[bool, typer.Option("--all", help="Show every node of a large graph.")] = False,
    save_case: Annotated[
        str | None,
        typer.Option("--save-case", metavar="FILE", help="Add this point to a suite for backprop check."),
    ] = None,
    quiet: Quiet = False,
    color: ColorOption = Color.auto,
) -> int:
    """Show the value and the gradients of a program.

    A table has a line for each node and for each input, where the gradient is cross-checked with sympy.
    """
    form = choose_format(format, Format.table, Format.json if json else None)
    shown_digits = read_digits(digits)
    request = read_request(arguments, file, wrt, upstream)

    from backprop_cli.differentiate import differentiate_source
    from backprop_cli.findings.undefined import undefined_gradients

    report = differentiate_source(
        request.source, request.point, wrt=request.wrt, upstream=request.upstream, check=check
    )
    output = Output(color)
    if not quiet:
        if form is Format.table:
            from backprop_cli.render.table import report_blocks

            output.write_blocks(report_blocks(report, digits=shown_digits, everything=everything))
        else:
            output.write_pieces(_RENDERERS[form](report, shown_digits, everything))
        if form is not Format.json:  # which holds them itself
            output.flush()  # the result comes first also where both streams go to one place
            output.warn(report.warnings)
    if report.check.status == "fail":
        return Status.CHECK_FAILED
    missing = undefined_gradients(report)
    if missing is not None:
        output.flush()
        raise missing
    if save_case is not None:
        from backprop_cli.expect.suite import append_case

        append_case(Path(save_case), report)
    return Status.DONE


def _json(report: Report, _digits: int | None, _everything: bool) -> Iterator[str]:
    from backprop_cli.render.json import report_pieces

    yield from report_pieces(report)
    yield "\n"


def _csv(report: Report, _digits: int | None, _everything: bool) -> Iterable[str]:
    from backprop_cli.render.csv import render_report

    return [render_report(report)]


def _markdown(report: Report, digits: int | None, everything: bool) -> Iterable[str]:
    from backprop_cli.render.markdown import render_report

    return [render_report(report, digits=digits, everything=everything)]


def _latex(report: Report, digits: int | None, everything: bool) -> Iterable[str]:
    from backprop_cli.render.latex import render_report

    return [render_report(report, digits=digits, everything=everything)]


_RENDERERS: dict[Format, Callable[[Report, int | None, bool], Iterable[str]]] = {
    Format.json: _json,
    Format.csv: _csv,
    Format.markdown: _markdown,
    Format.latex: _latex,
}
