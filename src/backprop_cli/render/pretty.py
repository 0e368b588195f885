"""Expressions as they are written on a board: "e = a × b − 3²", in ASCII as they stand in a program."""

from __future__ import annotations

import re

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
# The exponent of a number (1e-7) keeps its sign.
_EXPONENT = re.compile(r"(?<=[0-9.][eE])-")


def pretty(text: str, *, unicode: bool = True) -> str:
    """Return an expression of the language with × − ÷ and superscript powers; with spaces in ASCII."""
    if not unicode:
        return text.replace("*", " * ").replace(" *  * ", "**")
    text = re.sub(r"\^([0-9]+)(?![0-9.eE])", lambda match: match[1].translate(_SUPERSCRIPTS), text)
    text = _EXPONENT.sub("\0", text).replace("-", "−").replace("\0", "-")
    return text.replace("*", " × ").replace("/", " / ")
