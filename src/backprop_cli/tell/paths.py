"""The paths from a node to the output."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.notation.partials import slope_text
from backprop_cli.operations.table import OPS
from backprop_cli.record import Record
from backprop_cli.tell.story import find_node

if TYPE_CHECKING:
    from backprop_cli.report import NodeRecord, Report

_MOST_PATHS = 100


class Path(Record):
    """A way from an input to the output: its nodes, the local derivatives along it, and their product.

    held: what stands behind the symbols of these; see ``text.held_mark``.  formulas: the local derivatives in
    symbols, "" where none has the number: at a kink, beyond a decision, where it is very long.
    """

    nodes: tuple[str, ...]
    slopes: tuple[float, ...]
    product: float
    held: tuple[str, ...] = ()
    formulas: tuple[str, ...] = ()


class Paths(Record):
    """The paths from a node to the output, at most a hundred of ``number``. total: the gradient.

    upstream: the factor on each of them.  found: why the gradient is not what the paths make, or "".
    """

    node: str
    paths: tuple[Path, ...]
    number: int
    total: float
    upstream: float
    found: str = ""


def find_paths(report: Report, name: str) -> Paths:
    """Return the paths from a node to the output, and how many there are. Raises InputError."""
    start = find_node(report, name)
    users: dict[str, list[tuple[NodeRecord, int]]] = {node.id: [] for node in report.nodes}
    for node in report.nodes:
        for argnum, (operand, slope) in enumerate(zip(node.operands, node.partials, strict=True)):
            if isinstance(operand, str) and slope is not None and not OPS[node.op].condition:
                users[operand].append((node, argnum))
    counts: dict[str, int] = {}
    for node in reversed(report.nodes):
        counts[node.id] = (node.id == report.output) + sum(counts[user.id] for user, _ in users[node.id])
    # Zero times infinity is nothing on a closed branch, else it has no value.
    lost = math.isnan(start.gradient if start.swept is None else start.swept)
    found: list[Path] = []
    stack: list[tuple[tuple[str, ...], tuple[tuple[NodeRecord, int], ...]]] = [((start.id,), ())]
    while stack and len(found) < _MOST_PATHS:
        nodes, uses = stack.pop()
        if nodes[-1] == report.output:
            found.append(_path(nodes, uses, report.upstream, lost=lost))
            continue
        for user, argnum in reversed(users[nodes[-1]]):
            if counts[user.id]:
                stack.append(((*nodes, user.id), (*uses, (user, argnum))))
    told = "; ".join(warning.message for warning in report.warnings if warning.node == start.id)
    why = "" if start.swept is None else told or "it is found otherwise"
    return Paths(start.id, tuple(found), counts[start.id], start.gradient, report.upstream, why)


def _path(
    nodes: tuple[str, ...], uses: tuple[tuple[NodeRecord, int], ...], upstream: float, *, lost: bool
) -> Path:
    slopes = tuple(float(user.partials[argnum] or 0.0) for user, argnum in uses)
    is_closed = 0.0 in slopes and not lost
    return Path(
        nodes,
        slopes,
        0.0 if is_closed else upstream * math.prod(slopes),
        tuple(user.mark(argnum) for user, argnum in uses),
        tuple(_formula(user, argnum) for user, argnum in uses),
    )


def _formula(user: NodeRecord, argnum: int) -> str:
    formula = "" if user.kink is not None else slope_text(user, argnum)
    return "" if "where(" in formula else formula
