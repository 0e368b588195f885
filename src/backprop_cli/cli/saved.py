"""``--save`` and ``--start``: a point as a file of JSON, from which a later run goes on."""

from __future__ import annotations

import json
import re
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backprop_cli.cli.options import read_file
from backprop_cli.errors import FileError, InputError, UsageError
from backprop_cli.system.files import write_file
from backprop_cli.text import nested

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from backprop_cli.cli.options import PointOptions
    from backprop_cli.descent.starts import Init

Save = Annotated[
    str | None, typer.Option("--save", metavar="FILE", help="Write the best point as JSON, for --start.")
]
Begin = Annotated[
    str | None,
    typer.Option("--start", metavar="FILE", help="Begin where --save was; NAME=VALUE goes before it."),
]

_ELEMENT = re.compile(r"(.+?)\[(\d{1,9}(?:\s*,\s*\d{1,9})*)\]")


def save_point(name: str, point: Mapping[str, float]) -> None:
    """Write a point. Raises FileError."""
    if not name or Path(name).is_dir():
        raise FileError(f"can't write {name or 'a file without a name'}")
    write_file(name, (json.dumps(point, indent=2) + "\n").encode())


def refuse_data(save: str | None, data: str | None) -> None:
    """Raise UsageError where a point would be written in the place of the data."""
    both = [Path(name) for name in (save, data) if name is not None]
    if len(both) > 1 and all(path.exists() for path in both) and both[0].samefile(both[1]):
        raise UsageError("--save would replace the data", hint="write to another file")


def with_start(options: PointOptions, name: str, others: Collection[str] = ()) -> PointOptions:
    """Return options that have the values of a saved point, too, but for those given behind the program.

    others: names that are given elsewhere.

    Raises FileError or InputError.
    """
    from backprop_cli.language.reader import canonical_name, normalise

    words = list(options.arguments or [])
    if not words and options.file is None:
        return options  # the program is missing, which is said where it is read
    values = words[options.file is None :]
    given = {canonical_name(normalise(word.partition("=")[0].strip())) for word in values} | {*others}
    saved = _whole(_read_point(read_file(options.environment, name, "the start"), name))
    more = [f"{key}={value}" for key, value in saved.items() if canonical_name(normalise(key)) not in given]
    return options._replace(arguments=[*words, *more])


def with_drawn(options: PointOptions, init: Init | None, seed: int) -> PointOptions:
    """Return options in which arrays that have a shape alone, W:4x2, have numbers that are drawn.

    Raises UsageError, or InputError for a shape that can't be.
    """
    from backprop_cli.descent.starts import drawn
    from backprop_cli.language.values import shape_of

    words = list(options.arguments or [])
    first = int(options.file is None)
    shapes = {word: found for word in words[first:] if (found := shape_of(word))}
    if not shapes:
        if init is not None:
            raise UsageError("--init draws the numbers of arrays, and none has a shape alone", hint="W:4x2")
        return options
    given = {word.partition("=")[0].strip() for word in words[first:] if word not in shapes}
    for name, _ in shapes.values():
        if name not in given and init is None:
            hint = "--init xavier, normal or zeros draws them"
            raise UsageError(f"{name} has a shape and no values", hint=hint)
    made = {
        word: f"{name}={nested(array.shape, drawn(init, name, array.shape, seed))}"
        for word, (name, array) in shapes.items()
        if init is not None and name not in given
    }
    return options._replace(
        arguments=[made.get(word, word) for word in words if word in made or word not in shapes]
    )


def _read_point(text: str, name: str) -> dict[str, float]:
    hint = '--start FILE reads what --save wrote: {"w": 0.5, "b": 1}'
    try:
        point = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{name} is no JSON", hint=hint) from None
    if not isinstance(point, dict):
        raise InputError(f"{name} holds no names with numbers", hint=hint)
    for key, x in point.items():
        if isinstance(x, bool) or not isinstance(x, int | float) or not _is_double(x):
            raise InputError(f"{name}: {key} is no finite number", hint=hint)
    return {key: float(x) for key, x in point.items()}


def _is_double(x: float) -> bool:
    try:
        return isfinite(x)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _whole(point: dict[str, float]) -> dict[str, Any]:
    """Return the values of a point, elements as arrays: w[0] and w[1] as w. Raises InputError."""
    found: dict[str, Any] = {}
    arrays: dict[str, dict[tuple[int, ...], float]] = {}
    for key, x in point.items():
        element = _ELEMENT.fullmatch(key)
        if element is None:
            found[key] = repr(x)
        else:
            places = tuple(map(int, element[2].split(",")))
            arrays.setdefault(element[1], {})[places] = x
    for key, elements in arrays.items():
        counts = {len(places) for places in elements}
        shape = tuple(max(axis) + 1 for axis in zip(*elements, strict=False))
        total = 1
        for count in shape:
            total *= count
        if len(counts) > 1 or total != len(elements):
            raise InputError(f"elements of {key} are missing", hint="--start FILE reads what --save wrote")
        found[key] = nested(shape, [x for _, x in sorted(elements.items())])
    return found
