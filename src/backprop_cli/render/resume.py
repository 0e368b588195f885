"""How a later run goes on where one was interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_NAMES = 8


def how_to_go_on(point: Mapping[str, float]) -> str:
    """Return how a run begins at the best point: by values, where these are few and no elements."""
    if len(point) > _MOST_NAMES or any("[" in name for name in point):
        return "interrupted; --save FILE keeps the best point of a run, from which --start FILE goes on"
    values = " ".join(f"{name}={x!r}" for name, x in point.items())
    return f"interrupted; to go on from the best point: {values}"
