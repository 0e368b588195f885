"""Contours as JSON, schema backprop/contours@1, and what is to be told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.console.strict_json import dump
from backprop_cli.curves.contours import contour, levels_of
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.curves.report import Field


def render_json(field: Field) -> str:
    """Return a field and its contours as one line of JSON."""
    return dump(
        {
            "schema": "backprop/contours@1",
            "program": field.program,
            **({"read_as": field.read_as} if field.read_as else {}),
            "output": field.output,
            "names": list(field.names),
            "fixed": field.fixed,
            "xs": list(field.xs),
            "ys": list(field.ys),
            "values": [list(row) for row in field.values],
            "goes_on": [list(row) for row in field.goes_on],
            "contours": [{"level": level, "lines": contour(field, level)} for level in levels_of(field)],
        }
    )


def remarks(field: Field) -> Iterator[str]:
    """Yield what is to be told of a field: its ends, where it has no values, where no line is drawn."""
    (across, up), output = field.names, field.output
    yield f"{across} goes across, {up} up"
    points, count = list(field.points()), len(field.xs) * len(field.ys)
    if not points:
        yield f"no value at any of {count:,} points"
        return
    least, largest = (choose(points, key=lambda point: point[2]) for choose in (min, max))
    if least[2] == largest[2]:
        yield f"{output} is {number_text(least[2])} at each of {len(points):,} points"
    else:
        ends = " and ".join(
            f"{number_text(value)} at {across} = {number_text(x, 4)}, {up} = {number_text(y, 4)}"
            for x, y, value in (least, largest)
        )
        yield f"of {len(points):,} points, the least and the largest {output} are {ends}"
    if len(points) < count:
        yield f"no value at {count - len(points):,} of {count:,} points"
    open_cells = sum(row.count(False) for row in field.goes_on)
    if open_cells:
        cells = len(field.goes_on) * len(field.goes_on[0])
        yield f"no line in {open_cells:,} of {cells:,} cells, where values are not proved to go on"
