"""Expressions as they are written on a board: "e = a × b − 3²", in ASCII as they stand in a program."""

from __future__ import annotations

import re

from backprop_cli.language.binding import is_sum

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
# The exponent of a number (1e-7) keeps its sign.
_EXPONENT = re.compile(r"(?<=[0-9.][eE])-")


def pretty(text: str, *, unicode: bool = True) -> str:
    """Return an expression of the language with × − ÷ and superscript powers; with spaces in ASCII."""
    if not unicode:
        return text.replace("*", " * ").replace(" *  * ", "**")
    text = re.sub(r"\^([0-9]+)(?![0-9.eE])", lambda match: match[1].translate(_SUPERSCRIPTS), text)
    return with_minus(text).replace("*", " × ").replace("/", " / ")


def with_minus(text: str) -> str:
    """Return a text with the sign − where a hyphen stands for it."""
    return _EXPONENT.sub("\0", text).replace("-", "−").replace("\0", "-")


def factor(text: str, *, unicode: bool = True) -> str:
    """Return a local derivative as the factor it is: "×3", "×(1 − a)"; in ASCII "*3"."""
    shown = number_or_formula(text, unicode=unicode)
    if is_sum(text):
        shown = f"({shown})"
    return f"{'×' if unicode else '*'}{shown}"


def factor_back(text: str, *, unicode: bool = True) -> str:
    """Return a local derivative as it stands on an arrow, against whose direction it works: "←×3"."""
    return ("←" if unicode else "<-") + factor(text, unicode=unicode)


def number_or_formula(text: str, *, unicode: bool = True) -> str:
    """Return a local derivative as it is shown. A number stays what it is, so that it can be copied."""
    try:
        float(text)
    except ValueError:
        return pretty(text, unicode=unicode)
    return text


def to_ascii(text: str) -> str:
    """Return a text in ASCII; letters that it lacks are written as Python does."""
    return text.encode("ascii", "backslashreplace").decode("ascii")
