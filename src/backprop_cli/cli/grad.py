"""``backprop grad``."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

import typer

from backprop_cli.cli.app import Status, app
from backprop_cli.cli.options import (
    Arguments,
    Color,
    ColorOption,
    CrossCheck,
    File,
    Json,
    Quiet,
    Upstream,
    Wrt,
    read_request,
)
from backprop_cli.cli.words import ProgramCommand
from backprop_cli.errors import UsageError
from backprop_cli.render.stream import Output


class Format(StrEnum):
    """Forms of output."""

    table = "table"
    json = "json"


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
    format: Annotated[Format, typer.Option("--format", help="Form of the output.")] = Format.table,
    digits: Annotated[
        str,
        typer.Option("--digits", metavar="N|full", help="Significant digits in the table."),
    ] = "6",
    everything: Annotated[bool, typer.Option("--all", help="Show every node of a large graph.")] = False,
    quiet: Quiet = False,
    color: ColorOption = Color.auto,
) -> int:
    """Show the value and the gradients of a program.

    A table has a line for each node and for each input, where the gradient is cross-checked with sympy.
    """
    shown_digits = _read_digits(digits)
    request = read_request(arguments, file, wrt, upstream)

    from backprop_cli.differentiate import differentiate_source
    from backprop_cli.undefined import undefined_gradients

    report = differentiate_source(
        request.source, request.point, wrt=request.wrt, upstream=request.upstream, check=check
    )
    output = Output(color)
    if not quiet:
        if json or format is Format.json:
            from backprop_cli.render.json import render_report

            output.write(render_report(report) + "\n")
        else:
            output.write_table(report, digits=shown_digits, everything=everything)
            output.flush()  # the table comes first also where both streams go to one place
            for warning in report.warnings:
                output.diagnose(f"warning: {warning.message}")
    if report.check.status == "fail":
        return Status.CHECK_FAILED
    missing = undefined_gradients(report)
    if missing is not None:
        output.flush()
        raise missing
    return Status.DONE


def _read_digits(text: str) -> int | None:
    if text == "full":
        return None
    if not re.fullmatch("[0-9]{1,2}", text) or not 1 <= int(text) <= 17:
        raise UsageError(f"--digits can't be {text!r}", hint="a number from 1 to 17, or full")
    return int(text)
