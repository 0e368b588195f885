"""Strict JSON (RFC 8259): numbers that are not finite are strings."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backprop_cli.diagnostic import Diagnostic
    from backprop_cli.errors import BackpropError

_ENCODER = json.JSONEncoder(allow_nan=False)


def render_error(error: BackpropError) -> str:
    """Return an error as one line of JSON."""
    return dump({"error": error_record(error)})


def error_record(error: BackpropError) -> dict[str, Any]:
    """Return an error as JSON has it."""
    told = error.diagnostic
    return {"kind": told.kind, "message": told.message, **_place(told), "hint": told.hint}


def warning_record(told: Diagnostic) -> dict[str, Any]:
    """Return a warning as JSON has it."""
    return {"kind": told.kind, "node": told.node, "message": told.message, **_place(told)}


def _place(told: Diagnostic) -> dict[str, Any]:
    return {"text": told.text, "start": told.start, "end": told.end}


def dump(value: Any) -> str:
    """Return strict JSON on one line."""
    return _ENCODER.encode(value)


def number(x: float) -> float | str:
    """Return a number, or the name of one that JSON does not have."""
    if math.isfinite(x):
        return x
    return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"


def maybe_number(x: float | None) -> float | str | None:
    """Return a number, or None where there is none."""
    return None if x is None else number(x)
