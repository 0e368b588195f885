"""What a user should know beside the numbers: kinks, overflow, lost digits, names that mean two things."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING

from backprop_cli.diagnostic import Diagnostic
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.report import BOTH_SIDES, FEW_DIGITS, NEARER_SIDE, ONE_SIDE, LossKind, Place
from backprop_cli.text import few_digits, listing, number_text, side_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from backprop_cli.findings.settled import Settled
    from backprop_cli.graph.naming import Naming
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.report import Check, KinkRecord, Loss

MOST_TOLD = 10
"""Warnings of one kind: each tells the whole program in JSON, and takes three lines on a terminal."""
# Numbers are called nearly equal where they are so many times as large as their difference.
_NEAR = 100.0


def _at(naming: Naming, node: int, kind: str, message: str, others: Iterable[int] = ()) -> Diagnostic:
    """Return what is to be said of a node. others: nodes that have to do with it."""
    graph = naming.graph
    spans = tuple(graph.spans[place] for place in (node, *others))
    return Diagnostic(kind, message, graph.text, spans, node=_id(naming, node))


def _id(naming: Naming, node: int) -> str | None:
    """Return the name of a node; a constant has none."""
    graph = naming.graph
    return None if graph.constant[node] and node != graph.output else naming.id(node)


def _few(told: Iterable[Diagnostic], rest: str) -> Iterator[Diagnostic]:
    """Yield the first of many warnings of one kind, and a last one for the others. rest: what they are."""
    others = iter(told)
    yield from islice(others, MOST_TOLD)
    kinds = [other.kind for other in others]
    if kinds:
        yield Diagnostic(kinds[0], f"{len(kinds):,} {rest}")


def shadowed_names(naming: Naming) -> Iterator[Diagnostic]:
    """Tell which inputs lose their name to a later assignment."""
    return _few(_shadowed_names(naming), "more inputs are assigned again")


def _shadowed_names(naming: Naming) -> Iterator[Diagnostic]:
    graph = naming.graph
    assigned = set(chain.from_iterable(graph.assignments))  # names, and the nodes they are given to
    again = {name: node for node, name in reversed(graph.assignments)}  # where each is assigned first
    told: set[str] = set()
    for name, node in graph.inputs.items():
        if (name in assigned or node in assigned) and naming.id(node) != name:
            array, is_element, _ = name.partition("[")
            if array in told:
                continue
            told.add(array)
            if is_element:
                message = f"the program assigns {array} again; the input {array} is the array {array}#1"
                yield _at(naming, node, "shadowed", message, [again[name]] if name in again else [])
                continue
            message = f"the program assigns {name} again; the input {name} is the node {naming.id(node)}"
            yield _at(naming, node, "shadowed", message, [again[name]] if name in again else [])


def unused_steps(naming: Naming) -> Iterator[Diagnostic]:
    """Tell which steps that the program names are used by nothing: a line that was not joined to another."""
    return _few(_unused_steps(naming), "more steps are computed but not used")


def _unused_steps(naming: Naming) -> Iterator[Diagnostic]:
    graph = naming.graph
    if not graph.assignments:
        return
    used = bytearray(len(graph.ops))
    used[graph.output] = 1
    for operands in islice(graph.operands, graph.end):
        for node in operands:
            used[node] = 1
    whole = {name.partition("[")[0] for node, name in graph.assignments if used[node] and "[" in name}
    told: set[str] = set()
    for node in dict.fromkeys(node for node, _ in graph.assignments):
        if not used[node] and not graph.constant[node] and graph.ops[node] is not None:
            name, is_element, _ = naming.id(node).partition("[")
            if is_element and (name in whole or name in told):
                continue
            told.add(name)
            yield _at(naming, node, "unused", f"{name} is computed but not used")


def kinks_met(
    sweep: Sweep, naming: Naming, records: Mapping[int, KinkRecord], kinks: Sequence[int]
) -> Iterator[Diagnostic]:
    """Tell the kinks with their slopes on both sides, and how many have no record."""
    told = {node: records[node] for node in kinks if node in records}
    for node, record in told.items():
        at = _kink_at(sweep, naming, node, record)
        message = f"{at}: {_slopes_at(sweep, naming, node, record)}"
        passes = sweep.adjoint[node] is not None
        message += f"used: {record.convention}" if passes else "no slope passes, but the output may break too"
        yield _at(naming, node, "kink", message + _cure_of(sweep, node))
    if len(told) < len(kinks):
        yield Diagnostic("kink", f"{len(kinks) - len(told):,} more nodes are at a kink")


def conventions_used(naming: Naming, kinks: Mapping[int, bool]) -> Iterator[Diagnostic]:
    """Tell the kinks that many digits find, and what is used there. kinks: whether each is sure."""
    return _few((_convention_at(naming, *kink) for kink in kinks.items()), "more nodes are at a kink")


def _convention_at(naming: Naming, node: int, is_sure: bool) -> Diagnostic:
    op = naming.graph.ops[node]
    assert op is not None
    assert op.kink is not None
    where = "is not differentiable here" if is_sure else "can't be told from where it is not differentiable"
    return _at(naming, node, "kink", f"{naming.source(node)} {where}; used: {op.kink.convention}")


def _cure_of(sweep: Sweep, node: int) -> str:
    from backprop_cli.findings.cures import find_cure  # most programs need none

    cure = find_cure(sweep, node)
    return f"; {cure}" if cure else ""


def _kink_at(sweep: Sweep, naming: Naming, node: int, record: KinkRecord) -> str:
    """Say where a kink is, or a jump, where the slopes on both sides are equal, or the edge of a domain."""
    graph = sweep.graph
    where = ", ".join(
        f"{naming.source(x)} = {number_text(sweep.primal[x])}"
        for x in dict.fromkeys(graph.operands[node])
        if not graph.constant[x]
    )
    op = graph.ops[node]
    if op is not None and op.condition:
        return f"the condition {naming.source(node)} is at its boundary, {where}"
    what = naming.source(node)
    if record.word == "edge":
        verb = "is at the edge of its domain"
        if op is not None and graph.arrays is not None and graph.arrays.made_by(node) not in ("", op.name):
            what = f"{op.name} in {what}"  # std has values everywhere, the root that it ends with has not
    else:
        verb = "is not differentiable" if record.left == record.right else "has a kink"
    return f"{what} {verb} at {where}"


def _slopes_at(sweep: Sweep, naming: Naming, node: int, record: KinkRecord) -> str:
    graph = sweep.graph
    op = graph.ops[node]
    if op is None or op.condition:
        return ""
    several = graph.fixed(node).count(False) > 1
    return "".join(
        f"slope {f'by {naming.id(x)} ' if several else ''}{side_text(left)} on the left, "
        f"{side_text(right)} on the right; "
        for x, left, right in zip(graph.operands[node], record.left, record.right, strict=True)
        if not graph.constant[x]
    )


def found_otherwise(sweep: Sweep, naming: Naming, settled: Mapping[str, Settled]) -> Iterator[Diagnostic]:
    """Tell where a gradient is another number than the sweep in doubles gives: relu(x) - relu(-x) at 0."""
    for name, found in settled.items():
        node = sweep.graph.inputs[name]
        swept = sweep.gradient(node, FLOAT)
        # NaN is another number, too; what differs by rounding alone is not.
        if found.origin and not math.isclose(swept, found.gradient, rel_tol=1e-12):
            yield _at(naming, node, *_told(name, found, swept))


def kinks_missed(sweep: Sweep, naming: Naming, late: Mapping[str, Settled]) -> Iterator[Diagnostic]:
    """Tell the kinks that doubles miss by rounding: the angle between parallel vectors has one."""
    for name, found in late.items():
        if found.sides is None or found.origin == NEARER_SIDE:
            continue
        left, right = side_text(found.sides.left), side_text(found.sides.right)
        is_edge = (found.sides.left is None) != (found.sides.right is None)
        kink = "is not differentiable" if left == right else "has a kink"
        where = "is at the edge of its domain" if is_edge else kink
        message = (
            f"along {name} the program {where} here, which doubles miss by rounding: slope {left} on the left"
        )
        yield _at(naming, sweep.graph.inputs[name], "kink", f"{message}, {right} on the right")


def _told(name: str, found: Settled, swept: float) -> tuple[str, str]:
    """Return the kind of the warning, and what it says."""
    number, instead = found.text or number_text(found.gradient), number_text(swept)
    instead = "no number" if math.isnan(swept) else instead
    if found.origin == BOTH_SIDES:
        return "smooth", (
            f"along {name} the program is smooth here: its slope is {number} on both sides, "
            f"where the backward pass alone gives {instead}"
        )
    if found.origin == NEARER_SIDE:
        return "kink", (
            f"the conventions at the kinks add up to {instead} for the gradient with respect to {name}, "
            "which is no slope "
            f"between those on both sides; used: {number}, the nearer of them"
        )
    if found.origin == ONE_SIDE:
        return "kink", (
            f"along {name} the program has a slope of {number} on the side where it has values, "
            f"where the backward pass alone gives {instead}"
        )
    # It may be 0, or too small for a double: that of tanh(1/x) at 1e-320.
    as_double = "" if found.gradient else " as a double"
    gradient = f"the gradient with respect to {name} is {number}{as_double}"
    return "digits", f"{gradient}, found in {found.origin}; doubles give {instead}"


def overflow_met(sweep: Sweep, naming: Naming) -> Iterator[Diagnostic]:
    """Tell the first node on the way to the output that is infinite."""
    if math.inf not in sweep.primal and -math.inf not in sweep.primal:
        return
    for node, bar in enumerate(sweep.adjoint):
        if bar is not None and math.isinf(sweep.primal[node]):
            yield _at(
                naming,
                node,
                "overflow",
                f"{naming.source(node)} overflows to {number_text(sweep.primal[node])}; "
                "what is computed from it may be wrong",
            )
            return


def digits_lost(sweep: Sweep, naming: Naming, check: Check) -> Iterator[Diagnostic]:
    """Tell what has few right digits, and where they were lost; and which gradients are rounding alone."""
    poor: dict[Loss | None, dict[str, int]] = {}
    if check.value_digits is not None and check.value_digits < FEW_DIGITS:
        poor[check.value_loss] = {"": check.value_digits}
    for name, found in check.gradients.items():
        if found.digits is not None and found.digits < FEW_DIGITS:
            poor.setdefault(found.loss, {})[name] = found.digits
    yield from _few(
        (_where_lost(sweep, naming, check, loss, _few_right(digits)) for loss, digits in poor.items()),
        "more steps lost digits",
    )
    yield from _few(_zeros(naming, check), "more gradients are zero to within rounding")


def _few_right(digits: Mapping[str, int]) -> str:
    """Say how many digits of some numbers are right. digits: by the input, of the value under ""."""
    fewest, most = min(digits.values()), max(digits.values())
    right = few_digits(fewest) if fewest == most else f"only {fewest} to {most} digits"
    are = "is" if most < 2 and fewest == most else "are"
    names = [name for name in digits if name]
    what = ["the value"] * ("" in digits) + [f"the gradient with respect to {listing(names)}"] * bool(names)
    return f"{right} of {' and of '.join(what)} {are} right"


def _zeros(naming: Naming, check: Check) -> Iterator[Diagnostic]:
    for name, found in check.gradients.items():
        if found.zero_within is not None:
            bound = number_text(found.zero_within, 2)
            zero = f"zero to within rounding, which is up to {bound} here"
            message = f"the gradient with respect to {name} is {zero}"
            yield _at(naming, naming.graph.inputs[name], "digits", message)


def _where_lost(sweep: Sweep, naming: Naming, check: Check, loss: Loss | None, message: str) -> Diagnostic:
    if loss is None:
        return Diagnostic("digits", message)
    from backprop_cli.findings.steadier import find_steadier  # most programs need none

    name = _id(naming, loss.node)
    at = f" at {name}" if name else ""
    lost = f"the digits were lost{at}" if loss.is_most else f"they were lost on the way, the largest part{at}"
    told = _at(naming, loss.node, "digits", f"{message}; {lost}: {how_lost(naming, loss)}")
    return replace(told, hint=find_steadier(sweep, check, loss))


def how_lost(naming: Naming, loss: Loss) -> str:
    """Return the reason of a loss as a sentence."""
    what = _number_of(naming, loss)
    source = naming.source(loss.source) if loss.source is not None else ""
    match loss.kind:
        case LossKind.UNDERFLOW:
            fewer = ", where doubles have fewer digits" if loss.number else ""
            return f"{what} underflows to {number_text(loss.number or 0.0)}{fewer}"
        case LossKind.CANCELLATION:
            return _cancelling(naming, loss)
        case LossKind.ABSORPTION:
            return f"{what} rounds off digits of {source}{_times(loss, ', beside a term {} times as large')}"
        case LossKind.AMPLIFICATION:
            return f"{what} amplifies the rounding error of {source}{_times(loss, ' {} times')}"
        case LossKind.DECISION:
            return f"the rounding error of {source} decides whether {what}"
    return f"the terms of {what} cancel"


def _cancelling(naming: Naming, loss: Loss) -> str:
    what = naming.source(loss.node)
    if loss.place == Place.GRADIENT:
        size = _times(loss, ", the largest being {} times their sum")
        return f"the contributions to the gradient with respect to {what} cancel{size}"
    op = naming.graph.ops[loss.node]
    kind = "difference" if op is not None and op.name == "sub" else "sum"
    if loss.factor is not None and loss.factor < _NEAR:
        return f"{what} is a {kind} of numbers{_times(loss, ' {} times as large as it is')}"
    near = "nearly equal" if kind == "difference" else "nearly opposite"
    return f"{what} is a {kind} of {near} numbers{_times(loss, ', {} times as large as it is')}"


def _times(loss: Loss, text: str) -> str:
    """Return a text with the factor of a loss, or "" where it is beyond all bounds."""
    if loss.factor is None or math.isinf(loss.factor):
        return ""
    return text.format(number_text(float(f"{loss.factor:.2g}")))


def _number_of(naming: Naming, loss: Loss) -> str:
    what = naming.source(loss.node)
    if loss.place == Place.SLOPE:
        assert loss.operand is not None
        return f"the local derivative of {what} by {naming.source(loss.operand)}"
    return what if loss.place == Place.VALUE else f"the gradient with respect to {what}"
