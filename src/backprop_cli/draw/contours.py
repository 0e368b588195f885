"""The contours of a field as traces of a plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.curves.contours import contour, levels_of
from backprop_cli.draw.curves import Plane, Trace, tick_text

if TYPE_CHECKING:
    from backprop_cli.curves.report import Field


def plane_of_field(field: Field) -> Plane:
    """Return the contours of a field at round levels, those that it has."""
    levels = levels_of(field)
    step = levels[1] - levels[0] if len(levels) > 1 else abs(levels[0]) / 100 or 1.0 if levels else 1.0
    drawn = [(level, lines) for level in levels if (lines := contour(field, level))]
    traces = [
        Trace(f"{field.output} = {tick_text(level, step)}", number, "value", lines)
        for number, (level, lines) in enumerate(drawn)
    ]
    return Plane(traces, field.xs[0], field.xs[-1], field.ys[0], field.ys[-1], field.names[1])
