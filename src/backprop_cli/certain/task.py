"""What both kinds of certain numbers start from: the program as it is written, and its kinks."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.errors import LimitError, NotRationalError
from backprop_cli.findings.kinks import sides_of_gradients
from backprop_cli.findings.undefined import undefined_value
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.sweep import Sweep, sweep_graph
from backprop_cli.language.decimals import evaluate_code, exact_code, exact_point, exact_source
from backprop_cli.language.source import read_constant
from backprop_cli.operations.rationals import RationalNamespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from backprop_cli.errors import DomainError
    from backprop_cli.graph.tape import Graph
    from backprop_cli.language.code import Code
    from backprop_cli.language.source import Source
    from backprop_cli.operations.exact import Constant
    from backprop_cli.operations.op import Namespace, Number


# Digits of constants beyond those asked for, which cancel or round on the way.
_MORE_DIGITS = 30
_LARGEST = math.nextafter(math.inf, 0)


class Task(NamedTuple):
    """A program and a point, numbers being what is written, and the same read as doubles.

    point, upstream: fractions, or constant expressions that are none.  wanted: what to differentiate by.
    """

    source: Source
    graph: Graph
    point: dict[str, Fraction | Code]
    upstream: Fraction | Code
    wanted: Sequence[str]
    doubles: Graph
    rounded_point: dict[str, float]
    rounded_upstream: float

    def sweep(self, m: Namespace) -> Sweep:
        """Sweep in a number system, numbers being what is written. Raises NotRationalError."""
        point = {name: _evaluate(f"the value of {name}", code, m) for name, code in self.point.items()}
        return sweep_graph(self.graph, point, _evaluate("the upstream gradient", self.upstream, m), m)

    def sweep_doubles(self, m: Namespace) -> Sweep:
        """Sweep in a number system, numbers being the doubles nearest to what is written."""
        return sweep_graph(self.doubles, self.rounded_point, self.rounded_upstream, m)


def read_task(
    source: Source,
    rounded_point: dict[str, float],
    words: Iterable[str],
    upstream: str,
    wanted: Sequence[str],
    rounded_upstream: float,
) -> Task:
    """Return the task that a program and the words NAME=VALUE behind it make.

    Raises LimitError for numbers that are too small.
    """
    exact = exact_source(source)
    exact_upstream = exact_code(read_constant(upstream), upstream)
    return Task(
        exact,
        lower_source(exact),
        {name: _fraction(code) for name, code in exact_point(exact, words).items()},
        _fraction(exact_upstream),
        wanted,
        lower_source(source),
        rounded_point,
        rounded_upstream,
    )


def _fraction(code: Code) -> Fraction | Code:
    """Return the fraction that constant code comes to, or the code where it is none."""
    try:
        fraction: Fraction | None = evaluate_code(code, RationalNamespace()).fraction
    except (ArithmeticError, ValueError, LimitError):
        return code
    return code if fraction is None else fraction


def _evaluate(name: str, value: Any, m: Namespace) -> Number:
    try:
        return evaluate_code(value, m) if isinstance(value, tuple) else m.number(value)
    except (ArithmeticError, ValueError):
        raise NotRationalError(f"{name} is not rational") from None


def kinks_in(sweep: Sweep, m: Namespace) -> dict[int, bool]:
    """Return the nodes on a path to the output that are at a kink, or may be, and whether that is sure."""
    found = {}
    for node, op in enumerate(sweep.graph.ops):
        if op is not None and op.kink is not None and sweep.adjoint[node] is not None:
            at = op.kink.at(m, sweep.operands(node), sweep.graph.fixed(node))
            if at:
                found[node] = bool(getattr(at, "is_exact", True))
    return found


def inputs_below(sweep: Sweep, kinks: Iterable[int]) -> set[str]:
    """Return the inputs on a path to a kink: their gradients may rest on its convention."""
    graph = sweep.graph
    below = set(kinks)
    for node in range(graph.output, -1, -1):
        if node in below:
            below.update(graph.operands[node])
    return {name for name, node in graph.inputs.items() if node in below}


def found_from_both_sides(
    task: Task, sweep: Sweep, names: Iterable[str], digits: int = 0
) -> dict[str, Constant]:
    """Return the gradients with respect to inputs below a kink that are derivatives all the same.

    They are fractions, or numbers with an interval of so many digits and some more.
    """
    if not all(isinstance(x, Fraction) for x in (*task.point.values(), task.upstream)):
        return {}
    exact = sweep._replace(point=task.point, upstream=task.upstream)  # type: ignore[arg-type] # fractions
    found = sides_of_gradients(exact, names, digits + _MORE_DIGITS)
    return {name: sides.exact for name, sides in found.items() if sides.smooth is not None}


def no_value(sweep: Sweep, to_float: Callable[[Number], float]) -> DomainError:
    """Return the error that names the first node without a value."""
    return undefined_value(in_doubles(sweep, to_float), rounds=False)


def in_doubles(sweep: Sweep, to_float: Callable[[Number], float]) -> Sweep:
    """Return a sweep whose values are doubles, to look for what has none; what is too large has one here."""
    primal = [max(-_LARGEST, min(to_float(x), _LARGEST)) for x in sweep.primal]
    return sweep._replace(primal=primal, point={n: primal[node] for n, node in sweep.graph.inputs.items()})
