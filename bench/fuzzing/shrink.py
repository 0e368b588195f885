"""Programs made smaller as long as the same thing is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic

from fuzzing.programs import Node, Program, double, pruned

_SIMPLE = (0.0, 1.0, 2.0, -1.0, 0.5)


def shrink(program: Program, is_wrong: Callable[[Program], bool], seconds: float) -> Program:
    """Return the smallest program found with which the same is wrong. seconds: for the search."""
    end = monotonic() + seconds
    found = True
    while found and monotonic() < end:
        found = False
        for smaller in _smaller(program):
            if monotonic() > end:
                break
            if _weight(smaller) < _weight(program) and is_wrong(smaller):
                program, found = smaller, True
                break
    return program


def _weight(program: Program) -> tuple[int, int, int, int]:
    numbers = [*program.point.values(), *(n.leaf for n in program.nodes if n.op == "number")]
    plain = sum(x not in _SIMPLE for x in numbers)
    return (
        len(program.nodes) + len(program.point) + (program.upstream != 1) + len(program.disguises),
        sum(n.op not in ("input", "number") for n in program.nodes) + len(program.names),
        plain,
        sum(len(repr(x)) for x in numbers),
    )


def _smaller(program: Program) -> Iterator[Program]:
    """Yield simpler programs, the boldest first."""
    nodes = program.nodes
    for last in range(len(nodes) - 2, -1, -1):
        if nodes[last].op not in ("number", "lt", "le", "gt", "ge"):
            names = {i: name for i, name in program.names.items() if i <= last}
            yield pruned(replace(program, nodes=nodes[: last + 1], names=names))
    yield replace(program, names={})
    yield replace(program, upstream=1.0)
    for name in program.disguises:
        yield replace(program, disguises={n: d for n, d in program.disguises.items() if n != name})
    for i, node in enumerate(nodes):
        for x in node.operands:
            if nodes[x].op not in ("lt", "le", "gt", "ge"):
                yield _bypassed(program, i, x)
        value = double(node.op, [None] * len(node.operands))
        for leaf in (value, *_SIMPLE):
            if leaf is not None and node.operands and node.op not in ("lt", "le", "gt", "ge"):
                yield _with_node(program, i, Node("number", leaf=leaf))
    for i, node in enumerate(nodes):
        if node.op == "number" and isinstance(node.leaf, float):
            for x in _simpler(node.leaf):
                yield _with_node(program, i, Node("number", leaf=x))
    for name, value_there in program.point.items():
        for x in _simpler(value_there):
            yield pruned(replace(program, point={**program.point, name: x}))
        for i, node in enumerate(nodes):
            if node.leaf == name:
                yield _with_node(program, i, Node("number", leaf=value_there))


def _simpler(x: float) -> Iterator[float]:
    yield from _SIMPLE
    for digits in (1, 2, 3):
        yield float(f"{x:.{digits}g}")


def _with_node(program: Program, at: int, node: Node) -> Program:
    nodes = (*program.nodes[:at], node, *program.nodes[at + 1 :])
    return pruned(replace(program, nodes=nodes, names={}))


def _bypassed(program: Program, at: int, operand: int) -> Program:
    """Return a program in which an operand stands for the node."""
    nodes = tuple(
        node._replace(operands=tuple(operand if x == at else x for x in node.operands))
        for node in program.nodes
    )
    return pruned(replace(program, nodes=nodes, names={}))
