"""The graph: a flat tape of primitive operations in topological order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backprop_cli.graph.arrays import Arrays
    from backprop_cli.operations.op import Namespace, Number, Op


class Graph:
    """Parallel lists, one entry per node; a node is its index, and its operands have lower ones.

    ops: the operation, None for an input or a number.  operands: the nodes it works on.
    constant: 1 where the node depends on no input.  spans: where it stands in the text.
    inputs: name -> node.  numbers: node -> its value, or "pi".
    assignments: (node, name) in order, as the program assigns them.  output: the node of the result.
    arrays: what of it is arrays, if anything is.
    end: the count of nodes of the program itself.  formulas: of further expressions in its names, which come
    behind.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.ops: list[Op | None] = []
        self.operands: list[tuple[int, ...]] = []
        self.constant = bytearray()
        self.spans: list[tuple[int, int]] = []
        self.inputs: dict[str, int] = {}
        self.numbers: dict[int, float | str] = {}
        self.assignments: list[tuple[int, str]] = []
        self.output = 0
        self.end = 0
        self.formulas: list[int] = []
        self.arrays: Arrays | None = None

    @property
    def special(self) -> str | None:
        """The first operation that single points alone have, if there is one; see ``Op.special``."""
        return next((op.name for op in self.ops if op is not None and op.special), None)

    def add(self, op: Op | None, operands: tuple[int, ...], span: tuple[int, int]) -> int:
        """Append a node and return it."""
        node = len(self.ops)
        self.ops.append(op)
        self.operands.append(operands)
        constant = self.constant
        is_constant = op is not None and constant[operands[0]] and all(map(constant.__getitem__, operands))
        constant.append(is_constant)
        self.spans.append(span)
        return node

    def add_inputs(self, spans: Mapping[str, tuple[int, int]]) -> None:
        """Append inputs, which stand where the spans say."""
        count = len(spans)
        self.inputs |= zip(spans, range(len(self.ops), len(self.ops) + count), strict=True)
        self.ops += [None] * count
        self.operands += [()] * count
        self.constant += bytes(count)
        self.spans += spans.values()

    def add_number(self, number: float | str, span: tuple[int, int]) -> int:
        """Append a number, or "pi", and return its node."""
        node = self.add(None, (), span)
        self.numbers[node] = number
        self.constant[node] = True
        return node

    def fixed(self, node: int) -> list[bool]:
        """Tell for each operand of a node whether it is a constant."""
        return [bool(self.constant[operand]) for operand in self.operands[node]]

    def source(self, node: int) -> str:
        """Return the text that the node was read from; of what is a part of an array, which part."""
        start, end = self.spans[node]
        text = self.text[start:end]
        if self.arrays is None:
            return text
        op = self.ops[node]
        return self.arrays.part(node, text, "a number" if op is None else op.name)

    def leaves(self, point: dict[str, Number], m: Namespace) -> list[Number]:
        """Return a primal list with the inputs and numbers filled in, in the number system m."""
        primal: list[Number] = [None] * len(self.ops)
        for name, node in self.inputs.items():
            primal[node] = m.number(point[name])
        for node, number in self.numbers.items():
            primal[node] = m.pi if isinstance(number, str) else m.number(number)
        return primal
