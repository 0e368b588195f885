"""Relative derivatives: by how many percent value and gradients move with one percent of an input."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from backprop_cli.calculus.hessian import hessian_of_source
from backprop_cli.calculus.report import Elasticity
from backprop_cli.errors import LimitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backprop_cli.calculus.report import Entry
    from backprop_cli.language.source import Source
    from backprop_cli.report import GradientCheck, Report


def elasticities(source: Source, report: Report) -> dict[str, Elasticity]:
    """Return those of the gradients of a report."""
    rows: dict[str, dict[str, Entry]] | None
    try:
        rows = hessian_of_source(source, report.inputs, upstream=report.upstream, check=False).entries
    except LimitError:
        rows = None
    return {
        name: _elasticity(name, report, None if rows is None else rows.get(name, {}))
        for name in report.gradients
    }


def _elasticity(name: str, report: Report, row: Mapping[str, Entry] | None) -> Elasticity:
    slope, scale = report.gradients[name], report.value * report.upstream
    if _is_unknown(slope, report.check.gradients[name]):
        return Elasticity(None, None)
    has_value = report.check.value_zero_within is None
    relative = _ratio(Fraction(slope) * Fraction(report.inputs[name]), scale) if has_value else None
    if row is None:
        return Elasticity(relative, None)
    moved = math.fsum(abs(entry.value * report.inputs[other]) for other, entry in row.items())
    return Elasticity(relative, _ratio(Fraction(moved), abs(slope)) if math.isfinite(moved) else None)


def _is_unknown(slope: float, check: GradientCheck) -> bool:
    """Tell whether a gradient is a convention, infinite, or rounding alone."""
    return check.at_kink or not math.isfinite(slope) or check.zero_within is not None


def _ratio(x: Fraction, y: float) -> float | None:
    """Return x/y, rounded once; None where there is none, and where doubles can't hold it."""
    if not y or not math.isfinite(y):
        return None
    exact = x / Fraction(y)
    try:
        found = float(exact)
    except OverflowError:
        return None
    return found if found or not exact else None
