"""Arrays in a graph of numbers: which nodes are their elements, and which are inside an operation on them."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.language.arrays.shapes import Shape, element_names

if TYPE_CHECKING:
    from collections.abc import Iterable


_CALL = re.compile(r"[\w.]+(?:\([^()]*\))?")


class ArrayNodes(NamedTuple):
    """An array. name: as it is shown.  nodes: of its elements, in the order of rows.

    own: 1 for each element that is no other's element or name before: what stands for it is its alone.
    text: how it is made, "" of an input.  op: by which operation.  backward: what that does to the gradient.
    """

    name: str
    shape: Shape
    nodes: tuple[int, ...]
    own: bytes = b""
    text: str = ""
    op: str = "input"
    backward: str = ""


class Arrays(NamedTuple):
    """The arrays of a graph.

    found: inputs first, then the results of operations in order; of a name that is assigned again, all.
    labels: the ids of nodes that are elements of arrays without a name in the program.
    inner: 1 for nodes inside an operation on arrays.  names: of the results, which no other node has.
    """

    found: list[ArrayNodes]
    labels: dict[int, str]
    inner: bytearray
    names: frozenset[str]

    def part(self, node: int, text: str, op: str) -> str:
        """Return what a node is: "x[1]", "exp(x)[1]", "sqrt in std(x)", or the text that it was read from.

        op: the operation of the node.
        """
        if self.inner[node]:
            return f"{op} in {text}"
        for array in self.found:
            if array.shape and node in array.nodes and array.own[place := array.nodes.index(node)]:
                element = element_names("", array.shape)[place]
                return (text if _CALL.fullmatch(text) else f"({text})") + element
        return text

    def made_by(self, node: int) -> str:
        """Return the operation on arrays that a node is a result of, "" where it is of none."""
        return next((array.op for array in self.found if node in array.nodes), "")


def numbered(arrays: Iterable[ArrayNodes]) -> list[ArrayNodes]:
    """Return arrays of which those whose name is given again later are name#1, name#2, and so on."""
    found = list(arrays)
    counts = Counter(array.name for array in found)
    met: Counter[str] = Counter()
    for place, array in enumerate(found):
        met[array.name] += 1
        if met[array.name] < counts[array.name]:
            found[place] = array._replace(name=f"{array.name}#{met[array.name]}")
    return found
