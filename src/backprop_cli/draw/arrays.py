"""A program with arrays as boxes and arrows: one box for an array, whatever its size."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from backprop_cli.differentiate import graph_of
from backprop_cli.draw.diagram import (
    Arrow,
    Box,
    Diagram,
    box_of_node,
    box_of_record,
    diagram_of_report,
    role_of,
    slope_of_node,
    slope_of_record,
)
from backprop_cli.graph.naming import Naming
from backprop_cli.graph.outline import outline, own_nodes, uses
from backprop_cli.language.arrays.shapes import shape_text
from backprop_cli.render.arrays import numbers_text
from backprop_cli.report import ArrayRecord
from backprop_cli.tell.steps import in_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.graph.arrays import ArrayNodes
    from backprop_cli.graph.tape import Graph
    from backprop_cli.report import NodeRecord, Report, Steps


def diagram_of_steps(
    report: Report, steps: Steps | None, *, digits: int | None = 4, symbolic: bool = False
) -> Diagram:
    """Return a computed program as a diagram in the steps that are asked for.

    None: a box for each array, where there are any; else the named steps, where the program names any.
    symbolic: formulas for the local derivatives.
    """
    if steps is None and report.outline:
        return diagram_of_arrays(report, digits=digits, symbolic=symbolic)
    return diagram_of_report(in_steps(report, steps), digits=digits, symbolic=symbolic)


def diagram_of_shapes(graph: Graph) -> Diagram:
    """Return a program with arrays of which only the shapes are known, with a box for each array."""
    naming = Naming(graph)
    parts = outline(graph, naming.order)
    output = naming.id(graph.output)

    def box(part: ArrayNodes | int) -> Box:
        if isinstance(part, int):
            return box_of_node(naming, part, output)
        return _box_of_array(part, part.text, [naming.id(node) for node in part.nodes], output)

    boxes, arrows = _joined(naming, parts, [box(part) for part in parts], partial(slope_of_node, naming))
    return Diagram(graph.text, output, boxes, arrows, has_numbers=False)


def diagram_of_arrays(
    report: Report, *, digits: int | None = 4, symbolic: bool = False, opened: str = ""
) -> Diagram:
    """Return a computed program with arrays as a diagram, with a box for each array.

    opened: the name of an array that has a box for each of its elements instead.
    """
    naming = Naming(graph_of(report))
    parts, records = _open(naming, outline(naming.graph, naming.order), report, opened)
    scalars = {
        part: record
        for part, record in zip(parts, records, strict=True)
        if not isinstance(record, ArrayRecord)
    }

    def box(record: ArrayRecord | NodeRecord) -> Box:
        if not isinstance(record, ArrayRecord):
            return box_of_record(record, report.output, digits)
        plain = _box_of_array(record, record.expr, record.elements, report.output)
        value = numbers_text(record.values, record.shape, digits)
        return plain._replace(value=value, gradient=numbers_text(record.gradients, record.shape, digits))

    def slope(node: int, argnum: int) -> tuple[str, str]:
        return slope_of_record(scalars[node], argnum, digits, symbolic=symbolic)

    boxes, arrows = _joined(naming, parts, [box(record) for record in records], slope)
    return Diagram(report.program, report.output, boxes, arrows, has_numbers=True, upstream=report.upstream)


def _open(
    naming: Naming, parts: Sequence[ArrayNodes | int], report: Report, opened: str
) -> tuple[list[ArrayNodes | int], list[ArrayRecord | NodeRecord]]:
    """Return the parts of an outline and their records, with the elements of one array in its place."""
    place = {node: i for i, node in enumerate(naming.order)}
    found: list[tuple[ArrayNodes | int, ArrayRecord | NodeRecord]] = []
    for part, record in zip(parts, report.outline, strict=True):
        if not isinstance(part, int) and isinstance(record, ArrayRecord) and record.name == opened:
            found += [(node, report.nodes[place[node]]) for node in own_nodes(naming.graph, part)]
        else:
            found.append((part, record))
    return [part for part, _ in found], [record for _, record in found]


def _box_of_array(
    array: ArrayNodes | ArrayRecord, text: str, elements: Sequence[str | None], output: str
) -> Box:
    """Return the box of an array without numbers. elements: the ids of its elements."""
    name = array.name
    role, part = role_of(name, array.op, output), ""
    if name != output and output in elements:
        role, part = "output", output
    kind = shape_text(array.shape) if array.shape else ""
    return Box(name, text, "", "", role, shape=kind, rule=array.backward, part=part)


def _joined(
    naming: Naming,
    parts: Sequence[ArrayNodes | int],
    boxes: Sequence[Box],
    slope: Callable[[int, int], tuple[str, str]],
) -> tuple[tuple[Box, ...], tuple[Arrow, ...]]:
    """Return the boxes, without those of views and constants, and the arrows between them.

    slope: returns the local derivative of a number by an operand, and its mark; between arrays there is none.
    Those of a number that is made of elements stand in its box.
    """
    graph = naming.graph
    elements = {node for part in parts if not isinstance(part, int) for node in part.nodes}

    def told(part: ArrayNodes | int, box: Box) -> Box:
        if not isinstance(part, int) or not elements.intersection(graph.operands[part]):
            return box
        slopes = (
            (naming.operand(x), *slope(part, argnum))
            for argnum, x in enumerate(graph.operands[part])
            if not graph.constant[x]
        )
        return box._replace(rule="  ".join(f"∂{box.id}/∂{x}{mark} = {text}" for x, text, mark in slopes))

    shown = [i for i, part in enumerate(parts) if isinstance(part, int) or own_nodes(graph, part)]
    place = {part: i for i, part in enumerate(shown)}
    arrows = tuple(
        Arrow(
            place[use.source],
            place[use.target],
            use.argnum,
            *("", "") if use.node is None else slope(use.node, use.argnum),
        )
        for use in uses(graph, parts)
    )
    return tuple(told(parts[i], boxes[i]) for i in shown), arrows
