"""Mistakes with the sum over several paths: one is missing, or has the wrong sign, or is all there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.operations.doubles import FLOAT
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.graph.naming import Naming
    from backprop_cli.graph.sweep import Sweep

Same = Callable[[float, float], bool]
"""Tells whether two doubles mean the same number."""
_TIMES = {2: "twice"}


class Use(NamedTuple):
    """A node as operand number ``argnum`` of its user. term: what comes back to its gradient from there."""

    user: int
    argnum: int
    term: float


class _Part(NamedTuple):
    """A part of a gradient, of one path or contribution or of several.

    kind: the same at every point.  missing, alone, sign: what is said where it is missing, is all that is
    there, has the opposite sign.
    """

    kind: str
    term: float
    is_one: bool
    missing: str
    alone: str
    sign: str


def uses_of(sweep: Sweep, node: int) -> Iterator[Use]:
    """Yield every use of a node on a path to the output."""
    graph = sweep.graph
    for user in range(node + 1, graph.end):
        bar, slopes = sweep.adjoint[user], sweep.partials[user]
        if bar is None or slopes is None:
            continue
        for argnum, operand in enumerate(graph.operands[user]):
            slope = slopes[argnum]
            if operand == node and slope is not None:
                yield Use(user, argnum, bar * slope)


def mistaken_paths(
    sweep: Sweep,
    naming: Naming,
    node: int,
    got: float,
    expected: float,
    same: Same,
) -> Iterator[tuple[str, str]]:
    """Yield (kind, sentence) where what is expected is the gradient without a part of it, and the like."""
    uses = list(uses_of(sweep, node))
    if len(uses) < 2:
        return
    tangents, ways = _tangents(sweep, node)
    # What goes through a step in one way goes straight to it.
    straight = [use for use in uses if use.user == sweep.graph.output or ways[use.user] > 1]
    parts = [*_through(sweep, naming, uses, tangents, ways), *_straight(naming, node, straight)]
    for is_one in (True, False):  # one path is forgotten more often than several
        chosen = [part for part in parts if part.is_one == is_one]
        yield from _missing(chosen, got, expected, same)
        yield from _alone(chosen, expected, same)
        yield from _opposite(chosen, got, expected, same)


def _missing(parts: list[_Part], got: float, expected: float, same: Same) -> Iterator[tuple[str, str]]:
    for part in parts:
        if part.term and same(expected, got - part.term):
            sign = "+" if part.term > 0 else ""
            yield f"missing {part.kind}", f"{part.missing}: {sign}{number_text(part.term)}"


def _alone(parts: list[_Part], term: float, same: Same) -> Iterator[tuple[str, str]]:
    return ((f"only {part.kind}", part.alone) for part in parts if same(term, part.term))


def _opposite(parts: list[_Part], got: float, expected: float, same: Same) -> Iterator[tuple[str, str]]:
    return (
        (f"sign of {part.kind}", part.sign)
        for part in parts
        if part.term and same(expected, got - 2 * part.term)
    )


def _through(
    sweep: Sweep, naming: Naming, uses: list[Use], tangents: dict[int, float], ways: dict[int, int]
) -> Iterator[_Part]:
    """Yield what comes back through each user of a node. All that there is comes through the output.

    tangents, ways: of the node, as ``_tangents`` returns them.
    """
    leading = _ways_out(sweep)
    for user in dict.fromkeys(use.user for use in uses):
        if user == sweep.graph.output:
            continue
        is_one = ways[user] * leading[user] == 1
        paths, are, have = ("path", "is", "has") if is_one else ("paths", "are", "have")
        told = f"the {paths} through {naming.id(user)}"
        yield _Part(
            f"{user}",
            sweep.gradient(user, FLOAT) * tangents[user],
            is_one,
            f"{told} {are} missing",
            f"that is {told} alone",
            f"{told} {have} the opposite sign",
        )


def _straight(naming: Naming, node: int, uses: list[Use]) -> Iterator[_Part]:
    """Yield what comes back from each place in which a node is an operand."""
    name = naming.id(node)
    for user, argnum, term in uses:
        times = sum(use.user == user for use in uses)
        enters = f"{name} enters {naming.id(user)} {_TIMES.get(times, f'{times} times')}"
        told = f"the contribution of {name} straight to {naming.id(user)}"
        yield _Part(
            f"{user} {argnum}",
            term,
            True,
            f"{enters}, and one contribution is not counted" if times > 1 else f"{told} is missing",
            f"{enters}, and that is one contribution alone" if times > 1 else f"that is {told} alone",
            f"{enters}, and one contribution has the opposite sign" if times > 1
            else f"{told} has the opposite sign",
        )  # fmt: skip


def _tangents(sweep: Sweep, node: int) -> tuple[dict[int, float], dict[int, int]]:
    """Return ∂user/∂node of all that is made of a node and leads to the output, and in how many ways it is.

    Of the ways, two stand for all that are more than one.
    """
    tangents, ways = {node: 1.0}, {node: 1}
    for user in range(node + 1, sweep.graph.end):
        steps = [
            (x, slope)
            for x, slope in zip(sweep.graph.operands[user], sweep.partials[user] or (), strict=False)
            if slope is not None and x in tangents
        ]
        if steps:
            tangents[user] = sum(slope * tangents[x] for x, slope in steps)
            ways[user] = min(2, sum(ways[x] for x, _ in steps))
    return tangents, ways


def _ways_out(sweep: Sweep) -> list[int]:
    """Return in how many ways each node leads to the output, two standing for more."""
    graph = sweep.graph
    ways = [0] * graph.end
    ways[graph.output] = 1
    for user in range(graph.output, -1, -1):
        for operand in graph.operands[user] if sweep.partials[user] else ():
            ways[operand] = min(2, ways[operand] + ways[user])
    return ways
