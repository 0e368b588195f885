"""Names for nodes: the user's where there is one, else v1, v2, …; and each node as text."""

from __future__ import annotations

import re
from array import array
from fractions import Fraction
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.graph.reach import Reach
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Container

    from backprop_cli.graph.tape import Graph

_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
_RAISED = str.maketrans(_SUPERSCRIPTS, "0123456789+-")
_LONG = 60
_SIMPLE = re.compile(r"[\w.#]+")
# The exponent of x² stands for itself in x^2.


class _Given(NamedTuple):
    """The names that the program gives: of a node, its further ones, and all as they are written."""

    ids: dict[int, str]
    aliases: dict[int, list[str]]
    names: Container[str]


class Naming:
    """Ids and texts for the nodes of a graph.

    order: the nodes that are shown: inputs in order of first use, operations as they are evaluated, the
    output last. Constants are not among them, unless the output is one.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._reach = Reach(graph)

    def held(self, node: int, argnum: int) -> tuple[str, ...]:
        """Return the other operands that depend on this one: its local derivative holds them."""
        return tuple(map(self.id, self._reach.held(node, argnum)))

    @cached_property
    def order(self) -> array[int]:
        """Return the nodes that are shown."""
        graph, output = self.graph, self.graph.output
        others = (node for node in range(graph.end) if not graph.constant[node] and node != output)
        order = array("q", others)
        # Only a program that computes on from its output has nodes behind it.
        feeds_others = any(output in graph.operands[node] for node in order if node > output)
        at = order.index(next(n for n in order if n > output)) if feeds_others else None
        order.insert(len(order) if at is None else at, output)
        return order

    # Names are made when the first is asked for: for all nodes that takes as long as to compute their values.

    @cached_property
    def _given(self) -> _Given:
        """Name every assignment: name#1, name#2, … and the plain name for the last one."""
        graph = self.graph
        first: dict[str, int] = dict(graph.inputs)
        again: dict[str, list[int]] = {}
        for node, name in graph.assignments:
            if name in first:
                again.setdefault(name, []).append(node)
            else:
                first[name] = node
        ids: dict[int, str] = {}
        aliases: dict[int, list[str]] = {}
        for name, node in first.items():
            nodes = [node, *again.get(name, ())]
            for number, version in enumerate(nodes, 1):
                text = name if number == len(nodes) else f"{name}#{number}"
                if version in ids:
                    aliases.setdefault(version, []).append(text)
                else:
                    ids[version] = text
        return _Given(ids, aliases, first)

    @cached_property
    def _numbered(self) -> dict[int, str]:
        """Name the other nodes: v1, v2 and so on."""
        given, taken = self._given.ids, self._given.names
        arrays = self.graph.arrays
        labels, made_up = (arrays.labels, arrays.names) if arrays else ({}, frozenset())
        free = (text for text in map("v{}".format, count(1)) if text not in taken and text not in made_up)
        return {node: labels.get(node) or next(free) for node in self.order if node not in given}

    def id(self, node: int) -> str:
        """Return the name under which the node is shown."""
        return self._given.ids.get(node) or self._numbered[node]

    def output_id(self) -> str:
        """Return the id of the output, without naming all nodes where only the last statement names it."""
        graph = self.graph
        names = [name for node, name in graph.assignments if node == graph.output]
        if len(names) == 1 and graph.assignments[-1][0] == graph.output and graph.ops[graph.output]:
            return names[0]
        return self.id(graph.output)

    def is_named(self, node: int) -> bool:
        """Tell whether the program names the node."""
        return node in self._given.ids

    def aliases(self, node: int) -> tuple[str, ...]:
        """Return the further names of the node."""
        return tuple(self._given.aliases.get(node, ()))

    def operand(self, node: int) -> str:
        """Return a node as it stands in the expression of another: its id, or the text of a constant."""
        if not self.graph.constant[node]:
            return self.id(node)
        return self.constant(node)

    def constant(self, node: int) -> str:
        """Return the text of a constant, in parentheses if it is more than one number."""
        number = self.graph.numbers.get(node)
        if isinstance(number, float):
            return number_text(number, None)  # equal numbers are one node, however each is written
        if self.graph.arrays is not None:
            return self._constant_of_arrays(node)
        text = " ".join(self.graph.source(node).split()) or "pi"
        if not text.strip(_SUPERSCRIPTS):
            text = text.translate(_RAISED)  # the -1 of x⁻¹
        op = self.graph.ops[node]
        is_call = op is not None and not op.infix  # sqrt(2), not sqrt(2)*sqrt(3)
        return text if is_call or _SIMPLE.fullmatch(text) else f"({text})"

    def _constant_of_arrays(self, node: int) -> str:
        """Return the text of a constant whose place in the text is that of a whole array: "(2*3)"."""
        graph = self.graph
        texts: dict[int, str] = {}
        waiting = [node]
        while waiting:
            at = waiting[-1]
            if at in texts:
                waiting.pop()
                continue
            op, number = graph.ops[at], graph.numbers.get(at)
            missing = [x for x in graph.operands[at] if x not in texts]
            if missing:
                waiting += missing
            elif op is None:
                texts[at] = _number_text(number)
            else:
                text = op.write([texts[x] for x in graph.operands[at]])
                texts[at] = "(…)" if len(text) > _LONG else f"({text})" if op.infix else text
        return texts[node]

    def expression(self, node: int) -> str:
        """Return a node in terms of its operands: "e + c"."""
        op = self.graph.ops[node]
        if self.graph.constant[node] and self.graph.arrays is not None:
            return self._constant_of_arrays(node)
        if self.graph.constant[node]:
            return " ".join(self.graph.source(node).split())
        if op is None:
            return self.id(node)
        return op.write([self.operand(x) for x in self.graph.operands[node]])

    def source(self, node: int) -> str:
        """Return the text that the node was read from, cut in the middle if it is long."""
        text = " ".join(self.graph.source(node).split())
        return text if len(text) <= 60 else f"{text[:28]} … {text[-28:]}"


def _number_text(number: Any) -> str:
    """Return a constant as it stands in an expression: "pi", 0.1, or (1/10) where numbers are fractions."""
    if isinstance(number, Fraction):
        return str(number) if number.denominator == 1 else f"({number})"
    return number if isinstance(number, str) else number_text(number, None)
