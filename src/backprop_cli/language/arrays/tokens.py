"""Tokens of a text with arrays: indexes, methods and keywords are one token each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backprop_cli.language.arrays.ops import KEYWORDS, METHODS
from backprop_cli.language.foreign.scan import RefusalError
from backprop_cli.language.synonyms import ALIASES
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
_CALLED = re.compile(rf"[ \t]*((?:{_MODULES}\.)+)([A-Za-z_]\w*)(?=\s*\()")
_WRAPPERS = ("array", "asarray", "tensor", "Tensor")
_EXTREMES = {"max": "amax", "min": "amin"}
_EXPLICIT = re.compile(r"\s*\([^()]*\b(?:correction|ddof)\s*=")


def array_tokens(text: str, *, python: bool = False) -> Iterator[re.Match[str] | Token]:
    """Return the tokens of a text.

    python: whether modules before a name are left out: ``np.dot(w, x)`` is ``dot(w, x)``.
    """
    text, pattern = plain_pattern(text)
    place, behind_operand = 0, False
    while True:
        if python and not behind_operand and (called := _CALLED.match(text, place)):
            place = called.end()
            name = _plain_name(text, called)
            if name:
                yield Token(NAME, name, *called.span(2))
                behind_operand = True
            continue
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


def _plain_name(text: str, called: re.Match[str]) -> str:
    """Return the name of a function without its modules, "" of what only wraps a list.

    Raises RefusalError for one that means something else there.
    """
    library, name = called[1].partition(".")[0], called[2]
    if name in _WRAPPERS:
        return ""
    if library == "torch" and name in ("var", "std") and not _EXPLICIT.match(text, called.end()):
        hint = f"write {name}(x, ddof=1), or {name}(x) to divide by n"
        raise RefusalError(f"torch.{name} divides by n - 1", text, *called.span(), hint)
    if library == "torch" and name in _EXTREMES:
        hint = f"write {name}(x), or {name}(x, axis=1)"
        raise RefusalError(f"torch.{name} has an index beside it along a dim", text, *called.span(), hint)
    # The second operand of np.max is an axis, where max(x, y) is of both.
    return _EXTREMES.get(name) or ALIASES.get(name, name)


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
