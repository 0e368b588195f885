"""What may be typed next for an argument or the value of an option: functions for Typer's ``autocompletion``.

They work on half-typed words, and may raise a BackpropError where these make no sense.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer  # noqa: TC002 - Typer reads the annotations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backprop_cli.language.source import Source

Suggestions = list[tuple[str, str]]
"""Words that fit, each with a few words about it."""

# A keystroke has to be answered at once; larger programs take longer to read.
_MOST_BYTES = 100_000


def suggest_assignments(ctx: typer.Context, incomplete: str) -> Suggestions:
    """Suggest ``a=`` for the inputs of the program that are not given yet, nothing for the program itself."""
    source, given = _read_typed(ctx)
    if source is None or "=" in incomplete:
        return []
    return [(f"{name}=", _about(source, name)) for name in source.inputs if name not in given]


def suggest_inputs(ctx: typer.Context, incomplete: str) -> Suggestions:
    """Suggest inputs for a list with commas."""
    source, _ = _read_typed(ctx)
    if source is None:
        return []
    listed, comma, begun = incomplete.rpartition(",")
    left = [name for name in source.inputs if name not in listed.split(",")]
    fitting = [name for name in left if name.startswith(begun)]
    if len(fitting) == 1:
        # With the longer lists beside it, the shell stays behind the name, where a comma may follow.
        fitting += [f"{fitting[0]},{name}" for name in left if name != fitting[0]]
    return [(f"{listed}{comma}{names}", _about(source, names)) for names in fitting]


def suggest_expectations(ctx: typer.Context, incomplete: str) -> Suggestions:
    """Suggest what may be expected: of every name of the program, and of its value."""
    source, _ = _read_typed(ctx)
    if source is None or "=" in incomplete:
        return []
    names = dict.fromkeys([*source.inputs, *(s.name for s in source.statements if s.name)])
    gradients = [(f"{name}=", f"the gradient with respect to {name}") for name in names]
    return [*gradients, ("value=", "the value")]


def suggest_operations() -> Suggestions:
    """Suggest operations by their names and aliases."""
    from backprop_cli.operations.table import FUNCTIONS, OPS
    from backprop_cli.render.operations import formula

    return [(name, formula(op)) for name, op in {**OPS, **FUNCTIONS}.items()]


def completion_scripts() -> dict[str, Path]:
    """Return the scripts by the shells that they are for."""
    folder = Path(__file__).parents[1] / "completions"
    return {path.name.partition(".")[0]: path for path in sorted(folder.iterdir())}


def suggest_schemas() -> Suggestions:
    """Suggest the outputs that have a schema."""
    from backprop_cli.schemas import schema_names

    return _names(schema_names())


def suggest_shells() -> Suggestions:
    """Suggest the shells that have a script."""
    return _names(completion_scripts())


def _names(words: Iterable[str]) -> Suggestions:
    return [(word, "") for word in words]


def _read_typed(ctx: typer.Context) -> tuple[Source | None, set[str]]:
    """Return the program that has been typed, None if none has, and the names given a value behind it."""
    from backprop_cli.language.reader import canonical_name, normalise
    from backprop_cli.language.source import read_source

    words = list(ctx.params.get("arguments") or [])
    file = ctx.params.get("file")
    if file:
        path = Path(file).expanduser()
        if (
            not path.is_file() or path.stat().st_size > _MOST_BYTES
        ):  # neither "-" nor a pipe, which would wait
            return None, set()
        text = path.read_text(encoding="utf-8-sig")
    elif words and words[0] != "-":
        text = words.pop(0)
    else:
        return None, set()
    names = {canonical_name(normalise(word).partition("=")[0].strip()) for word in words if "=" in word}
    return read_source(text, names), names


def _about(source: Source, name: str) -> str:
    """Return the statement that gives an input its default."""
    default = source.defaults.get(name)
    return f"default: {source.text[default.start : default.end]}" if default else ""
