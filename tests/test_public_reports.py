"""The suite of public reports: what passes, what does not pass yet, and that its answers are right."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from backprop_cli.expect.criteria import DEFAULT
from backprop_cli.expect.suite import Case, read_suite, run_case
from backprop_cli.language.source import evaluate_constant
from backprop_cli.operations.table import FUNCTIONS
from backprop_cli.render.suite import why
from fuzzing.reading import read_program
from fuzzing.truth import Side, Slope, Truth, find_truth

SUITE = Path(__file__).parents[1] / "docs" / "public_reports.toml"
CASES = read_suite(SUITE.read_text(encoding="utf-8"), SUITE.name)

# Cases that do not pass yet, each with the kind of its fault. A mend takes its cases off this list.
KNOWN = {
    # F16: a function that differs between libraries at 0
    "heaviside(x)": "F16",
}


def outcome(case: Case) -> list[str]:
    """Return what is wrong with a case: an exception is."""
    try:
        result = run_case(case, DEFAULT)
    except Exception as error:  # noqa: BLE001 - a fault that is known may be one
        return [repr(error)]
    return [] if result.status == "pass" else [*why(result), result.status]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name[:60])
def test_a_case_passes_or_its_fault_is_known(case: Case) -> None:
    wrong = outcome(case)
    if case.name in KNOWN:
        assert wrong, f"mended: take it off the list of {KNOWN[case.name]}"
    else:
        assert not wrong


def test_what_is_known_is_in_the_suite() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    assert set(KNOWN) <= set(names)


# ---- the answers, by an evaluator of its own ----


@cache
def truth(program: str, *point: tuple[str, object]) -> Truth | None:
    if any(name not in FUNCTIONS for name in re.findall(r"(\w+)\(", program)):
        return None
    return find_truth(read_program(program, {name: evaluate_constant(str(x)) for name, x in point}))


def answered() -> list[Case]:
    return [case for case in CASES if "expect" in case.keys]


@pytest.mark.parametrize("case", answered(), ids=lambda case: case.name[:60])
def test_the_answers_are_right(case: Case) -> None:
    try:
        known = truth(case.keys["program"], *case.keys["inputs"].items())
    except (KeyError, TypeError, ValueError):
        known = None
    if known is None or known.status != "known":
        pytest.skip("not for this evaluator")
    for name, claims in case.keys["expect"].items():
        for claim in claims if isinstance(claims, list) else [claims]:
            if name == "value":
                assert is_near(claim, known.value), (name, claim)
            elif known.slopes[name].status != "unsure":
                assert is_true(claim, known.slopes[name]), (name, claim, known.slopes[name])


def is_true(claim: object, slope: Slope) -> bool:
    word, *sides = str(claim).split()
    if word == "kink":
        told = zip(sides, (slope.left, slope.right), strict=False)
        return slope.status == "rough" and all(side_is(text, side) for text, side in told)
    if word in ("smooth", "undefined"):
        return (slope.status == "smooth") == (word == "smooth")
    if word == "digits" or not slope.left or slope.status == "smooth":
        return is_near(claim, slope.value)
    # At the edge of a domain, and where a convention chooses among the slopes: one side, or between them.
    ends = [float(side.slope) for side in (slope.left, slope.right) if side and side.exists]
    return min(ends) <= float(word) <= max(ends)


def side_is(text: str, side: Side | None) -> bool:
    assert side is not None
    return not side.exists if text == "none" else side.exists and is_near(text, side.slope)


def is_near(claim: object, true: object) -> bool:
    """Tell whether a number is the right one; what is no number is not judged here."""
    if str(claim).startswith("digits") or not re.fullmatch(r"[-+.e\d]+|-?inf", str(claim)):
        return True
    return float(str(claim)) == pytest.approx(float(true), rel=1e-12, abs=0)  # type: ignore[arg-type]
