"""The words of a Python text, and of the languages that spell expressions as it does; its lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backprop_cli.language.foreign.words import Word, cut, parts

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


def cut_lines(text: str, *, is_c: bool) -> list[Word] | None:
    """Return the words of a text, None where it has a sign that is not Python's. In C, braces end lines."""
    return cut(_C_WORD, _typed(text), ends="{}") if is_c else cut(_PYTHON_WORD, _typed(text))


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


def split(words: list[Word], sign: str) -> list[list[Word]]:
    """Return the parts between signs that stand in no parenthesis. An empty last one is left out."""
    found = parts(words, (sign,))
    return found if found[-1] or len(found) == 1 else found[:-1]


def spelled(words: list[Word]) -> str:
    """Return words without what stood between them."""
    return "".join(word.word for word in words)
