"""Depth and length are limited by memory alone; shared parts are computed once."""

import math

import pytest

from backprop_cli import ParseError, gradient


def test_a_sum_of_many_terms():
    report = gradient(" + ".join(["x", "y"] * 10_000), x=2, y=0.5)
    assert report.value == 25_000
    assert report.gradients == {"x": 10_000, "y": 10_000}
    assert report.check.status == "pass"


def test_a_sum_of_many_different_terms():
    report = gradient(" - ".join(f"{k}*x" for k in range(20_000)), x=0.5)
    assert report.gradients == {"x": -sum(range(20_000))}
    assert report.value == -0.5 * sum(range(20_000))
    assert report.check.status in ("pass", "skipped")


def test_many_parentheses():
    report = gradient("(" * 20_000 + "x*y" + ")" * 20_000, x=2, y=3)
    assert (report.value, report.gradients, len(report.nodes)) == (6, {"x": 3, "y": 2}, 3)
    assert report.check.status == "pass"


@pytest.mark.parametrize("text", ["(" * 20_000 + "x", "sin(" * 2_000], ids=["groups", "calls"])
def test_many_open_parentheses(text):
    with pytest.raises(ParseError) as caught:
        gradient(text)
    innermost = text.rindex("(")
    assert (caught.value.start, caught.value.end) == (innermost, innermost + 1)


@pytest.mark.parametrize("count", [20_000, 20_001])
def test_many_signs(count):
    report = gradient("-" * count + "x", x=2)
    sign = (-1) ** count
    assert (report.value, report.gradients, len(report.nodes)) == (2 * sign, {"x": sign}, count + 1)


def test_many_nested_calls():
    report = gradient("sin(" * 2_000 + "x" + ")" * 2_000, x=2)
    value, slope = 2.0, 1.0
    for _ in range(2_000):
        value, slope = math.sin(value), slope * math.cos(value)
    assert report.value == value
    assert report.gradients["x"] == pytest.approx(slope, rel=1e-12)
    assert report.check.status == "pass"


def test_a_chain_of_powers():
    report = gradient("**".join(["x"] * 5_000), x=1.25)
    # y(k) = x**y(k-1), y' = y·(y(k-1)/x + log(x)·y'(k-1))
    value, slope = 1.25, 1.0
    for _ in range(4_999):
        power = math.pow(1.25, value)
        value, slope = power, power * (value / 1.25 + math.log(1.25) * slope)
    assert report.value == value
    assert report.gradients["x"] == pytest.approx(slope, rel=1e-12)
    assert report.check.status == "pass"


def test_a_chain_of_statements():
    n = 25_000
    report = gradient("\n".join(f"x{k + 1} = x{k}*a + b" for k in range(n)), x0=3, a=1, b=2)
    assert (report.output, report.value, len(report.nodes)) == (f"x{n}", 3 + 2 * n, 2 * n + 3)
    # ∂/∂a is the sum of all x but the last
    assert report.gradients == {"x0": 1, "a": 3 * n + n * (n - 1), "b": n}
    assert report.check.status in ("pass", "skipped")


@pytest.mark.parametrize(
    ("text", "x", "value", "slope"),
    [
        ("x = x*x;" * 60 + "x", 1, 1, 2.0**60),
        ("x = x + x;" * 60 + "x", 0.5, 2.0**59, 2.0**60),
        ("x = max(x, x*x);" * 60 + "x", 0.75, 0.75, 1),
    ],
    ids=["products", "sums", "maxima"],
)
def test_a_shared_part_is_computed_once(text, x, value, slope):
    report = gradient(text, x=x)
    assert (report.value, report.gradients) == (value, {"x": slope})
    assert len(report.nodes) <= 121
    assert report.check.status == "pass"


def test_a_tree_of_shared_parts_in_one_expression():
    text = "x"
    for _ in range(12):
        text = f"({text} + {text})"
    report = gradient(text, x=1)
    assert (report.value, report.gradients, len(report.nodes)) == (4096, {"x": 4096}, 13)
    assert report.check.status == "pass"
