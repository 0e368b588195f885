"""The words of a formula, before it is known what they mean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.language.foreign.letters import FRACTIONS, SUPERSCRIPTS

if TYPE_CHECKING:
    from collections.abc import Sequence

_RAISED = "".join(SUPERSCRIPTS)


def words_pattern(blank: str = "", name: str = "") -> re.Pattern[str]:
    """Return the pattern of a word. blank, name: what else than usual is nothing, or a name."""
    return re.compile(
        rf"(?P<blank>(?:[^\S\n]|\\\n|&[^\S\n]*\n|\#[^\n]*{blank})+)"
        r"|(?P<number>(?:\d[\d_]*(?:\.(?![\^*/+-])[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+(?![\w.]))?(?:f0)?)"
        rf"|(?P<fraction>[{''.join(FRACTIONS)}])"
        rf"|(?P<power>[{_RAISED}]+)"
        rf"|(?P<name>{name}%(?:pi|e)\b|\$?[^\W\d{_RAISED}][^\W{_RAISED}]*(?:_\{{\w+\}})?[′']*)"
        r"|(?P<end>[;\n])"
        r"|(?P<sign>\.?\*\*|\.[-+*/^]|\*\*|<=|>=|==|!=|->|↦|:=|@\.|[-+*/^<>=≤≥(),\[\]{}|√∛@:.%!°&~?])"
    )


class Word(NamedTuple):
    """A word of the text. spaced: whether a blank stands before it."""

    kind: str
    word: str
    first: int
    last: int
    spaced: bool = False


def cut(pattern: re.Pattern[str], text: str, *, is_list: bool = False, ends: str = "") -> list[Word] | None:
    """Return the words of a text, None where it has a sign that the pattern does not know.

    The ends of lines within parentheses are left out. is_list: whether a ; within parentheses is a comma.
    ends: parentheses that end a line, where they stand in no others.
    """
    words: list[Word] = []
    position, depth, spaced = 0, 0, False
    while position < len(text):
        match = pattern.match(text, position)
        if match is None:
            return None
        start, position = match.span()
        kind, word = str(match.lastgroup), match[0]
        if kind == "sign" and not depth and word in ends:
            kind = "end"
        elif kind == "sign":
            depth += (word in "([{") - (word in ")]}")
        if is_list and word == ";" and depth > 0:
            kind, word = "sign", ","
        if kind == "blank" or (kind == "end" and depth > 0):
            spaced = True
        else:
            words.append(Word(kind, word, start, position, spaced))
            spaced = False
    return words


def matching(words: Sequence[Word], place: int) -> int | None:
    """Return the place of what closes the parenthesis at a place."""
    depth = 0
    for i in range(place, len(words)):
        if words[i].kind == "sign":
            depth += (words[i].word in "([{") - (words[i].word in ")]}")
            if depth == 0:
                return i
    return None


def parts(words: Sequence[Word], signs: tuple[str, ...]) -> list[list[Word]]:
    """Return the parts between signs that stand in no parenthesis."""
    found: list[list[Word]] = [[]]
    depth = 0
    for word in words:
        if word.kind == "sign":
            depth += (word.word in "([{") - (word.word in ")]}")
        if word.kind == "sign" and word.word in signs and not depth:
            found.append([])
        else:
            found[-1].append(word)
    return found
