"""Shapes, and which elements an operation takes: NumPy's rules, on flat lists in the order of rows."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Shape = tuple[int, ...]
MOST_AXES = 32
"""Axes of an array; NumPy has up to 64."""


def shape_text(shape: Shape) -> str:
    """Return a shape as NumPy writes it: (3,) or (2, 3)."""
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"


def element_names(name: str, shape: Shape) -> list[str]:
    """Return the names of the elements, ``w[0]`` or ``W[1,2]``; the name itself where it is one number."""
    if not shape:
        return [name]
    return [f"{name}[{','.join(map(str, place))}]" for place in product(*map(range, shape))]


def strides(shape: Shape) -> list[int]:
    """Return how far apart neighbours along each axis are."""
    return [prod(shape[axis + 1 :]) for axis in range(len(shape))]


def broadcast(shapes: Sequence[Shape]) -> Shape | None:
    """Return the shape that these have together, None where they do not fit."""
    rank = max(map(len, shapes), default=0)
    found = []
    for axis in range(rank):
        sizes = {shape[axis - rank] for shape in shapes if rank - axis <= len(shape)} - {1}
        if len(sizes) > 1:
            return None
        found.append(sizes.pop() if sizes else 1)
    return tuple(found)


def spread(shape: Shape, wide: Shape) -> list[int]:
    """Return for every element of the wide shape the place of the element of the other that stands there."""
    if shape == wide:
        return list(range(prod(shape)))
    steps = strides(shape)
    missing = len(wide) - len(shape)
    places = [0]
    for axis, size in enumerate(wide):
        own = axis - missing
        step = steps[own] if own >= 0 and shape[own] != 1 else 0
        places = [place + step * i for place in places for i in range(size)]
    return places


def transposed(shape: Shape) -> tuple[Shape, list[int]]:
    """Return the shape with its axes in reverse, and the place of every element of it."""
    return permuted(shape, tuple(reversed(range(len(shape)))))


def permuted(shape: Shape, axes: Sequence[int]) -> tuple[Shape, list[int]]:
    """Return the shape with its axes in this order, and the place of every element of it."""
    steps = strides(shape)
    places = [0]
    for axis in axes:
        places = [place + steps[axis] * i for place in places for i in range(shape[axis])]
    return tuple(shape[axis] for axis in axes), places


def normal_axes(shape: Shape, axis: int | Sequence[int] | None) -> tuple[int, ...]:
    """Return the axes that are meant, from 0 up; all of them for None. Raises ValueError."""
    if axis is None:
        return tuple(range(len(shape)))
    axes = [axis] if isinstance(axis, int) else list(axis)
    for one in axes:
        if not -len(shape) <= one < len(shape):
            raise ValueError(f"there is no axis {one} in the shape {shape_text(shape)}")
    found = [one % len(shape) for one in axes]
    if len(set(found)) < len(found):
        raise ValueError("an axis is named twice")
    return tuple(sorted(found))


def groups(shape: Shape, axes: Sequence[int]) -> tuple[Shape, list[list[int]]]:
    """Return the shape without these axes, and per element of that the places that differ along them."""
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    outer, firsts = permuted(shape, kept)
    _, inner = permuted(shape, axes)
    return outer, [[first + place for place in inner] for first in firsts]


def indexed(shape: Shape, index: Sequence[Any]) -> tuple[Shape, list[int]]:
    """Return the shape of what an index takes, and the places of it. Raises ValueError."""
    parts = list(index)
    count = sum(part is not None and part is not Ellipsis for part in parts)
    if count > len(shape):
        raise ValueError(f"{count} indexes are too many for the shape {shape_text(shape)}")
    if parts.count(Ellipsis) > 1:
        raise ValueError("an index has one ... at most")
    rest = [slice(None)] * (len(shape) - count)
    at = parts.index(Ellipsis) if Ellipsis in parts else len(parts)
    parts[at : at + 1] = rest
    found: list[int] = []
    places, axis, steps = [0], 0, strides(shape)
    for part in parts:
        if part is None:
            found.append(1)
            continue
        size, step = shape[axis], steps[axis]
        if isinstance(part, int):
            if not -size <= part < size:
                where = f"axis {axis} of the shape {shape_text(shape)}"
                raise ValueError(f"index {part} is beyond {where}, which goes from {-size} to {size - 1}")
            places = [place + step * (part % size) for place in places]
        else:
            taken = range(size)[part]
            places = [place + step * i for place in places for i in taken]
            found.append(len(taken))
        axis += 1
    return tuple(found), places
