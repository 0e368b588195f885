"""A program over a rectangle of two inputs: values on a grid, and the cells where they surely go on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.curves.report import Field
from backprop_cli.errors import InputError
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.naming import Naming
from backprop_cli.graph.sweep import forward
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.intervals import INTERVALS, Grade, Interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backprop_cli.graph.tape import Graph
    from backprop_cli.language.source import Source

# Cells along each side, and cells times nodes that are looked into: some 2 s.
_MOST_CELLS, _LEAST_CELLS, _MOST_WORK = 64, 12, 40_000
# How often a cell in which nothing is proved is quartered.
_QUARTERINGS = 2


class Side(NamedTuple):
    """A side of the rectangle: an input that moves, from low to high."""

    name: str
    low: float
    high: float


def trace_field(source: Source, point: Mapping[str, float], across: Side, up: Side) -> Field:
    """Return a program over a rectangle, the other inputs being as in ``point``.

    Raises InputError for a range that has nothing in it.
    """
    for name, low, high in (across, up):
        if not (math.isfinite(high - low) and low < high):
            raise InputError(f"the range of {name} is empty or not finite", hint=f"{name}=-4..4")
        if (high - low) / _MOST_CELLS < 4 * math.ulp(max(-low, high)):
            raise InputError(f"the range of {name} is too narrow: doubles have too few numbers in it")
    graph = lower_source(source)
    cells = max(min(math.isqrt(_MOST_WORK // len(graph.ops)), _MOST_CELLS), _LEAST_CELLS)
    xs, ys = (
        (*(low + (high - low) * place / cells for place in range(cells)), high)
        for _, low, high in (across, up)
    )
    moving = (across.name, up.name)
    fixed = {key: x for key, x in point.items() if key not in moving}
    goes_on = tuple(
        tuple(
            _goes_on(graph, fixed, moving, ((xs[i], xs[i + 1]), (ys[j], ys[j + 1])), _QUARTERINGS)
            for i in range(cells)
        )
        for j in range(cells)
    )
    return Field(
        program=source.text,
        output=Naming(graph).output_id(),
        names=moving,
        fixed=fixed,
        xs=xs,
        ys=ys,
        values=tuple(tuple(_value(graph, {**fixed, moving[0]: x, moving[1]: y}) for x in xs) for y in ys),
        goes_on=goes_on,
        read_as=source.read_as,
    )


def _value(graph: Graph, point: dict[str, float]) -> float | None:
    primal, failures = forward(graph, point, FLOAT)
    value: float = primal[graph.output]
    return value if graph.output not in failures and math.isfinite(value) else None


def _goes_on(
    graph: Graph,
    fixed: dict[str, float],
    moving: tuple[str, str],
    cell: tuple[tuple[float, float], tuple[float, float]],
    quarterings: int,
) -> bool:
    """Tell whether there certainly are values in all of a cell, without a jump."""
    sides = {name: Interval(*ends) for name, ends in zip(moving, cell, strict=True)}
    primal, failures = forward(graph, {**fixed, **sides}, INTERVALS)
    if graph.output not in failures and primal[graph.output].grade is not Grade.OPEN:
        return True
    if not quarterings:
        return False
    halves = [((low, middle), (middle, high)) for low, high in cell for middle in (low + (high - low) / 2,)]
    return all(_goes_on(graph, fixed, moving, (x, y), quarterings - 1) for y in halves[1] for x in halves[0])
