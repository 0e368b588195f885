"""The cross-check: every gradient by two independent routes in many digits, and the digits of the float.

The graph is swept again with reals of 50 digits, and sympy's derivative of the expression is evaluated at the
same point. Both come with bounds on their rounding errors, so "they agree" and "they differ" are known, not
guessed; where neither is, the digits are increased. See docs/decisions/0002-cross-check.md.
"""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from fractions import Fraction
from itertools import cycle
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.check.beside import DIGITS_BESIDE, slope_beside
from backprop_cli.check.expressions import parse_source
from backprop_cli.check.formulas import (
    Elementary,
    NoFormulaError,
    Steps,
    TooFewDigitsError,
    evaluate,
    formula_text,
    measure,
)
from backprop_cli.findings.settled import behind_missed_kinks
from backprop_cli.graph.sweep import Failure, Sweep, sweep_graph
from backprop_cli.operations.bounded import (
    NEGLIGIBLE,
    Bounded,
    BoundedReals,
    add_logs,
    bounded_floats,
    bounded_reals,
    log2_size,
)
from backprop_cli.operations.reals import LADDER
from backprop_cli.report import (
    ALL_DIGITS,
    BOTH_SIDES,
    FEW_DIGITS,
    NO_VALUE,
    Check,
    GradientCheck,
    Outcome,
    Place,
    skipped_check,
)
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backprop_cli.check.expressions import Program
    from backprop_cli.language.source import Source

# Nodes that are checked, in some 5 s. Beyond the first rung only where nodes times digits allow.
BUDGET = 2_000_000
MOST_STEPS = 50_000
# One formula is derived where it stays readable and quick: some 0.2 s at these sizes.
_FORMULA_SIZE, _FORMULA_DEPTH, _FORMULA_WORK = 250, 40, 1_500
_FORMULA_DECISIONS = 1
_AGREEMENT = math.log2(1e-30)
# Following errors back takes up to 0.1 ms per node for the first one, and a tenth of it for others.
_MOST_TRACED, _TRACED_STEPS = 10, 200_000
# Beside a kink sympy's formulas are evaluated four times in ``DIGITS_BESIDE`` digits: 0.3 ms a node.
_MOST_BESIDE = 5_000
# Half the least double, the least one with all its digits and the largest one, as logarithms.
_BELOW_DOUBLES, _FEWER_DIGITS, _MOST_DOUBLE = -1075.0, -1022.0, 1023.0
# A double that is the nearest one to what is known to so many bits has all its digits.
_DOUBLE_BITS = 60
_VALUE = ""  # stands for the value where inputs stand for their gradients
_TOO_FEW = "{} digits are not enough to compare here"
_LEAST = sys.float_info.min * sys.float_info.epsilon


def cross_check(
    source: Source, sweep: Sweep, gradients: Mapping[str, float], settled: Mapping[str, GradientCheck]
) -> Check:
    """Check the gradients of the float sweep. What can't be checked is skipped, with the reason.

    gradients: the requested ones.  settled: what is known of those that are not to be compared, since they
    rest on a convention or are found from both sides.
    """
    checks = _not_comparable(gradients, settled)
    checks |= _beside_kinks(source, sweep, gradients, checks)
    hindrance = _hindrance(sweep)
    if hindrance:
        return skipped_check(gradients, hindrance, checks)
    wanted = [name for name in gradients if name not in checks]
    doubles = {**gradients, _VALUE: sweep.primal[sweep.graph.output]}
    program = parse_source(source)
    side = choose_side(program, wanted, sweep.upstream)
    pairs: dict[str, _Pair] = {}
    rung, missed = None, set[str]()
    for digits in _affordable(sweep):
        if rung and len(checks) == len(doubles):
            break
        try:
            rung = _climb(digits, rung.side if rung else side, program, sweep)
        except _NoValueError as error:
            hindrance = str(error)
            if error.is_sure:
                break
            continue
        missed = behind_missed_kinks(sweep, rung.exact, rung.m)
        for name in (_VALUE, *wanted):
            if name not in checks:
                pairs[name] = pair = rung.pair(name, doubles[name])
                verdict = None if name in missed else _agreement(pair.graph, pair.formula)
                if verdict:
                    checks[name] = _verdict(verdict, pair, rung.m)
    if rung is None:
        return skipped_check(gradients, hindrance, checks)
    for name in (_VALUE, *wanted):
        if name not in checks:
            checks[name] = _judge_the_rest(pairs[name], rung.m, is_open=name in missed)
    _call_zero(sweep, checks, rung)
    _trace_losses(sweep, checks, rung)
    value = checks.pop(_VALUE)
    status, reason = _sum_up(list(checks.values()), value)
    return Check(
        status,
        rung.side.method,
        rung.m.base.digits,
        {name: checks[name] for name in gradients},
        reason,
        value.value,
        value.digits,
        value.underflow,
        value.zero_within,
        value.loss,
    )


