"""Eigenvalues of a Hessian, and what they tell of a critical point.

A point is only called a minimum, maximum or saddle where the eigenvalues are further from 0 than their error;
and only one whose gradient is certainly 0 is critical. Beside any other one, Newton's method in many digits
looks for the critical point that was meant.
"""

from __future__ import annotations

import math
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from backprop_cli.calculus.curvature import curvature
from backprop_cli.calculus.report import Critical, Kind
from backprop_cli.certain.compared import is_zero
from backprop_cli.certain.task import kinks_in
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.report import BEYOND, TOO_SMALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.calculus.exact import Exact

_MOST_NAMES = 30
_STEPS = 12
_MOST_PROVED, _NEARBY = 12, 1e-12
_NEAR, _DONE = 1e-6, 1e-40
_KNOWN = 1e-20
"""How far a coordinate that is told may be off, beside its size."""
_FASTER = 1e-6
"""How much shorter the last step is than the one before: Newton's method squares the error."""


def eigenvalues(exact: Exact, names: Sequence[str]) -> tuple[tuple[float, ...] | None, str]:
    """Return the eigenvalues in ascending order, 0 for what is 0 within its error; or why there are none."""
    if not 0 < len(names) <= _MOST_NAMES:
        return None, f"of up to {_MOST_NAMES} inputs" if names else "there are no inputs"
    found = _spectrum(exact, names)
    if found is None:
        return None, "not all second derivatives are known"
    values, error = found
    doubles = tuple(0.0 if abs(x) <= error else exact.m.base.to_float(x) for x in values)
    for x, double in zip(values, doubles, strict=True):
        if math.isinf(double) or (not double and abs(x) > error):
            return None, f"one is {BEYOND if double else TOO_SMALL}"
    return doubles, ""


def _spectrum(exact: Exact, names: Sequence[str]) -> tuple[list[Any], Any] | None:
    """Return the eigenvalues and a bound on their errors (Weyl), None where an entry has no value."""
    mp = exact.m.base.mp
    rows = [[exact.entry(a, b) for b in names] for a in names]
    flat = [x for row in rows for x in row]
    if any(x.value != x.value or not mp.isfinite(x.value) for x in flat):
        return None
    matrix = mp.matrix([[x.value for x in row] for row in rows])
    values = [+x for x in mp.eigsy(matrix, eigvals_only=True)]
    size = mp.fsum(abs(x.value) for x in flat)
    # 2**error bounds the error of an entry; that of the algorithm is some units of the largest.
    error = mp.fsum(mp.mpf(2) ** x.error for x in flat if not x.is_exact) + size * mp.eps * 1000 * len(names)
    return sorted(values), error


def critical_point(exact: Exact, names: Sequence[str]) -> Critical | None:
    """Return what kind of point of the output this is, or the critical one beside it.

    None where it is open whether the gradient is 0. The upstream is not 0.
    """
    graph = exact.graph
    slopes = [exact.sweep.gradient(graph.inputs[name], exact.m) for name in names]
    if all(map(is_zero, slopes)):
        return Critical(_kind(exact, names))
    beside = _beside(exact, names)
    if beside is None and any(not slope.is_noise for slope in slopes):
        return Critical(Kind.NONE)
    return beside


def with_proof(critical: Critical, exact: Exact, names: Sequence[str]) -> Critical:
    """Return what is known of a critical point, proved where the extra ``exact`` is there and that succeeds.

    The given point is proved where its gradient is 0 for certain, and the proof is of a box that holds it.
    """
    if critical.kind in (Kind.NONE, Kind.OPEN) or len(names) > _MOST_PROVED or find_spec("flint") is None:
        return critical
    from backprop_cli.calculus.proved import field_of
    from backprop_cli.certain.critical import prove_critical

    given = exact.sweep.point
    start = [(critical.point or given)[name] for name in names]
    proof = prove_critical(field_of(exact.graph, names, given), start)
    if proof is None or proof.rises is None or proof.falls is None:
        return critical
    kind = Kind.SADDLE if proof.rises and proof.falls else Kind.MINIMUM if proof.rises else Kind.MAXIMUM
    gaps = [abs(x - middle) for x, middle in zip(start, proof.place, strict=True)]
    is_near = all(gap.upper() <= _NEARBY * (1 + abs(x)) for gap, x in zip(gaps, start, strict=True))
    is_here = critical.point is not None or all(gap.contains(0) for gap in gaps)
    return replace(critical, is_proved=True) if kind is critical.kind and is_near and is_here else critical


