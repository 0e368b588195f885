"""The words of a Python text, and of the languages that spell expressions as it does; its lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

C_MARKS = (
    r"\bMath\.|\bstd::|^\s*(?:const|let|var|double|float|auto|final|val)\s+\w|\bfunction\s*\w*\s*\("
    r"|\b(?:exp|log|sqrt|pow|tanh|sinh|cosh|sin|cos|tan|fabs|fmax|fmin)f\(|=>"
)
"""What C, JavaScript and their kin have and Python has not."""

_PYTHON_BLANK = r"[^\S\n]+|\#[^\n]*|//[^\n\d(]*(?=\n|\Z)|\\\n"
_C_BLANK = r"[^\S\n]+|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/|\#[^\n]*"
_WORD = (
    r"(?P<blank>{blank})"
    r"|(?P<text>[fFrRbBuU]{{0,2}}(?:'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"))"
    r"|(?P<number>(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?(?:f0?|F|L|d)?(?![\w.]))"
    r"|(?P<name>\$?[^\W\d]\w*)"
    r"|(?P<end>[;\n])"
    r"|(?P<sign>\*\*=|//=|->|:=|::|=>|\*\*|//|[-+*/^%@&|]=|[<>=!]=|&&|\|\||[-+*/^<>=(),\[\]{{}}:.%@&|~!?])"
)
_PYTHON_WORD = re.compile(_WORD.format(blank=_PYTHON_BLANK))
_C_WORD = re.compile(_WORD.format(blank=_C_BLANK))
_PROMPT = re.compile(r"[^\S\n]*(?:>>>|\.\.\.|In \[\d+\]:|   \.\.\.+:)(?:[^\S\n]|$)", re.MULTILINE)
SESSION = r"^[^\S\n]*(?:>>> |In \[\d+\]: )"
"""Where a line of an interactive session begins."""


class Word(NamedTuple):
    """A word of the text, its kind and its span."""

    kind: str
    word: str
    first: int
    last: int


def cut(text: str, *, is_c: bool) -> list[Word] | None:
    """Return the words of a text, None where it has a sign that is none of Python's.

    The ends of lines within parentheses are left out. In C, braces end lines.
    """
    text = _typed(text)
    words: list[Word] = []
    position, depth = 0, 0
    match_word = (_C_WORD if is_c else _PYTHON_WORD).match
    while position < len(text):
        match = match_word(text, position)
        if match is None:
            return None
        start, position = match.span()
        kind, word = str(match.lastgroup), match[0]
        if kind == "sign":
            if is_c and word in "{}" and not depth:
                kind = "end"
            else:
                depth += (word in "([{") - (word in ")]}")
        if kind != "blank" and not (kind == "end" and depth > 0):
            words.append(Word(kind, word, start, position))
    return words


def _typed(text: str) -> str:
    """Return what was typed in a session, all else blank: its prompts, and what was answered."""
    if not re.search(SESSION, text, re.MULTILINE):
        return text
    lines = []
    for line in text.split("\n"):
        prompt = _PROMPT.match(line)
        kept = line[prompt.end() :] if prompt else ""
        lines.append(" " * (len(line) - len(kept)) + kept)
    return "\n".join(lines)


def lines_of(words: list[Word]) -> Iterator[list[Word]]:
    """Return the lines, which are not empty."""
    line: list[Word] = []
    for word in words:
        if word.kind != "end":
            line.append(word)
        elif line:
            yield line
            line = []
    if line:
        yield line


def closing(words: list[Word], place: int) -> int | None:
    """Return the place of what closes the parenthesis at a place."""
    depth = 0
    for i in range(place, len(words)):
        if words[i].kind == "sign":
            depth += (words[i].word in "([{") - (words[i].word in ")]}")
            if depth == 0:
                return i
    return None


def split(words: list[Word], sign: str) -> list[list[Word]]:
    """Return the parts between signs that stand in no parenthesis. An empty last one is left out."""
    parts: list[list[Word]] = [[]]
    depth = 0
    for word in words:
        if word.kind == "sign":
            depth += (word.word in "([{") - (word.word in ")]}")
        if word.word == sign and word.kind == "sign" and not depth:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts if parts[-1] or len(parts) == 1 else parts[:-1]


def spelled(words: list[Word]) -> str:
    """Return words without what stood between them."""
    return "".join(word.word for word in words)
