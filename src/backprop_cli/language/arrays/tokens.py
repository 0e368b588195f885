"""Tokens of a text with arrays: indexes, methods and keywords are one token each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backprop_cli.language.arrays.ops import KEYWORDS, METHODS
from backprop_cli.language.tokens import (
    BEHIND_NAME,
    BEHIND_NUMBER,
    FINISH,
    KEYWORD,
    METHOD,
    NAME,
    NUMBER,
    POSTFIX,
    POWER_SIGN,
    Token,
    plain_pattern,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBER = r"[-+]?[0-9]+"
INDEX = re.compile(r"\[([-+0-9:,.\sNone]*)\]")
_VALUE = rf"(?:{_NUMBER}|None|True|False|\(\s*{_NUMBER}(?:\s*,\s*{_NUMBER})*\s*,?\s*\))"
_KEYWORD = rf"(?:{'|'.join(KEYWORDS)})\s*=(?!=)\s*{_VALUE}"
KEYWORD_TEXT = re.compile(_KEYWORD)
_NEXT_KEYWORD = re.compile(rf"\s*({_KEYWORD})\s*")
_MODULE = re.compile(r"(?<![\w.])(?:np|numpy|jnp|torch|tf)$")
_TRANSPOSED = re.compile(r"\.\s*(T)\b(?!\s*\()|ᵀ|\.\s*t\(\s*\)")
_REDUCED = re.compile(
    rf"\.\s*({'|'.join(METHODS)})\(\s*((?:{_VALUE}|{_KEYWORD})?(?:\s*,\s*{_KEYWORD})*)\s*\)"
)
_PRODUCT = re.compile(r"\.\s*(dot|matmul|mm|mv)\s*\(")


def array_tokens(text: str) -> Iterator[re.Match[str] | Token]:
    """Return the tokens of a text."""
    text, pattern = plain_pattern(text)
    place, behind_operand = 0, False
    while True:
        special = _special(text, place) if behind_operand else None
        if special is not None:
            yield special
            place, behind_operand = special.last, special.lastindex == POSTFIX
            continue
        match = pattern.match(text, place)
        assert match is not None
        kind = match.lastindex
        assert kind is not None
        word, place = match[kind], match.end()
        if word == "," and (keyword := _NEXT_KEYWORD.match(text, place)):
            if kind in (BEHIND_NAME, BEHIND_NUMBER):
                operand = NAME if kind == BEHIND_NAME else NUMBER
                yield Token(operand, match[operand], *match.span(operand))
            yield Token(KEYWORD, keyword[1], *keyword.span(1))
            place, behind_operand = keyword.end(), True
            continue
        yield match
        if kind == FINISH:
            return
        behind_operand = kind in (NAME, NUMBER, POWER_SIGN) or word in (")", "]")


def _special(text: str, place: int) -> Token | None:
    """Return the token of an index, a method or a transpose that stands here, behind an operand."""
    if _MODULE.search(text, max(0, place - 6), place):
        return None  # np.dot(w, x) is no product of np
    start = place
    while text[start : start + 1] in (" ", "\t"):
        start += 1
    if text[start : start + 1] not in ("[", ".", "ᵀ"):
        return None
    for pattern, kind in ((INDEX, POSTFIX), (_TRANSPOSED, POSTFIX), (_REDUCED, POSTFIX), (_PRODUCT, METHOD)):
        if found := pattern.match(text, start):
            return Token(kind, found[0], *found.span())
    return None
