"""A gradient and what was expected of it: what differs, in words."""

from __future__ import annotations

import math
from itertools import chain, combinations, islice
from typing import TYPE_CHECKING

from backprop_cli.expect.derivatives import mistaken_derivatives
from backprop_cli.expect.expectations import GRADIENT
from backprop_cli.expect.paths import mistaken_paths
from backprop_cli.expect.steps import chain_of, local_name, mark_of, mistaken_steps
from backprop_cli.graph.sweep import partials_at
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.expect.paths import Same, Use
    from backprop_cli.graph.naming import Naming
    from backprop_cli.graph.sweep import Sweep

# Two doubles that are computed in different ways and mean the same number.
_SAME = 1e-9
# Above this relative difference numbers are not roundings of each other.
_ROUNDED = 1e-3
_MOST_NODES = 1_000
# Pairs of these may be forgotten.
_MOST_FACTORS = 12
# A number that is written less finely than this says nothing of what is behind it; and one that is written
# less finely than that, nothing of factors and terms that only happen to fit.
_TOO_COARSE = 2e-2
_COARSE = 1e-6


def find_causes(
    sweep: Sweep, naming: Naming, node: int, of: str, got: float, expected: float, within: float = 0.0
) -> dict[str, str]:
    """Return what may be behind a difference, likeliest first: kind -> sentence.

    A kind says the same at another point, where its sentence may have other numbers in it.
    sweep: in doubles, at the point where the numbers differ.  within: half a unit of the last decimal of what
    is expected, where that is a number with a decimal point.
    """
    if not (math.isfinite(got) and math.isfinite(expected)):
        return {}
    same = _sameness(expected, within)
    causes: dict[str, str] = {}
    if got and same(expected, -got):
        causes["sign"] = "opposite sign"
    if got and 0 < abs(got - expected) < _ROUNDED * abs(got):
        digits = math.floor(-math.log10(abs(got - expected) / abs(got)))
        causes["rounded"] = f"equal to {digits} digits; --rtol 1e-{digits} accepts that"
    elif got and expected and abs(got - expected) <= within:
        causes["rounded"] = "equal within the decimals that are written; --hint accepts that"
    if len(sweep.graph.ops) > _MOST_NODES:
        return causes
    blocked = _of_zero(sweep, naming, node) if of == GRADIENT and got == 0 else {}
    if blocked:
        return {**causes, **blocked}
    if of == GRADIENT:
        for kind, text in _of_gradient(sweep, naming, node, got, expected, same):
            causes.setdefault(kind, text)
    if not expected:
        return causes
    if within > _COARSE * abs(expected):
        return causes
    if got and _same(got * expected, 1):
        causes["reciprocal"] = "that is the reciprocal"
    if got:
        for kind, text in _factors(sweep, naming, got / expected):
            causes.setdefault(kind, text)
    for kind, text in _terms(sweep, naming, got - expected):
        causes.setdefault(kind, text)
    return causes


def _sameness(expected: float, within: float) -> Same:
    """Return what tells whether a mistake leads to what was expected, as far as that is written."""
    if within > _TOO_COARSE * abs(expected):
        return _same
    # What is cut instead of rounded may be off by a whole unit.
    return lambda a, b: _same(a, b) or abs(a - b) <= 2 * within


def _same(a: float, b: float) -> bool:
    return abs(a - b) <= _SAME * max(abs(a), abs(b)) < math.inf


def _of_gradient(
    sweep: Sweep, naming: Naming, node: int, got: float, expected: float, same: Same
) -> Iterator[tuple[str, str]]:
    """Yield mistakes with the chain rule, those with a step before numbers that only happen to be equal."""
    yield from mistaken_paths(sweep, naming, node, got, expected, same)
    yield from mistaken_steps(sweep, naming, node, expected, same)
    yield from mistaken_derivatives(sweep, naming, node, got, expected, same)
    if expected and not same(expected, got):
        yield from _forgotten(sweep, naming, node, got, expected, same)
    for other, bar in enumerate(sweep.adjoint):
        if other != node and bar and naming.is_named(other) and same(bar, expected):
            yield f"by {other}", f"that is the gradient with respect to {naming.id(other)}"
    if sweep.upstream != 1 and same(got, expected * sweep.upstream):
        yield "upstream", f"the upstream gradient {number_text(sweep.upstream)} is missing"


def _forgotten(
    sweep: Sweep, naming: Naming, node: int, got: float, expected: float, same: Same
) -> Iterator[tuple[str, str]]:
    """Yield the factors that are forgotten most often: the 2 of a square, a local derivative on the way."""
    for factor in (2.0, 0.5):
        if same(expected, got / factor) or same(expected, -got / factor):
            ratio = math.copysign(factor, got / expected)
            missing, surplus = number_text(ratio), number_text(1 / ratio)
            told = f"a factor of {missing} is missing" if factor > 1 else f"{surplus} times too large"
            yield f"ratio {ratio:.6g}", told
    factors = list(islice(_chain_factors(sweep, naming, node), _MOST_FACTORS))
    for place, name, slope in factors:
        if same(expected, got / slope):
            yield f"forgotten {place}", f"the factor {name} = {number_text(slope)} is missing"
    for (place, name, slope), (further, other, second) in combinations(factors, 2):
        are_two = not (same(slope * second, slope) or same(slope * second, second))
        if are_two and same(expected, got / slope / second):
            told = f"the factors {name} = {number_text(slope)} and {other} = {number_text(second)}"
            yield f"forgotten {place} {further}", f"{told} are missing"


