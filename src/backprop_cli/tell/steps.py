"""A computation in the steps that the program names: what has no name is folded into its users.

The derivative of a step by another one is then the sum over the ways between them, in exact arithmetic from
the local derivatives in doubles. It is still a local one: the other steps that it uses are held.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.language.binding import ATOM, Piece, written
from backprop_cli.notation.chain import ONE, partial_sum, plus, sum_text, times
from backprop_cli.operations.table import OPS
from backprop_cli.report import Steps

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from backprop_cli.notation.chain import Sum
    from backprop_cli.report import NodeRecord, Report

_MOST_LETTERS = 72
"""Of what a step computes: what would be longer keeps some of its parts as steps of their own."""
_LONG_FORMULA = 160
_NEAR = 1e-12


def names_steps(report: Report) -> bool:
    """Tell whether the program names steps on the way to the output."""
    # From the output: the last steps have names where any have, and records are made one by one.
    nodes = reversed(report.nodes)
    return any(node.is_named and node.op != "input" and node.id != report.output for node in nodes)


def in_steps(report: Report, steps: Steps | None, keep: Collection[str] = ()) -> Report:
    """Return a report in the steps that are asked for; None: named ones where the program names any.

    keep: nodes without a name that are steps all the same.
    """
    if steps is Steps.ALL or (steps is None and not names_steps(report)):
        return report
    return fold_report(report, keep)


def fold_report(report: Report, keep: Collection[str] = ()) -> Report:
    """Return the same report with what has no name folded into the steps that use it.

    A decision stays as it is, with its operands: relu, max or where, what is at a kink, and what a warning
    speaks of; so does whatever has a derivative that is not finite.
    """
    nodes = {node.id: node for node in report.nodes}
    kept = {report.output, *keep, *(warning.node for warning in report.warnings if warning.node)}
    used: set[str] = set()
    for node in nodes.values():
        used.update(_names(node))
        if node.op == "input" or node.is_named or _is_whole(node):
            kept.add(node.id)
        if _is_whole(node):
            kept.update(_names(node))
    kept |= nodes.keys() - used
    pieces = _shorten(nodes, kept)
    while True:
        folded = [_fold(node, nodes, kept, pieces) for node in nodes.values() if node.id in kept]
        doubtful = _doubtful(folded)
        if not doubtful:
            return replace(report, nodes=_with_held(folded))
        for name in doubtful:
            kept.update(_inner(nodes[name], nodes, kept))
        pieces = _shorten(nodes, kept)


def _names(node: NodeRecord) -> Iterable[str]:
    return (operand for operand in node.operands if isinstance(operand, str))


def _is_whole(node: NodeRecord) -> bool:
    """Tell whether a node is shown as it is: a decision, or one whose numbers are not finite."""
    op = OPS.get(node.op)
    if op is None:
        return True
    decides = op.condition or op.takes_condition or op.variadic or op.cuts == "always"
    steps = any(text == "0" or "where(" in text for text in op.derivatives)
    numbers = (node.value, node.gradient, *(x for x in node.partials if x is not None))
    return decides or steps or node.kink is not None or not all(map(math.isfinite, numbers))


def _shorten(nodes: Mapping[str, NodeRecord], kept: set[str]) -> dict[str, Piece]:
    """Return what each node is in terms of kept ones; ``kept`` grows by parts of what is too long."""
    while True:
        count = len(kept)
        pieces = _pieces(nodes, kept)
        if len(kept) == count:  # else one that is kept now may be folded into an earlier step
            return pieces


def _pieces(nodes: Mapping[str, NodeRecord], kept: set[str]) -> dict[str, Piece]:
    pieces: dict[str, Piece] = {}
    for node in nodes.values():
        if node.op in ("input", "constant"):
            continue
        piece = _written(node, _terms(node, kept, pieces))
        names = sorted(set(_names(node)) - kept, key=lambda name: len(pieces[name].text))
        while names and len(piece.text) > _MOST_LETTERS:
            kept.add(names.pop())
            piece = _written(node, _terms(node, kept, pieces))
        pieces[node.id] = piece
    return pieces


def _terms(node: NodeRecord, kept: set[str], pieces: Mapping[str, Piece]) -> list[Piece]:
    return [
        pieces[operand] if isinstance(operand, str) and operand not in kept else Piece(term, ATOM)
        for operand, term in zip(node.operands, node.terms, strict=True)
    ]


def _written(node: NodeRecord, terms: list[Piece]) -> Piece:
    return written(OPS[node.op], terms)


class _Way(NamedTuple):
    """The derivative of a step by something within it: exact, and as a formula, None where that is long."""

    slope: Fraction
    formula: Sum | None


def _inner(node: NodeRecord, nodes: Mapping[str, NodeRecord], kept: set[str]) -> list[str]:
    """Return what is folded into a step, each before its operands."""
    found: dict[str, None] = {}
    waiting = [(node.id, False)]
    order: list[str] = []
    while waiting:
        name, done = waiting.pop()
        if done:
            order.append(name)
        elif name not in found:
            found[name] = None
            waiting.append((name, True))
            waiting.extend((x, False) for x in reversed(list(_names(nodes[name]))) if x not in kept)
    return order[-2::-1]


def _fold(
    node: NodeRecord, nodes: Mapping[str, NodeRecord], kept: set[str], pieces: Mapping[str, Piece]
) -> NodeRecord:
    inner = [] if node.op in ("input", "constant") else _inner(node, nodes, kept)
    if not inner:
        return node
    ways = {node.id: _Way(Fraction(1), ONE)}
    for name in (node.id, *inner):
        _step_back(nodes[name], kept, pieces, ways)
    operands = tuple(dict.fromkeys(_leaves(node, nodes, kept)))
    expr = pieces[node.id].text
    op = OPS[node.op]
    return replace(
        node,
        expr=expr,
        operands=operands,
        terms=operands,
        partials=tuple(_double(ways[name].slope) for name in operands),
        formulas=tuple(_text(ways[name].formula, "" if op.infix else expr, node.id) for name in operands),
        folded=tuple(_spelled(nodes[name], kept, pieces) for name in (node.id, *inner)),
    )


def _spelled(node: NodeRecord, kept: set[str], pieces: Mapping[str, Piece]) -> NodeRecord:
    """Return an operation within a step, its operands in terms of other steps."""
    terms = _terms(node, kept, pieces)
    return replace(node, terms=tuple(text if how == ATOM else f"({text})" for text, how in terms))


def _leaves(node: NodeRecord, nodes: Mapping[str, NodeRecord], kept: set[str]) -> Iterable[str]:
    """Yield the kept nodes that a step is made of, in the order of its formula."""
    waiting = list(_names(node))[::-1]
    while waiting:
        name = waiting.pop()
        if name in kept:
            yield name
        else:
            waiting.extend(list(_names(nodes[name]))[::-1])


def _step_back(node: NodeRecord, kept: set[str], pieces: Mapping[str, Piece], ways: dict[str, _Way]) -> None:
    """Hand the derivative by a node on to its operands: the reverse sweep within a step."""
    slope, formula = ways[node.id]
    terms = _terms(node, kept, pieces)
    for argnum, (operand, partial) in enumerate(zip(node.operands, node.partials, strict=True)):
        if not isinstance(operand, str) or partial is None:
            continue
        product = None if formula is None else times(formula, partial_sum(OPS[node.op], argnum, terms))
        sofar = ways.get(operand, _Way(Fraction(0), ()))
        total = None if product is None or sofar.formula is None else plus(sofar.formula, product)
        if total is not None and len(sum_text(total)) > _LONG_FORMULA:
            total = None
        ways[operand] = _Way(sofar.slope + slope * Fraction(partial), total)


def _double(slope: Fraction) -> float:
    try:
        return float(slope)
    except OverflowError:
        return math.inf if slope > 0 else -math.inf


def _text(formula: Sum | None, result: str, name: str) -> str:
    """Return a formula, with the name of the step for what it computes: a*(1 - a)*x."""
    text = "" if formula is None else sum_text(formula)
    if not result:
        return text
    parts = text.split(result)
    # sin(x) is no part of asin(x).
    whole = all(not (part[-1:].isalnum() or part[-1:] == "_") for part in parts[:-1])
    return name.join(parts) if whole else text


def _doubtful(folded: list[NodeRecord]) -> list[str]:
    """Return the steps by whose derivatives the gradient of some node does not come out within rounding."""
    sums: dict[str, float] = {}
    users: dict[str, list[str]] = {}
    for node in folded:
        for operand, slope in zip(node.operands, node.partials, strict=True):
            if isinstance(operand, str) and slope is not None:
                sums[operand] = sums.get(operand, 0.0) + node.gradient * slope
                users.setdefault(operand, []).append(node.id)
    by_name = {node.id: node for node in folded}
    doubtful: dict[str, None] = {}
    for name, total in sums.items():
        node = by_name[name]
        if not math.isclose(total, node.gradient if node.swept is None else node.swept, rel_tol=_NEAR):
            doubtful.update(dict.fromkeys(user for user in users[name] if by_name[user].folded))
    return list(doubtful)


def _with_held(folded: list[NodeRecord]) -> tuple[NodeRecord, ...]:
    """Return the steps with what each derivative holds: the operands that depend on the one it is by."""
    reach = _Reach(folded)
    return tuple(
        replace(
            node,
            held=tuple(
                tuple(other for other in _names(node) if other != x and reach.depends(other, x))
                for x in _names(node)
            ),
        )
        if node.folded
        else node
        for node in folded
    )


class _Reach:
    """Which steps depend on which. After so many that are looked through it is taken that one does."""

    def __init__(self, folded: list[NodeRecord]) -> None:
        self._place = {node.id: place for place, node in enumerate(folded)}
        self._operands = {
            node.id: [] if node.op in OPS and OPS[node.op].condition else list(_names(node))
            for node in folded
        }
        self._left = 2_000_000

    def depends(self, name: str, on: str) -> bool:
        """Tell whether a step depends on another one."""
        waiting, seen, first = [name], {name}, self._place[on]
        while waiting:
            for operand in self._operands[waiting.pop()]:
                self._left -= 1
                if operand == on or self._left < 0:
                    return True
                if operand not in seen and self._place[operand] > first:
                    seen.add(operand)
                    waiting.append(operand)
        return False
