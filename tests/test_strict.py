"""--strict: what is not confirmed with 12 digits ends with 1, and is named."""

from __future__ import annotations

import pytest

from conftest import Run

CONFIRMED = [
    ("grad", "(a*b+c)*f", "a=2", "b=3", "c=-10", "f=5"),
    ("grad", "x - x", "x=0.3"),
    ("grad", "relu(x)", "x=-2"),
    ("grad", "(1-cos(x))/x^2 + y", "x=1", "y=2"),
    ("check", "x*y", "x=2", "y=3", "--expect", "x=y"),
    ("grad", "exp(x)", "x=0.1", "--precision", "20"),
    ("grad", "abs(x)*y", "x=0", "y=2", "--wrt", "y"),
]


@pytest.mark.parametrize("words", CONFIRMED, ids=lambda words: words[1])
def test_what_is_confirmed_passes(backprop: Run, words: tuple[str, ...]) -> None:
    done = backprop(*words, "--strict")
    assert done.returncode == 0
    assert (done.stdout, done.stderr) == (backprop(*words).stdout, backprop(*words).stderr)


UNCONFIRMED = [
    (("grad", "1 - cos(x)", "x=1e-9"), "the value (no digit right)"),
    (("grad", "1 - cos(x)", "x=1e-3"), "the value (only 10 digits right)"),
    (
        ("grad", "(1-cos(x))/x^2", "x=1e-9"),
        "the value (no digit right), the gradient with respect to x (no digit right)",
    ),
    (("grad", "abs(x)*y", "x=0", "y=2"), "the gradient with respect to x (at a kink)"),
    (("grad", "cos(pi*x)", "x=1"), "the gradient with respect to x (zero to within rounding)"),
    (("grad", "sin(pi*x)", "x=1"), "the value (zero to within rounding)"),
    (("check", "1 - cos(x)", "x=1e-9", "--expect", "x=sin(x)"), "the value (no digit right)"),
]


@pytest.mark.parametrize(("words", "what"), UNCONFIRMED, ids=lambda x: " ".join(x[1:3]))
def test_what_is_not_confirmed_is_named(backprop: Run, words: tuple[str, ...], what: str) -> None:
    assert backprop(*words).returncode == 0
    done = backprop(*words, "--strict")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"backprop: not confirmed with 12 digits: {what}"
    assert done.stdout == backprop(*words).stdout


def test_strict_needs_the_check(backprop: Run) -> None:
    for words in (("grad", "x", "x=1"), ("check", "x", "x=1", "--expect", "x=1")):
        assert backprop(*words, "--strict", "--no-check").returncode == 2


def test_what_does_not_exist_comes_first(backprop: Run) -> None:
    assert backprop("grad", "sqrt(x)", "x=0", "--strict").returncode == 3
    assert backprop("grad", "1/x", "x=0", "--strict").returncode == 3


SUITE = """
[[case]]
program = "(1-cos(x))/x^2"
inputs = {x = 1e-9}
[[case]]
program = "x^2"
inputs = {x = 3}
expect = {x = 6}
"""


def test_a_case_of_a_suite_that_is_not_confirmed_fails(backprop: Run) -> None:
    assert backprop("check", "--suite", "-", stdin=SUITE).returncode == 0
    done = backprop("check", "--suite", "-", "--strict", stdin=SUITE)
    assert done.returncode == 1
    assert "not confirmed with 12 digits: the value (no digit right)" in done.stdout
    assert "2 cases: 1 passed, 1 failed" in done.stdout
    assert backprop("check", "--suite", "-", "--strict", "--no-check", stdin=SUITE).returncode == 2


ROWS = "x,w\n0.5,2\n1e-9,3\n0,1\n"


def test_the_sample_of_batch_is_confirmed_or_named(backprop: Run) -> None:
    words = ("batch", "relu(x)*w", "--data", "-", "--check", "3")
    assert backprop(*words, stdin=ROWS).returncode == 0
    done = backprop(*words, "--strict", stdin=ROWS)
    assert done.returncode == 1
    assert "1 of these is not confirmed\n  row 3: not confirmed with 12 digits" in done.stderr
    assert backprop("batch", "x*w", *words[2:], "--strict", stdin=ROWS).returncode == 0


def test_batch_needs_a_sample_for_strict(backprop: Run) -> None:
    done = backprop("batch", "x*w", "--data", "-", "--strict", stdin=ROWS)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--strict goes by the rows of --check" in done.stderr