def _chain_factors(sweep: Sweep, naming: Naming, node: int) -> Iterator[tuple[str, str, float]]:
    """Yield the local derivatives on the one way to the output: (place, name, number).

    They are those of the steps that the program names, or what these are made of, where that has a name.
    """
    group: list[tuple[str, str, float]] = []
    before = node
    for use in chain_of(sweep, node):
        slope = (sweep.partials[use.user] or ())[use.argnum] or 0.0
        group.append((f"{use.user} {use.argnum}", _factor_name(naming, use), slope))
        if naming.is_named(use.user) or use.user == sweep.graph.output:
            named = [factor for factor in group if not factor[1].startswith("∂")]
            whole = f"∂{naming.id(use.user)}/∂{naming.id(before)}" if len(group) > 1 else group[0][1]
            number = math.prod(factor[2] for factor in group)
            yield from (factor for factor in named or [(group[0][0], whole, number)] if factor[2])
            group, before = [], use.user


def _factor_name(naming: Naming, use: Use) -> str:
    """Return what a student calls a local derivative: x where it is x, as a product has it, else ∂e/∂a."""
    graph = naming.graph
    op, operands = graph.ops[use.user], graph.operands[use.user]
    if op is not None and op.name == "mul":
        other = operands[1 - use.argnum]
        if naming.is_named(other) and not graph.constant[other]:
            return naming.id(other)
    return local_name(naming, use)


def _of_zero(sweep: Sweep, naming: Naming, node: int) -> dict[str, str]:
    """Return why no gradient arrives at a node: there is no path, or all are blocked on the way."""
    graph = sweep.graph
    reached, passing = bytearray(graph.end), bytearray(graph.end)
    reached[node] = passing[node] = 1
    blocking = None
    for consumer in range(node + 1, graph.end):
        for argnum, operand in enumerate(graph.operands[consumer]):
            if not reached[operand]:
                continue
            reached[consumer] = 1
            if partials_at(sweep, consumer)[argnum] != 0:
                passing[consumer] |= passing[operand]
            elif blocking is None:
                blocking = consumer
    if not reached[graph.output] and node != graph.output:
        return {"independent": f"the output does not depend on {naming.id(node)}"}
    if blocking is None or passing[graph.output]:
        return {}  # contributions cancel
    told = f"no gradient passes {naming.id(blocking)} = {naming.expression(blocking)} here"
    op = graph.ops[blocking]
    at_kink = (
        op is not None and op.kink and op.kink.at(FLOAT, sweep.operands(blocking), graph.fixed(blocking))
    )
    return {"blocked": f"{told}, by the convention at its kink" if at_kink else told}


def _values(sweep: Sweep, naming: Naming) -> Iterator[tuple[str, str, float]]:
    """Yield (kind, name, number) for the values that have a name."""
    for node in naming.order:
        if naming.is_named(node):
            yield f"{node}", naming.id(node), sweep.primal[node]


def _slopes(sweep: Sweep, naming: Naming) -> Iterator[tuple[str, str, float]]:
    """Yield (kind, name, number) for the local derivatives."""
    graph = sweep.graph
    for node in naming.order:
        if sweep.adjoint[node] is None or not graph.operands[node]:
            continue
        slopes = partials_at(sweep, node)
        for argnum, operand in enumerate(graph.operands[node]):
            slope = slopes[argnum]
            if slope is not None:
                local = f"∂{naming.id(node)}/∂{naming.id(operand)}{mark_of(naming, node, argnum)}"
                yield f"{node} {argnum}", local, slope


def _factors(sweep: Sweep, naming: Naming, ratio: float) -> Iterator[tuple[str, str]]:
    """Yield factors that one side has and the other lacks."""
    if not math.isfinite(ratio) or ratio == 0 or _same(abs(ratio), 1):
        return
    plain = ""
    if _is_plain(ratio):
        plain = f"a factor of {number_text(ratio)} is missing"
    elif _is_plain(1 / ratio):
        plain = f"{number_text(1 / ratio)} times too large"
    # The 2 of a square is forgotten more often than a factor that happens to be 2.
    if plain and (_same(abs(ratio), 2) or _same(abs(ratio), 0.5)):
        yield f"ratio {ratio:.6g}", plain
    for kind, name, number in chain(_values(sweep, naming), _slopes(sweep, naming)):
        if not number or not math.isfinite(number):
            continue
        for sign in (1, -1):
            minus = "-" if sign < 0 else ""
            factor = f"the factor {minus}{name} = {number_text(sign * number)}"
            if _same(ratio, sign * number):
                yield f"factor {minus}{kind}", f"{factor} is missing"
            elif _same(ratio, sign / number):
                yield f"divisor {minus}{kind}", f"{factor} is too much"
    if plain:
        yield f"ratio {ratio:.6g}", plain


def _is_plain(ratio: float) -> bool:
    """Tell whether a factor is one that people forget: 2, 3, -2, 10."""
    return _same(ratio, round(ratio)) and abs(ratio) <= 100 if abs(ratio) < 1e9 else False


def _terms(sweep: Sweep, naming: Naming, difference: float) -> Iterator[tuple[str, str]]:
    """Yield terms that one side has and the other lacks."""
    for kind, name, number in _values(sweep, naming):
        if not number or not math.isfinite(number):
            continue
        if _same(difference, number):
            yield f"term {kind}", f"the term {name} = {number_text(number)} is missing"
        elif _same(difference, -number):
            yield f"surplus {kind}", f"the term {name} = {number_text(number)} is too much"
