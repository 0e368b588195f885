"""The size of the gradient along the longest path, from the output back to an input."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.operations.table import OPS
from backprop_cli.record import Record
from backprop_cli.tell.story import case_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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


class Choice(NamedTuple):
    """What an operation on the path decides: which gate is open, which branch is taken, what is at a kink."""

    node: str
    expr: str
    told: str


class Flow(Record):
    """The gradients along the path of the most operations, from the output back to an input.

    It is one that the gradient takes, if any is. Where two or more steps between its ends have names, these
    stand for the others. operations: on the path.
    mean: the factor a station, None where the last gradient or the first is 0 or not finite.
    choices: what is decided on the path.  sums: the stations whose gradient comes by other paths as well.
    found: why the last gradient is not what comes back on the paths, or "".
    closed: the decision on the path that passes nothing on it, or "".
    bounds: the functions on the path whose slopes are bounded, each with the largest.
    """

    stations: tuple[Station, ...]
    operations: int
    mean: float | None
    choices: tuple[Choice, ...] = ()
    sums: tuple[str, ...] = ()
    found: str = ""
    closed: str = ""
    bounds: tuple[tuple[str, float], ...] = ()

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
    path = _longest_path(report, passing=True)
    if len(path) == 1:
        path = _longest_path(report, passing=False)
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
    last, closed = path[-1], next(_closed(path), "")
    told = "; ".join(warning.message for warning in report.warnings if warning.node == last.id)
    return Flow(
        tuple(stations),
        len(path) - 1,
        mean,
        tuple(_choices(path, report, closed)),
        tuple(_sums(shown[1:], report)),
        "" if last.swept is None else told or "it is found otherwise",
        closed,
        tuple(dict.fromkeys(_bounds(path))),
    )


def _bounds(path: Sequence[NodeRecord]) -> Iterator[tuple[str, float]]:
    ops = (OPS[node.op] for node in path if node.op in OPS)
    return ((op.name, op.steepest) for op in ops if op.steepest is not None)


def _closed(path: Sequence[NodeRecord]) -> Iterator[str]:
    for node, operand in pairwise(path):
        is_open = any(slope for x, slope in _operands(node) if x == operand.id)
        if OPS[node.op].cuts == "always" and not is_open:
            yield node.id


def _choices(path: Sequence[NodeRecord], report: Report, closed: str) -> Iterator[Choice]:
    """Yield what is decided on a path, no further back than something passes."""
    nodes = {node.id: node for node in report.nodes}
    for node, operand in pairwise(path):
        if node.is_at_kink(node.operands.index(operand.id)) and node.kink is not None:
            yield Choice(node.id, node.expr, f"it is at its kink here: {node.kink.convention}")
        elif told := case_of(node, nodes):
            yield Choice(node.id, node.expr, told)
        if node.id == closed:
            return


def _sums(nodes: Sequence[NodeRecord], report: Report) -> Iterator[str]:
    """Yield the nodes to which gradients come from several uses."""
    uses = Counter(
        operand for user in report.nodes for operand, slope in _operands(user) if slope and user.gradient
    )
    return (node.id for node in nodes if uses[node.id] > 1)


def _ratio(gradient: float, before: float) -> float | None:
    """Return how many times the size is that of before, None where doubles have none."""
    ratio = (
        abs(gradient / before) if before and math.isfinite(before) and math.isfinite(gradient) else math.nan
    )
    return ratio if math.isfinite(ratio) else None


def _operands(node: NodeRecord) -> Iterator[tuple[str, float]]:
    """Yield the operands through which a gradient may come back, each with its local derivative."""
    if node.op in OPS and OPS[node.op].condition:
        return
    for operand, slope in zip(node.operands, node.partials, strict=True):
        if isinstance(operand, str) and slope is not None:
            yield operand, slope


def _longest_path(report: Report, *, passing: bool) -> Sequence[NodeRecord]:
    """Return the path of the most operations from an input that is asked for, the output first.

    passing: whether no local derivative on it may be 0.
    """
    nodes = {node.id: node for node in report.nodes}
    # Operations from an input to each node, and the operand through which the longest way leads.
    counts: dict[str, int] = {}
    through: dict[str, str] = {}
    for node in report.nodes:
        if node.op == "input":
            if node.id.partition("#")[0] in report.gradients:
                counts[node.id] = 0
            continue
        for operand, slope in _operands(node):
            if operand in counts and counts[operand] >= counts.get(node.id, 0) and (slope or not passing):
                counts[node.id] = counts[operand] + 1
                through[node.id] = operand
    path = [nodes[report.output]]
    while path[-1].id in through:
        path.append(nodes[through[path[-1].id]])
    return path
