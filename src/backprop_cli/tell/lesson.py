"""All that is told of a computation: its story, and on demand the paths from a node and the limits at one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.tell.limits import difference_quotients
from backprop_cli.tell.paths import find_paths
from backprop_cli.tell.story import tell

if TYPE_CHECKING:
    from backprop_cli.report import Report
    from backprop_cli.tell.limits import Limit
    from backprop_cli.tell.paths import Paths
    from backprop_cli.tell.story import Story


class Lesson(NamedTuple):
    """What is told. has_story: whether the story is, which the paths or limits alone were not asked for."""

    story: Story
    paths: Paths | None
    limits: tuple[Limit, ...]
    has_story: bool


def prepare_lesson(
    report: Report,
    *,
    why: str | None = None,
    paths: str | None = None,
    limit: str | None = None,
    digits: int | None = 6,
) -> Lesson:
    """Return what is told of a report. why, paths, limit: the nodes that are asked about.

    Raises InputError for a node that is not there.
    """
    story = tell(report, why=why, digits=digits)
    found = None if paths is None else find_paths(report, paths)
    limits = () if limit is None else tuple(difference_quotients(report, limit))
    return Lesson(story, found, limits, why is not None or (found is None and not limits))
