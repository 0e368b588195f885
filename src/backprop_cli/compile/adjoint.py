"""The adjoint graph: a graph that computes the value of a program and all its gradients.

It is what the reverse sweep writes down when its numbers are graph nodes. A node is a primitive of the table
at its operands, or a pullback: an adjoint times a partial of a primitive. Simplified is only what changes
no bit of a result: constants are folded, a multiplication by one and an adjoint of zero fall away, equal
nodes are one, and what no result needs is dropped.

An operation is a primitive evaluated, an adjoint pulled back through one operand, or two adjoints added. Of
these the adjoint graph has at most four times as many as the program: a primitive of k operands counts as
max(1, k - 1), since a max of three is two maxima; it is pulled back through at most k, and of the sums
at most k - 1 are its own.
Source: Griewank & Walther, Evaluating Derivatives, 2nd ed., ch. 3 and 4.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.op import Namespace, Op
from backprop_cli.operations.table import OPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from backprop_cli.graph.tape import Graph
    from backprop_cli.operations.op import Number


class Primitive(NamedTuple):
    """A primitive at its operands."""

    op: Op
    operands: tuple[int, ...]


class Pullback(NamedTuple):
    """The adjoint ``bar`` times the partial by one operand of a primitive with the value y at xs."""

    op: Op
    argnum: int
    bar: int
    y: int
    xs: tuple[int, ...]
    fixed: tuple[bool, ...]

    @property
    def operands(self) -> tuple[int, ...]:
        """Return the nodes that it is made of."""
        return (self.bar, self.y, *self.xs)


Step = Primitive | Pullback | str | float
"""What a node is; an input is its name, a constant its number."""


class AdjointGraph(NamedTuple):
    """What every node is, operands first, and which nodes are the results.

    gradients: input -> the node of its gradient, None where there is no path.  values: the nodes of what else
    was asked for.
    """

    steps: list[Step]
    value: int
    gradients: dict[str, int | None]
    values: tuple[int, ...]


def build_adjoint(
    graph: Graph, wrt: Iterable[str], upstream: float = 1.0, values: Sequence[int] = ()
) -> AdjointGraph:
    """Return the adjoint graph of a program.

    wrt: the inputs to differentiate by.  values: nodes of the program whose values are wanted too.
    """
    recorder = _Recorder()
    point = {name: recorder.node(name) for name in graph.inputs}
    sweep = sweep_graph(graph, point, upstream, recorder)  # type: ignore[arg-type]
    bars = {name: sweep.adjoint[graph.inputs[name]] for name in wrt}
    return _without_dead_code(
        recorder.steps,
        sweep.primal[graph.output].index,
        {name: None if bar is None else bar.index for name, bar in bars.items()},
        [sweep.primal[node].index for node in values],
    )


class _Node:
    """A node of the graph under construction, as a number of the sweep: adjoints are added and multiplied."""

    __slots__ = ("index", "number", "recorder")

    def __init__(self, recorder: _Recorder, index: int, number: float | None) -> None:
        self.recorder, self.index, self.number = recorder, index, number

    def __add__(self, other: _Node) -> _Node:
        return self.recorder.value(OPS["add"], (self, other))

    def __mul__(self, slope: _Slope) -> _Node:
        return self.recorder.pull_back(self, slope)


class _Slope:
    """A partial that waits for its adjoint.

    simple: what it is, where that takes no computing: a number, the result or an operand.
    """

    __slots__ = ("argnum", "fixed", "op", "simple", "xs", "y")

    def __init__(
        self,
        op: Op,
        argnum: int,
        y: _Node,
        xs: Sequence[_Node],
        fixed: Sequence[bool],
        simple: _Node | float | None,
    ) -> None:
        self.op, self.argnum, self.y, self.xs, self.fixed, self.simple = op, argnum, y, xs, fixed, simple

    def __eq__(self, number: object) -> bool:
        """Tell whether it is known to be this number."""
        simple = self.simple.number if isinstance(self.simple, _Node) else self.simple
        return simple is not None and simple == number

    __hash__ = object.__hash__


class _Opaque:
    """An operand of which nothing can be computed."""

    def __init__(self, node: _Node) -> None:
        self.node = node


class _Recorder(Namespace):
    """GRAPH: the namespace whose numbers are nodes."""

    zero, one = 0.0, 1.0

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._nodes: dict[Step | tuple[type, str], _Node] = {}
        self.pi: _Node = self.node(FLOAT.pi)
        self.nan: _Node = self.node(FLOAT.nan)

    def node(self, step: Step) -> _Node:
        """Return the node of a step, which is made if it is not there yet."""
        # 0.0 and -0.0 are equal, and so are 1 and True: the text tells them apart.
        key = (float, repr(step)) if isinstance(step, float) else step
        node = self._nodes.get(key)
        if node is None:
            number = step if isinstance(step, float) else None
            node = self._nodes[key] = _Node(self, len(self.steps), number)
            self.steps.append(step)
        return node

    def number(self, x: _Node | float) -> _Node:
        return x if isinstance(x, _Node) else self.node(float(x))

    def value(self, op: Op, xs: Sequence[_Node]) -> _Node:
        numbers = [x.number for x in xs if x.number is not None]
        if len(numbers) == len(xs):
            try:
                return self.node(FLOAT.value(op, numbers))
            except (ArithmeticError, ValueError):
                return self.nan
        return self.node(Primitive(op, tuple(x.index for x in xs)))

    def partial(self, op: Op, argnum: int, y: _Node, xs: Sequence[_Node], fixed: Sequence[bool]) -> _Slope:
        simple: Number = None
        with suppress(AttributeError, TypeError):
            simple = op.partial(self, argnum, _Opaque(y), [_Opaque(x) for x in xs], fixed)
        if isinstance(simple, _Opaque):
            simple = simple.node
        return _Slope(op, argnum, y, xs, fixed, simple)

    def pull_back(self, bar: _Node, slope: _Slope) -> _Node:
        """Return the adjoint ``bar`` times a partial."""
        match slope.simple:
            case 1.0:
                return bar
            case -1.0:
                return self.value(OPS["neg"], (bar,))
            case float() as number:
                return self.value(OPS["mul"], (bar, self.node(number)))
            case _Node() as node:
                if bar.number == 1.0:
                    return node
                return self.value(OPS["mul"], (bar, node))
        xs = tuple(x.index for x in slope.xs)
        return self.node(Pullback(slope.op, slope.argnum, bar.index, slope.y.index, xs, tuple(slope.fixed)))


def _operands(step: Step) -> tuple[int, ...]:
    return step.operands if isinstance(step, Primitive | Pullback) else ()


def _without_dead_code(
    steps: list[Step], value: int, gradients: dict[str, int | None], values: list[int]
) -> AdjointGraph:
    """Keep the nodes that the results are made of."""
    is_live = bytearray(len(steps))
    for node in (value, *values, *(bar for bar in gradients.values() if bar is not None)):
        is_live[node] = 1
    for node in range(len(steps) - 1, -1, -1):
        if is_live[node]:
            for operand in _operands(steps[node]):
                is_live[operand] = 1
    place = dict(zip((node for node, live in enumerate(is_live) if live), range(len(steps)), strict=False))

    def moved(step: Step) -> Step:
        if isinstance(step, Primitive):
            return Primitive(step.op, tuple(place[x] for x in step.operands))
        if isinstance(step, Pullback):
            xs = tuple(place[x] for x in step.xs)
            return step._replace(bar=place[step.bar], y=place[step.y], xs=xs)
        return step

    return AdjointGraph(
        [moved(steps[node]) for node in place],
        place[value],
        {name: None if bar is None else place[bar] for name, bar in gradients.items()},
        tuple(place[node] for node in values),
    )


class Results(NamedTuple):
    """What an adjoint graph comes to at a point; a gradient is None where nothing reaches the input."""

    value: Number
    gradients: dict[str, Number | None]
    values: tuple[Number, ...]


def evaluate(adjoint: AdjointGraph, point: Mapping[str, Number], m: Namespace) -> Results:
    """Return value and gradients at a point where the output has a value, in any number system.

    In FLOAT they are those of the sweep, to the bit. A node that has no value is m.nan, as in ``forward``: a
    branch that is not taken may have such.
    """
    numbers = evaluate_steps(adjoint, point, m)
    return Results(
        numbers[adjoint.value],
        {name: None if bar is None else numbers[bar] for name, bar in adjoint.gradients.items()},
        tuple(numbers[node] for node in adjoint.values),
    )


def evaluate_steps(adjoint: AdjointGraph, point: Mapping[str, Number], m: Namespace) -> list[Number | None]:
    """Return the number at every node; None for an adjoint that nothing reaches."""
    numbers: list[Number | None] = []
    for step in adjoint.steps:
        number: Number | None
        if isinstance(step, str):
            number = m.number(point[step])
        elif isinstance(step, float):
            number = m.number(step)
        elif isinstance(step, Pullback):
            number = _pulled_back(step, numbers, m)
        else:
            number = _primitive(step, numbers, m)
        numbers.append(number)
    return numbers


def _primitive(step: Primitive, numbers: list[Number | None], m: Namespace) -> Number | None:
    xs = [numbers[x] for x in step.operands]
    # Only adjoints may be missing: of a sum of two the other one is left.
    if None in xs:
        return xs[0] if xs[-1] is None else xs[-1] if step.op is OPS["add"] else None
    try:
        return m.value(step.op, xs)
    except (ArithmeticError, ValueError):
        return m.nan


def _pulled_back(step: Pullback, numbers: list[Number | None], m: Namespace) -> Number | None:
    bar = numbers[step.bar]
    if bar is None:
        return None
    slope = m.partial(step.op, step.argnum, numbers[step.y], [numbers[x] for x in step.xs], step.fixed)
    return None if step.op.cuts and step.op.cuts_off(slope, step.fixed) else bar * slope


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
        _cost(len(step.operands)) if isinstance(step, Primitive) else 1
        for step in adjoint.steps
        if isinstance(step, Primitive | Pullback)
    )


def _cost(operands: int) -> int:
    return max(1, operands - 1)
