"""Python as people paste it: methods and the names of modules before functions. Nothing is executed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backprop_cli.language.foreign import Scan
from backprop_cli.language.tokens import FINISH, NAME, NUMBER, OPERATOR, STOP, Token
from backprop_cli.operations.table import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Collection

MARKS = r"\.\s*[A-Za-z_]\w*\s*\("
_MODULES = frozenset(("np", "numpy", "jnp", "torch", "tf", "math", "F", "nn"))
_PIECE = re.compile(
    r"(?P<blank>[^\S\n]+|\#[^\n]*|\\\n)|(?P<name>[^\W\d]\w*)|(?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<method>\.\s*[^\W\d]\w*)|(?P<stop>[;\n])|(?P<operator>\*\*|[<>]=|[-+*/^]=|[-+*/^<>=(),])"
)


def scan(text: str, given: Collection[str]) -> Scan | None:  # noqa: ARG001
    """Return the tokens of a Python text, None where something in it is not known here."""
    tokens: list[Token] = []
    before: dict[
        int, list[Token]
    ] = {}  # place -> what methods put before the token there, the outermost last
    opened: list[int] = []
    primary = -1  # where the last operand that is complete begins
    position = 0
    while position < len(text):
        match = _PIECE.match(text, position)
        if match is None:
            return None
        start, position = match.span()
        kind, word = match.lastgroup, match[0]
        if kind == "blank":
            continue
        if kind == "method":
            name = word[1:].strip()
            if name not in FUNCTIONS or primary < 0:
                return None
            module = tokens[primary].word
            if primary == len(tokens) - 1 and module in _MODULES:
                tokens[primary] = Token(NAME, name, tokens[primary].first, position)
                continue
            opening = re.compile(r"\s*\(").match(text, position)
            if opening is None:
                return None
            first = tokens[primary].first
            before.setdefault(primary, []).append(Token(NAME, name, first, position))
            opened.append(primary)
            position = opening.end()
            if closing := re.compile(r"\s*\)").match(text, position):
                tokens.append(Token(OPERATOR, ")", position, closing.end()))
                position = closing.end()
                primary = opened.pop()
            else:
                tokens.append(Token(OPERATOR, ",", position - 1, position))
                primary = -1
            continue
        if word == "(":
            is_call = primary == len(tokens) - 1 and primary >= 0
            opened.append(primary if is_call else len(tokens))
            primary = -1
        elif word == ")":
            primary = opened.pop() if opened else -1
        else:
            primary = len(tokens) if kind in ("name", "number") else -1
        tokens.append(
            Token(
                {"name": NAME, "number": NUMBER, "stop": STOP}.get(str(kind), OPERATOR), word, start, position
            )
        )
    tokens.append(Token(FINISH, "", len(text), len(text)))
    return Scan(_with(tokens, before))


def _with(tokens: list[Token], before: dict[int, list[Token]]) -> list[Token]:
    found: list[Token] = []
    for place, token in enumerate(tokens):
        for method in reversed(before.get(place, ())):
            found += (method, Token(OPERATOR, "(", token.first, token.first))
        found.append(token)
    return found
