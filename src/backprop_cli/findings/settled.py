"""Gradients that the sweep in doubles leaves in doubt, settled from both sides or in many digits.

In doubt are the gradients that rest on the convention of an operation at a kink, and those that are not
finite. Three things settle them. The slopes on both sides, where they are equal: then that is the derivative,
whatever the conventions give; at a kink too the gradient is a slope between them, the nearest to what the
conventions give. The slope on the one side that has a value, at the edge of a domain. A sweep in
many digits, where doubles over- or underflow on the way back, or are at a kink by rounding alone: it counts
where its bound allows a double. What none of them settles stays as it was. See docs/decisions/0010-smooth.md.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.findings.kinks import (
    NOT_KNOWN,
    ROUNDING,
    Sides,
    inputs_behind,
    is_tie_with_itself,
    nodes_at_kinks,
    sides_of_gradients,
)
from backprop_cli.graph.sweep import needed, sweep_graph
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.reals import LADDER
from backprop_cli.report import (
    BEYOND,
    BOTH_SIDES,
    EDGE,
    KINK,
    NEARER_SIDE,
    ONE_SIDE,
    POSSIBLE_KINK,
    GradientCheck,
    Outcome,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.operations.bounded import Bounded, BoundedReals
    from backprop_cli.report import Check

# Slopes on both sides of a kink take two sweeps per input: 0.01 ms a node where constants are rational, 1 ms
# where they are not. So up to some 5 s in all.
_MOST_SIDE_STEPS = 5_000
# In sweeps of some 0.1 ms a node: up to some 2 s.
_MOST_DIGIT_STEPS = 1_000_000
# A bound relative to the number, as a logarithm: the nearest double, or its neighbour.
_TO_A_DOUBLE = -55.0
# Half the least double, as a logarithm: what is below has 0 as its nearest double, known or not.
_BELOW_DOUBLES = -1075.0


class Settled(NamedTuple):
    """What is known of a gradient that was in doubt.

    gradient: the number.  origin: what it was found from: "both sides", "one side", "nearer side",
    "50 digits" (or 200, or 800); "" where it is what doubles and conventions give.  sides: the slopes on
    both sides, where it is no derivative.  text: the number to many digits, where it is beyond doubles.
    """

    gradient: float
    origin: str = ""
    sides: Sides | None = None
    text: str = ""


def settle_gradients(sweep: Sweep, kinks: Sequence[int], wanted: Iterable[str]) -> dict[str, Settled]:
    """Return what is known of the gradients that are in doubt. kinks: as ``find_kinks`` returns them."""
    gradients = gradients_of(sweep, wanted, {})
    behind = inputs_behind(sweep, kinks) & gradients.keys()
    lost = {name for name, slope in gradients.items() if not math.isfinite(slope)}
    if not behind and not lost:
        return {}
    settled = _in_many_digits(sweep, lost - behind)
    doubtful = [name for name in gradients if name in behind or name in lost - settled.keys()]
    sides = _sides_of_gradients(sweep, doubtful)
    settled |= {name: _by_sides(gradients[name], sides[name], at_kink=name in behind) for name in doubtful}
    return settled | _in_many_digits(sweep, {name for name in behind if _may_be_smooth(settled[name].sides)})


def met_by_rounding(sweep: Sweep, settled: Mapping[str, Settled]) -> dict[str, Settled]:
    """Return the gradients found from both sides that many digits give as well: no kink is there.

    Doubles meet one by rounding alone, and sympy can confirm the gradient.
    """
    names = {name for name, found in settled.items() if found.origin == BOTH_SIDES}
    found = _in_many_digits(sweep, names, rungs=1)
    return {name: other._replace(gradient=settled[name].gradient) for name, other in found.items()}


def settle_unchecked(sweep: Sweep, gradients: Mapping[str, float]) -> dict[str, Settled]:
    """Return what the slopes on both sides tell of gradients that no digits could be compared in.

    Doubles miss a kink by rounding, and reals of any count of digits can't tell it from what is beside it:
    the angle between parallel vectors. What no side is known of is left out.
    """
    sides = _sides_of_gradients(sweep, list(gradients))
    known = {
        name: found
        for name, found in sides.items()
        if not any(slope is not None and math.isnan(slope) for slope in found[:2])
    }
    return {
        name: _by_sides(math.nan if _is_steep(found) else gradients[name], found, at_kink=True)
        for name, found in known.items()
    }


def _is_steep(sides: Sides) -> bool:
    """Tell whether a slope is infinite: a finite gradient of doubles is none then."""
    return any(slope is not None and math.isinf(slope) for slope in sides[:2])


def gradients_of(sweep: Sweep, wanted: Iterable[str], settled: Mapping[str, Settled]) -> dict[str, float]:
    """Return the gradients with respect to the wanted inputs: of the sweep, but where they were in doubt."""
    return {
        name: settled[name].gradient
        if name in settled
        else sweep.gradient(sweep.graph.inputs[name], FLOAT) + 0.0  # no -0.0
        for name in wanted
    }


def settled_checks(settled: Mapping[str, Settled]) -> dict[str, GradientCheck]:
    """Return the records of the gradients that no cross-check compares."""
    return {
        name: _record(found)
        for name, found in settled.items()
        if found.sides or found.origin == BOTH_SIDES or found.text
    }


def _record(found: Settled) -> GradientCheck:
    if found.sides is not None:
        left, right, *_ = found.sides
        reason = EDGE if (left is None) != (right is None) else KINK
        if all(slope is not None and math.isnan(slope) for slope in (left, right)):
            reason = POSSIBLE_KINK
        return GradientCheck(Outcome.SKIPPED, reason=reason, at_kink=True, left=left, right=right)
    reason = BEYOND if found.text else f"found from {found.origin}"
    return GradientCheck(Outcome.SKIPPED, reason=reason, value=found.text or None, origin=found.origin)


def with_origins(check: Check, settled: Mapping[str, Settled]) -> Check:
    """Return a check whose records tell what the gradients were found from."""
    if not any(found.origin for found in settled.values()):
        return check
    origins = {name: found.origin for name, found in settled.items()}
    return replace(
        check,
        gradients={
            name: replace(found, origin=origins[name]) if name in origins else found
            for name, found in check.gradients.items()
        },
    )


def _sides_of_gradients(sweep: Sweep, names: Sequence[str]) -> dict[str, Sides]:
    few = len(sweep.graph.ops) * len(names) <= _MOST_SIDE_STEPS
    return sides_of_gradients(sweep, names) if few else dict.fromkeys(names, NOT_KNOWN)


def _may_be_smooth(sides: Sides | None) -> bool:
    """Tell whether a slope on a side is not known, or both are equal and it is not known whether exactly."""
    if sides is None or sides.left is None or sides.right is None:
        return False
    is_known = not (math.isnan(sides.left) or math.isnan(sides.right))
    return not is_known or (sides.is_corner and math.isclose(sides.left, sides.right, rel_tol=ROUNDING))


def _by_sides(gradient: float, sides: Sides, *, at_kink: bool) -> Settled:
    """Return what the slopes on both sides tell. gradient: what doubles and conventions give."""
    if sides.smooth is not None:
        return Settled(sides.smooth, BOTH_SIDES)
    known = [side for side in (sides.left, sides.right) if side is not None]
    if not known:
        return Settled(math.nan, sides=sides)  # there is a value at the point alone
    if sides.edge is not None:
        return Settled(sides.edge, ONE_SIDE, sides)
    if any(map(math.isnan, known)):
        return Settled(gradient, sides=sides if at_kink else None)
    if sides.is_corner and math.isfinite(gradient):
        nearest = min(max(gradient, min(known)), max(known))
        is_between = math.isclose(nearest, gradient, rel_tol=ROUNDING)
        return Settled(*((gradient, "") if is_between else (nearest, NEARER_SIDE)), sides)
    if math.isfinite(gradient):
        return Settled(gradient, sides=sides)
    # The same infinity on all sides that there are; else there is no derivative.
    is_infinite = bool(known) and math.isinf(known[0]) and known[0] == known[-1]
    return Settled(known[0] if is_infinite else math.nan, sides=sides)


# ---- in many digits ----


def _in_many_digits(sweep: Sweep, names: set[str], rungs: int = 3) -> dict[str, Settled]:
    """Return the gradients that reals of more and more digits give to a double, with certainty."""
    settled: dict[str, Settled] = {}
    for digits in LADDER[:rungs]:
        if settled.keys() >= names or digits * len(sweep.graph.ops) > _MOST_DIGIT_STEPS:
            break
        from backprop_cli.operations.bounded import bounded_reals

        settled |= _to_digits(sweep, names - settled.keys(), bounded_reals(digits))
    return settled


def _to_digits(sweep: Sweep, names: set[str], m: BoundedReals) -> dict[str, Settled]:
    graph = sweep.graph
    exact = sweep_graph(graph, sweep.point, sweep.upstream, m)
    if graph.output in exact.failures:
        return {}
    behind = behind_possible_kinks(exact, m)
    bars = {name: exact.gradient(graph.inputs[name], m) for name in names - behind}
    return {name: _slope(bar, m) for name, bar in bars.items() if _is_certain(bar)}


def _slope(bar: Bounded, m: BoundedReals) -> Settled:
    gradient = m.base.to_float(bar.value) + 0.0
    text = "" if math.isfinite(gradient) else m.certain_text(bar) or ""
    return Settled(gradient, f"{m.base.digits} digits", text=text)


def _is_certain(bar: Bounded) -> bool:
    """Tell whether the bound leaves no more than a double and its neighbour."""
    if bar.is_exact and not bar.value:
        return True
    if max(bar.size, bar.error, bar.scale) < _BELOW_DOUBLES:  # and nothing larger has cancelled in it
        return True
    return bar.size < math.inf and bar.error <= bar.size + _TO_A_DOUBLE


def behind_missed_kinks(doubles: Sweep, exact: Sweep, m: BoundedReals) -> set[str]:
    """Return the inputs on whose way there may be a kink that doubles miss: abs(sqrt(x)^2 - 2) at 2."""
    if not any(op is not None and op.kink for op in set(exact.graph.ops)):
        return set()
    return behind_possible_kinks(exact, m, nodes_at_kinks(doubles.graph, doubles.primal))


def behind_possible_kinks(exact: Sweep, m: BoundedReals, known: Iterable[int] = ()) -> set[str]:
    """Return the inputs on whose way to the output there may be a kink, as far as the bounds tell.

    known: nodes that are not to count.
    """
    graph = exact.graph
    behind = bytearray(len(graph.ops))
    known, read = set(known), needed(graph, exact.primal, m)
    for node in range(graph.output, -1, -1):
        op = graph.ops[node]
        if op is None:
            continue
        # What decides at its boundary is behind it, though no gradient passes: abs(x) in where(abs(x) > 0, …)
        if behind[node] or (
            op.kink
            and node not in known
            and (exact.adjoint[node] is not None or (op.kink.breaks and read[node]))
            and not graph.constant[node]
            and not is_tie_with_itself(graph, node)
            and _may_be_at(op.kink, exact, node, m)
        ):
            for operand in graph.operands[node]:
                behind[operand] = 1
    return {name for name, node in graph.inputs.items() if behind[node]}


def _may_be_at(kink: Any, exact: Sweep, node: int, m: BoundedReals) -> bool:
    """Tell whether a node may be at a kink; where the row itself can't tell, it may."""
    try:
        return bool(kink.at(m, exact.operands(node), exact.graph.fixed(node)))
    except (ArithmeticError, ValueError):
        return True
