"""Formulas that lose digits, and the same functions written so that they keep them.

One is told where it helps: the program with the rewrite in it is computed at the same point, and its digits
are counted against the value and gradients that the check has in many.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.errors import BackpropError
from backprop_cli.findings.cures import CURES, Cure, find_formulas
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.language.source import read_source
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.reals import mpmath_namespace
from backprop_cli.report import ALL_DIGITS, FEW_DIGITS, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.findings.cures import Match
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.report import Check, Loss

STEADIER = (
    # differences of a function near 1
    Cure("1 - cos(x)", "2*sin(x/2)^2", "x=1e-7"),
    Cure("cos(x) - 1", "-2*sin(x/2)^2", "x=1e-7"),
    Cure("exp(x) - 1", "expm1(x)", "x=1e-9"),
    Cure("1 - exp(x)", "-expm1(x)", "x=1e-9"),
    Cure("log(1 + x)", "log1p(x)", "x=1e-9"),
    Cure("log(1 - x)", "log1p(-x)", "x=1e-9"),
    Cure("sqrt(1 + x) - 1", "x/(sqrt(1 + x) + 1)", "x=1e-9"),
    Cure("1 - sqrt(1 - x)", "x/(1 + sqrt(1 - x))", "x=1e-9"),
    Cure("1 - tanh(x)^2", "1/cosh(x)^2", "x=15"),
    Cure("1 - tanh(x)*tanh(x)", "1/cosh(x)^2", "x=15"),
    Cure("1 - tanh(x)", "2*sigmoid(-2*x)", "x=15"),
    Cure("1 - sigmoid(x)", "sigmoid(-x)", "x=30"),
    Cure("1 - 1/(1 + exp(-x))", "sigmoid(-x)", "x=30"),
    Cure("1 - erf(x)", "erfc(x)", "x=5"),
    Cure("(1 + x)^n", "exp(n*log1p(x))", "x=1e-9 n=1e9"),
    # differences of a function at two points
    Cure("sqrt(x + y) - sqrt(x)", "y/(sqrt(x + y) + sqrt(x))", "x=1e9 y=1"),
    Cure("1/x - 1/(x + y)", "y/(x*(x + y))", "x=1e9 y=1"),
    Cure("log(x + y) - log(x)", "log1p(y/x)", "x=1e9 y=1"),
    Cure("log(x) - log(y)", "log1p((x - y)/y)", "x=3.0000000003 y=3"),
    Cure("exp(x) - exp(y)", "exp(y)*expm1(x - y)", "x=1.0000000001 y=1"),
    Cure("sin(x) - sin(y)", "2*cos((x + y)/2)*sin((x - y)/2)", "x=1.0000000001 y=1"),
    Cure("cos(x) - cos(y)", "-2*sin((x + y)/2)*sin((x - y)/2)", "x=1.0000000001 y=1"),
    Cure("(x + y)^2 - x^2", "y*(2*x + y)", "x=1e9 y=1e-3"),
    Cure("x^2 - y^2", "(x - y)*(x + y)", "x=1000000001 y=1e9"),
    Cure("x*x - y*y", "(x - y)*(x + y)", "x=1000000001 y=1e9"),
    Cure("x^2 - 2*x*y + y^2", "(x - y)^2", "x=1.0000001 y=1"),
    Cure("(x + y) - y", "x", "x=1.1 y=1e9"),
    Cure("x - (x - y)", "y", "x=1e9 y=1.1"),
    Cure("cosh(x)^2 - sinh(x)^2", "1", "x=10"),
    Cure("sinh(x)^2 - cosh(x)^2", "-1", "x=10"),
    # roots of a quadratic
    Cure("(-b + sqrt(b^2 - 4*a*c))/(2*a)", "-2*c/(b + sqrt(b^2 - 4*a*c))", "a=1 b=1e7 c=1"),
    Cure("(-b - sqrt(b^2 - 4*a*c))/(2*a)", "2*c/(sqrt(b^2 - 4*a*c) - b)", "a=1 b=-1e7 c=1"),
    Cure("-b + sqrt(b^2 - y)", "-y/(b + sqrt(b^2 - y))", "b=1e7 y=4"),
    Cure("-b - sqrt(b^2 - y)", "y/(sqrt(b^2 - y) - b)", "b=-1e7 y=4"),
    Cure("-b + sqrt(b*b - y)", "-y/(b + sqrt(b*b - y))", "b=1e7 y=4"),
    Cure("-b - sqrt(b*b - y)", "y/(sqrt(b*b - y) - b)", "b=-1e7 y=4"),
    Cure("sqrt(x^2 + y) - x", "y/(sqrt(x^2 + y) + x)", "x=1e7 y=1"),
    # underflow on the way
    Cure("exp(x)*exp(y)", "exp(x + y)", "x=-730 y=700"),
)

# A limit where both operands are 0 is of no use elsewhere.
_FORMULAS = (*(cure for cure in CURES if not cure.rewrite.startswith("where(")), *STEADIER)
# A program is computed once for every rewrite that is tried.
_MOST_NODES, _MOST_ROOTS = 1_000, 50
# So many more digits are worth a rewrite.
_MORE = 3


class _Told(NamedTuple):
    """What the check found. name: an input, or "" for the value.  digits: of the double.

    true: the number in many digits, None where none of them is certain.
    """

    name: str
    true: str | None
    digits: int


def find_steadier(sweep: Sweep, check: Check, loss: Loss) -> str:
    """Return "formula → rewrite" with the digits that are right with it, or "" where no rewrite helps.

    It helps if value and gradients all have more right digits than the poorest of them has now.
    """
    known = list(_known(check))
    if not all(told.true for told in known):
        return ""
    best, found = min(told.digits for told in known) + _MORE - 1, ""
    for match in _met(sweep, loss):
        formula, rewrite = match.texts()
        fewest = _digits_with(sweep, match, rewrite, known)
        if fewest > best:
            best, found = fewest, f"{formula} → {rewrite}, with which {_right(fewest)}"
            if fewest >= FEW_DIGITS:
                break
    return found


def _right(digits: int) -> str:
    return "all digits are right" if digits == ALL_DIGITS else f"{digits} digits are right"


def _met(sweep: Sweep, loss: Loss) -> Iterator[Match]:
    """Yield the formulas in which digits were lost."""
    if len(sweep.graph.ops) <= _MOST_NODES:
        for match in find_formulas(sweep.graph, loss.node, _FORMULAS, _MOST_ROOTS):
            if loss.node in match.inside or loss.place == Place.GRADIENT:
                yield match


def _known(check: Check) -> Iterator[_Told]:
    for name, of in check.gradients.items():
        if of.digits is not None:
            yield _Told(name, of.value, of.digits)
    if check.value_digits is not None:
        yield _Told("", check.value, check.value_digits)


def _digits_with(sweep: Sweep, match: Match, rewrite: str, known: list[_Told]) -> int:
    """Return the fewest right digits of the program with a rewrite in it; 0 where it has no value."""
    graph = sweep.graph
    program = graph.text.replace(graph.source(match.root), f"({rewrite})")
    try:
        rewritten = lower_source(read_source(program))
    except BackpropError:
        return 0  # x#1 is no name
    if not rewritten.inputs.keys() <= sweep.point.keys():
        return 0
    point = {name: sweep.point[name] for name in rewritten.inputs}
    found = sweep_graph(rewritten, point, sweep.upstream, FLOAT)
    return min(_right_digits(_number(found, told.name), told.true) for told in known)


def _number(sweep: Sweep, name: str) -> float:
    """Return the gradient with respect to an input, 0 if there is none; the value under ""."""
    graph = sweep.graph
    if not name:
        return float(sweep.primal[graph.output])
    return float(sweep.gradient(graph.inputs[name], FLOAT)) if name in graph.inputs else 0.0


def _right_digits(double: float, true: str | None) -> int:
    """Return how many digits of a double agree with a number of 50 digits, as the check counts them."""
    m = mpmath_namespace(60)
    exact = m.mp.mpf(true or "nan")
    is_nearest = double == exact or (double == float(exact) and abs(double) >= sys.float_info.min)
    if is_nearest or not math.isfinite(double) or not exact:
        return ALL_DIGITS if is_nearest else 0
    return max(0, min(ALL_DIGITS, int(-m.mp.log10(abs(double - exact) / abs(exact)))))
