"""What is expected beside numbers: a kink with its slopes, smoothness, no or an infinite gradient, digits.

``x = kink -1 1``, ``x = smooth``, ``x = undefined``, ``x = -inf``, ``value = digits >= 12``.
"""

from __future__ import annotations

import math
import operator
import re
from typing import TYPE_CHECKING

from backprop_cli.errors import InputError
from backprop_cli.expect.expectations import VALUE, names_of, read_expectations, read_target
from backprop_cli.expect.verdict import Settled, Verdict
from backprop_cli.language.source import evaluate_constant
from backprop_cli.record import Record, Word
from backprop_cli.report import POSSIBLE_KINK, Outcome
from backprop_cli.text import number_text, side_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from backprop_cli.expect.expectations import Expectation
    from backprop_cli.language.source import Source
    from backprop_cli.report import GradientCheck, Report

_WORDS = re.compile(r"\s*[-+]?(kink|smooth|undefined|inf|infinity|digits)\b")
_FACT = re.compile(
    r"\s*(?:(?P<kink>kink)(?:\s+(?P<left>\S+)\s+(?P<right>\S+))?|(?P<word>smooth|undefined)"
    r"|(?P<sign>[-+]?)inf(?:inity)?|digits\s*(?P<relation><=|>=|=)\s*(?P<count>\d+))\s*"
)
_FORM = "write kink, kink -1 1, kink none inf, smooth, undefined, inf, -inf, digits >= 12 or digits <= 3"
_RELATIONS: dict[str, Callable[[int, int], bool]] = {
    "<=": operator.le, ">=": operator.ge, "=": operator.eq
}  # fmt: skip
# As the tolerance of numbers.
_SAME = 1e-9

Sides = tuple[float | None, float | None]


class FactKind(Word):
    """What is said."""

    KINK = "kink"
    SMOOTH = "smooth"
    UNDEFINED = "undefined"
    INFINITE = "infinite"
    DIGITS = "digits"


class Fact(Record):
    """Something expected of a gradient, or of the digits of the value, that is no number.

    of, name: as in Expectation.  words: what is said, in one form.  sides: the slopes at a kink, if they are
    claimed, None for a side without one.  sign: of what is infinite.  relation, count: of the digits.
    """

    text: str
    of: str
    name: str
    words: str
    kind: FactKind
    sides: Sides | None = None
    sign: float = 1.0
    relation: str = ""
    count: int = 0

    @property
    def claim(self) -> str:
        """What is claimed, in one form: "x = kink -1 1"."""
        return f"{'value' if self.of == VALUE else self.name} = {self.words}"


def read_claims(text: str, source: Source) -> list[Expectation] | list[Fact]:
    """Read what is expected of a program: a number, a formula or a fact; of an array, of each element.

    Raises ParseError or InputError.

    A word that is a name of the program is that name.
    """
    left, _, right = text.partition("=")
    word = _WORDS.match(right)
    if word is None or word[1] in names_of(source):
        return read_expectations(text, source)
    match = _FACT.fullmatch(right)
    if match is None:
        raise InputError(f"{right.strip()!r} is not an expectation", text, len(left) + 1, len(text), _FORM)
    of, name = read_target(text, source)
    words = " ".join(right.split())
    if of == VALUE and (name or not match["relation"]):
        raise InputError(
            f"{words} is said of a gradient", text, 0, len(left), "x = kink, value = digits >= 12"
        )
    return [_fact(text, of, name, words, match)]


def _fact(text: str, of: str, name: str, words: str, match: re.Match[str]) -> Fact:
    if match["kink"]:
        sides = (_slope(match["left"]), _slope(match["right"])) if match["left"] else None
        return Fact(text, of, name, words, FactKind.KINK, sides=sides)
    if match["word"]:
        return Fact(text, of, name, words, FactKind(match["word"]))
    if match["relation"]:
        count = int(match["count"])
        return Fact(text, of, name, words, FactKind.DIGITS, relation=match["relation"], count=count)
    return Fact(text, of, name, words, FactKind.INFINITE, sign=-1.0 if match["sign"] == "-" else 1.0)


def _slope(text: str) -> float | None:
    """Return a slope on one side; None for none."""
    if text == "none":
        return None
    bare = text.lstrip("+-")
    if bare in ("inf", "infinity"):
        return -math.inf if text.startswith("-") else math.inf
    return evaluate_constant(text)


# ---- judging ----

_OF_THE_CHECK = (FactKind.KINK, FactKind.SMOOTH, FactKind.DIGITS)


def judge_fact(fact: Fact, report: Report) -> Verdict:
    """Return the verdict on a fact. Raises InputError where nothing is known of what it is about."""
    if fact.of == VALUE:
        count: int | None = getattr(report.check, "value_digits", None)
        return _verdict(fact, report.output, report.value, _has_digits(fact, count), _digits_told(count))
    if fact.name not in report.gradients:
        known = ", ".join(report.gradients)
        raise InputError(f"{fact.name} is not an input with a gradient", fact.text, hint=f"there are {known}")
    gradient, found = report.gradients[fact.name], report.check.gradients[fact.name]
    if fact.kind in _OF_THE_CHECK and found.reason == "not asked for":
        raise InputError(f"without the cross-check nobody knows: {fact.claim}", fact.text)
    met = {
        FactKind.KINK: lambda: (
            found.at_kink
            and found.reason != POSSIBLE_KINK
            and (fact.sides is None or _are_same(fact.sides, found))
        ),
        FactKind.SMOOTH: lambda: not found.at_kink and math.isfinite(gradient),
        FactKind.UNDEFINED: lambda: math.isnan(gradient),
        FactKind.INFINITE: lambda: gradient == fact.sign * math.inf,
        FactKind.DIGITS: lambda: _has_digits(fact, found.digits),
    }[fact.kind]()
    return _verdict(fact, fact.name, gradient, met, _told(fact, gradient, found))


def _verdict(fact: Fact, node: str, got: float, met: bool, told: str) -> Verdict:
    status = Outcome.PASS if met else Outcome.FAIL
    return Verdict(fact.claim, fact.of, node, status, math.nan, got, Settled.POINT, words=(fact.words, told))


def _are_same(sides: Sides, found: GradientCheck) -> bool:
    return all(
        a is b if a is None or b is None else math.isclose(a, b, rel_tol=_SAME, abs_tol=0.0)
        for a, b in zip(sides, (found.left, found.right), strict=True)
    )


def _has_digits(fact: Fact, count: int | None) -> bool:
    return count is not None and _RELATIONS[fact.relation](count, fact.count)


def _told(fact: Fact, gradient: float, found: GradientCheck) -> str:
    """Return what the report has of a gradient, in the words of a fact."""
    if fact.kind == FactKind.DIGITS:
        return _digits_told(found.digits, found)
    if found.reason == POSSIBLE_KINK:
        return POSSIBLE_KINK
    if fact.kind in (FactKind.KINK, FactKind.SMOOTH) and found.at_kink:
        return f"kink {side_text(found.left)} {side_text(found.right)}"
    return number_text(gradient)


def _digits_told(count: int | None, found: GradientCheck | None = None) -> str:
    if count is not None:
        return f"digits = {count}"
    if found is not None and found.zero_within is not None:
        return f"zero to within {number_text(found.zero_within, 2)}"
    return "no count of digits"
