"""Values that are arrays: as they are written, as they come from Python, and as they stand in files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from backprop_cli.errors import InputError
from backprop_cli.language.arrays.shapes import MOST_AXES, Shape

MOST_ELEMENTS = 1_000_000
"""Elements of one array: as many inputs."""


class Array(NamedTuple):
    """An array of numbers. values: in the order of rows; none where only the shape is known."""

    shape: Shape
    values: tuple[float, ...]


Value = float | Array


def as_array(value: Any) -> Array:
    """Return a value as an array, of no axis if it is a number."""
    return value if isinstance(value, Array) else Array((), (float(value),))


def flattened(what: str, value: Any, number: Any) -> Array:
    """Return lists of lists as an array. number: makes a float of an element, or raises.

    Raises InputError where the lists are ragged, or empty.
    """
    shape: list[int] = []
    level = [value]
    while level and isinstance(level[0], Sequence) and not isinstance(level[0], str):
        sizes = {len(one) if isinstance(one, Sequence) and not isinstance(one, str) else -1 for one in level}
        if len(sizes) > 1:
            lengths = sorted(size for size in sizes if size >= 0)
            told = (
                f"rows of {' and '.join(map(str, lengths))} elements"
                if len(lengths) > 1
                else "a number beside a list"
            )
            raise InputError(f"{what} is ragged: it has {told}", hint="all rows of an array have one length")
        shape.append(sizes.pop())
        if len(shape) > MOST_AXES:
            raise InputError(f"{what} has more than {MOST_AXES} axes")
        level = [inner for one in level for inner in one]
        refuse_size(what, len(level))
    if any(isinstance(one, Sequence) and not isinstance(one, str) for one in level):
        raise InputError(f"{what} is ragged: it has a number beside a list", hint="all rows have one length")
    if not level:
        raise InputError(f"{what} has no elements", hint="an array is [1, 2, 3] or [[1, 2], [3, 4]]")
    return Array(tuple(shape), tuple(number(one) for one in level))


def refuse_size(what: str, count: int) -> None:
    """Raise InputError where an array would have so many elements."""
    if count > MOST_ELEMENTS:
        raise InputError(
            f"{what} has more than {MOST_ELEMENTS:,} elements", hint="backprop batch takes rows of data"
        )


def finite_element(name: str, value: float) -> float:
    """Return an element of an array. Raises InputError where it is not finite."""
    if not math.isfinite(value):
        raise InputError(f"an element of {name} is {value}", hint="elements are finite numbers")
    return float(value)
