"""``--exact``: value, nodes and gradients as fractions, where the program is rational in its inputs."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from backprop_cli.certain.compared import SympySide
from backprop_cli.certain.numbers import CertainNumber, CertainReport, ExactNode
from backprop_cli.certain.task import found_from_both_sides, in_doubles, inputs_below, kinks_in, no_value
from backprop_cli.errors import LimitError, NotRationalError
from backprop_cli.findings.notices import conventions_used, unused_steps
from backprop_cli.findings.undefined import find_failure
from backprop_cli.graph.naming import Naming
from backprop_cli.operations.bounded import bounded_reals
from backprop_cli.operations.rationals import IrrationalError, Rational, RationalNamespace
from backprop_cli.operations.reals import LADDER
from backprop_cli.report import BOTH_SIDES, Outcome
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from backprop_cli.certain.task import Task
    from backprop_cli.graph.sweep import Sweep


def compute_exactly(task: Task, *, check: bool) -> CertainReport:
    """Return value, nodes and gradients of a program as fractions.

    Raises NotRationalError where the value or a gradient asked for is none, DomainError where there is no
    value, LimitError where the fractions grow too long.
    """
    m = RationalNamespace()
    sweep = task.sweep(m)
    naming = Naming(task.graph)
    _require_value(sweep, naming, m)
    graph = task.graph
    kinks = kinks_in(sweep, m)
    below = inputs_below(sweep, kinks).intersection(task.wanted)
    smooth = {
        name: slope
        for name, slope in found_from_both_sides(task, sweep, below).items()
        if isinstance(slope, int | Fraction)
    }
    slopes = {
        name: m.number(smooth[name]) if name in smooth else sweep.gradient(graph.inputs[name], m)
        for name in task.wanted
    }
    for name, slope in slopes.items():
        if slope.fraction is None:
            raise _no_slope(sweep, naming, name)
    gradients = {graph.inputs[name]: slope for name, slope in slopes.items()}
    value = sweep.primal[graph.output]
    compared = _Compared(task, sweep, m, below) if check else None
    shift, shifts = _shifts(task, value, {name: x for name, x in slopes.items() if name not in smooth})
    return CertainReport(
        program=task.source.text,
        read_as=task.source.read_as,
        shapes=tuple(task.source.shapes.items()),
        digits=None,
        inputs={name: fraction_text(sweep.primal[node]) for name, node in graph.inputs.items()},
        output=naming.output_id(),
        value=_number("", value, compared),
        upstream=fraction_text(m.number(sweep.upstream)),
        gradients={
            name: _number(
                name,
                x,
                compared,
                at_kink=name in below - smooth.keys(),
                origin=BOTH_SIDES if name in smooth else "",
            )
            for name, x in slopes.items()
        },
        nodes=tuple(
            _node(sweep, naming, node, gradients.get(node) or sweep.gradient(node, m))
            for node in naming.order
        ),
        value_shift=shift,
        shifts=shifts,
        warnings=(
            *unused_steps(naming),
            *conventions_used(naming, kinks if below - smooth.keys() else {}),
        ),
    )


class _Compared:
    """Value and gradients in fractions beside sympy's, which are fractions of the same formulas.

    below: the inputs below a kink: their slopes are compared beside it.
    """

    def __init__(self, task: Task, sweep: Sweep, m: RationalNamespace, below: set[str]) -> None:
        self._side = SympySide(task)
        self._sweep = sweep
        self._below = below
        self._found, self._reason = self._side.numbers(sweep, m)

    def judge(self, name: str, x: Rational) -> tuple[Outcome, str]:
        """Return what became of the comparison of a gradient, or the value for "", and why there is none."""
        if name in self._below:
            slope = bounded_reals(LADDER[0]).number(x.fraction)
            is_confirmed = self._side.confirms(self._sweep, name, slope)
            return (Outcome.PASS, "") if is_confirmed else (Outcome.SKIPPED, f"found from {BOTH_SIDES}")
        found = self._found.get(name)
        if found is None or found.fraction is None:
            return Outcome.SKIPPED, self._reason or "sympy's formula has no fraction here"
        return (Outcome.PASS, "") if found == x else (Outcome.FAIL, "sympy disagrees")


def _number(
    name: str, x: Rational, compared: _Compared | None, *, at_kink: bool = False, origin: str = ""
) -> CertainNumber:
    status, reason = Outcome.SKIPPED, "at a kink" if at_kink else "not asked for"
    if compared is not None and not at_kink:
        status, reason = compared.judge(name, x)
    return CertainNumber(fraction_text(x), at_kink=at_kink, status=status, reason=reason, origin=origin)


def fraction_text(x: Rational) -> str:
    """Return p/q, or a whole number; "no fraction" where there is none."""
    if x.fraction is None:
        return "no fraction"
    # Of an int, str writes 4,300 digits and no more.
    top, bottom = (f"{Decimal(n):f}" for n in x.fraction.as_integer_ratio())
    return top if bottom == "1" else f"{top}/{bottom}"


def _require_value(sweep: Sweep, naming: Naming, m: RationalNamespace) -> None:
    """Raise NotRationalError or DomainError where the output has no value."""
    graph = sweep.graph
    for name, node in graph.inputs.items():
        if sweep.primal[node].fraction is None:
            raise NotRationalError(f"the value of {name} is not rational")
    if graph.numbers.get(graph.output) == "pi":
        raise NotRationalError("not rational: pi", graph.text, *graph.spans[graph.output])
    if graph.output not in sweep.failures:
        return
    node, _ = find_failure(in_doubles(sweep, float))
    op = graph.ops[node]
    try:
        assert op is not None
        m.value(op, sweep.operands(node))
    except IrrationalError:
        pass
    except ArithmeticError:
        raise no_value(sweep, float) from None
    text = naming.source(node)
    hint = "--precision N gives as many digits as are asked for"
    raise NotRationalError(f"not rational: {text}", graph.text, *graph.spans[node], hint)


def _no_slope(sweep: Sweep, naming: Naming, name: str) -> NotRationalError:
    """Return the error for a gradient that is no fraction, though the value is one: by n of x^n."""
    graph = sweep.graph
    missing = (
        (node, operand)
        for node, slopes in enumerate(sweep.partials)
        for operand, slope in zip(graph.operands[node], slopes or (), strict=False)
        if slope is not None and slope.fraction is None
    )
    node, operand = next(missing)
    of, by = naming.source(node), naming.operand(operand)
    message = f"the gradient with respect to {name} is not rational: {of} by {by}"
    return NotRationalError(message, graph.text, *graph.spans[node], "--wrt names the inputs to derive by")


def _shifts(task: Task, value: Rational, slopes: dict[str, Rational]) -> tuple[str, dict[str, str]]:
    """Return how far reading the numbers as doubles would move the value and the gradients."""
    m = RationalNamespace()
    try:
        sweep = task.sweep_doubles(m)
    except LimitError:
        return "", {}
    graph = task.doubles
    moved = {name: sweep.gradient(graph.inputs[name], m) for name in slopes}
    return _shift(value, sweep.primal[graph.output]), {
        name: text for name, x in slopes.items() if (text := _shift(x, moved[name]))
    }


def _shift(x: Rational, y: Rational) -> str:
    away = (y - x).fraction
    if not away:
        return ""
    # What is too small or too large for a double is a number all the same.
    if 1e-300 < abs(away) < 1e300:
        return number_text(float(away), 2)
    return f"{Decimal(away.numerator) / away.denominator:.1e}".replace("e+", "e")


def _node(sweep: Sweep, naming: Naming, node: int, gradient: Rational) -> ExactNode:
    graph = sweep.graph
    op, is_constant = graph.ops[node], graph.constant[node]
    operands = () if is_constant else graph.operands[node]
    partials = sweep.partials[node] or (None,) * len(operands)
    return ExactNode(
        naming.id(node),
        "constant" if is_constant else "input" if op is None else op.name,
        naming.expression(node),
        tuple(map(naming.operand, operands)),
        fraction_text(sweep.primal[node]),
        tuple(None if p is None or p.fraction is None else fraction_text(p) for p in partials),
        fraction_text(gradient),
        tuple(naming.held(node, argnum) for argnum in range(len(operands))),
    )
