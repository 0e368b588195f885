"""A diagram as boxes in layers, joined by wires."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backprop_cli.diagram import Diagram
    from backprop_cli.render.rails import Line


def draw_boxes(
    diagram: Diagram, *, columns: int | None, unicode: bool, however_tall: bool = False
) -> list[Line] | None:
    """Return the lines of the drawing, None where it does not fit."""
    return None
