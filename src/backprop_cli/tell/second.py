"""How a second derivative arises: both passes once more, along each input in turn.

On the way forward every step gets how it moves with the input, on the way back every gradient gets how that
moves: by the step behind it, whose own gradient moves, and by the local derivative, which moves where the
operation bends.
Source: Griewank & Walther, Evaluating Derivatives, 2nd ed., ch. 5: forward over reverse.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn

from backprop_cli.calculus.local import second_partials
from backprop_cli.certain.compared import has_digits, is_zero
from backprop_cli.certain.task import kinks_in
from backprop_cli.differentiate import graph_of
from backprop_cli.errors import DomainError, LimitError, UsageError
from backprop_cli.findings.kinks import find_kinks
from backprop_cli.graph.naming import Naming
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.operations.bounded import bounded_reals
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.record import Record
from backprop_cli.report import BEYOND, TOO_SMALL
from backprop_cli.text import decimal_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.operations.bounded import Bounded, BoundedReals
    from backprop_cli.report import NodeRecord, Report

_DIGITS, _SHOWN = 50, 17
_MOST_NODES, _MOST_INPUTS = 40, 6


class Slope(Record):
    """A local derivative: of a step by an operand. held: what stands behind its symbol."""

    step: str
    operand: str
    held: str
    value: float


class Moving(Record):
    """How a step moves with an input. terms: a local derivative, and how its operand moves."""

    node: str
    terms: tuple[tuple[Slope, float], ...]
    value: float


class Bend(Record):
    """How a local derivative moves. by: the operand that moves it.  value: its derivative by that.

    moves: how that operand moves with the input.
    """

    of: Slope
    by: Slope
    value: float
    moves: float


class Turning(Record):
    """How the gradient of a node moves with an input: the derivative of ∂output/∂node.

    passed: local derivatives of the steps it feeds, and how the gradients of these move.
    bends: what bends, and the gradients of these steps.
    """

    node: str
    passed: tuple[tuple[Slope, float], ...]
    bends: tuple[tuple[Bend, float], ...]
    value: float


class Along(Record):
    """Both passes along an input. node: what it is called among the nodes."""

    name: str
    node: str
    forward: tuple[Moving, ...]
    backward: tuple[Turning, ...]


class Second(Record):
    """The second derivatives of a small program, told. names: the inputs, as nodes, that they are by."""

    output: str
    names: tuple[str, ...]
    along: tuple[Along, ...]

    def entry(self, a: str, b: str) -> float:
        """Return the second derivative by two inputs, as nodes are called."""
        steps = next(one.backward for one in self.along if one.node == b)
        return next((step.value for step in steps if step.node == a), 0.0)


def tell_second(report: Report) -> Second:
    """Return how the second derivatives of a report arise, in 50 digits.

    Raises DomainError at a kink and where one is not known, LimitError for a program that is too large to be
    told, UsageError where another gradient than 1 arrives.
    """
    if report.upstream != 1:
        raise UsageError("--order 2 tells of the output itself", hint="leave --upstream out")
    names = list(report.gradients)
    if len(report.nodes) > _MOST_NODES or len(names) > _MOST_INPUTS:
        told = f"{len(report.nodes):,} nodes and {len(names):,} inputs are too many for --order 2"
        most = f"up to {_MOST_NODES} nodes and {_MOST_INPUTS} inputs are told; see backprop hessian"
        raise LimitError(told, hint=most)
    teller = _Teller(report)
    along = tuple(teller.along(name) for name in names)
    return Second(report.output, tuple(teller.node_of(name) for name in names), along)


class _Teller:
    """A sweep in reals with bounds, and what is told of it."""

    def __init__(self, report: Report) -> None:
        self.graph = graph_of(report)
        self.naming = Naming(self.graph)
        self.records = {node.id: node for node in report.nodes}
        self.m: BoundedReals = bounded_reals(_DIGITS)
        self.sweep: Sweep = sweep_graph(self.graph, report.inputs, 1.0, self.m)
        doubles = sweep_graph(self.graph, report.inputs, 1.0, FLOAT)
        # The first also where the value jumps and no slope passes: floor(sign(x)).
        kinks = [*find_kinks(doubles), *kinks_in(self.sweep, self.m)]
        if kinks:
            self.refuse(kinks[0], "is at a kink, where there are no second derivatives")
        self.seconds: dict[int, dict[tuple[int, int], Bounded]] = {}
        for node in self.steps():
            bend = second_partials(
                self.graph.ops[node],  # type: ignore[arg-type] # a step has one
                self.sweep.operands(node),
                self.graph.fixed(node),
                self.m,
            )
            if bend.jumps:
                self.refuse(node, "has a second derivative that jumps here")
            self.seconds[node] = bend.partials

    def refuse(self, node: int, what: str) -> None:
        record = self.record(node)
        raise DomainError(f"{record.expr} {what}", hint="backprop hessian has both sides")

    def steps(self) -> Iterator[int]:
        """Yield the operations on the way to the output, in order."""
        graph = self.graph
        for node, op in enumerate(graph.ops):
            if op is not None and not graph.constant[node] and self.sweep.partials[node] is not None:
                yield node

    def record(self, node: int) -> NodeRecord:
        return self.records[self.naming.id(node)]

    def node_of(self, name: str) -> str:
        """Return what an input is called among the nodes."""
        return self.naming.id(self.graph.inputs[name])

    def number(self, x: Any) -> float:
        """Return the double that is told. Raises DomainError where it would not be the number."""
        if is_zero(x):
            return 0.0
        if x.is_noise:
            self.give_up(f"can't be told from 0 in {_DIGITS} digits")
        if not has_digits(x, _SHOWN):
            self.give_up("is not known here")
        double: float = self.m.base.to_float(x.value)
        if math.isinf(double) or not double:
            text = self.m.certain_text(x)
            assert text is not None
            self.give_up(f"is {decimal_text(text)}, {BEYOND if double else TOO_SMALL}")
        return double

    def give_up(self, what: str) -> NoReturn:
        raise DomainError(f"a derivative on the way {what}", hint="backprop hessian tells of each")

    def slopes(self, node: int) -> Iterator[tuple[int, int, Slope, Bounded]]:
        """Yield place, operand, record and number of each local derivative that is passed on."""
        op, fixed = self.graph.ops[node], self.graph.fixed(node)
        assert op is not None
        record = self.record(node)
        for argnum, slope in enumerate(self.sweep.partials[node] or ()):
            if slope is None or (op.cuts and op.cuts_off(slope, fixed)):
                continue
            operand = self.graph.operands[node][argnum]
            told = Slope(record.id, self.naming.id(operand), record.mark(argnum), self.number(slope))
            yield argnum, operand, told, slope

    def along(self, name: str) -> Along:
        """Return both passes along an input."""
        start = self.graph.inputs[name]
        moves: dict[int, Bounded] = {start: self.m.one}
        forward = []
        for node in self.steps():
            terms = [(told, x, slope) for _, x, told, slope in self.slopes(node) if x in moves]
            if terms:
                moves[node] = self.summed([slope * moves[x] for _, x, slope in terms])
                shown = tuple((told, self.number(moves[x])) for told, x, _ in terms)
                forward.append(Moving(self.naming.id(node), shown, self.number(moves[node])))
        return Along(name, self.node_of(name), tuple(forward), self.backward(moves))

    def backward(self, moves: dict[int, Bounded]) -> tuple[Turning, ...]:
        """Return how the gradients move."""
        parts: dict[int, list[Bounded]] = {}
        passed: dict[int, list[tuple[Slope, float]]] = {}
        bends: dict[int, list[tuple[Bend, float]]] = {}
        told: list[Turning] = []
        for node in range(self.graph.output, -1, -1):
            turned = self.summed(parts[node]) if node in parts else None
            if turned is not None:
                told.append(
                    Turning(
                        self.naming.id(node),
                        tuple(passed.get(node, ())),
                        tuple(bends.get(node, ())),
                        self.number(turned),
                    )
                )
            if node not in self.seconds:
                continue
            slopes = {argnum: (x, slope, number) for argnum, x, slope, number in self.slopes(node)}
            bar = self.sweep.adjoint[node]
            for argnum, (x, slope, number) in slopes.items():
                if turned is not None and not is_zero(turned) and not is_zero(number):
                    parts.setdefault(x, []).append(turned * number)
                    passed.setdefault(x, []).append((slope, self.number(turned)))
                for other, (y, by, _) in slopes.items():
                    second = self.seconds[node].get((min(argnum, other), max(argnum, other)))
                    if second is None or is_zero(second) or y not in moves:
                        continue
                    bend = Bend(slope, by, self.number(second), self.number(moves[y]))
                    parts.setdefault(x, []).append(bar * second * moves[y])
                    bends.setdefault(x, []).append((bend, self.number(bar)))
        return tuple(told)

    def summed(self, terms: list[Bounded]) -> Bounded:
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total