def _affordable(sweep: Sweep) -> list[int]:
    """Return the digits to try in turn."""
    steps = len(sweep.graph.ops)
    return [digits for digits in LADDER if digits == LADDER[0] or steps * digits <= BUDGET]


def _hindrance(sweep: Sweep) -> str:
    """Return why nothing can be checked, or ""."""
    steps = len(sweep.graph.ops)
    if steps > MOST_STEPS:
        return f"the program has {steps:,} nodes; up to {MOST_STEPS:,} are checked"
    if not all(
        math.isfinite(y) for y, bar in zip(sweep.primal, sweep.adjoint, strict=True) if bar is not None
    ):
        return "a value on the way is not finite"
    return ""


def _not_comparable(
    gradients: Mapping[str, float], settled: Mapping[str, GradientCheck]
) -> dict[str, GradientCheck]:
    infinite = GradientCheck(Outcome.SKIPPED, reason="the gradient is not finite")
    return {name: infinite for name, slope in gradients.items() if not math.isfinite(slope)} | dict(settled)


def _beside_kinks(
    source: Source, sweep: Sweep, gradients: Mapping[str, float], checks: Mapping[str, GradientCheck]
) -> dict[str, GradientCheck]:
    """Return the records of gradients found from both sides that sympy's slopes beside the kink confirm."""
    names = [name for name, found in checks.items() if found.origin == BOTH_SIDES]
    if not names or len(names) * len(sweep.graph.ops) > _MOST_BESIDE:
        return {}
    program = parse_source(source)
    side = choose_side(program, names, sweep.upstream)

    def slopes(point: Mapping[str, Any], m: BoundedReals) -> dict[str, Bounded]:
        nonlocal side
        side, _, found = differentiate_by_sympy(side, program, sweep._replace(point=point), m)
        return found

    confirmed = {}
    m = bounded_reals(DIGITS_BESIDE)
    for name in names:
        found = slope_beside(slopes, sweep.point, name, m)
        digits = None if found is None else _digits(gradients[name], found, m)
        if digits is not None and digits >= FEW_DIGITS:
            record = replace(checks[name], status=Outcome.PASS, digits=digits, reason="")
            confirmed[name] = record
    return confirmed


def _sum_up(checks: Sequence[GradientCheck], value: GradientCheck) -> tuple[Outcome, str]:
    """Return the status of the whole check, and the reason."""
    statuses = {check.status for check in checks}
    if Outcome.FAIL in (value.status, *statuses):
        return Outcome.FAIL, "the value" if value.status == Outcome.FAIL else ""
    if statuses == {Outcome.SKIPPED}:
        return Outcome.SKIPPED, _why_skipped(checks)
    return Outcome.PASS, ""


def with_records(check: Check, records: Mapping[str, GradientCheck], exact: Any, value: float) -> Check:
    """Return a check with other records of gradients that it skipped.

    exact: the value as a constant of series, which counts where it was not compared.  value: its double.
    """
    gradients = check.gradients | dict(records)
    reason = _why_skipped(list(gradients.values())) if check.status == Outcome.SKIPPED else check.reason
    check = replace(check, gradients=gradients, reason=reason)
    is_open = (check.value, check.value_digits, check.value_zero_within) == (None, None, None)
    if not is_open or not isinstance(exact, int | Fraction):
        return check
    if not exact and value:
        return replace(check, value="0.0", value_zero_within=abs(value))
    m = bounded_reals(LADDER[0])
    known = m.number(exact)
    return replace(check, value=m.certain_text(known), value_digits=_digits(value, known, m))


