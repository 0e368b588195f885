"""A program with arrays as boxes and arrows: one box for an array, whatever its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.differentiate import graph_of
from backprop_cli.draw.diagram import Arrow, Box, Diagram, diagram_of_report, role_of
from backprop_cli.graph.naming import Naming
from backprop_cli.graph.outline import has_own, outline, uses
from backprop_cli.language.arrays.shapes import shape_text
from backprop_cli.notation.partials import partial_text
from backprop_cli.render.arrays import numbers_text
from backprop_cli.report import ArrayRecord
from backprop_cli.tell.steps import in_steps
from backprop_cli.text import number_text

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
        return _diagram_of_arrays(report, digits, symbolic=symbolic)
    return diagram_of_report(in_steps(report, steps), digits=digits, symbolic=symbolic)


def diagram_of_shapes(graph: Graph) -> Diagram:
    """Return a program with arrays of which only the shapes are known, with a box for each array."""
    naming = Naming(graph)
    parts = outline(graph, naming.order)
    output = naming.id(graph.output)

    def box(part: ArrayNodes | int) -> Box:
        if not isinstance(part, int):
            elements = [naming.id(node) for node in part.nodes]
            return _box_of_array(part, part.text, elements, output)
        is_input = graph.ops[part] is None and not graph.constant[part]
        text = "" if is_input else naming.expression(part)
        return Box(
            naming.id(part), text, "", "", role_of(naming.id(part), "input" if is_input else "", output)
        )

    def partial(node: int, argnum: int) -> str:
        op = graph.ops[node]
        assert op is not None
        return partial_text(op, argnum, [naming.operand(x) for x in graph.operands[node]])

    boxes, arrows = _joined(graph, parts, [box(part) for part in parts], partial)
    return Diagram(graph.text, output, boxes, arrows, has_numbers=False)


def _diagram_of_arrays(report: Report, digits: int | None, *, symbolic: bool) -> Diagram:
    graph = graph_of(report)
    parts = outline(graph, Naming(graph).order)
    scalars = {
        part: record
        for part, record in zip(parts, report.outline, strict=True)
        if isinstance(part, int) and not isinstance(record, ArrayRecord)
    }

    elements = {name for array in report.arrays.values() for name in array.elements}

    def box(record: ArrayRecord | NodeRecord) -> Box:
        if isinstance(record, ArrayRecord):
            plain = _box_of_array(record, record.expr, record.elements, report.output)
            value = numbers_text(record.values, record.shape, digits)
            return plain._replace(value=value, gradient=numbers_text(record.gradients, record.shape, digits))
        return Box(
            record.id,
            "" if record.op == "input" else record.expr,
            number_text(record.value, digits),
            number_text(record.gradient, digits),
            role_of(record.id, record.op, report.output),
            kink=record.kink is not None,
            rule=_slopes(record, digits) if elements.intersection(record.operands) else "",
        )

    def partial(node: int, argnum: int) -> str:
        record = scalars[node]
        if symbolic:
            op = graph.ops[node]
            assert op is not None
            return partial_text(op, argnum, record.terms)
        slope = record.partials[argnum]
        return "" if slope is None else number_text(slope, digits)

    boxes, arrows = _joined(graph, parts, [box(record) for record in report.outline], partial)
    return Diagram(report.program, report.output, boxes, arrows, has_numbers=True, upstream=report.upstream)


def _slopes(node: NodeRecord, digits: int | None) -> str:
    """Return the local derivatives of a number made of elements, which no arrow of an array tells."""
    return "  ".join(
        f"∂{node.id}/∂{operand}{node.mark(argnum)} = {number_text(slope, digits)}"
        for argnum, (operand, slope) in enumerate(zip(node.operands, node.partials, strict=True))
        if slope is not None
    )


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
    graph: Graph,
    parts: Sequence[ArrayNodes | int],
    boxes: Sequence[Box],
    partial: Callable[[int, int], str],
) -> tuple[tuple[Box, ...], tuple[Arrow, ...]]:
    """Return the boxes, without those of views and constants, and the arrows between them.

    partial: returns the local derivative of a number by an operand; between arrays there is no one number.
    """
    shown = [i for i, part in enumerate(parts) if isinstance(part, int) or has_own(graph, part)]
    place = {part: i for i, part in enumerate(shown)}
    arrows = tuple(
        Arrow(
            place[use.source],
            place[use.target],
            use.argnum,
            "" if use.node is None else partial(use.node, use.argnum),
        )
        for use in uses(graph, parts)
    )
    return tuple(boxes[part] for part in shown), arrows
