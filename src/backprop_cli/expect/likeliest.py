"""Which of the causes of a wrong number are said: the likeliest, and those that are just as likely."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_TOLD = 3
_THOUGHTS = (
    "sign", "rounded", "missing", "only", "local", "copied", "swapped", "multiplied", "derivative", "closed",
    "forgotten",
)  # fmt: skip
_PARTS = ("missing", "only")
_HALVES = ("ratio 2", "ratio -2", "ratio 0.5", "ratio -0.5")
_IN_FRONT = ("derivative pow 0 0", "derivative square 0 0", "derivative sqrt 0 0")
"""Derivatives without the factor in front."""


def likeliest(causes: Mapping[str, str]) -> dict[str, str]:
    """Return what has to be said of causes: the likeliest, and others which are just as likely.

    Where two mistakes of people who learn give the same number, nobody knows which it was. What only says
    the same in other words, and a number that happens to fit, is not said beside them.
    """
    thoughts: dict[str, str] = {}
    for kind, text in causes.items():
        if _is_thought(kind, causes) and text not in thoughts.values():
            thoughts[kind] = text
    return dict(islice(thoughts.items(), _MOST_TOLD)) or dict(islice(causes.items(), 1))


def _is_thought(kind: str, causes: Mapping[str, str]) -> bool:
    """Tell whether a cause is a mistake of its own among these causes."""
    what, _, place = kind.partition(" ")
    if kind in _HALVES:  # of a square, not just any 2
        in_front = any(cause.startswith(_IN_FRONT) for cause in causes)
        return in_front or not (set(_THOUGHTS) & {cause.split()[0] for cause in causes})
    if kind.startswith(_IN_FRONT):
        return not any(half in causes for half in _HALVES)
    if what in _PARTS:  # the path through u is all there is: that through k is missing
        return what == next(c for c in causes if c.startswith(_PARTS)).partition(" ")[0]
    if what == "forgotten":
        firsts = [cause.partition(" ")[2] for cause in causes if cause.startswith("local ")]
        is_rest = any(f" {first} " not in f" {place} " for first in firsts)
        return not is_rest and f"copied {place}" not in causes
    return what in _THOUGHTS
