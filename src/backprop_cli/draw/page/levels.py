"""The levels of the page: a box for each array or named step, and one array opened at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.draw.arrays import diagram_of_arrays
from backprop_cli.draw.diagram import diagram_of_report
from backprop_cli.report import ArrayRecord, Steps
from backprop_cli.tell.steps import in_steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backprop_cli.draw.diagram import Diagram
    from backprop_cli.report import NodeRecord, Report

# More nodes are not drawn, since nobody could read the picture.
MOST_DRAWN = 1_500
# Elements of an array that is opened in the picture, and boxes of all such pictures: some 0.8 MB of them.
_MOST_ELEMENTS, _MOST_BOXES = 40, 1_000


class Level(NamedTuple):
    """A choice of boxes besides one for each node.

    name: "arrays", "named", or "open NAME" of an array that is opened.  words: as it is offered.
    diagram: the boxes and arrows.  records: what each box stands for.
    """

    name: str
    words: str
    diagram: Diagram
    records: list[ArrayRecord | NodeRecord]


def levels_of(report: Report, steps: Steps | None = None) -> list[Level]:
    """Return the levels of a program, none where nothing is folded. steps: those that are asked for."""
    if report.outline:
        arrays = _level("arrays", "arrays", diagram_of_arrays(report), report.outline)
        return [arrays, *_opened(report, arrays)]
    if len(report.nodes) > MOST_DRAWN or math.isnan(report.value):
        return []
    folded = in_steps(report, None if steps is Steps.ALL else steps)
    if len(folded.nodes) == len(report.nodes):
        return []
    return [_level("named", "named steps", diagram_of_report(folded), folded.nodes)]


def _opened(report: Report, arrays: Level) -> Iterator[Level]:
    """Yield a level for each array with few elements, as long as the page has room for the pictures."""
    room, nodes = _MOST_BOXES, list(report.nodes)
    for array in arrays.records:
        if not isinstance(array, ArrayRecord) or not 1 < len(array.elements) <= _MOST_ELEMENTS:
            continue
        diagram = diagram_of_arrays(report, opened=array.name)
        room -= len(diagram.boxes)
        if room < 0:
            return
        records = [*arrays.records, *nodes]
        yield _level(f"open {array.name}", f"arrays, {array.name} opened", diagram, records)


def _level(name: str, words: str, diagram: Diagram, records: Iterable[ArrayRecord | NodeRecord]) -> Level:
    known = {record.name if isinstance(record, ArrayRecord) else record.id: record for record in records}
    return Level(name, words, diagram, [known[box.id] for box in diagram.boxes])
