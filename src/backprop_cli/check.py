"""The cross-check: every gradient by two independent routes in many digits, and the digits of the float.

The graph is swept again with reals of 50 digits, and sympy's derivative of the expression is evaluated at the
same point. Both come with bounds on their rounding errors, so "they agree" and "they differ" are known, not
guessed; where neither is, the digits are increased. See docs/decisions/0002-cross-check.md.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backprop_cli.formulas import Elementary, NoFormulaError, Steps, evaluate, formula_text, measure
from backprop_cli.naming import number_text
from backprop_cli.report import ALL_DIGITS, FEW_DIGITS, Check, GradientCheck, Loss
from backprop_cli.rounding import (
    Bounded,
    RoundingNamespace,
    add_logs,
    bounded_floats,
    bounded_reals,
    log2_size,
)
from backprop_cli.sweep import forward, reverse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from backprop_cli.graph import Graph
    from backprop_cli.kinks import Sides
    from backprop_cli.parse import Program

# Digits tried in turn. 800 resolve the cancellation of 1 - cos(1e-300), the worst that doubles can ask for.
_LADDER = (50, 200, 800)
# Nodes that are checked, in some 5 s. Beyond the first rung only where nodes times digits allow.
_BUDGET = 2_000_000
_MOST_STEPS = 50_000
# One formula is derived where it stays readable and quick: some 0.2 s at these sizes.
_FORMULA_SIZE, _FORMULA_DEPTH, _FORMULA_WORK = 250, 40, 1_500
_AGREEMENT = math.log2(1e-30)


def cross_check(
    program: Program,
    graph: Graph,
    point: Mapping[str, float],
    upstream: float,
    gradients: Mapping[str, float],
    kinked: Mapping[str, Sides],
    sweeps: tuple[Sequence[float], Sequence[float | None], Sequence[Any]],
) -> Check:
    """Check the gradients of the float sweep. What can't be checked is skipped, with the reason.

    gradients: the requested ones.  kinked: the inputs whose gradient rests on a convention, with its
    slopes on both sides; they are not compared.
    sweeps: primal, adjoint and partials of the float sweep.
    """
    checks: dict[str, GradientCheck] = {}
    for name, gradient in gradients.items():
        if name in kinked:
            left, right = kinked[name]
            checks[name] = GradientCheck("skipped", reason="kink", left=left, right=right)
        elif not math.isfinite(gradient):
            checks[name] = GradientCheck("skipped", reason="the gradient is not finite")
    steps = len(graph.ops)
    if not all(math.isfinite(sweeps[0][node]) for node, bar in enumerate(sweeps[1]) if bar is not None):
        return _skip(gradients, checks, "a value on the way is not finite")
    if steps > _MOST_STEPS:
        return _skip(gradients, checks, f"the program has {steps:,} nodes; up to {_MOST_STEPS:,} are checked")
    wanted = [name for name in gradients if name not in checks]
    side = _choose_side(program, wanted, upstream)
    precision = 0
    disagreement = ""
    for digits in _LADDER:
        unresolved = [name for name in wanted if name not in checks]
        if precision and (not unresolved or steps * digits > _BUDGET):
            break
        precision = digits
        m = bounded_reals(precision)
        exact = _Exact(graph, point, upstream, m)
        if exact.failure:
            return _skip(gradients, checks, exact.failure)
        try:
            value, slopes = side.gradients(point, upstream, m)
        except (NoFormulaError, ArithmeticError, ValueError, RecursionError) as error:
            if isinstance(side, _Formulas):
                side = _Chain(program)
                try:
                    value, slopes = side.gradients(point, upstream, m)
                except (NoFormulaError, ArithmeticError, ValueError):
                    return _skip(gradients, checks, _reason(error))
            else:
                return _skip(gradients, checks, _reason(error))
        if not disagreement and _agreement(exact.value, value) == "fail":
            disagreement = "the values differ"
        for name in unresolved:
            verdict = _agreement(exact.gradients[name], slopes[name])
            if verdict:
                checks[name] = _verdict(
                    verdict,
                    gradients[name],
                    exact.gradients[name],
                    slopes[name],
                    precision,
                    side.text(name),
                    m,
                )
    for name in gradients:
        if name not in checks:
            checks[name] = _unresolved(
                gradients[name], exact.gradients[name], slopes[name], precision, side.text(name), m
            )
    _call_zero(graph, point, upstream, gradients, checks, exact)
    poor = [c for c in checks.values() if c.digits is not None and c.digits < FEW_DIGITS]
    loss = find_loss(graph, sweeps, exact) if poor else None
    statuses = {check.status for check in checks.values()}
    status = "pass"
    reason = ""
    if disagreement or "fail" in statuses:
        status = "fail"
        reason = disagreement
    elif checks and statuses == {"skipped"}:
        status = "skipped"
        reasons = {check.reason for check in checks.values()}
        reason = reasons.pop() if len(reasons) == 1 else "no gradient could be compared"
        reason = "at a kink" if reason == "kink" else reason
    return Check(status, side.method, precision, {name: checks[name] for name in gradients}, reason, loss)


# ---- the two sides ----


class _Exact:
    """The graph swept in reals of many digits."""

    def __init__(
        self, graph: Graph, point: Mapping[str, float], upstream: float, m: RoundingNamespace
    ) -> None:
        self.failure = ""
        self.primal, failures = forward(graph, point, m)
        if graph.output in failures:
            self.failure = "computed with more digits, the value does not exist"
            return
        self.value: Bounded = self.primal[graph.output]
        self.adjoint, self.partials = reverse(graph, self.primal, m.number(upstream), m)
        self.gradients: dict[str, Bounded] = {}
        for name, node in graph.inputs.items():
            bar = self.adjoint[node]
            self.gradients[name] = m.zero if bar is None else bar


class _Formulas:
    """Sympy's derivative of the whole program, one formula per input."""

    method = "symbolic"

    def __init__(self, program: Program, wanted: Sequence[str], upstream: float) -> None:
        self.program = program
        self.factor = "" if upstream == 1 else f"{number_text(upstream, None)}*"
        self.elementary = Elementary(program)
        self.formulas = {name: self.elementary.derivative(program.inputs[name]) for name in wanted}

    def gradients(
        self, point: Mapping[str, float], upstream: float, m: RoundingNamespace
    ) -> tuple[Bounded, dict[str, Bounded]]:
        values = {symbol: m.number(point[name]) for name, symbol in self.program.inputs.items()}
        values |= self.elementary.constants(m)
        memo: dict[Any, Any] = {}
        seed = m.number(upstream)
        value = evaluate(self.elementary.expr, values, m, memo)
        return value, {
            name: seed * evaluate(formula, values, m, memo) for name, formula in self.formulas.items()
        }

    def text(self, name: str) -> str | None:
        if name not in self.formulas:
            return None
        text = formula_text(self.formulas[name])
        return self.factor + (text if not self.factor or text.isidentifier() else f"({text})")


