"""Tokens: what the grammar is made from, and how the plain language is cut into them.

The grammar reads tokens of the plain language alone. A foreign notation is a scanner that yields such tokens,
each with the span of what it stands for in the text as it was pasted: ``x.tanh()`` becomes those of
``tanh(x)``.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


# One character for one, so that spans stay those of the text as it was written.
SPELLINGS = str.maketrans(
    {
        **dict.fromkeys("×·⋅∙∗＊", "*"),
        **dict.fromkeys("÷∕／", "/"),
        "＋": "+",
        **dict.fromkeys("−‒–", "-"),
        **dict.fromkeys("\u200b\u2060\ufeff", " "),
        "（": "(",
        "）": ")",
    }
)
SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
SUPERSCRIPT_VALUES = str.maketrans(SUPERSCRIPTS + "⁺⁻", "0123456789+-")


NAME, BEHIND_NAME, NUMBER, BEHIND_NUMBER, OPERATOR, POWER_SIGN, STOP, FINISH, OTHER = range(1, 10)
"""The kinds of tokens: the groups of the pattern."""
POSTFIX, KEYWORD, METHOD = range(10, 13)
"""Those of arrays alone: ``[0]``, ``.T`` or ``.sum()``; ``axis=0``; ``.dot(``."""

# A name or a number takes the sign behind it into its match, unless that begins a longer one. Half as many
# matches for a chain, and reading took 14 to 47 % less time when that was measured, on a busy machine.
_BEHIND = r"(?:[^\S\n]*([-+*/^=](?![*/=])|[(),;\n]))?"


@cache
def _token_pattern(first: str, letters: str, marks: str) -> re.Pattern[str]:
    """Return the pattern of a token. first, letters: of a name.  marks: what else may stand in one."""
    rest = f"(?:{letters}|[{re.escape(marks)}])" if marks else letters
    return re.compile(
        r"[^\S\n]*(?:(?:\\\n|\#[^\n]*)[^\S\n]*)*"
        rf"(?:(?P<name>{first}{rest}*){_BEHIND}"
        r"|(?P<number>(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?)"
        rf"{_BEHIND}"
        r"|(?P<operator>\*\*=?|//|\^=?|[-+*/<>=!]=|[-+*/(),=<>≤≥])"
        rf"|(?P<power>[⁺⁻]?[{SUPERSCRIPTS}]+)"
        r"|(?P<stop>[;\n])"
        r"|(?P<finish>\Z)"
        r"|(?P<other>.))"
    )


def plain_tokens(text: str) -> Iterator[re.Match[str]]:
    """Return the tokens of a text, whose spelling is that of ASCII where there is one."""
    text, pattern = plain_pattern(text)
    return pattern.finditer(text)


def plain_pattern(text: str) -> tuple[str, re.Pattern[str]]:
    """Return a text in the spelling of ASCII where there is one, and the pattern of its tokens."""
    if text.isascii():
        return text, _token_pattern("[A-Za-z_]", r"\w", "")
    text = text.translate(SPELLINGS)
    letter = r"[^\W⁰¹²³⁴-⁹ᵀ]"
    return text, _token_pattern(rf"(?!\d){letter}", letter, _marks_in(text))


def _marks_in(text: str) -> str:
    """Return the characters of a text that are no letters but may stand in names: accents, vowel signs."""
    return "".join(sorted(c for c in set(text) if not c.isalnum() and c != "_" and ("a" + c).isidentifier()))


class Token:
    """A token of the plain language that stands for a piece of a foreign text.

    lastindex: its kind, named as a match names it.  word: as the plain language writes it.
    first, last: the span of the piece; empty for a sign that only the plain language needs.
    """

    __slots__ = ("first", "last", "lastindex", "word")

    def __init__(self, kind: int, word: str, first: int, last: int) -> None:
        self.lastindex = kind
        self.word = word
        self.first = first
        self.last = last

    @property
    def lastgroup(self) -> str:
        """The kind as a word."""
        return _GROUPS[self.lastindex]

    def __getitem__(self, group: int) -> str:
        return self.word

    def __repr__(self) -> str:
        return f"Token({self.word!r}, {self.first}, {self.last})"

    def span(self, group: int = 0) -> tuple[int, int]:  # noqa: ARG002 - as of a match
        """Return where the piece starts and ends."""
        return self.first, self.last

    def start(self, group: int = 0) -> int:  # noqa: ARG002
        """Return where the piece starts."""
        return self.first

    def end(self, group: int = 0) -> int:  # noqa: ARG002
        """Return where the piece ends."""
        return self.last


_GROUPS = {
    NAME: "name",
    NUMBER: "number",
    OPERATOR: "operator",
    POWER_SIGN: "power",
    STOP: "stop",
    FINISH: "finish",
    POSTFIX: "other",
    KEYWORD: "other",
    METHOD: "other",
}
