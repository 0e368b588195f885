"""Names in LaTeX: letters with accents, subscripts and marks, as one word of the plain language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

GREEK = dict(zip(
    (
        "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda",
        "mu", "nu", "xi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta",
        "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega", "ell", "hbar",
    ),
    "αβγδεζηθικλμνξρστυφχψωΓΔΘΛΞΠΣΥΦΨΩℓħ",
    strict=True,
))  # fmt: skip
"""Commands that are letters, with the letters."""
VARIANTS = {
    "varepsilon": "epsilon", "vartheta": "theta", "varphi": "phi", "varrho": "rho", "varsigma": "sigma",
    "varkappa": "kappa",
}  # fmt: skip
ACCENTS = {
    "hat": "hat", "widehat": "hat", "bar": "bar", "overline": "bar", "tilde": "tilde", "widetilde": "tilde",
    "dot": "dot", "ddot": "ddot",
}  # fmt: skip
UPRIGHT = frozenset(
    ("text", "mathrm", "textrm", "operatorname", "mathit", "textit", "mathsf", "mathtt", "rm", "mathcal")
)
"""Commands whose letters are one name."""

_JOINED = {"+": "p", "-": "m", "*": "_star", "'": "_prime", "=": "", "(": "", ")": "", "|": "_"}


def known_as(name: str, given: Collection[str]) -> str:
    """Return a name as it is given: with Greek letters as words, or as themselves, or without a prime."""
    if name in given:
        return name
    lettered = re.sub(r"[A-Za-z]+", lambda match: GREEK.get(match[0], match[0]), name)
    for other in (lettered, name.replace("_prime", ""), name.replace("_", ""), lettered.replace("_", "")):
        if other in given:
            return other
    return name


def is_part(word: str) -> bool:
    """Tell whether a word may stand in a subscript, or in a mark above a name."""
    return word.isalnum() or word in ("{", "}", "_", r"\ast", r"\star", r"\prime") or word in _JOINED


def joined(words: list[str]) -> str | None:
    """Return the words of a subscript as the end of a name, None where they are none: ij, t+1, c2, i_j."""
    parts = []
    for word in words:
        if word in ("{", "}", "_") or word.isalnum():
            parts.append({"{": "", "}": ""}.get(word, word))
        elif word in _JOINED:
            parts.append(_JOINED[word])
        else:
            return None
    text = "".join(parts)
    return text if re.fullmatch(r"\w+", text) else None
