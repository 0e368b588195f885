"""What a scanner returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.errors import ParseError

if TYPE_CHECKING:
    from backprop_cli.language.tokens import Token


class Scan(NamedTuple):
    """What a scanner makes of a text.

    tokens: of the program in the plain language, the last one of the kind FINISH.
    output: the name whose value is the result, where that is not the last statement (``g.backward()``).
    skipped: spans of lines that say nothing about the value (``import torch``).
    """

    tokens: list[Token]
    output: str | None = None
    skipped: tuple[tuple[int, int], ...] = ()


class RefusalError(ParseError):
    """A text that is in the notation beyond doubt, and is refused: so it is said in the terms of that."""

    is_certain = True
