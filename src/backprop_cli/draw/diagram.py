"""A program as boxes and arrows, before they are given a place: with numbers, or with formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.graph.naming import Naming
from backprop_cli.notation.partials import partial_text
from backprop_cli.operations.table import OPS
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from backprop_cli.graph.tape import Graph
    from backprop_cli.report import NodeRecord, Report


class Box(NamedTuple):
    """One node. role: "input", "step" or "output".

    text: the node in terms of its operands, in the language of programs; "" for an input.
    value, gradient: as they are shown, "" where the program is drawn without numbers.
    """

    id: str
    text: str
    value: str
    gradient: str
    role: str
    kink: bool = False

    @property
    def title(self) -> str:
        """The first line of the box: "e = a*b", or the name of an input."""
        return f"{self.id} = {self.text}" if self.text else self.id


class Arrow(NamedTuple):
    """A use of a node by another, both as positions in the list of boxes.

    argnum: which operand it is.  partial: the local derivative, a number or a formula as it is shown.
    """

    source: int
    target: int
    argnum: int
    partial: str


class Diagram(NamedTuple):
    """A program to be drawn. boxes: in topological order, the output last of those it depends on.

    program: its text.  output: the id of the output.  has_numbers: whether values and gradients are shown.
    upstream: the gradient that arrives at the output.
    """

    program: str
    output: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    has_numbers: bool
    upstream: float = 1.0

    @property
    def operands(self) -> list[list[Arrow]]:
        """The arrows that end at each box, in the order of its operands."""
        found: list[list[Arrow]] = [[] for _ in self.boxes]
        for arrow in self.arrows:
            found[arrow.target].append(arrow)
        return found


def diagram_of_report(report: Report, *, digits: int | None = 4, symbolic: bool = False) -> Diagram:
    """Return a computed program as a diagram. symbolic: formulas for the local derivatives."""
    place = {node.id: i for i, node in enumerate(report.nodes)}
    boxes = tuple(
        Box(
            node.id,
            "" if node.op == "input" else node.expr,
            number_text(node.value, digits),
            number_text(node.gradient, digits),
            _role(node.id, node.op, report.output),
            kink=node.kink is not None,
        )
        for node in report.nodes
    )
    arrows = tuple(
        Arrow(place[operand], i, argnum, _partial(node, argnum, digits, symbolic=symbolic))
        for i, node in enumerate(report.nodes)
        for argnum, operand in enumerate(node.operands)
        if isinstance(operand, str)
    )
    return Diagram(report.program, report.output, boxes, arrows, has_numbers=True, upstream=report.upstream)


def _partial(node: NodeRecord, argnum: int, digits: int | None, *, symbolic: bool) -> str:
    if symbolic:
        return partial_text(OPS[node.op], argnum, node.terms)
    partial = node.partials[argnum]
    return "" if partial is None else number_text(partial, digits)


def diagram_of_graph(graph: Graph) -> Diagram:
    """Return a program without a point as a diagram, with formulas for the local derivatives."""
    naming = Naming(graph)
    place = {node: i for i, node in enumerate(naming.order)}
    output = naming.id(graph.output)
    boxes = []
    arrows: list[Arrow] = []
    for i, node in enumerate(naming.order):
        op = graph.ops[node]
        is_input = op is None and not graph.constant[node]
        kind = "input" if is_input else "step"
        text = "" if is_input else naming.expression(node)
        boxes.append(Box(naming.id(node), text, "", "", _role(naming.id(node), kind, output)))
        if op is None or graph.constant[node]:
            continue
        terms = [naming.operand(x) for x in graph.operands[node]]
        arrows.extend(
            Arrow(place[x], i, argnum, partial_text(op, argnum, terms))
            for argnum, x in enumerate(graph.operands[node])
            if not graph.constant[x]
        )
    return Diagram(graph.text, output, tuple(boxes), tuple(arrows), has_numbers=False)


def _role(name: str, op: str, output: str) -> str:
    return "output" if name == output else "input" if op == "input" else "step"