class _Chain:
    """Sympy's derivative of every step, and the chain rule over them."""

    method = "symbolic, step by step"

    def __init__(self, program: Program) -> None:
        self.steps = Steps(program)

    def gradients(
        self, point: Mapping[str, float], upstream: float, m: RoundingNamespace
    ) -> tuple[Bounded, dict[str, Bounded]]:
        return self.steps.gradients({name: m.number(x) for name, x in point.items()}, m.number(upstream), m)

    def text(self, name: str) -> str | None:  # noqa: ARG002 - there is no one formula
        return None


def _choose_side(program: Program, wanted: Sequence[str], upstream: float) -> _Formulas | _Chain:
    size, depth = measure(program.output)
    if size > _FORMULA_SIZE or depth > _FORMULA_DEPTH or size * len(wanted) > _FORMULA_WORK:
        return _Chain(program)
    return _Formulas(program, wanted, upstream)


# ---- verdicts ----


def _agreement(graph: Bounded, formula: Bounded) -> str:
    """Return "pass", "fail", or "" where rounding hides which of them it is."""
    gap = log2_size(graph.value - formula.value)
    size = max(graph.size, formula.size)
    slack = add_logs(graph.error, formula.error) + 1
    if gap > slack and gap > size + _AGREEMENT:
        return "fail"
    # The last: sympy's formula is 0 itself.
    if slack <= size + _AGREEMENT or slack == -math.inf or (not formula and formula.error == -math.inf):
        return "pass"
    return ""


def _verdict(
    status: str,
    gradient: float,
    graph: Bounded,
    formula: Bounded,
    precision: int,
    text: str | None,
    m: RoundingNamespace,
) -> GradientCheck:
    if status == "pass" and formula.value == 0:
        graph = formula
    return GradientCheck(
        status,
        formula=text,
        value=_decimal(formula.value, precision, m),
        digits=_digits(gradient, graph.value, m),
    )


