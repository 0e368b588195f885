"""The command line: options → library call → renderer → exit status. The only file that imports Typer."""

from __future__ import annotations

import os
import re
import sys
from enum import IntEnum, StrEnum
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from backprop_cli import __version__
from backprop_cli.errors import BackpropError, FileError, UsageError, did_you_mean
from backprop_cli.render.stream import Output

if TYPE_CHECKING:
    from collections.abc import Sequence


class Status(IntEnum):
    """Exit statuses."""

    DONE = 0
    CHECK_FAILED = 1
    TROUBLE = 2
    UNDEFINED = 3


class Color(StrEnum):
    """When to use colour."""

    auto = "auto"
    always = "always"
    never = "never"


class Format(StrEnum):
    """Forms of output."""

    table = "table"
    json = "json"


_OPTION = re.compile(r"--[A-Za-z][A-Za-z-]+(=.*)?", re.DOTALL)


class ProgramCommand(TyperCommand):
    """A command whose first argument is a program, which may begin with a minus.

    Only a word that is an option of the command, or looks like one (``--jsn``), is taken as an option;
    ``-a*b`` and ``-h*f`` are programs.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Sort the words into options and arguments."""
        takes_value = {
            name: not param.is_flag  # type: ignore[attr-defined]
            for param in self.get_params(ctx)
            if param.param_type_name == "option"
            for name in (*param.opts, *param.secondary_opts)
        }
        options: list[str] = []
        words: list[str] = []
        rest = iter(args)
        for word in rest:
            if word == "--":
                words.extend(rest)
            elif word in takes_value:
                options.append(word)
                if takes_value[word]:
                    value = next(rest, None)
                    if value is None:
                        raise UsageError(f"{word} needs a value", hint=f"backprop {self.name} --help")
                    options.append(value)
            elif _OPTION.fullmatch(word):
                options.append(word)
            else:
                words.append(word)
        return super().parse_args(ctx, [*options, "--", *words])


class ProgramGroup(TyperGroup):
    """The commands; a program where a command is expected gets a hint."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command. Raises UsageError."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            commands = self.list_commands(ctx)
            hint = did_you_mean(name, commands) or f"the commands are {', '.join(commands)}"
            if not name.isidentifier():
                hint = f"did you mean: backprop grad {' '.join(map(_quoted, args))}"
            raise UsageError(f"there is no command {name!r}", hint=hint)
        return super().resolve_command(ctx, args)


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[\w=.,+-]+", word) else f'"{word}"'


app = typer.Typer(
    cls=ProgramGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Value, gradients and local derivatives of an expression, checked against sympy.",
    epilog='Example: backprop grad "(a*b+c)*f" a=2 b=3 c=-10 f=5',
)


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    version: Annotated[  # noqa: ARG001 - acts in its callback
        bool,
        typer.Option(
            "--version",
            help="Show the version and exit.",
            is_eager=True,
            callback=lambda on: _show_version(on),
        ),
    ] = False,
) -> None:
    if ctx.invoked_subcommand is None:
        raise UsageError("a command is missing", hint='backprop grad "a*b" a=2 b=3, or backprop --help')


def _show_version(on: bool) -> None:
    if on:
        Output().write(f"backprop {__version__}\n")
        raise typer.Exit


Arguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PROGRAM [NAME=VALUE]...",
        help="The expression or statements, - to read them from standard input; and the value of each input.",
        show_default=False,
    ),
]


@app.command(
    cls=ProgramCommand,
    options_metavar="[OPTIONS]",
    epilog="""\b
Examples:
  backprop grad "(a*b+c)*f" a=2 b=3 c=-10 f=5
  backprop grad "e = a*b; d = e + c; L = d*f" a=2 b=3 c=-10 f=5
  backprop grad "relu(w*x + b)" w=0.5 x=2 b=-0.3 --upstream 10
  backprop grad --file loss.txt x=1 --wrt x --json | jq .gradients.x

\b
Exit status: 0 done; 1 the check failed; 2 a mistake in the program, a value or an option;
3 the value or a requested gradient does not exist or is not finite.""",
)
def grad(
    arguments: Arguments = None,
    file: Annotated[
        str | None,
        typer.Option("--file", metavar="FILE", help="Read the program from FILE, - for standard input."),
    ] = None,
    wrt: Annotated[
        str | None,
        typer.Option("--wrt", metavar="A,B,...", help="Differentiate by these inputs only."),
    ] = None,
    upstream: Annotated[
        str,
        typer.Option("--upstream", metavar="VALUE", help="The gradient arriving at the output."),
    ] = "1",
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Cross-check every gradient with sympy.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
    format: Annotated[Format, typer.Option("--format", help="Form of the output.")] = Format.table,
    digits: Annotated[
        str,
        typer.Option("--digits", metavar="N|full", help="Significant digits in the table."),
    ] = "6",
    everything: Annotated[bool, typer.Option("--all", help="Show every node of a large graph.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print no result; the exit status tells.")] = False,
    color: Annotated[Color, typer.Option("--color", help="When to use colour.")] = Color.auto,
) -> int:
    """Value and gradients of a program: the table of its nodes, cross-checked with sympy."""
    from backprop_cli import source as sources

    shown_digits = _read_digits(digits)
    words = list(arguments or [])
    if file is None and not words:
        raise UsageError("a program is missing", hint='backprop grad "(a*b+c)*f" a=2 b=3 c=-10 f=5')
    text = _read_program(words.pop(0) if file is None else "-", file)
    given = sources.read_assignments(words)
    seed = sources.evaluate_constant(upstream)
    source = sources.read_source(text, given)
    point = sources.choose_point(source, given)
    if wrt is not None and not wrt.strip(", "):
        raise UsageError("--wrt names no input", hint="--wrt a,b")
    chosen = (
        None if wrt is None else sources.check_names(source, filter(None, map(str.strip, wrt.split(","))))
    )

    from backprop_cli.differentiate import differentiate_source
    from backprop_cli.undefined import undefined_gradients

    report = differentiate_source(source, point, wrt=chosen, upstream=seed, check=check)
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


class ListFormat(StrEnum):
    """Forms of a list."""

    table = "table"
    json = "json"
    markdown = "markdown"


@app.command(
    epilog="""\b
