"""All that is told of a computation: its story, and on demand paths, limits and nudges."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.tell.limits import difference_quotients
from backprop_cli.tell.nudges import nudge_inputs
from backprop_cli.tell.paths import find_paths
from backprop_cli.tell.story import tell

if TYPE_CHECKING:
    from backprop_cli.report import Report
    from backprop_cli.tell.limits import Limit
    from backprop_cli.tell.nudges import Nudges
    from backprop_cli.tell.paths import Paths
    from backprop_cli.tell.story import Story


class Lesson(NamedTuple):
    """What is told. has_story: whether the story is, which the others alone were not asked for with."""

    story: Story
    paths: Paths | None
    limits: tuple[Limit, ...]
    nudges: Nudges | None
    has_story: bool


def prepare_lesson(
    report: Report,
    *,
    why: str | None = None,
    paths: str | None = None,
    limit: str | None = None,
    nudge: float | None = None,
    digits: int | None = 6,
) -> Lesson:
    """Return what is told of a report.

    why, paths, limit: the nodes that are asked about.  nudge: how far each input is to be moved.
    Raises InputError for a node that is not there.
    """
    story = tell(report, why=why, digits=digits)
    found = None if paths is None else find_paths(report, paths)
    limits = () if limit is None else tuple(difference_quotients(report, limit))
    nudges = None if nudge is None else nudge_inputs(report, nudge)
    has_more = found is not None or bool(limits) or nudges is not None
    return Lesson(story, found, limits, nudges, why is not None or not has_more)
