"""What a picture of a fit shows: rows, residuals, and the curve through them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backprop_cli.curves.trace import trace_curve
from backprop_cli.errors import InputError
from backprop_cli.fitting.report import Drawn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.curves.report import Curve
    from backprop_cli.language.source import Source

_MOST_ROWS = 2_000


def draw_fit(
    program: Source,
    columns: Mapping[str, Floats],
    point: Mapping[str, float],
    response: Floats,
    residuals: Floats,
    values: Floats,
) -> Drawn:
    """Return what is drawn of a fit. point: all parameters.  values: the formula at every row."""
    read = [name for name in columns if name in program.inputs]
    axis = read[0] if len(read) == 1 else ""
    places = columns[axis] if axis else values
    # Evenly spread over the rows where they are many.
    rows = np.unique(np.linspace(0, len(places) - 1, min(len(places), _MOST_ROWS)).astype(int))
    shown = zip(places[rows].tolist(), response[rows].tolist(), residuals[rows].tolist(), strict=True)
    return Drawn(axis, tuple(shown), _curve(program, axis, places, point) if axis else None)


def _curve(program: Source, axis: str, places: Floats, point: Mapping[str, float]) -> Curve | None:
    try:
        return trace_curve(program, {**point, axis: 0.0}, axis, float(places.min()), float(places.max()))
    except InputError:
        return None  # there is no range to draw over
