"""``--precision N``: value and gradients to N significant digits, each of them right.

The sweep is made in reals with bounds, and in more digits until the bounds allow the digits asked for.
Source: Ziv, Fast evaluation of elementary mathematical functions with correctly rounded last bit, 1991.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.certain.compared import BITS, SympySide, compare, has_digits, is_zero
from backprop_cli.certain.numbers import CertainNumber, CertainReport
from backprop_cli.certain.task import found_from_both_sides, inputs_below, kinks_in, no_value
from backprop_cli.errors import DomainError, LimitError
from backprop_cli.findings.notices import conventions_used, unused_steps
from backprop_cli.graph.naming import Naming
from backprop_cli.operations.bounded import Bounded, BoundedReals, add_logs, bounded_reals, log2_size
from backprop_cli.report import BOTH_SIDES, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backprop_cli.certain.task import Task
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.operations.exact import Constant

MOST_DIGITS = 10_000
# Nodes times digits that are computed with: some 10 s at worst.
_BUDGET = 2_000_000
# The first count of digits, and how far it is doubled where terms cancel: 1,600 resolve (1 - cos(x))/x^2 at
# 1e-200, and numbers need not be doubles here.
_MORE, _LEAST, _TIMES, _LEAST_CAP = 10, 50, 4, 3_200


class _Rung(NamedTuple):
    """The sweep to a count of digits.

    formulas: sympy's value, under "", and gradients; those that there are.  reason: why there are none.
    """

    m: BoundedReals
    sweep: Sweep
    formulas: Mapping[str, Bounded]
    reason: str
    kinks: dict[int, bool]

    @property
    def has_value(self) -> bool:
        """Whether the output has one."""
        return self.sweep.graph.output not in self.sweep.failures and _is_finite(self.number(""))

    def number(self, name: str) -> Bounded:
        """Return the gradient with respect to an input, or the value for ""."""
        graph = self.sweep.graph
        node = graph.inputs.get(name, graph.output)
        found: Bounded = self.sweep.gradient(node, self.m) if name else self.sweep.primal[node]
        return found

    def is_settled(self, names: list[str], digits: int) -> bool:
        """Tell whether nothing more is to be had from more digits."""
        return (
            self.has_value
            and all(self.kinks.values())
            and all(
                self.is_zero(name)
                or (has_digits(self.number(name), digits) and has_digits(self.formulas.get(name), digits))
                for name in names
            )
        )

    def is_zero(self, name: str) -> bool:
        """Tell whether a number is proved zero: by the graph, or by sympy, whose formula is 0."""
        x, formula = self.number(name), self.formulas.get(name)
        return (x.is_exact and not x.value) or (x.is_noise and is_zero(formula))


def compute_digits(task: Task, digits: int, *, check: bool) -> CertainReport:
    """Return value and gradients of a program to so many digits.

    Raises DomainError where the value or a gradient does not exist, LimitError for more digits than there is
    time for.
    """
    names = ["", *task.wanted]
    side = SympySide(task) if check else None
    for work in _ladder(len(task.graph.ops), digits):
        rung = _climb(task, work, side)
        if rung.is_settled(names, digits):
            break
    if not rung.has_value:
        raise no_value(rung.sweep, lambda x: rung.m.base.to_float(x.value))
    below = inputs_below(rung.sweep, rung.kinks).intersection(task.wanted)
    found = found_from_both_sides(task, rung.sweep, below, digits)
    smooth = {name: _with_bound(slope, rung.m) for name, slope in found.items()}
    _require(rung, [name for name in task.wanted if name not in smooth])
    confirmed = {
        name
        for name, slope in smooth.items()
        if side is not None and side.confirms(rung.sweep, name, slope, digits)
    }
    return _report(task, rung, digits, below - smooth.keys(), smooth, confirmed)


def _ladder(steps: int, digits: int) -> list[int]:
    first = max(digits + _MORE, _LEAST)
    if steps * first > _BUDGET:
        most = f"up to {_BUDGET // steps - _MORE:,} can be had" if _BUDGET // steps > _LEAST else ""
        raise LimitError(f"the program has {steps:,} nodes, too many for {digits:,} digits", hint=most)
    cap = max(_TIMES * first, _LEAST_CAP)
    counts = [first]
    while counts[-1] < cap and steps * counts[-1] * 2 <= _BUDGET:
        counts.append(2 * counts[-1])
    return counts


def _climb(task: Task, work: int, side: SympySide | None) -> _Rung:
    m = bounded_reals(work)
    sweep = task.sweep(m)
    found, reason = ({}, "not asked for") if side is None else side.numbers(sweep, m)
    return _Rung(m, sweep, found, reason, kinks_in(sweep, m))


def _require(rung: _Rung, names: list[str]) -> None:
    """Raise DomainError where a gradient does not exist, or may not, or is infinite."""
    for name in names:
        slope = rung.number(name)
        if not _is_finite(slope):
            # √(1 - sin² - cos²) has one, but no count of digits tells.
            nothing = (
                "does not exist" if all(rung.kinks.values()) else "can't be told from one that has no value"
            )
            kind = "is infinite" if slope.value == slope.value else nothing
            raise DomainError(f"the gradient with respect to {name} {kind} at this point")


def _is_finite(x: Bounded) -> bool:
    return bool(x.value == x.value) and x.size < math.inf


def _report(
    task: Task,
    rung: _Rung,
    digits: int,
    at_kink: set[str],
    smooth: Mapping[str, Bounded],
    confirmed: set[str],
) -> CertainReport:
    graph, m, naming = task.graph, rung.m, Naming(task.graph)
    shifts = {name: text for name, text in _shifts(task, rung).items() if name not in smooth}
    return CertainReport(
        program=task.source.text,
        read_as=task.source.read_as,
        shapes=tuple(task.source.shapes.items()),
        digits=digits,
        inputs={name: digits_text(rung.sweep.primal[node], digits, m) for name, node in graph.inputs.items()},
        output=naming.output_id(),
        value=_judge(rung, "", digits, at_kink=False),
        upstream=digits_text(m.number(rung.sweep.upstream), digits, m),
        gradients={
            name: _from_both_sides(smooth[name], digits, m, is_confirmed=name in confirmed)
            if name in smooth
            else _judge(rung, name, digits, at_kink=name in at_kink)
            for name in task.wanted
        },
        nodes=(),
        value_shift=shifts.pop("", ""),
        shifts=shifts,
        warnings=(*unused_steps(naming), *conventions_used(naming, rung.kinks if at_kink else {})),
    )


def _with_bound(slope: Constant, m: BoundedReals) -> Bounded:
    """Return a constant of series as a number with the bound that its interval gives."""
    if isinstance(slope, int | Fraction):
        return m.number(Fraction(slope))
    low, high = (m.base.mp.make_mpf(end) for end in slope.bounds._mpi_)
    middle = (low + high) / 2
    return Bounded(middle, add_logs(log2_size(high - low), log2_size(middle) + m.unit), m)


def _from_both_sides(slope: Bounded, digits: int, m: BoundedReals, *, is_confirmed: bool) -> CertainNumber:
    text, bound = _told(slope, digits, m)
    status, reason = (Outcome.PASS, "") if is_confirmed else (Outcome.SKIPPED, f"found from {BOTH_SIDES}")
    return CertainNumber(text, bound, status=status, reason=reason, origin=BOTH_SIDES)


def _judge(rung: _Rung, name: str, digits: int, *, at_kink: bool) -> CertainNumber:
    """Return a number to the digits asked for, or to those that there are, with the bound of its error."""
    x, formula = rung.number(name), rung.formulas.get(name)
    status, reason = compare(x, formula, digits, "at a kink" if at_kink else rung.reason)
    if at_kink:
        status, reason = Outcome.SKIPPED, "at a kink"
    if rung.is_zero(name):
        return CertainNumber("0", "", at_kink, status, reason)
    return CertainNumber(*_told(x, digits, rung.m), at_kink, status, reason)


def _told(x: Bounded, digits: int, m: BoundedReals) -> tuple[str, str]:
    """Return a number to so many digits; or to those that are sure, and the bound of its error."""
    if has_digits(x, digits):
        return digits_text(x, digits, m), ""
    sure = math.floor((x.size - x.error) / BITS) - 1 if x.value else 0
    text = digits_text(x, sure, m) if sure > 0 else "0"
    return text, _power_text(x.error if sure > 0 else add_logs(x.size, x.error))


def _power_text(log: float) -> str:
    """Return a power of ten that is no less than 2**log."""
    return f"1e{math.ceil(log / BITS)}"


def digits_text(x: Bounded, digits: int, m: BoundedReals) -> str:
    """Return a number to so many digits; of an exact one no more than it has."""
    fixed = {"min_fixed": -6, "max_fixed": max(digits, 16)}
    text: str = m.base.mp.nstr(x.value, digits, strip_zeros=x.is_exact, **fixed)
    return text.removesuffix(".0" if x.is_exact else ".").replace("e+", "e")


def _shifts(task: Task, rung: _Rung) -> dict[str, str]:
    """Return how far reading the numbers as doubles would move the value, under "", and the gradients."""
    m, graph = rung.m, task.doubles
    sweep = task.sweep_doubles(m)
    if graph.output in sweep.failures:
        return {}
    moved = {name: sweep.gradient(graph.inputs[name], m) for name in task.wanted}
    moved[""] = sweep.primal[graph.output]
    away = {name: x - rung.number(name) for name, x in moved.items()}
    return {name: m.base.to_text(x.value, 2) for name, x in away.items() if _is_finite(x) and not x.is_noise}