def _kind(exact: Exact, names: Sequence[str]) -> Kind:
    found = _spectrum(exact, names)
    if found is None:
        return Kind.OPEN
    values, error = found
    if exact.sweep.upstream < 0:
        values = [-x for x in values]
    if any(x > error for x in values) and any(x < -error for x in values):
        return Kind.SADDLE
    if all(x > error for x in values):
        return Kind.MINIMUM
    return Kind.MAXIMUM if all(x < -error for x in values) else Kind.OPEN


def _beside(exact: Exact, names: Sequence[str]) -> Critical | None:
    """Return the critical point that Newton's method comes to without leaving the neighbourhood."""
    m, mp, graph = exact.m, exact.m.base.mp, exact.graph
    start = {name: mp.mpf(exact.sweep.point[name]) for name in names}
    here, now = dict(start), exact
    before, passed = mp.inf, [exact]
    for _ in range(_STEPS):
        step = _newton_step(now, names)
        if step is None or any(abs(step[name]) > _NEAR * (1 + abs(here[name])) for name in names):
            return None
        here = {name: here[name] + step[name] for name in names}
        sweep = sweep_graph(graph, {**exact.sweep.point, **here}, exact.sweep.upstream, m)
        if graph.output in sweep.failures or kinks_in(sweep, m):
            return None
        bent = curvature(sweep, m)
        if bent.jumps:
            return None
        now = exact._replace(sweep=sweep, entries=bent.entries)
        passed.append(now)
        length = max(map(abs, step.values()))
        is_done = all(abs(step[name]) <= _DONE * (1 + abs(here[name])) for name in names)
        # Beside an inflection, that of x^3 at 1e-43, steps are small, too, but halve only: there is no root.
        if is_done and (length == 0 or length <= _FASTER * before < mp.inf):
            break
        before = length
    else:
        return None
    # What is nearer to 0 than is known is taken for 0: there the program must have a value, unlike sin(x)/x.
    blur = max(length, _blur(now, names))
    at_zero = {name: mp.mpf(0) for name, x in here.items() if x and abs(x) <= blur}
    if any(x and blur > _KNOWN * abs(x) for name, x in here.items() if name not in at_zero):
        return None
    if at_zero:
        here |= at_zero
        sweep = sweep_graph(graph, {**exact.sweep.point, **here}, exact.sweep.upstream, m)
        if graph.output in sweep.failures or kinks_in(sweep, m):
            return None
    # At the root itself a base that is 0 to within rounding may have no bound, as that of (y - x^2)^2: then
    # the points on the way decide, 1e-16 and 1e-31 from it, if they agree.
    kinds = {kind for at in passed if (kind := _kind(at, names)) is not Kind.OPEN}
    if len(kinds) != 1:
        return None
    (kind,) = kinds
    away = max(abs(here[name] - start[name]) for name in names)
    to_float = m.base.to_float
    return Critical(kind, {name: to_float(here[name]) for name in names}, to_float(away))


def _blur(exact: Exact, names: Sequence[str]) -> Any:
    """Return how far the errors of the gradient may move its root, 0 where they have no bound."""
    mp, graph = exact.m.base.mp, exact.graph
    errors = [exact.sweep.gradient(graph.inputs[name], exact.m).error for name in names]
    found = _spectrum(exact, names)
    least = min(map(abs, found[0])) if found else 0
    if not least or max(errors) == math.inf:
        return mp.mpf(0)
    return mp.fsum(mp.mpf(2) ** error for error in errors) / least


def _newton_step(exact: Exact, names: Sequence[str]) -> dict[str, Any] | None:
    mp = exact.m.base.mp
    slopes = [exact.sweep.gradient(exact.graph.inputs[name], exact.m).value for name in names]
    matrix = [[exact.entry(a, b).value for b in names] for a in names]
    if not all(map(mp.isfinite, [*slopes, *(x for row in matrix for x in row)])):
        return None
    try:
        step = mp.lu_solve(mp.matrix(matrix), mp.matrix([-x for x in slopes]))
    except (ValueError, ArithmeticError, TypeError):  # the last where mpmath finds no pivot at all
        return None
    found = {name: step[place] for place, name in enumerate(names)}
    return found if all(math.isfinite(float(x)) for x in found.values()) else None
