"""A program at random points, through the engines for rows of data.

Source: JCGM 101:2008 (propagation of distributions by a Monte Carlo method).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backprop_cli.batch.engines.engine import choose_engine
from backprop_cli.batch.program import Batch
from backprop_cli.errors import DomainError
from backprop_cli.uncertainty.correlations import correlated_names, correlation_root
from backprop_cli.uncertainty.report import Samples

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.language.source import Source
    from backprop_cli.uncertainty.report import Pair, Quantity

_BLOCK, _MOST_NUMBERS = 1 << 16, 1 << 22


def sample(
    source: Source,
    quantities: Mapping[str, Quantity],
    correlations: Mapping[Pair, float],
    *,
    count: int,
    seed: int,
    percent: float,
) -> Samples:
    """Return what the output is at so many random points. Raises DomainError if it has hardly any value."""
    names = [name for name, quantity in quantities.items() if quantity.uncertainty]
    point = {name: quantity.estimate for name, quantity in quantities.items()}
    engine = choose_engine("auto", Batch(source, [], 1.0), point, names, check_inputs=True)
    values = np.empty(count)
    done = 0
    for columns, rows in _points(names, quantities, correlations, count, seed):
        values[done : done + rows] = engine.compute(columns, rows).value
        done += rows
    good = np.sort(values[np.isfinite(values)])
    if good.size < 2:
        raise DomainError(f"the program has a value at {good.size} of {count:,} random points")
    low, high = _shortest(good, percent)
    mean, deviation = _moments(good)
    return Samples(count, seed, count - good.size, mean, deviation, low, high, percent)


def _points(
    names: list[str],
    quantities: Mapping[str, Quantity],
    correlations: Mapping[Pair, float],
    count: int,
    seed: int,
) -> Iterator[tuple[dict[str, Floats], int]]:
    """Yield normal numbers by blocks: input -> those of a block, and how many."""
    random = np.random.default_rng(seed)
    bound = correlated_names(correlations)
    root = correlation_root(bound, correlations) or []
    block = max(1, min(_BLOCK, _MOST_NUMBERS // len(names)))
    for start in range(0, count, block):
        rows = min(block, count - start)
        drawn = {name: random.standard_normal(rows) for name in names}
        mixed = {
            name: np.add.reduce([x * drawn[other] for x, other in zip(row, bound, strict=False)])
            for name, row in zip(bound, root, strict=True)
        }
        columns = {
            name: quantities[name].estimate + quantities[name].uncertainty * mixed.get(name, numbers)
            for name, numbers in drawn.items()
        }
        yield columns, rows


def _moments(values: Floats) -> tuple[float, float]:
    """Return mean and standard deviation, scaled so that no square overflows."""
    scale = float(np.abs(values).max()) or 1.0
    scaled = values / scale
    return float(scaled.mean()) * scale, float(scaled.std(ddof=1)) * scale


def _shortest(values: Floats, percent: float) -> tuple[float, float]:
    """Return the ends of the shortest interval that holds so many of the values, which are in order."""
    held = min(len(values), max(2, math.ceil(len(values) * percent / 100)))
    ends = values[held - 1 :]
    start = int(np.argmin(ends - values[: len(ends)]))
    return float(values[start]), float(ends[start])
