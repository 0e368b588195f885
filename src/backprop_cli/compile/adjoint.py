"""The adjoint graph: a graph that computes the value of a program and all its gradients.

It is what the reverse sweep writes down when its numbers are graph nodes. A node is a primitive of the table
at its operands, or a pullback: an adjoint times a partial of a primitive. Where it is asked for, partials are
primitives as well. Simplified is only what changes no bit of a result: constants are folded, a multiplication
by one and an adjoint of zero fall away, equal nodes are one, and what no result needs is dropped.

An operation is a primitive evaluated, an adjoint pulled back through one operand, or two adjoints added. Of
these the adjoint graph has at most four times as many as the program: a primitive of k operands counts as
max(1, k - 1), since a max of three is two maxima; it is pulled back through at most k, and of the sums
at most k - 1 are its own.
Source: Griewank & Walther, Evaluating Derivatives, 2nd ed., ch. 3 and 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.compile.recorder import Primitive, Pullback, Recorder
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.operations.table import OPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from backprop_cli.compile.recorder import Definition
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.graph.tape import Graph
    from backprop_cli.operations.op import Namespace, Number

    Pair = tuple[str, str]
    More = Callable[[Sweep, Namespace], Mapping[Pair, Number]]


class AdjointGraph(NamedTuple):
    """What every node is, operands first, and which nodes are the results.

    gradients: input -> the node of its gradient, None where there is no path.  values: the nodes of what else
    was asked for.  more: of further numbers, as second derivatives by two inputs that are not 0 everywhere.
    """

    nodes: list[Definition]
    value: int
    gradients: dict[str, int | None]
    values: tuple[int, ...]
    more: dict[Pair, int] = {}  # noqa: RUF012 - a default that nobody changes


def build_adjoint(
    graph: Graph,
    wrt: Iterable[str],
    upstream: float = 1.0,
    values: Sequence[int] = (),
    *,
    in_primitives: bool = False,
    more: More | None = None,
) -> AdjointGraph:
    """Return the adjoint graph of a program.

    more: makes further numbers of the sweep, such as second derivatives, which are in it, too.

    wrt: the inputs to differentiate by.  values: nodes of the program whose values are wanted too.
    in_primitives: partials are recorded as primitives of the table, so that there are no pullbacks. They are
    then computed as the row is written, without the care of FLOAT where numbers are very large or small.
    """
    recorder = Recorder(in_primitives=in_primitives, as_nodes=more is not None)
    point = {name: recorder.node(name) for name in graph.inputs}
    sweep = sweep_graph(graph, point, upstream, recorder)  # type: ignore[arg-type]
    bars = {name: sweep.adjoint[graph.inputs[name]] for name in wrt}
    return _without_dead_code(
        recorder.definitions,
        sweep.primal[graph.output].index,
        {name: None if bar is None else bar.index for name, bar in bars.items()},
        [sweep.primal[node].index for node in values],
        {} if more is None else {pair: recorder.number(x).index for pair, x in more(sweep, recorder).items()},
    )


def _operands(definition: Definition) -> tuple[int, ...]:
    return definition.operands if isinstance(definition, Primitive | Pullback) else ()


def _without_dead_code(
    nodes: list[Definition],
    value: int,
    gradients: dict[str, int | None],
    values: list[int],
    more: dict[Pair, int],
) -> AdjointGraph:
    """Keep the nodes that the results are made of."""
    is_live = bytearray(len(nodes))
    slopes = (bar for bar in gradients.values() if bar is not None)
    for node in (value, *values, *slopes, *more.values()):
        is_live[node] = 1
    for node in range(len(nodes) - 1, -1, -1):
        if is_live[node]:
            for operand in _operands(nodes[node]):
                is_live[operand] = 1
    place = dict(zip((node for node, live in enumerate(is_live) if live), range(len(nodes)), strict=False))

    def moved(definition: Definition) -> Definition:
        match definition:
            case Primitive(op, operands):
                return Primitive(op, tuple(place[x] for x in operands))
            case Pullback(bar=bar, y=y, xs=xs):
                moved_xs = tuple(place[x] for x in xs)
                return definition._replace(bar=place[bar], y=place[y], xs=moved_xs)
        return definition

    return AdjointGraph(
        [moved(nodes[node]) for node in place],
        place[value],
        {name: None if bar is None else place[bar] for name, bar in gradients.items()},
        tuple(place[node] for node in values),
        {pair: place[node] for pair, node in more.items()},
    )


def evaluate_nodes(adjoint: AdjointGraph, point: Mapping[str, Number], m: Namespace) -> list[Number | None]:
    """Return the number at every node, in any number system; None for an adjoint that nothing reaches.

    In FLOAT they are those of the sweep, to the bit. A node that has no value is m.nan, as in ``forward``: a
    branch that is not taken may have such.
    """
    numbers: list[Number | None] = []
    for definition in adjoint.nodes:
        number: Number | None
        if isinstance(definition, str):
            number = m.number(point[definition])
        elif isinstance(definition, float):
            number = m.number(definition)
        elif isinstance(definition, Pullback):
            number = _pulled_back(definition, numbers, m)
        else:
            number = _primitive(definition, numbers, m)
        numbers.append(number)
    return numbers


def _primitive(primitive: Primitive, numbers: list[Number | None], m: Namespace) -> Number | None:
    xs = [numbers[x] for x in primitive.operands]
    # Only adjoints may be missing: of a sum of two the other one is left.
    if None in xs:
        return xs[0] if xs[-1] is None else xs[-1] if primitive.op is OPS["add"] else None
    try:
        return m.value(primitive.op, xs)
    except (ArithmeticError, ValueError):
        return m.nan


def _pulled_back(pullback: Pullback, numbers: list[Number | None], m: Namespace) -> Number | None:
    op, argnum, bar, y, xs, fixed = pullback
    adjoint = numbers[bar]
    if adjoint is None:
        return None
    partial = m.partial(op, argnum, numbers[y], [numbers[x] for x in xs], fixed)
    return None if op.cuts and op.cuts_off(partial, fixed) else adjoint * partial


def count_program(graph: Graph) -> int:
    """Return the count of operations that the value of a program takes."""
    marks = bytearray(len(graph.ops))
    marks[graph.output] = 1
    count = 0
    for node in range(graph.output, -1, -1):
        op = graph.ops[node]
        if marks[node] and op is not None and not graph.constant[node]:
            count += _cost(len(graph.operands[node]))
            for operand in graph.operands[node]:
                marks[operand] = 1
    return count


def count_operations(adjoint: AdjointGraph) -> int:
    """Return the count of operations of an adjoint graph."""
    return sum(
        _cost(len(node.operands)) if isinstance(node, Primitive) else 1
        for node in adjoint.nodes
        if isinstance(node, Primitive | Pullback)
    )


def _cost(operands: int) -> int:
    return max(1, operands - 1)