def _unresolved(
    gradient: float,
    graph: Bounded,
    formula: Bounded,
    precision: int,
    text: str | None,
    m: RoundingNamespace,
) -> GradientCheck:
    """Judge a gradient that all digits could not tell: both are zero to that many, or it is skipped."""
    if graph.is_rounding and formula.is_rounding:
        zero = m.zero
        return _verdict("pass", gradient, zero, zero, precision, text, m)
    return GradientCheck("skipped", formula=text, reason=f"{precision} digits are not enough to compare here")


def _digits(gradient: float, exact: Any, m: RoundingNamespace) -> int:
    """Return how many significant digits of the float agree with the exact gradient, 16 being all."""
    if gradient == m.base.to_float(exact):  # type: ignore[attr-defined]
        return ALL_DIGITS
    if not exact:
        return 0
    error = abs(gradient - exact) / abs(exact)
    return max(0, min(ALL_DIGITS, int(-m.base.mp.log10(error))))  # type: ignore[attr-defined]


def _decimal(value: Any, precision: int, m: RoundingNamespace) -> str:
    text: str = m.base.mp.nstr(value, min(precision, 50))  # type: ignore[attr-defined]
    return text


def _call_zero(
    graph: Graph,
    point: Mapping[str, float],
    upstream: float,
    gradients: Mapping[str, float],
    checks: dict[str, GradientCheck],
    exact: _Exact,
) -> None:
    """Where a float gradient is nothing but rounding, say so, with the bound, instead of "0 digits"."""
    doubtful = [
        name
        for name, check in checks.items()
        if check.status == "pass" and check.digits is not None and check.digits < FEW_DIGITS
    ]
    if not doubtful:
        return
    floats = _Exact(graph, point, upstream, bounded_floats())
    if floats.failure:
        return
    for name in doubtful:
        bounded = floats.gradients[name]
        within = abs(gradients[name]) + 2.0**bounded.error
        if bounded.is_rounding and abs(exact.gradients[name].value) <= within:
            check = checks[name]
            checks[name] = GradientCheck("pass", formula=check.formula, value=check.value, zero_within=within)


def find_loss(
    graph: Graph,
    sweeps: tuple[Sequence[float], Sequence[float | None], Sequence[Any]],
    exact: _Exact,
) -> Loss | None:
    """Return the node at which most digits were lost, and whether in its value or its gradient."""
    primal, adjoint, partials = sweeps
    worst: tuple[float, int, str] = (1.0, -1, "")

    def digits(x: float, true: Bounded) -> float:
        if x == true.value:
            return ALL_DIGITS
        error = abs(x - true.value) / abs(true.value) if true.value else 1
        return min(ALL_DIGITS, float(-math.log10(error))) if 0 < error < 1 else 0.0

    of_value = [
        digits(x, y) if isinstance(y, Bounded) and math.isfinite(x) else 0.0
        for x, y in zip(primal, exact.primal, strict=True)
    ]
    arriving = [float(ALL_DIGITS)] * len(primal)
    for node in range(graph.output, -1, -1):
        bar, true_bar = adjoint[node], exact.adjoint[node]
        if bar is None or true_bar is None:
            continue
        of_gradient = digits(bar, true_bar)
        operands = graph.operands[node]
        drop = min((of_value[x] for x in operands), default=ALL_DIGITS) - of_value[node]
        if operands and drop >= worst[0]:
            worst = (drop, node, "value")
        if arriving[node] - of_gradient > worst[0]:
            worst = (arriving[node] - of_gradient, node, "gradient")
        slopes, true_slopes = partials[node], exact.partials[node]
        if slopes is None or true_slopes is None:
            continue
        for operand, slope, true_slope in zip(operands, slopes, true_slopes, strict=True):
            if slope is not None and isinstance(true_slope, Bounded) and math.isfinite(slope):
                arriving[operand] = min(arriving[operand], of_gradient, digits(slope, true_slope))
    return None if worst[1] < 0 else Loss(worst[1], worst[2])


def _skip(gradients: Mapping[str, float], checks: dict[str, GradientCheck], reason: str) -> Check:
    for name in gradients:
        checks.setdefault(name, GradientCheck("skipped", reason=reason))
    return Check("skipped", None, _LADDER[0], {name: checks[name] for name in gradients}, reason)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, NoFormulaError) else "sympy's formula has no value here"


def skip_check(gradients: Iterable[str], reason: str) -> Check:
    """Return the record of a check that was not made."""
    return Check(
        "skipped", None, None, {name: GradientCheck("skipped", reason=reason) for name in gradients}, reason
    )
