"""A program as boxes and arrows, before they are given a place: with numbers, or with formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.graph.naming import Naming
from backprop_cli.notation.partials import own_slope, slope_text
from backprop_cli.notation.pretty import factor_back
from backprop_cli.text import held_mark, number_text

if TYPE_CHECKING:
    from backprop_cli.graph.tape import Graph
    from backprop_cli.report import NodeRecord, Report


class Box(NamedTuple):
    """One node. role: "input", "step" or "output".

    text: the node in terms of its operands, in the language of programs; "" for an input.
    value, gradient: as they are shown, "" where the program is drawn without numbers.  shape: of an array.
    rule: what an operation on arrays does to the gradient, in words.
    part: the output, where it is an element of the array.
    """

    id: str
    text: str
    value: str
    gradient: str
    role: str
    kink: str = ""
    shape: str = ""
    rule: str = ""
    part: str = ""

    @property
    def title(self) -> str:
        """The first line of the box: "e = a*b", "z (3,) = W@x", "z[0] in z (3,) = W@x", or an input."""
        name = f"{self.id} {self.shape}" if self.shape else self.id
        name = f"{self.part} in {name}" if self.part else name
        return f"{name} = {self.text}" if self.text else name


class Arrow(NamedTuple):
    """A use of a node by another, both as positions in the list of boxes.

    argnum: which operand it is.  partial: the local derivative, a number or a formula as it is shown; "" of
    an array, which has no one number.
    mark: what stands behind its symbol; see ``text.held_mark``.
    """

    source: int
    target: int
    argnum: int
    partial: str
    mark: str = ""

    def factor(self, *, unicode: bool = True) -> str:
        """Return the local derivative as what it is on the way back: "←×3"."""
        return self.partial and factor_back(self.partial, unicode=unicode)


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

    def legend(self, *, unicode: bool = True) -> str:
        """Return what the signs in a picture say."""
        gradient = f"grad: the gradient of {self.output}; " if self.has_numbers else ""
        sign = factor_back("", unicode=unicode)
        what = f"{sign} the local derivative, a factor of gradients on the way back"
        return gradient + what if any(arrow.partial for arrow in self.arrows) else gradient.removesuffix("; ")

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
    boxes = tuple(box_of_record(node, report.output, digits) for node in report.nodes)
    arrows = tuple(
        Arrow(place[operand], i, argnum, *slope_of_record(node, argnum, digits, symbolic=symbolic))
        for i, node in enumerate(report.nodes)
        for argnum, operand in enumerate(node.operands)
        if isinstance(operand, str)
    )
    return Diagram(report.program, report.output, boxes, arrows, has_numbers=True, upstream=report.upstream)


def box_of_record(node: NodeRecord, output: str, digits: int | None) -> Box:
    """Return the box of a computed node."""
    return Box(
        node.id,
        "" if node.op == "input" else node.expr,
        number_text(node.value, digits),
        number_text(node.gradient, digits),
        role_of(node.id, node.op, output),
        kink=node.kink.word if node.kink else "",
    )


def slope_of_record(node: NodeRecord, argnum: int, digits: int | None, *, symbolic: bool) -> tuple[str, str]:
    """Return a local derivative as it is shown, and what stands behind its symbol."""
    mark = node.mark(argnum)
    if symbolic:
        return slope_text(node, argnum), mark
    partial = node.partials[argnum]
    return "" if partial is None else number_text(partial, digits), mark


def diagram_of_graph(graph: Graph) -> Diagram:
    """Return a program without a point as a diagram, with formulas for the local derivatives."""
    naming = Naming(graph)
    place = {node: i for i, node in enumerate(naming.order)}
    output = naming.id(graph.output)
    boxes = tuple(box_of_node(naming, node, output) for node in naming.order)
    arrows = tuple(
        Arrow(place[x], i, argnum, *slope_of_node(naming, node, argnum))
        for i, node in enumerate(naming.order)
        if not graph.constant[node]
        for argnum, x in enumerate(graph.operands[node])
        if not graph.constant[x]
    )
    return Diagram(graph.text, output, boxes, arrows, has_numbers=False)


def box_of_node(naming: Naming, node: int, output: str) -> Box:
    """Return the box of a node without numbers."""
    graph, name = naming.graph, naming.id(node)
    is_input = graph.ops[node] is None and not graph.constant[node]
    text = "" if is_input else naming.expression(node)
    return Box(name, text, "", "", role_of(name, "input" if is_input else "step", output))


def slope_of_node(naming: Naming, node: int, argnum: int) -> tuple[str, str]:
    """Return a local derivative as a formula, and what stands behind its symbol."""
    graph = naming.graph
    op, operands = graph.ops[node], graph.operands[node]
    assert op is not None
    ids = ["" if graph.constant[x] else naming.id(x) for x in operands]
    held = [naming.held(node, place) for place in range(len(ids))]
    formula = own_slope(op, argnum, [naming.operand(x) for x in operands], naming.id(node))
    return formula, held_mark(held, argnum, ids)


def role_of(name: str, op: str, output: str) -> str:
    """Return whether a box is that of the output, an input or a step."""
    return "output" if name == output else "input" if op == "input" else "step"
