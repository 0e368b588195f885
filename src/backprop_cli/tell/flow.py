"""The size of the gradient along the longest path, from the output back to an input."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.operations.table import OPS
from backprop_cli.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.report import NodeRecord, Report

_FEW = 1e-3
"""Of the size at the output, what has vanished; its inverse has exploded."""


class Station(NamedTuple):
    """A node on the way back.

    ratio: of the size of its gradient to that of the station before; None at first, and where there is none.
    """

    node: str
    gradient: float
    ratio: float | None


class Flow(Record):
    """The gradients along the path of the most operations, from the output back to an input.

    Where two or more steps between its ends have names, these stand for the others. operations: on the path.
    mean: the factor a station, None where the last gradient or the first is 0 or not finite.
    """

    stations: tuple[Station, ...]
    operations: int
    mean: float | None

    @property
    def total(self) -> float | None:
        """The factor from the first to the last station, None where there is none."""
        return None if self.mean is None else abs(self.stations[-1].gradient / self.stations[0].gradient)

    @property
    def has_vanished(self) -> bool:
        """Whether the gradient has shrunk to less than a thousandth."""
        return self.total is not None and self.total < _FEW

    @property
    def has_exploded(self) -> bool:
        """Whether the gradient has grown to more than a thousandfold."""
        return self.total is not None and self.total > 1 / _FEW


def follow_gradient(report: Report) -> Flow:
    """Return the flow of a report. Conditions are no part of a path, as no gradient passes them."""
    path = _longest_path(report)
    inner = [node for node in path[1:-1] if node.is_named]
    shown = [path[0], *inner, path[-1]] if len(inner) > 1 else path
    stations, before = [], None
    for node in shown:
        stations.append(
            Station(node.id, node.gradient, None if before is None else _ratio(node.gradient, before))
        )
        before = node.gradient
    total = _ratio(shown[-1].gradient, shown[0].gradient)
    mean = total ** (1 / (len(shown) - 1)) if total and len(shown) > 1 else None
    return Flow(tuple(stations), len(path) - 1, mean)


def _ratio(gradient: float, before: float) -> float | None:
    """Return how many times the size is that of before, None where doubles have none."""
    ratio = (
        abs(gradient / before) if before and math.isfinite(before) and math.isfinite(gradient) else math.nan
    )
    return ratio if math.isfinite(ratio) else None


def _longest_path(report: Report) -> Sequence[NodeRecord]:
    """Return the path of the most operations from an input that is asked for, the output first."""
    nodes = {node.id: node for node in report.nodes}
    # Operations from an input to each node, and the operand through which the longest way leads.
    counts: dict[str, int] = {}
    through: dict[str, str] = {}
    for node in report.nodes:
        if node.op == "input":
            if node.id.partition("#")[0] in report.gradients:
                counts[node.id] = 0
            continue
        if node.op in OPS and OPS[node.op].condition:
            continue
        for operand in node.operands:
            if isinstance(operand, str) and operand in counts and counts[operand] >= counts.get(node.id, 0):
                counts[node.id] = counts[operand] + 1
                through[node.id] = operand
    path = [nodes[report.output]]
    while path[-1].id in through:
        path.append(nodes[through[path[-1].id]])
    return path