def _why_skipped(checks: Sequence[GradientCheck]) -> str:
    reasons = {check.why_skipped for check in checks}
    if "at a kink" in reasons and all(check.at_kink for check in checks):
        return "at a kink"
    return reasons.pop() if len(reasons) == 1 else "no gradient could be compared"


# ---- the two sides ----


class _NoValueError(Exception):
    """There is no value in these digits. is_sure: nor will there be in more."""

    def __init__(self, reason: str, *, is_sure: bool) -> None:
        super().__init__(reason)
        self.is_sure = is_sure


class _Rung(NamedTuple):
    """Both sides to a count of digits: the sweep of the graph, and sympy's value and slopes."""

    m: BoundedReals
    exact: Sweep
    side: _Formulas | _Chain
    value: Bounded
    slopes: dict[str, Bounded]

    def slope(self, name: str) -> Bounded:
        """Return the gradient with respect to an input as the graph has it."""
        slope: Bounded = self.exact.gradient(self.exact.graph.inputs[name], self.m)
        return slope

    def pair(self, name: str, double: float) -> _Pair:
        """Return the gradient with respect to an input, or the value, by all three routes."""
        if name == _VALUE:
            return _Pair(double, self.exact.primal[self.exact.graph.output], self.value, None)
        return _Pair(double, self.slope(name), self.slopes[name], self.side.text(name))


def _climb(digits: int, side: _Formulas | _Chain, program: Program, sweep: Sweep) -> _Rung:
    """Return both sides to a count of digits. Raises _NoValueError."""
    m = bounded_reals(digits)
    exact = sweep_graph(sweep.graph, sweep.point, sweep.upstream, m)
    has_none = sweep.graph.output in exact.failures
    if has_none and not _is_undecided(exact):
        raise _NoValueError(NO_VALUE, is_sure=True)
    if has_none or exact.primal[sweep.graph.output].error == math.inf:
        raise _NoValueError(_TOO_FEW.format(digits), is_sure=False)
    try:
        return _Rung(m, exact, *differentiate_by_sympy(side, program, sweep, m))
    except TooFewDigitsError as error:
        raise _NoValueError(str(error), is_sure=False) from None
    except NoFormulaError as error:
        raise _NoValueError(str(error), is_sure=True) from None
    except (ArithmeticError, ValueError):
        raise _NoValueError("sympy's formula has no value here", is_sure=False) from None


def _is_undecided(exact: Sweep) -> bool:
    """Tell whether more digits may give a value where there is none in these."""
    return Failure.INDETERMINATE in exact.failures.values() or any(
        op is not None and op.condition and not y.is_exact
        for op, y in zip(exact.graph.ops, exact.primal, strict=True)
    )


def differentiate_by_sympy(
    side: _Formulas | _Chain, program: Program, sweep: Sweep, m: BoundedReals
) -> tuple[_Formulas | _Chain, Bounded, dict[str, Bounded]]:
    """Return the side that has sympy's value and gradients, and these.

    A formula of the whole program may have no value where every step has one (x**y*y/x at 0). Raises
    NoFormulaError, ArithmeticError or ValueError where the steps have none either.
    """
    if isinstance(side, _Formulas):
        try:
            return side, *side.gradients(sweep.point, sweep.upstream, m)
        except (NoFormulaError, ArithmeticError, ValueError, RecursionError):
            side = _Chain(program)
    return side, *side.gradients(sweep.point, sweep.upstream, m)


class _Formulas:
    """Sympy's derivative of the whole program, one formula per input."""

    method = "symbolic"

    def __init__(self, program: Program, wanted: Sequence[str], upstream: float) -> None:
        self.program = program
        self.factor = "" if upstream == 1 else f"{number_text(upstream, None)}*"
        self.elementary = Elementary(program)
        self.formulas = {name: self.elementary.derivative(program.inputs[name]) for name in wanted}

    def gradients(
        self, point: Mapping[str, float], upstream: float, m: BoundedReals
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
        self, point: Mapping[str, float], upstream: float, m: BoundedReals
    ) -> tuple[Bounded, dict[str, Bounded]]:
        return self.steps.gradients({name: m.number(x) for name, x in point.items()}, m.number(upstream), m)

    def text(self, name: str) -> str | None:  # noqa: ARG002 - there is no one formula
        return None


