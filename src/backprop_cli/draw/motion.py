"""A picture that plays by itself: values one after the other, then gradients from the output back.

A style sheet does it, so that a viewer without one, or whoever wants no motion, sees the whole picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.draw.diagram import Diagram

_STEP, _PAUSE, _MOST = 1.0, 3.0, 60.0
"""Seconds: of a step, of the whole picture at the end, and of all steps at most."""


def motion_sheet(diagram: Diagram, mark: str) -> str:
    """Return the style sheet of a picture that plays. mark: the id of the picture."""
    # All inputs are there from the first step on; then a step for each box, forward and back.
    forward, count = {}, 1
    for box in diagram.boxes:
        count += box.role != "input"
        forward[box.id] = 1 if box.role == "input" else count
    back = {box.id: count + place for place, box in enumerate(reversed(diagram.boxes), 1)}
    steps = count + len(diagram.boxes) + 1
    step = min(_STEP, _MOST / steps)
    total = steps * step + _PAUSE
    rules = [*_rules(diagram, mark, forward, back, 100 * step / total)]
    play = (
        f"animation-duration: {total:g}s; animation-iteration-count: infinite; "
        "animation-timing-function: step-end"
    )
    return (
        "@media (prefers-reduced-motion: no-preference) {\n"
        f"#{mark} text, #{mark} rect {{ {play} }}\n"
        f"#{mark}:hover * {{ animation-play-state: paused }}\n" + "\n".join(rules) + "\n}"
    )


def _rules(
    diagram: Diagram, mark: str, forward: dict[str, int], back: dict[str, int], percent: float
) -> Iterator[str]:
    """Yield when each number appears, and when its box is marked. percent: of the time, a step."""
    for place in sorted({*forward.values(), *back.values()}):
        yield f"@keyframes {mark}-{place} {{ 0% {{ opacity: 0 }} {place * percent:.4g}% {{ opacity: 1 }} }}"
    for number, box in enumerate(diagram.boxes):
        node = f'#{mark} .node[data-id="{box.id}"]'
        yield f"{node} .ink ~ .ink {{ animation-name: {mark}-{forward[box.id]} }}"
        yield f"{node} .gradient {{ animation-name: {mark}-{back[box.id]} }}"
        frames = " ".join(
            f"{at * percent:.4g}% {{ stroke-width: 4 }} {(at + 1) * percent:.4g}% {{ stroke-width: 1.5 }}"
            for at in (forward[box.id], back[box.id])
        )
        yield f"@keyframes {mark}-box-{number} {{ 0% {{ stroke-width: 1.5 }} {frames} }}"
        yield f"{node} rect {{ animation-name: {mark}-box-{number} }}"
    for source in dict.fromkeys(arrow.source for arrow in diagram.arrows):
        box = diagram.boxes[source]
        yield f'#{mark} .arrow[data-source="{box.id}"] .gradient {{ animation-name: {mark}-{back[box.id]} }}'
