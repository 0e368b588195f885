"""Commands as functions: what several of them take is read by one function, whose options they share.

A parameter ``request: Annotated[Request, From(read_request)]`` stands for the parameters of ``read_request``,
which are options of the command, and is given what that returns. One of the type Environment is given that.
"""

from __future__ import annotations

from functools import cache
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

import typer

from backprop_cli.cli.app import app
from backprop_cli.cli.words import ProgramCommand
from backprop_cli.console.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class From(NamedTuple):
    """Marks a parameter that is read from options: those that are the parameters of ``read``."""

    read: Callable[..., Any]


class _Need(NamedTuple):
    """A parameter as it is written: its name, type and default, and what it is read from, if it is."""

    name: str
    kind: Any
    default: Any
    reader: Callable[..., Any] | None


def command(
    *, of_program: bool = True, **settings: Any
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Register a function as a command, with Typer's settings. Its docstring is the help.

    of_program: whether its first argument is a program, which may begin with a minus.
    """
    if of_program:
        settings |= {"cls": ProgramCommand, "options_metavar": "[OPTIONS]"}

    def register(function: Callable[..., int]) -> Callable[..., int]:
        app.command(**settings)(_wired(function))
        return function

    return register


def _wired(function: Callable[..., int]) -> Callable[..., int]:
    """Return a function of a context and single options, as Typer reads them, that calls this one."""

    def run(ctx: typer.Context, **options: Any) -> int:
        return int(_call(function, options, ctx.obj))

    needs = [_Need("ctx", typer.Context, Parameter.empty, None), *_options(function)]
    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__annotations__ = {need.name: need.kind for need in needs}
    run.__signature__ = Signature(  # type: ignore[attr-defined]
        [
            Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for name, kind, default, _ in needs
        ]
    )
    return run


def _call(function: Callable[..., Any], options: dict[str, Any], environment: Environment) -> Any:
    arguments: dict[str, Any] = {}
    # The program comes first, and may have to be read from a file: mistakes in options are told before.
    for need in reversed(_needs(function)):
        if need.kind is Environment:
            arguments[need.name] = environment
        elif need.reader is not None:
            arguments[need.name] = _call(need.reader, options, environment)
        else:
            arguments[need.name] = options[need.name]
    return function(**arguments)


def _options(function: Callable[..., Any]) -> Iterator[_Need]:
    """Yield the parameters that are options, those of readers in their places."""
    for need in _needs(function):
        if need.reader is not None:
            yield from _options(need.reader)
        elif need.kind is not Environment:
            yield need


@cache
def _needs(function: Callable[..., Any]) -> list[_Need]:
    hints = get_type_hints(function, include_extras=True)
    return [
        _Need(name, hints[name], parameter.default, _reader(hints[name]))
        for name, parameter in signature(function).parameters.items()
    ]


def _reader(kind: Any) -> Callable[..., Any] | None:
    marks = getattr(kind, "__metadata__", ())
    return next((mark.read for mark in marks if isinstance(mark, From)), None)
