"""Arrays in a graph of numbers: which nodes are their elements, and which are inside an operation on them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.language.arrays.shapes import Shape  # noqa: TC001 - of a named tuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backprop_cli.language.code import Span


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
    span: Span = (0, 0)


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
