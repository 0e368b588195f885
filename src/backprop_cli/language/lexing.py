"""Which tokens a text is cut into: those of arrays are looked for only where there are marks of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backprop_cli.language.arrays.ops import KEYWORDS
from backprop_cli.language.tokens import plain_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.language.tokens import Token

_ARRAYS = re.compile(rf"[\[\]ᵀ]|\.\s*[A-Za-z]|\b(?:{'|'.join(KEYWORDS)})\s*=(?!=)")
"""What a text has that needs the tokens of arrays."""
_MARKS = ("[", "]", "ᵀ", ".", *KEYWORDS)
"""One of these is in it; looking for them takes a twentieth of the time."""


def tokens_of(text: str) -> Iterator[re.Match[str] | Token]:
    """Return the tokens of a text in the language."""
    if not any(mark in text for mark in _MARKS) or not _ARRAYS.search(text):
        return plain_tokens(text)
    from backprop_cli.language.arrays.tokens import array_tokens  # hardly ever needed

    return array_tokens(text)
