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
_INDEX = re.compile(r"\[([-+0-9:,.\sNone]*)\]")
_VALUE = rf"(?:{_NUMBER}|None|True|False|\(\s*{_NUMBER}(?:\s*,\s*{_NUMBER})*\s*,?\s*\))"
_KEYWORD = rf"(?:{'|'.join(KEYWORDS)})\s*=(?!=)\s*{_VALUE}"
_NEXT_KEYWORD = re.compile(rf"\s*({_KEYWORD})\s*")
_TRANSPOSED = re.compile(r"\.\s*(T)\b(?!\s*\()|ᵀ|\.\s*t\(\s*\)")
_REDUCED = re.compile(
    rf"\.\s*({'|'.join(METHODS)})\(\s*((?:{_VALUE}|{_KEYWORD})?(?:\s*,\s*{_KEYWORD})*)\s*\)"
)
_PRODUCT = re.compile(r"\.\s*(dot|matmul|mm|mv)\s*\(")
_MODULES = r"(?:np|numpy|jnp|jax|torch|tf|F|nn|linalg|functional|special|math|scipy|numpy\.linalg)"
_PREFIX = re.compile(rf"(?:{_MODULES}\.)+(?=[A-Za-z_]\w*\s*\()")
_WRAPPER = re.compile(rf"(?:{_MODULES}\.)+(?:array|asarray|tensor|Tensor)(?=\s*\()")


def array_tokens(text: str, *, python: bool = False) -> Iterator[re.Match[str] | Token]:
    """Return the tokens of a text.

    python: whether modules before a name are left out: ``np.dot(w, x)`` is ``dot(w, x)``.
    """
    text, pattern = plain_pattern(text)
    place, behind_operand = 0, False
    while True:
        if python and (found := _skipped(text, place, behind_operand)):
            place = found
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


def _skipped(text: str, place: int, behind_operand: bool) -> int:
    """Return where a name begins whose modules stand here, 0 if none do."""
    if behind_operand:
        return 0
    start = len(text) - len(text[place:].lstrip(" \t"))
    found = _WRAPPER.match(text, start) or _PREFIX.match(text, start)
    return found.end() if found else 0


def _special(text: str, place: int) -> Token | None:
    """Return the token of an index, a method or a transpose that stands here, behind an operand."""
    start = place
    while text[start : start + 1] in (" ", "\t"):
        start += 1
    if text[start : start + 1] not in ("[", ".", "ᵀ"):
        return None
    for pattern, kind in ((_INDEX, POSTFIX), (_TRANSPOSED, POSTFIX), (_REDUCED, POSTFIX), (_PRODUCT, METHOD)):
        if found := pattern.match(text, start):
            return Token(kind, found[0], *found.span())
    return None
