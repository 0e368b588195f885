"""The command line: options → library call → renderer → exit status. The only folder that imports Typer."""

from __future__ import annotations

from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from backprop_cli.console.output import Output
from backprop_cli.errors import BackpropError, FileError, Status, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.console.environment import Environment


# The commands by the job that users come with, in the order of the help, and the module that each is in.
_FAMILY = {
    "compute": {
        "grad": "grad",
        "hessian": "hessian",
        "jacobian": "jacobian",
        "minimize": "minimize",
        "budget": "budget",
    },
    "check": {"check": "check"},
    "learn": {
        "explain": "explain",
        "graph": "graph",
        "plot": "plot",
        "quiz": "quiz",
        "read": "read",
        "ops": "ops",
        "playground": "playground",
    },
    "many points": {"batch": "batch", "fit": "fit"},
    "elsewhere": {"export": "export"},
    "shell": {"schema": "ops", "completion": "completion"},
}
_HOMES = {name: home for homes in _FAMILY.values() for name, home in homes.items()}
_JOBS = {name: job for job, homes in _FAMILY.items() for name in homes}
_SPELLINGS = {"minimise": "minimize"}
_ASKED = "__complete"
"""The first word of a call by a completion script; the second is the line up to the cursor."""


def load_commands(name: str = "") -> Any:
    """Return the application with the command of this name, or with all if there is none.

    Typer takes some 2 ms to make a command ready, and a run needs one of them.
    """
    from backprop_cli.cli.app import app

    for home in [_HOMES[name]] if name in _HOMES else _HOMES.values():
        import_module(f"{__name__}.{home}")
    app.registered_commands.sort(key=lambda command: list(_HOMES).index(_name(command)))
    for command in app.registered_commands:
        command.rich_help_panel = _JOBS[_name(command)]
    return app


def _name(command: Any) -> str:
    return str(command.name or command.callback.__name__)


def run(argv: Sequence[str], environment: Environment) -> int:
    """Run the command line and return its exit status. The only place where errors end a run."""
    output = Output(environment)
    try:
        status = _run(argv, environment)
        output.flush()
    except Exception as error:
        told = _told(error)
        if told is None or environment.variables.get("BACKPROP_DEBUG"):
            raise
        if isinstance(error, OSError):
            output.abandon()
        return output.report_error(told, as_json=_asks_for_json(argv))
    return status


def _run(argv: Sequence[str], environment: Environment) -> int:
    if argv[:1] == [_ASKED]:
        from backprop_cli.cli.completion import answer

        answer(load_commands(), " ".join(argv[1:]), Output(environment))
        return Status.DONE
    argv = [_SPELLINGS.get(word, word) if place == 0 else word for place, word in enumerate(argv)]
    commands = load_commands("".join(argv[:1]))
    status = commands(
        args=list(argv),
        prog_name="backprop",
        standalone_mode=False,
        windows_expand_args=False,
        obj=environment,
    )
    return int(status or Status.DONE)


def _asks_for_json(argv: Sequence[str]) -> bool:
    return any(
        word in ("--json", "--format=json", "--format=jsonl")
        or (word == "--format" and value in ("json", "jsonl"))
        for word, value in pairwise([*argv, ""])
    )


def _told(error: Exception) -> BackpropError | None:
    """Return how an error is told, None if it is a bug."""
    if isinstance(error, BackpropError):
        return error
    from backprop_cli.system.packages import explain_import

    # Before all others: an import may end with an error of any class.
    package = explain_import(error)
    if package is not None:
        return package
    if isinstance(error, OSError):
        return FileError(f"can't write the output: {error.strerror or error}")
    if isinstance(error, RecursionError):  # a bug, but no reason for a traceback of 1000 lines
        return BackpropError("internal error: recursion")
    from typer.exceptions import TyperException

    return _usage_error(error) if isinstance(error, TyperException) else None


def _usage_error(error: Any) -> UsageError:
    """Put an error of Typer's into our form."""
    message = getattr(error, "format_message", lambda: str(error))().strip().rstrip(".")
    name = getattr(error, "option_name", None)
    is_unknown = hasattr(error, "possibilities")
    hint = "backprop --help shows the commands, backprop COMMAND --help the options"
    if name is not None and is_unknown:
        message = f"there is no option {name}"
        if error.possibilities:
            hint = f"did you mean {' or '.join(sorted(error.possibilities))}?"
    return UsageError(message[:1].lower() + message[1:], hint=hint)
