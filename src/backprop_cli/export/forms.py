"""What a language is to an export: a table of forms over the instructions that a row may use."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# fmt: off
INFIX = {
    "add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "div": "{0} / {1}", "neg": "-{0}",
    "lt": "{0} < {1}", "le": "{0} <= {1}", "gt": "{0} > {1}", "ge": "{0} >= {1}",
    "eq": "{0} == {1}", "ne": "{0} != {1}",
    "both": "{0} && {1}", "either": "{0} || {1}", "not": "!{0}", "where": "{0} ? {1} : {2}",
    # 1/0 is a slope of infinity, whichever sign the zero has.
    "ratio": "{0} / ({1} + 0.0)",
}
UNARY = (
    "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "sin", "cos", "tan", "asin", "acos",
    "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "floor", "ceil", "erf", "erfc",
)
PAIRS = ("atan2", "hypot", "pow")
# fmt: on


@dataclass(frozen=True)
class Language:
    """How a language writes a function and its test, as forms to be filled in.

    forms: instruction -> its expression, with {0}, {1} … for the operands.  helpers: name -> the text of a
    function that some forms call.  start, head: of the file and the function.
    local: how a result gets a name;
    kinds: what numbers and truth values are declared as.  gradient, result: how what is found is given back.
    parameter: one, of those between commas.  after_one: what stands behind a single gradient.
    test: the file's own test, of the points in ``case``, where ``check`` compares a gradient.
    first: the place of the first gradient.  declaration: of local names, in front, where a language wants
    it.
    truth: true and false.  spell: a number that has an exponent, in a language that writes one to each.
    reserved: names that are taken.  ignores_case, longest: of names.  width, continued: of lines, and what
    stands at the end of one that goes on.
    unused: what keeps a compiler from warning of an input that no result needs.
    run: what compiles and runs a file with its test; the last command's status tells.
    """

    name: str
    ending: str
    forms: Mapping[str, str]
    helpers: Mapping[str, str]
    start: str
    head: str
    parameter: str
    local: str
    kinds: tuple[str, str]
    gradient: str
    result: str
    test: str
    case: str
    check: str
    comment: str
    truth: tuple[str, str]
    infinity: str
    nan: str
    reserved: frozenset[str]
    run: tuple[tuple[str, ...], ...]
    takes_unicode: bool = False
    unused: str = ""
    after_one: str = ""
    first: int = 0
    declaration: str = ""
    spell: str = ""
    ignores_case: bool = False
    longest: int = 1_000
    width: int = 0
    continued: str = ""

    def number(self, x: float | bool) -> str:
        """Return a number, or a truth value, as it is written."""
        if isinstance(x, bool):
            return self.truth[not x]
        if not math.isfinite(x):
            return self.nan if math.isnan(x) else self.infinity if x > 0 else f"-{self.infinity}"
        text = repr(float(x))
        if self.spell:
            mantissa, _, exponent = text.partition("e")
            return self.spell.format(mantissa, exponent or "0")
        return text if "." in text or "e" in text else f"{text}.0"