def choose_side(program: Program, wanted: Sequence[str], upstream: float) -> _Formulas | _Chain:
    """Return sympy's derivatives of a program: of the whole where they stay readable, else of its steps."""
    if len(wanted) > _FORMULA_WORK:
        return _Chain(program)
    extent = measure(program.output)
    if (
        extent.size > _FORMULA_SIZE
        or extent.depth > _FORMULA_DEPTH
        or extent.size * len(wanted) > _FORMULA_WORK
        or extent.decisions > _FORMULA_DECISIONS
    ):
        return _Chain(program)
    try:
        return _Formulas(program, wanted, upstream)
    except (TypeError, ValueError, RecursionError):
        # sympy can't compare what may be complex: where(acos(2) > a, …).
        return _Chain(program)


# ---- verdicts ----


class _Pair(NamedTuple):
    """A gradient, or the value, by all three routes: the double, the graph, sympy's formula with its text."""

    double: float
    graph: Bounded
    formula: Bounded
    text: str | None


def _agreement(graph: Bounded, formula: Bounded) -> Outcome | None:
    """Tell whether two numbers agree; None where rounding hides it.

    What is not finite agrees with nothing.
    """
    gap = log2_size(graph.value - formula.value)
    size = max(graph.size, formula.size)
    slack = add_logs(graph.error, formula.error) + 1
    if not (size < math.inf and slack < math.inf):
        return None
    if gap > slack and gap > size + _AGREEMENT:
        return Outcome.FAIL
    if slack <= size + _AGREEMENT or slack == -math.inf or not formula:  # the last: it is 0 itself
        return Outcome.PASS
    return None


def _verdict(status: Outcome, pair: _Pair, m: BoundedReals) -> GradientCheck:
    exact = (
        min(pair.formula, pair.graph, key=attrgetter("uncertainty")) if status == Outcome.PASS else pair.graph
    )
    digits = _digits(pair.double, exact, m)
    return GradientCheck(
        status,
        formula=pair.text,
        value=m.certain_text(exact if status == Outcome.PASS else pair.formula),
        digits=digits,
        underflow=digits is not None and digits < FEW_DIGITS and _is_below(pair.double, exact),
    )


def _judge_the_rest(pair: _Pair, m: BoundedReals, *, is_open: bool) -> GradientCheck:
    """Judge what all digits could not tell. is_open: whether there may be a kink, where nothing is compared.

    It is zero if that is all they have of its terms; it is too small for doubles; or nothing is known of it.
    """
    if is_open:
        return GradientCheck(Outcome.SKIPPED, formula=pair.text, reason=_TOO_FEW.format(m.base.digits))
    both = (pair.graph, pair.formula)
    is_rounding = all(x.is_rounding for x in both)
    proved = [x.is_exact and not x for x in both]
    if any(proved) and all(zero or x.is_rounding for zero, x in zip(proved, both, strict=True)):
        return _verdict(Outcome.PASS, pair, m)  # floor(0.5) is 0, and its definition by atan rounding alone
    if is_rounding and max(x.scale for x in both) >= _BELOW_DOUBLES:
        return GradientCheck(Outcome.PASS, pair.text)
    if max(max(x.size, x.error) for x in both) < _BELOW_DOUBLES:
        return _verdict(Outcome.PASS, pair, m)
    return GradientCheck(Outcome.SKIPPED, formula=pair.text, reason=_TOO_FEW.format(m.base.digits))


def _digits(double: float, exact: Bounded, m: BoundedReals) -> int | None:
    """Return how many significant digits of a double are known to be right, 16 being all.

    Of a zero a double has all or, where it is another number, there is no such count: None.
    """
    if not exact:
        return None if double else ALL_DIGITS
    is_nearest = double == m.base.to_float(exact.value) and exact.error < exact.size - _DOUBLE_BITS
    if is_nearest and (abs(double) >= sys.float_info.min or double == exact.value):
        return ALL_DIGITS
    lost = add_logs(log2_size(double - exact.value), exact.error) - exact.size
    return math.floor(min(ALL_DIGITS, -lost * math.log10(2))) if lost < 0 else 0


def _is_below(double: float, exact: Bounded) -> bool:
    """Tell whether a number and its double are below those of full precision."""
    return abs(double) < sys.float_info.min and max(exact.size, exact.error) < _FEWER_DIGITS


