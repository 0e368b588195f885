"""All that is told of a computation: its story, and on demand paths, limits, nudges and more."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.errors import InputError
from backprop_cli.tell.flow import follow_gradient
from backprop_cli.tell.knobs import turn_knobs
from backprop_cli.tell.limits import difference_quotients
from backprop_cli.tell.nudges import nudge_inputs
from backprop_cli.tell.paths import find_paths
from backprop_cli.tell.second import tell_second
from backprop_cli.tell.steps import in_steps
from backprop_cli.tell.story import find_node, tell

if TYPE_CHECKING:
    from backprop_cli.report import Report, Steps
    from backprop_cli.tell.flow import Flow
    from backprop_cli.tell.knobs import Knobs
    from backprop_cli.tell.limits import Limit
    from backprop_cli.tell.nudges import Nudges
    from backprop_cli.tell.paths import Paths
    from backprop_cli.tell.second import Second
    from backprop_cli.tell.story import Story


class Lesson(NamedTuple):
    """What is told. has_passes: whether both passes are, which the others alone were not asked for with.

    is_shot: whether the story of the archer is; knobs: the end of that, None where none is to be turned.
    """

    story: Story
    paths: Paths | None
    limits: tuple[Limit, ...]
    nudges: Nudges | None
    has_passes: bool
    flow: Flow | None = None
    is_shot: bool = False
    knobs: Knobs | None = None
    second: Second | None = None


def prepare_lesson(
    report: Report,
    *,
    why: str | None = None,
    paths: str | None = None,
    limit: str | None = None,
    nudge: float | None = None,
    flow: bool = False,
    shot: bool = False,
    order: int = 1,
    digits: int | None = 6,
    steps: Steps | None = None,
) -> Lesson:
    """Return what is told of a report.

    why, paths, limit: the nodes that are asked about.  nudge: how far each input is to be moved.
    flow: whether the size of the gradient on the way back is asked for.  shot: whether the archer's story is.
    order: 2 for how the second derivatives arise.  steps: what counts as one; see ``in_steps``.

    Raises InputError for a node that is not there.
    """
    if order not in (1, 2):
        raise InputError(f"the order is {order}", hint="2 tells how the second derivatives arise")
    # First, since it refuses what is too long.
    knobs = turn_knobs(report) if shot and report.upstream == 1 else None
    asked = [find_node(report, name).id for name in (why, paths) if name is not None]
    folded = in_steps(report, steps, asked)
    story = tell(folded, why=why, digits=digits)
    found = None if paths is None else find_paths(folded, paths)
    limits = () if limit is None else tuple(difference_quotients(report, limit))
    nudges = None if nudge is None else nudge_inputs(report, nudge)
    second = tell_second(report) if order > 1 else None
    has_more = found is not None or bool(limits) or nudges is not None or flow or shot
    return Lesson(
        story,
        found,
        limits,
        nudges,
        why is not None or not has_more,
        follow_gradient(report) if flow else None,
        shot,
        knobs,
        second,
    )
