"""The report as strict JSON (RFC 8259): schema backprop/grad@1."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backprop_cli.errors import BackpropError
    from backprop_cli.report import Check, GradientCheck, NodeRecord, Report


def render_report(report: Report) -> str:
    """Return the report as one line of JSON."""
    return _dump(
        {
            "schema": "backprop/grad@1",
            "program": report.program,
            "inputs": {name: _number(x) for name, x in report.inputs.items()},
            "output": report.output,
            "value": _number(report.value),
            "upstream": _number(report.upstream),
            "gradients": {name: _number(x) for name, x in report.gradients.items()},
            "nodes": [_node(node) for node in report.nodes],
            "check": _check(report.check),
            "warnings": [{"kind": w.kind, "node": w.node, "message": w.message} for w in report.warnings],
        }
    )


def render_error(error: BackpropError) -> str:
    """Return an error as one line of JSON."""
    return _dump(
        {
            "error": {
                "kind": error.kind,
                "message": error.message,
                "text": error.text,
                "start": error.start,
                "end": error.end,
                "hint": error.hint,
            }
        }
    )


def _dump(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def _number(x: float) -> float | str:
    """Return a number, or the name of one that JSON does not have."""
    if math.isfinite(x):
        return x
    return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"


def _maybe(x: float | None) -> float | str | None:
    return None if x is None else _number(x)


def _node(node: NodeRecord) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": node.id,
        "op": node.op,
        "expr": node.expr,
        "operands": [x if isinstance(x, str) else _number(x) for x in node.operands],
        "value": _number(node.value),
        "partials": [_maybe(x) for x in node.partials],
        "gradient": _number(node.gradient),
    }
    if node.aliases:
        record["aliases"] = list(node.aliases)
    if node.kink is not None:
        record["kink"] = {
            "convention": node.kink.convention,
            "left": [_maybe(x) for x in node.kink.left],
            "right": [_maybe(x) for x in node.kink.right],
        }
    return record


def _check(check: Check) -> dict[str, Any]:
    record: dict[str, Any] = {"status": check.status}
    if check.reason:
        record["reason"] = check.reason
    if check.method is not None:
        record["method"] = check.method
    if check.precision is not None:
        record["precision"] = check.precision
    record["gradients"] = {name: _gradient(found) for name, found in check.gradients.items()}
    return record


def _gradient(found: GradientCheck) -> dict[str, Any]:
    record: dict[str, Any] = {"status": found.status}
    if found.reason:
        record["reason"] = found.reason
    if found.formula is not None:
        record["formula"] = found.formula
    if found.value is not None:
        record["value"] = found.value
        record["digits"] = found.digits
    if found.zero_within is not None:
        record["zero_within"] = found.zero_within
    if found.at_kink:
        record["kink"] = {"left": _maybe(found.left), "right": _maybe(found.right)}
    return record
