"""Every error a user can cause, with the place in the text and what would be accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class BackpropError(Exception):
    """The base of all errors that a user can cause.

    message: one sentence, what was wrong.  text: the source it stands in, or "".
    start, end: the span of the piece in ``text``, in characters.  hint: what would be accepted.
    ``kind`` names the class in JSON; ``status`` is the exit status that the command ends with.
    """

    kind = "error"
    status = 2

    def __init__(self, message: str, text: str = "", start: int = 0, end: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.start = start
        self.end = end
        self.hint = hint


class UsageError(BackpropError):
    """The command line itself is wrong: an unknown option, a missing argument."""

    kind = "usage"


class ParseError(BackpropError):
    """The program, or a value, is not in the language."""

    kind = "parse"


class InputError(BackpropError):
    """An input is missing, unknown, malformed or given twice."""

    kind = "input"


class FileError(BackpropError):
    """A file or a stream can't be read or written."""

    kind = "file"


class DomainError(BackpropError):
    """The value, or a requested gradient, does not exist or is not finite at this point."""

    kind = "domain"
    status = 3


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "did you mean b?" for the known names nearest to ``name``, or "" if none is near."""
    from difflib import get_close_matches

    candidates = sorted(known)
    near = get_close_matches(name, candidates, n=3, cutoff=0.6)
    # One letter too many, too few or in the wrong case is a slip even in names of two letters,
    # which get_close_matches finds too different ("bb" and "b").
    near += [
        known_name
        for known_name in candidates
        if known_name not in near
        and (
            known_name.casefold() == name.casefold()
            or (len(name) <= 3 and len(known_name) <= 3 and _differ_by_one(name, known_name))
        )
    ]
    if not near:
        return ""
    *others, last = near[:3]
    return f"did you mean {', '.join(others)} or {last}?" if others else f"did you mean {last}?"


def _differ_by_one(left: str, right: str) -> bool:
    """Tell whether one name is the other with one letter more."""
    short, long = sorted((left, right), key=len)
    return len(long) - len(short) == 1 and any(short == long[:i] + long[i + 1 :] for i in range(len(long)))
