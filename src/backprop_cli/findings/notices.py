"""What a user should know beside the numbers: kinks, overflow, lost digits, names that mean two things."""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING

from backprop_cli.findings.cures import find_cure
from backprop_cli.report import FEW_DIGITS, Notice
from backprop_cli.text import listing, number_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from backprop_cli.findings.kinks import Sides
    from backprop_cli.graph.naming import Naming
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.report import Check, KinkRecord


def shadowed_names(naming: Naming) -> Iterator[Notice]:
    """Tell which inputs lose their name to a later assignment."""
    graph = naming.graph
    assigned = set(chain.from_iterable(graph.assignments))  # names, and the nodes they are given to
    for name, node in graph.inputs.items():
        if (name in assigned or node in assigned) and naming.id(node) != name:
            yield Notice(
                "shadowed",
                naming.id(node),
                f"the program assigns {name} again; the input {name} is the node {naming.id(node)}",
            )


def kinks_met(
    sweep: Sweep, naming: Naming, records: Mapping[int, KinkRecord], untold: int
) -> Iterator[Notice]:
    """Tell each kink with its slopes on both sides. untold: how many more there are."""
    for node, record in records.items():
        at = _kink_at(sweep, naming, node, is_even=record.left == record.right)
        message = f"{at}: {_slopes_at(sweep, naming, node, record)}"
        message += f"used: {record.convention}"
        cure = find_cure(sweep, node)
        yield Notice("kink", naming.id(node), f"{message}; {cure}" if cure else message)
    if untold:
        yield Notice("kink", None, f"{untold:,} more nodes are at a kink")


def _kink_at(sweep: Sweep, naming: Naming, node: int, *, is_even: bool) -> str:
    """Say where a kink is. is_even: the slopes on both sides are equal, as at a jump."""
    graph = sweep.graph
    where = ", ".join(
        f"{naming.source(x)} = {number_text(sweep.primal[x])}"
        for x in dict.fromkeys(graph.operands[node])
        if not graph.constant[x]
    )
    op = graph.ops[node]
    if op is not None and op.condition:
        return f"the condition {naming.source(node)} is at its boundary, {where}"
    verb = "is not differentiable" if is_even else "has a kink"
    return f"{naming.source(node)} {verb} at {where}"


def _slopes_at(sweep: Sweep, naming: Naming, node: int, record: KinkRecord) -> str:
    graph = sweep.graph
    op = graph.ops[node]
    if op is None or op.condition:
        return ""
    several = graph.fixed(node).count(False) > 1
    return "".join(
        f"slope {f'by {naming.id(x)} ' if several else ''}{_side(left)} on the left, "
        f"{_side(right)} on the right; "
        for x, left, right in zip(graph.operands[node], record.left, record.right, strict=True)
        if not graph.constant[x]
    )


def _side(slope: float | None) -> str:
    return "none" if slope is None else number_text(slope)


def smooth_after_all(
    sweep: Sweep, naming: Naming, sides: Mapping[str, Sides], gradients: Mapping[str, float]
) -> Iterator[Notice]:
    """Tell where conventions add up to another slope than the program has: relu(x) - relu(-x) at 0."""
    for name, (left, right) in sides.items():
        if left is not None and left == right and math.isfinite(left) and gradients[name] != left:
            yield Notice(
                "kink",
                naming.id(sweep.graph.inputs[name]),
                f"by {name} the program is smooth here with the slope {number_text(left)}, but the "
                f"conventions at the kinks on the way give {number_text(gradients[name])}",
            )


def overflow_met(sweep: Sweep, naming: Naming) -> Iterator[Notice]:
    """Tell the first node on the way to the output that is infinite."""
    if math.inf not in sweep.primal and -math.inf not in sweep.primal:
        return
    for node, bar in enumerate(sweep.adjoint):
        if bar is not None and math.isinf(sweep.primal[node]):
            yield Notice(
                "overflow",
                naming.id(node),
                f"{naming.source(node)} overflows to {number_text(sweep.primal[node])}; "
                "what is computed from it may be wrong",
            )
            return


def digits_lost(naming: Naming, check: Check) -> Iterator[Notice]:
    """Tell which gradients have few right digits, and where they were lost; and which are rounding alone."""
    poor = {
        name: found.digits
        for name, found in check.gradients.items()
        if found.digits is not None and found.digits < FEW_DIGITS
    }
    if poor:
        fewest = min(poor.values())
        right = {0: "no digit", 1: "only 1 digit"}.get(fewest, f"only {fewest} digits")
        message = f"{right} of the gradient by {listing(list(poor))} {'is' if fewest < 2 else 'are'} right"
        node = None
        if check.loss is not None:
            node = naming.id(check.loss.node)
            what = naming.source(check.loss.node)
            why = (
                f"{what} is a difference of nearly equal numbers"
                if check.loss.where == "value"
                else f"the contributions to the gradient by {what} cancel"
            )
            message += f"; the digits were lost at {node}: {why}"
        yield Notice("digits", node, message)
    for name, found in check.gradients.items():
        if found.zero_within is not None:
            bound = number_text(found.zero_within, 2)
            yield Notice(
                "digits",
                name,
                f"the gradient by {name} is zero to within rounding, which is up to {bound} here",
            )
