"""Mistakes with one step of the chain rule: swapped, copied, multiplied, taken for closed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.expect.paths import uses_of
from backprop_cli.text import held_mark, number_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.expect.paths import Same, Use
    from backprop_cli.graph.naming import Naming
    from backprop_cli.graph.sweep import Sweep

_SUMS = ("add", "sub")


def mistaken_steps(
    sweep: Sweep, naming: Naming, node: int, expected: float, same: Same
) -> Iterator[tuple[str, str]]:
    """Yield (kind, sentence) for the mistakes with a step that lead to the number which is expected."""
    uses = list(uses_of(sweep, node))
    for use in uses:
        yield from _local_alone(sweep, naming, use, expected, same)
        # What comes back from the other uses is right.
        rest = sum(other.term for other in uses if other != use)
        if math.isfinite(rest):
            yield from _copied(sweep, naming, use, expected - rest, same)
            yield from _swapped(sweep, naming, use, expected - rest, same)
            yield from _multiplied(sweep, naming, use, expected - rest, same)
    for use in chain_of(sweep, node):
        yield from _taken_as_closed(sweep, naming, use, expected)


def chain_of(sweep: Sweep, node: int) -> Iterator[Use]:
    """Yield the uses on the way from a node to the output, as far as there is one way only."""
    while len(uses := list(uses_of(sweep, node))) == 1:
        yield uses[0]
        node = uses[0].user


def local_name(naming: Naming, use: Use) -> str:
    """Return the symbol of a local derivative: ∂e/∂a."""
    operand = naming.graph.operands[use.user][use.argnum]
    return f"∂{naming.id(use.user)}/∂{naming.id(operand)}{mark_of(naming, use.user, use.argnum)}"


def mark_of(naming: Naming, node: int, argnum: int) -> str:
    """Return what a local derivative holds; see ``text.held_mark``."""
    graph = naming.graph
    operands = tuple("" if graph.constant[x] else naming.id(x) for x in graph.operands[node])
    held = tuple(naming.held(node, place) for place in range(len(operands)))
    return held_mark(held, argnum, operands)


def _slope(sweep: Sweep, use: Use) -> float:
    return (sweep.partials[use.user] or ())[use.argnum] or 0.0


def _step(naming: Naming, node: int) -> str:
    return f"{naming.id(node)} = {naming.expression(node)}"


class Step(NamedTuple):
    """A use of a node and what follows, as far as the first step with a name: its local derivative."""

    user: int
    name: str
    slope: float


def named_step(sweep: Sweep, naming: Naming, use: Use) -> Step | None:
    """Return the step that a use is the beginning of; None where the ways part before it has a name."""
    operand = naming.graph.operands[use.user][use.argnum]
    user, slope = use.user, _slope(sweep, use)
    if naming.is_named(user):
        return Step(user, local_name(naming, use), slope)
    if len(list(uses_of(sweep, operand))) > 1:
        return None
    for further in chain_of(sweep, user):
        user, slope = further.user, slope * _slope(sweep, further)
        if naming.is_named(user):
            return Step(user, f"∂{naming.id(user)}/∂{naming.id(operand)}", slope)
    return None


def _local_alone(
    sweep: Sweep, naming: Naming, use: Use, expected: float, same: Same
) -> Iterator[tuple[str, str]]:
    step = named_step(sweep, naming, use)
    bar = sweep.adjoint[step.user] if step else None
    if not (step and bar and step.slope):
        return
    if same(step.slope, expected) and not same(bar * step.slope, step.slope):
        missing = f"the gradient {number_text(bar)} at {naming.id(step.user)} is missing"
        yield f"local {use.user} {use.argnum}", f"that is {step.name} alone; {missing}"


def _copied(sweep: Sweep, naming: Naming, use: Use, expected: float, same: Same) -> Iterator[tuple[str, str]]:
    step = named_step(sweep, naming, use)
    bar = sweep.adjoint[step.user] if step else None
    if step and bar and same(bar, expected) and not same(bar * step.slope, bar):
        via = naming.id(step.user)
        told = f"the gradient at {via} is passed on unchanged; the local derivative {step.name} is missing"
        yield f"copied {use.user} {use.argnum}", told


def _swapped(
    sweep: Sweep, naming: Naming, use: Use, expected: float, same: Same
) -> Iterator[tuple[str, str]]:
    bar, slope = sweep.adjoint[use.user], _slope(sweep, use)
    for other, wrong in enumerate(sweep.partials[use.user] or ()):
        if bar and wrong and other != use.argnum and wrong != slope and same(bar * wrong, expected):
            told = f"the local derivatives of {_step(naming, use.user)} are swapped"
            yield f"swapped {use.user} {other}", told


def _multiplied(
    sweep: Sweep, naming: Naming, use: Use, expected: float, same: Same
) -> Iterator[tuple[str, str]]:
    op, bar = sweep.graph.ops[use.user], sweep.adjoint[use.user]
    if op is None or op.name not in _SUMS or not bar:
        return
    other = sweep.operands(use.user)[1 - use.argnum]
    if other and same(bar * other, expected) and not same(bar * other, use.term):
        told = f"{_step(naming, use.user)} is no product: the gradient is not multiplied by the other term"
        yield f"multiplied {use.user} {use.argnum}", told


def _taken_as_closed(sweep: Sweep, naming: Naming, use: Use, expected: float) -> Iterator[tuple[str, str]]:
    op = sweep.graph.ops[use.user]
    if op is not None and op.name == "relu" and not expected and _slope(sweep, use):
        yield f"closed {use.user}", f"the gate {_step(naming, use.user)} is open here: the gradient passes"
