"""The application: what all commands share."""

from __future__ import annotations

import gc
from typing import Annotated

import typer

from backprop_cli import __version__
from backprop_cli.cli.words import ProgramGroup
from backprop_cli.console.output import Output
from backprop_cli.errors import UsageError

app = typer.Typer(
    cls=ProgramGroup,
    add_completion=False,  # Typer's would edit the files of the user's shell; see completion.py
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "terminal_width": 80},
    help="Value, gradients and local derivatives of an expression, checked against sympy.",
    epilog="""\b
Examples:
  backprop grad "(a*b+c)*f" a=2 b=3 c=-10 f=5
  backprop check "(a*b+c)*f" a=2 b=3 c=-10 f=5 --expect a=15 --expect "b=a*f"
  backprop batch "(a*b+c)*f" --data points.csv
  backprop ops sigmoid

\b
Exit status:
  0  done
  1  a check failed: sympy disagrees, or an expectation is not met
  2  a mistake in the program, a value or an option, or an unusable file
  3  the value or a requested gradient does not exist or is not finite""",
)


def turn_on_collector() -> None:
    """Turn the collector on, which a short run does without: a thousand cases would leave 100 MB behind.

    What was imported stays, and need not be looked at.
    """
    gc.freeze()
    gc.enable()


def _show_version(ctx: typer.Context, on: bool) -> None:
    if on:
        Output(ctx.obj).write(f"backprop {__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    version: Annotated[  # noqa: ARG001 - acts in its callback
        bool,
        typer.Option(
            "--version",
            help="Show the version and exit.",
            is_eager=True,
            callback=_show_version,
        ),
    ] = False,
) -> None:
    if ctx.invoked_subcommand is None:
        raise UsageError("a command is missing", hint='backprop grad "a*b" a=2 b=3, or backprop --help')
