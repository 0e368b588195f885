"""The nodes as CSV (RFC 4180): a row per node, every digit of every number."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backprop_cli.report import NodeRecord, Report

_COLUMNS = ("id", "op", "expr", "operands", "value", "partials", "gradient", "kink")


def render_report(report: Report) -> str:
    """Return the table of all nodes. Operands, and their partials, are joined by semicolons.

    Numbers are the shortest text that reads back as the same double; what does not exist is left empty.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(map(_row, report.nodes))
    return text.getvalue()


def _row(node: NodeRecord) -> tuple[str, ...]:
    return (
        node.id,
        node.op,
        node.expr,
        ";".join(x if isinstance(x, str) else _number(x) for x in node.operands),
        _number(node.value),
        ";".join(map(_number, node.partials)),
        _number(node.gradient),
        "" if node.kink is None else node.kink.convention,
    )


def _number(x: float | None) -> str:
    return "" if x is None or math.isnan(x) else repr(x)