def _call_zero(sweep: Sweep, checks: dict[str, GradientCheck], rung: _Rung) -> None:
    """Where a float gradient is nothing but rounding, say so, with the bound, instead of "0 digits".

    So it is where the true gradient is zero; and where no digit is right, and the bound is small beside the
    terms that cancelled in it and beside those of the value.
    """
    doubtful = [
        name
        for name, check in checks.items()
        if check.status == Outcome.PASS and (check.digits is None or check.digits < FEW_DIGITS)
    ]
    if not doubtful:
        return
    floats = bounded_floats()
    bounded = sweep_graph(sweep.graph, sweep.point, sweep.upstream, floats)
    value: Bounded = bounded.primal[sweep.graph.output]
    terms = value.scale + log2_size(sweep.upstream)
    for name in doubtful:
        double = value if name == _VALUE else bounded.gradient(sweep.graph.inputs[name], floats)
        if not math.isfinite(double.value):
            checks[name] = _bounded_by_digits(checks[name], rung.pair(name, 0.0).graph, rung.m)
            continue
        within = abs(double.value) + (2.0**double.error if double.error < _MOST_DOUBLE else 0.0)
        # Moved by its own size, the input changes the value by no more than the rounding of its terms.
        moved = log2_size(within) + log2_size(sweep.point.get(name) or 1.0)
        is_zero = checks[name].digits is None
        # Of a value near zero the digits are told: called zero, it would say nothing.
        is_near = (
            name != _VALUE
            and checks[name].digits == 0
            and log2_size(rung.slope(name).value) <= log2_size(within)
        )
        if is_zero or (
            is_near
            and double.is_rounding
            and moved < terms + NEGLIGIBLE
            and _is_turned_by_rounding(sweep, name, rung)
        ):
            # Only a zero is within nothing of one.
            within = within or _LEAST
            checks[name] = replace(checks[name], digits=None, underflow=False, zero_within=within)


def _bounded_by_digits(check: GradientCheck, exact: Bounded, m: BoundedReals) -> GradientCheck:
    """Return the record of a number that doubles with bounds have not, where many digits may call it zero."""
    bound = add_logs(exact.size, exact.error)
    if check.digits is not None:
        return check
    if bound < _MOST_DOUBLE:
        return replace(check, zero_within=max(2.0**bound, _LEAST))
    return GradientCheck(Outcome.SKIPPED, check.formula, reason=_TOO_FEW.format(m.base.digits))


def _is_turned_by_rounding(sweep: Sweep, name: str, rung: _Rung) -> bool:
    """Tell whether a gradient is one that inputs rounded otherwise may have as zero.

    At an optimum a unit in the last place of the inputs moves the gradient by as much as it is. That of
    ((x + 1) - 1)^2 at 1e-70 is 2e-70 for any x near by.
    """
    slope = rung.slope(name)
    for upwards in ((True,), (True, False)):
        directions = cycle(math.inf if up else -math.inf for up in upwards)
        point = {
            x: math.nextafter(at, to) for (x, at), to in zip(sweep.point.items(), directions, strict=False)
        }
        moved = sweep_graph(sweep.graph, point, sweep.upstream, rung.m)
        if sweep.graph.output not in moved.failures:
            there = moved.gradient(sweep.graph.inputs[name], rung.m)
            if log2_size(there.value - slope.value) > slope.size - 1:
                return True
    return False


def _trace_losses(sweep: Sweep, checks: dict[str, GradientCheck], rung: _Rung) -> None:
    """Record where the value and gradients with few right digits lost them, the poorest ones first."""
    poor = {name: c.digits for name, c in checks.items() if c.digits is not None and c.digits < FEW_DIGITS}
    if not poor:
        return
    from backprop_cli.findings.losses import BothSweeps, Quantity

    graph, both = sweep.graph, BothSweeps(sweep, rung.exact)
    most = max(_MOST_TRACED, _TRACED_STEPS // len(graph.ops))
    for name in sorted(poor, key=poor.__getitem__)[:most]:
        is_value = name == _VALUE
        lost = (
            Quantity(Place.VALUE, graph.output) if is_value else Quantity(Place.GRADIENT, graph.inputs[name])
        )
        checks[name] = replace(checks[name], loss=both.find_loss(lost))
