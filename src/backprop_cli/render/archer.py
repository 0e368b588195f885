"""A computation as the story of a shot: data fly forward, responsibility comes back, knobs are turned."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backprop_cli.console.strict_json import maybe_number, number
from backprop_cli.notation.pretty import pretty
from backprop_cli.render.nudges import nudges_json
from backprop_cli.render.pens import Line, is_relation
from backprop_cli.tell.nudges import Way
from backprop_cli.text import listing, number_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.render.pens import TextPen
    from backprop_cli.tell.knobs import Knobs
    from backprop_cli.tell.story import Story, Term

_WAYS = {
    Way.LOWER: "turned down a little, it lowers {y}",
    Way.RAISE: "turned up a little, it lowers {y}",
    Way.EITHER: "turned either way a little, it lowers {y}",
    Way.LEAST: "turned either way a little, it raises {y}",
    Way.NEITHER: "to first order, turning it does not lower {y}",
    Way.UNKNOWN: "its slopes do not tell which way lowers {y}",
}


UNDERFLOWS = "is too small for a double, which has 0 instead"


def archer_lines(story: Story, knobs: Knobs | None, pen: TextPen) -> Iterator[Line]:
    """Yield the story: forward, back, and what to do next. knobs: None where none is to be turned."""
    yield Line("heading", "The shot: data fly forward")
    given = [f"{step.node} = {number_text(step.value, pen.digits)}" for step in story.inputs]
    yield Line("words", f"the knobs are set: {', '.join(given)}" if given else "there is no knob")
    for step in story.forward:
        made = pretty(step.symbols, unicode=pen.unicode)
        if is_relation(step.symbols):
            yield Line("words", f"{step.node}: {made} {'holds' if step.value else 'does not hold'}")
            continue
        value = UNDERFLOWS if step.underflows else f"comes to {number_text(step.value, pen.digits)}"
        yield Line("words", f"{step.node} = {made} {value}")
    yield Line("heading", "The blame: responsibility comes back")
    yield from _back(story, pen)
    if knobs is not None and knobs.turned:
        yield Line("heading", "The next shot: knobs are turned against the gradient")
        yield from _next(knobs, pen)


def _back(story: Story, pen: TextPen) -> Iterator[Line]:
    by_user: dict[str, list[tuple[str, Term]]] = {}
    for step in story.backward:
        for term in step.terms:
            by_user.setdefault(term.user, []).append((step.node, term))
    top = number_text(story.upstream, pen.digits)
    start = "all of it, to begin with" if story.upstream == 1 else "that arrives from outside"
    yield Line("words", f"{story.output} bears {top}: {start}")
    for step in story.backward:
        shares = by_user.get(step.node, ())
        if len(step.terms) > 1:
            parts = listing([_share(term, pen) for term in step.terms])
            total = number_text(step.gradient, pen.digits)
            yield Line("words", f"{step.node} has several shares, {parts}, which make {total}")
        if not step.terms and step.node != story.output:
            yield Line("words", f"{step.node} bears nothing: {story.output} does not depend on it")
        if not shares:
            continue
        first = shares[0][1]
        head = f"{step.node} = {pretty(first.expr, unicode=pen.unicode)}"
        told = listing([f"{_share(term, pen)} to {node}" for node, term in shares])
        arriving, reason = number_text(first.arriving, pen.digits), first.case or first.reason
        yield Line("words", f"{head} bears {arriving}; {reason}: {told}")
        for note in story.notes.get(step.node, ()):
            yield Line("words", note)
    for step in story.backward:
        if step.found is not None:
            notes = "; ".join(story.notes.get(step.node, ()))
            yield Line(
                "words", f"in the end {step.node} bears {number_text(step.found, pen.digits)}: {notes}"
            )


def _share(term: Term, pen: TextPen) -> str:
    return "what is too small for a double" if term.underflows else number_text(term.product, pen.digits)


def _next(knobs: Knobs, pen: TextPen) -> Iterator[Line]:
    found = knobs.nudges
    for nudge in found.nudges:
        slope = found.slope_of(nudge) if nudge.is_smooth else None
        bears = "" if slope is None else f" bears {number_text(slope, pen.digits)}"
        yield Line("words", f"{nudge.node}{bears}: {_WAYS[nudge.way].format(y=found.output)}")
    moved = [f"{name} = {number_text(x, pen.digits)}" for name, x in knobs.turned.items()]
    rate = number_text(knobs.rate, pen.digits)
    yield Line("words", f"all turned at once, each by {rate} times what it bears: {', '.join(moved)}")
    if math.isnan(found.value):
        yield Line("words", f"{found.output} is no number that a double holds: whether it falls is not told")
        return
    before = number_text(found.value, pen.digits)
    if knobs.value is None:
        yield Line("words", f"there {found.output} has no value: the step is too long")
        return
    after = number_text(knobs.value, pen.digits)
    if after == before:
        yield Line("words", f"{found.output} stays {before}, in the digits that are shown")
        return
    verdict = "higher" if knobs.value > found.value else "lower"
    if verdict == "higher" and all(nudge.is_smooth for nudge in found.nudges):
        verdict = "higher: the step is too long"
    yield Line("words", f"{found.output} goes from {before} to {after}, which is {verdict}")


def knobs_json(knobs: Knobs) -> dict[str, Any]:
    """Return turned knobs as JSON has them."""
    return {
        "rate": number(knobs.rate),
        "turned": {name: number(x) for name, x in knobs.turned.items()},
        "value": maybe_number(knobs.value),
        "nudges": nudges_json(knobs.nudges),
    }
