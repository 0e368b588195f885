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
    help="Value, gradients and local derivatives of an expression, checked by sympy.",
    epilog="""\b
Example: backprop grad "(a*b+c)*f" a=2 b=3 c=-10 f=5   (grad --help: more)
Status:  0 done, 1 check failed, 2 mistake or trouble, 3 undefined or infinite""",
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
