"""Rewrites that cure a failure: where a formula overflows or has no value, one that has it.

A cure is told where it helps and nowhere else: at the operands of the user's program the rewrite is finite,
slopes included, and agrees with the formula in many digits.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.findings.matching import (
    find_matches,
    nodes_around,
    nodes_between,
    operations_in,
    read_tree,
)
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.naming import Naming
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.language.binding import ATOM, PRODUCT, Piece, rule_of, written
from backprop_cli.language.code import fold
from backprop_cli.language.reader import read_value
from backprop_cli.language.source import read_source
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.reals import mpmath_namespace
from backprop_cli.operations.table import OPS
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from backprop_cli.findings.matching import Bound
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.graph.tape import Graph
    from backprop_cli.operations.op import Namespace, Number, Op


class Cure(NamedTuple):
    """A formula and its rewrite, in the language of programs; a name stands for any operand.

    at: a point, NAME=VALUE, where the formula fails and the rewrite does not.
    only: the condition on the operands under which it is told.
    """

    formula: str
    rewrite: str
    at: str
    only: str = "0 < 1"


CURES = (
    # sigmoid, softplus, and their logarithms
    Cure("log(1 + exp(x))", "softplus(x)", "x=800"),
    Cure("log1p(exp(x))", "softplus(x)", "x=800"),
    Cure("1/(1 + exp(-x))", "sigmoid(x)", "x=-800"),
    Cure("1/(1 + exp(x))", "sigmoid(-x)", "x=800"),
    Cure("exp(x)/(1 + exp(x))", "sigmoid(x)", "x=800"),
    Cure("x/(1 + exp(-x))", "silu(x)", "x=-800"),
    Cure("log(sigmoid(x))", "-softplus(-x)", "x=-800"),
    Cure("log(1 - sigmoid(x))", "-softplus(x)", "x=40"),
    Cure("log(1/(1 + exp(-x)))", "-softplus(-x)", "x=-800"),
    Cure("log(1 - 1/(1 + exp(-x)))", "-softplus(x)", "x=40"),
    Cure("log(exp(x)/(1 + exp(x)))", "-softplus(-x)", "x=-800"),
    # sums of exponentials, softmax, and its logarithm
    Cure("log(exp(x))", "x", "x=800"),
    Cure("log(exp(x) - 1)", "x + log(-expm1(-x))", "x=800"),
    Cure("log(1 - exp(x))", "log1mexp(x)", "x=-1e-20"),
    Cure("log(exp(a) + exp(b))", "logaddexp(a, b)", "a=1000 b=999"),
    Cure("log(exp(a) - exp(b))", "a + log(-expm1(b - a))", "a=1000 b=999"),
    Cure("log(exp(a) + exp(b) + exp(c))", "logaddexp(logaddexp(a, b), c)", "a=1000 b=999 c=998"),
    Cure(
        "log(exp(a) + exp(b) + exp(c) + exp(d))",
        "a + softplus(b + softplus(c + softplus(d - c) - b) - a)",
        "a=1000 b=999 c=998 d=997",
    ),
    Cure("exp(a)/(exp(a) + exp(b))", "sigmoid(a - b)", "a=1000 b=999"),
    Cure("exp(a)/(exp(a) + exp(b) + exp(c))", "sigmoid(a - b - softplus(c - b))", "a=1000 b=999 c=998"),
    Cure("exp(c)/(exp(a) + exp(b) + exp(c))", "sigmoid(c - a - softplus(b - a))", "a=1000 b=999 c=998"),
    Cure("log(exp(a)/(exp(a) + exp(b)))", "-softplus(b - a)", "a=-1000 b=0"),
    Cure("log(exp(a)/(exp(a) + exp(b) + exp(c)))", "-softplus(b + softplus(c - b) - a)", "a=-1000 b=0 c=1"),
    Cure("log(exp(c)/(exp(a) + exp(b) + exp(c)))", "-softplus(a + softplus(b - a) - c)", "a=0 b=1 c=-1000"),
    Cure("exp(a)*exp(b)", "exp(a + b)", "a=1000 b=-1000"),
    Cure("exp(a)/exp(b)", "exp(a - b)", "a=1000 b=999"),
    # hyperbolic functions
    Cure("sinh(x)/cosh(x)", "tanh(x)", "x=800"),
    Cure("(exp(x) - exp(-x))/(exp(x) + exp(-x))", "tanh(x)", "x=800"),
    Cure("(exp(2*x) - 1)/(exp(2*x) + 1)", "tanh(x)", "x=800"),
    Cure("(1 - exp(-2*x))/(1 + exp(-2*x))", "tanh(x)", "x=-800"),
    Cure("(exp(x) - 1)/(exp(x) + 1)", "tanh(x/2)", "x=800"),
    Cure("(1 - exp(-x))/(1 + exp(-x))", "tanh(x/2)", "x=-800"),
    Cure("log(cosh(x))", "logcosh(x)", "x=712"),
    Cure("log(gamma(x))", "lgamma(x)", "x=200"),
    Cure("log(2*cosh(x))", "x + softplus(-2*x)", "x=712"),
    Cure("log(sinh(x))", "x + log(-expm1(-2*x)) - log(2)", "x=712"),
    Cure("atanh(tanh(x))", "x", "x=20"),
    Cure("log(1 + tanh(x))", "log(2) - softplus(-2*x)", "x=-20"),
    Cure("log(1 - tanh(x))", "log(2) - softplus(2*x)", "x=20"),
    Cure("log(1 - tanh(x)^2)", "2*(log(2) - x - softplus(-2*x))", "x=20"),
    Cure("log(1 - tanh(x)*tanh(x))", "2*(log(2) - x - softplus(-2*x))", "x=20"),
    # powers, products and roots
    Cure("log(x^n)", "n*log(x)", "x=0.1 n=400"),
    Cure("log(x*y)", "log(x) + log(y)", "x=1e-200 y=1e-200"),
    Cure("log(x*y*z)", "log(x) + log(y) + log(z)", "x=1e-200 y=1e-200 z=1e-200"),
    Cure("log(x/y)", "log(x) - log(y)", "x=1e-200 y=1e200"),
    Cure("sqrt(x^2)", "abs(x)", "x=0"),
    Cure("sqrt(x*x)", "abs(x)", "x=0"),
    Cure("sqrt(1 + x^2)", "hypot(1, x)", "x=1e200"),
    Cure("sqrt(1 + x*x)", "hypot(1, x)", "x=1e200"),
    Cure("sqrt(x^2 + y^2)", "hypot(x, y)", "x=1e200 y=1"),
    Cure("sqrt(x*x + y*y)", "hypot(x, y)", "x=1e200 y=1"),
    Cure("sqrt(x^2 + y*y)", "hypot(x, y)", "x=1e200 y=1"),
    Cure("sqrt(x^2 + y^2 + z^2)", "hypot(hypot(x, y), z)", "x=1e200 y=1 z=2"),
    Cure("sqrt(x*x + y*y + z*z)", "hypot(hypot(x, y), z)", "x=1e200 y=1 z=2"),
    Cure("sqrt(x*y)", "sqrt(x)*sqrt(y)", "x=1e200 y=1e200"),
    Cure("x*y/z", "x*(y/z)", "x=1e200 y=1e200 z=1e200"),
    Cure("x^2/y^2", "(x/y)^2", "x=1e200 y=1e200"),
    Cure("x^(1/3)", "cbrt(x)", "x=-8"),
    Cure("x^(2/3)", "cbrt(x)^2", "x=-8"),
    # rounding that takes an operand past the end of a domain
    # Beyond the edge by rounding; at the edge itself they would make 0 of an infinite slope.
    Cure("acos(x)", "acos(clip(x, -1, 1))", "x=1.0000000000000002", "abs(abs(x) - 1 - 5e-13) < 5e-13"),
    Cure("asin(x)", "asin(clip(x, -1, 1))", "x=-1.0000000000000002", "abs(abs(x) - 1 - 5e-13) < 5e-13"),
    Cure("acosh(x)", "acosh(max(x, 1))", "x=0.9999999999999999", "abs(1 - x - 5e-13) < 5e-13"),
    Cure("sqrt(1 - x^2)", "sqrt(max(1 - x^2, 0))", "x=1.0000000000000002", "abs(abs(x) - 1 - 5e-13) < 5e-13"),
    Cure("sqrt(1 - x*x)", "sqrt(max(1 - x*x, 0))", "x=1.0000000000000002", "abs(abs(x) - 1 - 5e-13) < 5e-13"),
    # quotients with a limit where both are 0
    Cure("sin(x)/x", "sinc(x)", "x=0"),
    Cure("x/sin(x)", "1/sinc(x)", "x=0"),
    Cure("tan(x)/x", "sinc(x)/cos(x)", "x=0"),
    Cure("x/tan(x)", "cos(x)/sinc(x)", "x=0"),
    Cure("(1 - cos(x))/x", "x*sinc(x/2)^2/2", "x=0"),
    Cure("(1 - cos(x))/x^2", "sinc(x/2)^2/2", "x=0"),
    Cure("(1 - cos(x))/(x*x)", "sinc(x/2)^2/2", "x=0"),
    Cure("expm1(x)/x", "where(abs(x) > 0, expm1(x)/x, 1 + x/2)", "x=0"),
    Cure("(exp(x) - 1)/x", "where(abs(x) > 0, expm1(x)/x, 1 + x/2)", "x=0"),
    Cure("x/expm1(x)", "where(abs(x) > 0, x/expm1(x), 1 - x/2)", "x=0"),
    Cure("x/(exp(x) - 1)", "where(abs(x) > 0, x/expm1(x), 1 - x/2)", "x=0"),
    Cure("log1p(x)/x", "where(abs(x) > 0, log1p(x)/x, 1 - x/2)", "x=0"),
    Cure("log(1 + x)/x", "where(abs(x) > 0, log1p(x)/x, 1 - x/2)", "x=0"),
    Cure("sinh(x)/x", "where(abs(x) > 0, sinh(x)/x, 1)", "x=0"),
    Cure("tanh(x)/x", "where(abs(x) > 0, tanh(x)/x, 1)", "x=0"),
    Cure("asin(x)/x", "where(abs(x) > 0, asin(x)/x, 1)", "x=0"),
    Cure("atan(x)/x", "where(abs(x) > 0, atan(x)/x, 1)", "x=0"),
    Cure("x*log(x)", "where(abs(x) > 0, x*log(x), 0)", "x=0"),
    Cure("-x*log(x)", "where(abs(x) > 0, -x*log(x), 0)", "x=0"),
    Cure("x*log2(x)", "where(abs(x) > 0, x*log2(x), 0)", "x=0"),
    Cure("-x*log2(x)", "where(abs(x) > 0, -x*log2(x), 0)", "x=0"),
    Cure("x*log(x/y)", "where(abs(x) > 0, x*log(x/y), 0)", "x=0 y=0.5", "abs(y) > 0"),
    Cure("x^2*log(x)", "where(abs(x) > 0, x^2*log(x), 0)", "x=0"),
    Cure("log(1 - cos(x))", "log(2) + 2*log(abs(sin(x/2)))", "x=1e-9"),
    Cure("1/(1 - cos(x))", "1/(2*sin(x/2)^2)", "x=1e-9"),
    Cure("1/(exp(x) - 1)", "1/expm1(x)", "x=1e-17"),
    Cure("1/(1/x + 1/y)", "x*y/(x + y)", "x=0 y=5"),
    Cure("(x^2 - y^2)/(x - y)", "x + y", "x=2 y=2"),
    Cure("(x^2 - 1)/(x - 1)", "x + 1", "x=1"),
    Cure("x^2/x", "x", "x=0"),
)

# As deep as a formula above, from its root to the operation that fails.
_DEPTH = 5
# A cure is looked for in so many formulas around the failure, at some 50 µs each.
_MOST_ROOTS = 1000
# 1 - tanh(x)² keeps 130 of them at x = 1000. What a step of 1e-30 changes is below 1e-9.
_DIGITS, _STEP, _CLOSE = 1000, -30, 1e-9


def find_cure(sweep: Sweep, node: int) -> str:
    """Return "formula → rewrite" for the formula that this node fails in, or "" where none helps."""
    for match in find_formulas(sweep.graph, node, CURES, _MOST_ROOTS):
        if node in match.inside and _helps(match.cure, sweep, match.bound):
            return " → ".join(_texts_of_array(match) or match.texts())
    return ""


def _texts_of_array(match: Match) -> list[str]:
    """Return formula and rewrite where it is the log of a softmax, whose inner nodes have no names."""
    graph = match.graph
    if graph.arrays is None or graph.ops[match.root] is not OPS["log"]:
        return []
    (inner,) = graph.operands[match.root]
    start, end = graph.spans[inner]
    text = graph.text[start:end]
    is_softmax = graph.arrays.made_by(inner) == "softmax" and text.startswith("softmax(")
    return [f"log({text})", f"log_{text}"] if is_softmax else []


class Match(NamedTuple):
    """A formula that a graph has. root: the node that it ends in.  bound: what its names stand for."""

    cure: Cure
    graph: Graph
    root: int
    bound: Bound

    @property
    def inside(self) -> set[int]:
        """Return the nodes of the formula, without those that its names stand for."""
        return nodes_between(self.graph, self.root, self.bound)

    def texts(self) -> list[str]:
        """Return the formula and its rewrite in the names of the program."""
        naming, unclear = Naming(self.graph), _assigned_again(self.graph)
        operands = {name: _operand(naming, node, unclear) for name, node in self.bound.items()}
        return [filled(text, operands) for text in (self.cure.formula, self.cure.rewrite)]


def find_formulas(graph: Graph, node: int, cures: tuple[Cure, ...], most: int) -> Iterator[Match]:
    """Yield the formulas of a table that have to do with a node, the largest first.

    most: how many nodes made of this one are looked at.
    """
    found = _cures_of(graph.ops[node], cures)
    roots = nodes_around(graph, node, _DEPTH, most) if found else []
    for cure in found:
        for root in roots:
            for bound in find_matches(graph, root, read_tree(cure.formula), {}):
                yield Match(cure, graph, root, bound)


@cache
def _cures_of(op: Op | None, cures: tuple[Cure, ...]) -> list[Cure]:
    """Return the cures whose formula has an operation, all of them for an input; the largest first.

    So log(exp(x)/(1 + exp(x))) comes before the quotient in it.
    """
    found = [cure for cure in cures if op is None or op in operations_in(cure.formula)]
    return sorted(found, key=lambda cure: -len(operations_in(cure.formula)))


# ---- whether it helps ----


def _helps(cure: Cure, sweep: Sweep, bound: Bound) -> bool:
    """Tell whether the rewrite is finite at the operands, and as right as doubles are."""
    point = {name: sweep.primal[node] for name, node in bound.items()}
    if not all(map(math.isfinite, point.values())) or not _holds(cure.only, point):
        return False
    found = outcome(cure.rewrite, point, FLOAT)
    if found is None or not all(map(math.isfinite, found)):
        return False
    return all(_agrees(x, known) for x, known in zip(found, what_is_known(cure.formula, point), strict=True))


def _holds(condition: str, point: Mapping[str, float]) -> bool:
    found = outcome(f"where({condition}, 1, 0)", point, FLOAT)
    return found is not None and bool(found[0])


def outcome(text: str, point: Mapping[str, Number], m: Namespace) -> list[Number] | None:
    """Return the value of a formula and its slope by each name of the point; None where it has no value."""
    sweep = sweep_graph(_graph(text), point, 1.0, m)
    graph = sweep.graph
    if graph.output in sweep.failures:
        return None
    slopes = (sweep.gradient(graph.inputs[name], m) if name in graph.inputs else m.zero for name in point)
    return [sweep.primal[graph.output], *slopes]


@cache
def _graph(text: str) -> Graph:
    return lower_source(read_source(text))


def what_is_known(text: str, point: Mapping[str, float]) -> list[list[Number]]:
    """Return what the value of a formula, and its slope by each name, must agree with, in many digits.

    Where it has no value, or no slope, that is what it has on both sides along every name, if anything.
    """
    m = mpmath_namespace(_DIGITS)
    exact = {name: m.number(x) for name, x in point.items()}
    here = outcome(text, exact, m)
    if here is not None and all(map(m.mp.isfinite, here)):
        return [[number] for number in here]
    known: list[list[Number]] = [[] for _ in range(len(point) + 1)]
    for place, (name, x) in enumerate(exact.items(), 1):
        step = (abs(x) or m.one) * m.mp.mpf(10) ** _STEP
        sides = [outcome(text, {**exact, name: x + side * step}, m) for side in (-1, 1)]
        known[0] += [side[0] for side in sides if side is not None]
        slopes = [side[place] for side in sides if side is not None]
        if len(slopes) == 2 and _is_close(*slopes):  # else it is a kink
            known[place] = slopes
    return known


def _agrees(x: float, known: Iterable[Number]) -> bool:
    return all(_is_close(x, number) for number in known)


def _is_close(x: Number, y: Number) -> bool:
    return bool(abs(x - y) <= _CLOSE * max(1, abs(y)))


# ---- how it is told ----


def filled(text: str, operands: Mapping[str, Piece]) -> str:
    """Return a formula with operands in place of its names."""

    def leaf(what: str | float, _span: object) -> Piece:
        return operands[what] if isinstance(what, str) else Piece(number_text(what, None), ATOM)

    return fold(read_value(text), leaf, _tidied).text


def _tidied(op: Op, pieces: Sequence[Piece], _span: object) -> Piece:
    """Write an operation; minus minus is plus: k*t for -(-k*t)."""
    last = pieces[-1]
    if op.name not in ("neg", "sub") or not last.text.startswith("-") or last.binding < PRODUCT:
        return written(op, pieces)
    positive = Piece(last.text[1:], PRODUCT)
    return positive if op.name == "neg" else written(OPS["add"], [pieces[0], positive])


def _operand(naming: Naming, node: int, unclear: set[str]) -> Piece:
    """Return an operand as the program writes it, by its name where it has one."""
    graph = naming.graph
    op = graph.ops[node]
    is_constant = graph.constant[node]
    if graph.arrays is not None and graph.arrays.inner[node]:
        return Piece(naming.id(node), ATOM)
    text = naming.constant(node) if is_constant else naming.source(node)
    if not is_constant and (naming.is_named(node) or unclear.intersection(re.findall(r"\w+", text))):
        return Piece(naming.id(node), ATOM)
    if is_constant and text.startswith("("):
        text = text[1:-1]
    return Piece(text, rule_of(op).binding if op is not None and op.infix else ATOM)


def _assigned_again(graph: Graph) -> set[str]:
    """Return the names that mean several things, so that a text does not tell which."""
    count = Counter(graph.inputs.keys())
    count.update(name for _, name in graph.assignments)
    return {name for name, times in count.items() if times > 1}