Examples:
  backprop ops
  backprop ops sigmoid
  backprop ops --json | jq -r '.operations[].name'"""
)
def ops(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One operation, by its name or an alias.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
    format: Annotated[ListFormat, typer.Option("--format", help="Form of the output.")] = ListFormat.table,
) -> int:
    """Show the operations: formula, derivative, domain, and the convention at kinks."""
    from backprop_cli.ops import FUNCTIONS, OPS
    from backprop_cli.render import operations

    known = {**OPS, **FUNCTIONS}
    if name is not None and name not in known:
        raise UsageError(
            f"there is no operation {name!r}", hint=did_you_mean(name, known) or "backprop ops lists them"
        )
    op = None if name is None else known[name]
    if json or format is ListFormat.json:
        text = operations.render_json(op)
    elif format is ListFormat.markdown:
        text = operations.render_markdown(op)
    else:
        text = operations.render_list() if op is None else operations.render_one(op)
    Output().write(text)
    return Status.DONE


@app.command()
def schema(
    output: Annotated[str, typer.Argument(metavar="OUTPUT", help="The output described: grad or ops.")],
) -> int:
    """Print the JSON Schema of an output."""
    folder = Path(__file__).parent / "schemas"
    known = sorted(path.name.removesuffix(".schema.json") for path in folder.glob("*.schema.json"))
    if output not in known:
        raise UsageError(
            f"there is no schema {output!r}", hint=did_you_mean(output, known) or f"one of {', '.join(known)}"
        )
    Output().write((folder / f"{output}.schema.json").read_text(encoding="utf-8"))
    return Status.DONE


def _read_digits(text: str) -> int | None:
    if text == "full":
        return None
    if not re.fullmatch("[0-9]{1,2}", text) or not 1 <= int(text) <= 17:
        raise UsageError(f"--digits can't be {text!r}", hint="a number from 1 to 17, or full")
    return int(text)


def _read_program(word: str, file: str | None) -> str:
    """Return the text of the program: the word itself, or what the file or standard input holds."""
    if file is None and word != "-":
        return word
    try:
        if file is None or file == "-":
            if sys.stdin is None:
                raise FileError("standard input is closed")
            if sys.stdin.isatty():
                Output().diagnose("reading the program from the terminal; end it with Ctrl-D")
            return sys.stdin.buffer.read().decode("utf-8-sig")
        return Path(file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FileError(f"can't read {file}: {error.strerror}") from None
    except ValueError as error:
        name = "standard input" if file is None or file == "-" else file
        if isinstance(error, UnicodeDecodeError):
            raise FileError(f"{name} is not UTF-8 text (byte {error.start})") from None
        raise FileError(f"can't read {name}: {error}") from None


def run(argv: Sequence[str]) -> int:
    """Run the command line and return its exit status. The only place where errors are caught."""
    as_json = "--json" in argv or "--format=json" in argv or ("--format", "json") in pairwise(argv)
    output = Output()
    try:
        status = app(args=list(argv), prog_name="backprop", standalone_mode=False, windows_expand_args=False)
        output.flush()
    except BackpropError as error:
        return output.report_error(error, as_json=as_json)
    except TyperException as error:
        return output.report_error(_usage_error(error), as_json=as_json)
    except OSError as error:
        output.abandon()
        where = FileError(f"can't write the output: {error.strerror or error}")
        return output.report_error(where, as_json=as_json)
    except RecursionError:  # pragma: no cover - a bug, but no reason for a traceback of 1000 lines
        if os.environ.get("BACKPROP_DEBUG"):
            raise
        return output.report_error(BackpropError("internal error: recursion"), as_json=as_json)
    return int(status or 0)


def _usage_error(error: TyperException) -> UsageError:
    """Put an error of Typer's into our form."""
    message = getattr(error, "format_message", lambda: str(error))().strip().rstrip(".")
    name = getattr(error, "option_name", None)
    known = getattr(error, "possibilities", None)
    hint = "backprop --help shows the commands and options"
    if name is not None:
        message = f"there is no option {name}"
        if known:
            hint = f"did you mean {' or '.join(sorted(known))}?"
    return UsageError(message[:1].lower() + message[1:], hint=hint)
