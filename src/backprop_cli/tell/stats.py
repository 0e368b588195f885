"""What a program costs: operations of its graph, of the adjoint graph, and of the code that batch runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from backprop_cli.compile.adjoint import build_adjoint, count_operations, count_program
from backprop_cli.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.graph.tape import Graph


# Writing the code takes some 40 µs an operation, and nobody reads it.
_MOST_FOR_INSTRUCTIONS = 20_000
# Paths may double with every node; numbers of a million bits would take hours to add.
_MOST_PATHS = 10**60


class GraphStats(Record):
    """Counts of a program.

    primitives: name -> how often it occurs.  depth: operations on the longest path.  branch_points: nodes,
    other than numbers, that are used more than once.  operations, adjoint_operations: for the value, and for
    the value and all gradients; see ``adjoint``.  instructions: of the code for many rows, likewise; None
    where a constant part of the program has no value, for special functions, and for more than 20,000
    operations.  paths: from the inputs to differentiate by to the output; None for more than 1e60.
    read_as: as in Report.
    """

    program: str
    inputs: int
    primitives: dict[str, int]
    depth: int
    branch_points: int
    operations: int
    gradients: int
    adjoint_operations: int
    instructions: tuple[int, int] | None
    paths: int | None
    read_as: str = ""

    @property
    def ratio(self) -> float | None:
        """Return how many times the operations of the value the gradients take, the value included."""
        return self.adjoint_operations / self.operations if self.operations else None


def count_graph(graph: Graph, wrt: Sequence[str]) -> GraphStats:
    """Return the counts of a program, of what its output needs. wrt: the inputs to differentiate by."""
    needed = bytearray(len(graph.ops))
    needed[graph.output] = 1
    uses = Counter([graph.output])
    for node in range(graph.output, -1, -1):
        if needed[node]:
            for operand in graph.operands[node]:
                needed[operand] = 1
                uses[operand] += not graph.constant[operand]
    nodes = [node for node, op in enumerate(graph.ops) if needed[node] and op and not graph.constant[node]]
    depths = [0] * len(graph.ops)
    for node in nodes:
        depths[node] = 1 + max(depths[operand] for operand in graph.operands[node])
    has_code = len(nodes) <= _MOST_FOR_INSTRUCTIONS and not graph.special
    return GraphStats(
        program=graph.text,
        inputs=len(graph.inputs),
        primitives=dict(Counter(graph.ops[node].name for node in nodes).most_common()),  # type: ignore[union-attr]
        depth=depths[graph.output],
        branch_points=sum(count > 1 for count in uses.values()),
        operations=count_program(graph),
        gradients=len(wrt),
        adjoint_operations=count_operations(build_adjoint(graph, wrt)),
        instructions=_count_instructions(graph, wrt) if has_code else None,
        paths=_count_paths(graph, wrt),
    )


def _count_paths(graph: Graph, wrt: Sequence[str]) -> int | None:
    """Return how many paths lead to the output that a gradient may take: none through a condition."""
    counts = [0] * len(graph.ops)
    counts[graph.output] = 1
    for node in range(graph.output, -1, -1):
        op = graph.ops[node]
        if op is None or op.condition or not counts[node]:
            continue
        for operand in graph.operands[node]:
            if not graph.constant[operand]:
                counts[operand] = min(counts[operand] + counts[node], _MOST_PATHS + 1)
    paths = sum(counts[graph.inputs[name]] for name in wrt)
    return paths if paths <= _MOST_PATHS else None


def _count_instructions(graph: Graph, wrt: Sequence[str]) -> tuple[int, int] | None:
    from backprop_cli.compile.kernel import build_kernel

    try:
        value, both = (len(build_kernel(graph, names, {}).instructions) for names in ((), wrt))
    except (ArithmeticError, ValueError):
        return None
    return value, both
