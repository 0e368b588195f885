"""What of a report is not confirmed: the value and gradients that --strict asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.errors import UncertainError
from backprop_cli.report import FEW_DIGITS, Outcome
from backprop_cli.text import few_digits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.report import Check, GradientCheck, Report


def unconfirmed(report: Report) -> UncertainError | None:
    """Return the error for a value or gradients that are not confirmed with 12 digits, if there are any."""
    told = list(_unconfirmed(report.check))
    if not told:
        return None
    return UncertainError(f"not confirmed with {FEW_DIGITS} digits: {', '.join(told)}")


def _unconfirmed(check: Check) -> Iterator[str]:
    reason = check.reason if check.method is None else ""  # else it is that of the gradients
    missing = _missing(check.value_digits, check.value_zero_within, reason or "not compared")
    if missing:
        yield f"the value ({missing})"
    for name, found in check.gradients.items():
        missing = _of_gradient(found)
        if missing:
            yield f"the gradient with respect to {name} ({missing})"


def _of_gradient(found: GradientCheck) -> str:
    if found.status != Outcome.PASS:
        return found.why_skipped or "sympy disagrees"
    return _missing(found.digits, found.zero_within, found.reason)


def _missing(digits: int | None, zero_within: float | None, reason: str) -> str:
    """Return what a number lacks to be confirmed, or ""."""
    if zero_within is not None:
        return "zero to within rounding"
    if digits is None:
        return reason
    return "" if digits >= FEW_DIGITS else f"{few_digits(digits)} right"
