"""Which tokens a text is cut into: those of arrays are looked for only where there are marks of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backprop_cli.language.tokens import plain_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.language.tokens import Token

_ARRAYS = re.compile(r"[\[\]ᵀ]|\.\s*[A-Za-z]|\b(?:axis|dim|keepdims?|ddof|correction)\s*=(?!=)")
"""What a text has that needs the tokens of arrays."""


def tokens_of(text: str) -> Iterator[re.Match[str] | Token]:
    """Return the tokens of a text in the language."""
    if not _ARRAYS.search(text):
        return plain_tokens(text)
    from backprop_cli.language.arrays.tokens import array_tokens  # hardly ever needed

    return array_tokens(text)
