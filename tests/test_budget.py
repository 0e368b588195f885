"""Uncertainty budgets: how they are written, the Guide's examples, second order, random points."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import jsonschema
import pytest

from backprop_cli import InputError, ParseError, budget
from backprop_cli.render.budget import concise
from backprop_cli.schemas import schema_text
from backprop_cli.uncertainty.combine import coverage
from backprop_cli.uncertainty.quantities import read_quantities
from backprop_cli.uncertainty.report import Quantity


@pytest.mark.parametrize(
    ("text", "estimate", "uncertainty"),
    [
        ("2±0.1", 2, 0.1),
        ("2 ± 0.1", 2, 0.1),
        ("2+/-0.1", 2, 0.1),
        ("pi/4±1/100", math.pi / 4, 0.01),
        ("-2.00(10)", -2, 0.1),
        ("−2.00(10)e−3", -2e-3, 1e-4),
        ("2(1)", 2, 1),
        ("2.00(0.10)", 2, 0.1),
        ("1.234(56)e3", 1234, 56),
        (".5(1)", 0.5, 0.1),
        ("1200(20)", 1200, 20),
        ("(2.0±0.1)e3", 2000, 100),
        ("(2.1+/-0.1)", 2.1, 0.1),
        ("3±2%", 3, 0.06),
        ("-3 ± 2 %", -3, 0.06),
        ("0±0%", 0, 0),
        ("2.0", 2, 0),
        ("(1+2)/3", 1, 0),
        ("sqrt(4)", 2, 0),
    ],
)
def test_how_an_uncertainty_is_written(text: str, estimate: float, uncertainty: float) -> None:
    found = read_quantities([f"a={text}"])["a"]
    assert found.estimate == estimate
    assert found.uncertainty == pytest.approx(uncertainty, rel=1e-15)


@pytest.mark.parametrize(
    "text",
    [
        "2±",
        "2±-1",
        "±1",
        "2±1±1",
        "0±2%",
        "2±%",
        "2±x",
        "2(-1)",
        "2±1/0",
        "2(1)(1)",
        "1e300±1e300%",
        "2.0.1(3)",
    ],
)
def test_what_is_no_uncertainty_is_refused(text: str) -> None:
    with pytest.raises((InputError, ParseError)):
        read_quantities([f"a={text}"])


@pytest.mark.parametrize(
    ("value", "uncertainty", "text"),
    [
        (4.5, 0.35, "4.50(35)"),
        (4.5, 0.0996, "4.50(10)"),
        (-0.1494, 0.00414, "-0.1494(41)"),
        (50000838, 31.7, "5.0000838(32)e7"),
        (4567.3, 12.4, "4567(12)"),
        (123456, 1234, "1.235(12)e5"),
        (0.0000123, 0.0000045, "0.0000123(45)"),
        (1.23e-8, 4.5e-9, "1.23(45)e-8"),
        (0.2, 35, "0(35)"),
        (-0.001, 0.5, "0.00(50)"),
        (1e-3, 2e5, "0.0(20)e5"),
        (2.5, 0, "2.5"),
        (1.0, 1e-30, "1 ± 1e-30"),
    ],
)
def test_a_result_is_written_with_two_digits_of_its_uncertainty(
    value: float, uncertainty: float, text: str
) -> None:
    assert concise(value, uncertainty) == text


# Examples H.1 to H.3 of JCGM 100:2008, as published there.


def test_the_gauge_block_of_the_guide() -> None:
    report = budget(
        "lS + d - lS*(da*th + aS*dth)",
        {"lS": (50_000_623, 25), "d": (215, 9.7), "da": "0±0.58e-6", "th": "-0.1±0.41"},
        aS="11.5e-6±1.2e-6",
        dth="0±0.029",
        dof={"lS": 18, "d": 25.6, "da": 50, "dth": 2},
        percent=99,
    )
    assert report.value == 50_000_838
    assert report.uncertainty == pytest.approx(32, abs=0.5)
    told = {name: round(part.contribution, 1) for name, part in report.parts.items()}
    assert told == {
        "lS": 25,
        "d": 9.7,
        "da": 2.9,
        "th": 0,
        "aS": 0,
        "dth": 16.7,
    }  # 16.6 in the Guide, from 575·0.029
    assert report.dof == pytest.approx(16.7, abs=0.1)
    assert report.coverage is not None
    assert (report.coverage.dof, round(report.coverage.factor, 2)) == (16, 2.92)
    assert report.coverage.expanded == pytest.approx(93, abs=0.5)
    assert report.second is not None
    assert report.second.uncertainty == pytest.approx(34, abs=0.5)


VOLTAGE = {"V": "4.9990(32)", "I": "(19.6610±0.0095)e-3", "φ": "1.04446(75)"}
BETWEEN = {("V", "I"): -0.36, ("V", "φ"): 0.86, ("I", "φ"): -0.65}


@pytest.mark.parametrize(
    ("program", "value", "uncertainty"),
    [("V/I*cos(φ)", 127.732, 0.071), ("V/I*sin(φ)", 219.847, 0.295), ("V/I + 0*φ", 254.260, 0.236)],
)
def test_resistance_and_reactance_of_the_guide(program: str, value: float, uncertainty: float) -> None:
    report = budget(program, VOLTAGE, correlations=BETWEEN)
    assert report.value == pytest.approx(value, abs=5e-4)
    assert report.uncertainty == pytest.approx(uncertainty, abs=1.1e-3)  # from inputs that are rounded there
    assert budget(program, VOLTAGE).uncertainty != pytest.approx(uncertainty, rel=0.1)
    shares = [part.share or 0.0 for part in report.parts.values()]
    assert math.fsum([*shares, report.correlated or 0.0]) == pytest.approx(1, abs=1e-12)


def test_the_thermometer_of_the_guide() -> None:
    inputs = {"y1": "-0.1712(29)", "y2": "0.00218(67)", "t": 30}
    report = budget("y1 + y2*(t - 20)", inputs, correlations={("y1", "y2"): -0.930}, dof={"y1": 9, "y2": 9})
    assert concise(report.value, report.uncertainty or 0) == "-0.1494(41)"
    assert report.exact == ("t",)
    assert report.dof is None  # Welch and Satterthwaite speak of independent inputs
    assert report.coverage is None


@pytest.mark.parametrize(
    ("percent", "dof", "factor"),
    [
        (95, math.inf, 1.960),
        (95.45, math.inf, 2.0),
        (95, 1, 12.71),
        (95, 10, 2.23),
        (99, 16, 2.92),
        (68.27, 5, 1.11),
    ],
)
def test_coverage_factors_are_those_of_table_g_2(percent: float, dof: float, factor: float) -> None:
    assert coverage(1.0, dof, percent).factor == pytest.approx(factor, abs=6e-3)


@pytest.mark.parametrize(
    ("program", "inputs", "first", "second", "shift", "leading"),
    [
        ("x^2", {"x": (0, 0.1)}, 0, 0.1**2 * math.sqrt(2), 0.01, "x"),
        ("x*x", {"x": (0, 0.1)}, 0, 0.1**2 * math.sqrt(2), 0.01, "x"),
        ("cos(x)", {"x": (0, 0.1)}, 0, 0.1**2 / math.sqrt(2), -0.005, "x"),
        ("x*y", {"x": (0, 0.1), "y": (0, 0.2)}, 0, 0.02, 0, "x"),
        ("v/i", {"v": (5, 0.1), "i": (0.0196, 0.002)}, 26.526109, 26.795827, 2.656206, "i"),
        ("hypot(x, y)", {"x": (1, 0.01), "y": (0, 0.5)}, 0.01, 0.1770593, 0.125, "y"),
    ],
)
def test_second_order(
    program: str, inputs: dict[str, Any], first: float, second: float, shift: float, leading: str
) -> None:
    report = budget(program, inputs)
    assert report.second is not None
    assert report.uncertainty == pytest.approx(first)
    assert report.second.uncertainty == pytest.approx(second)
    assert report.second.shift == pytest.approx(shift)
    assert report.second.leading == leading
    assert any("first order misleads" in told.message for told in report.warnings)


@pytest.mark.parametrize(
    ("r", "deviation", "shift"), [(1, math.sqrt(2), 1), (-1, math.sqrt(2), -1), (0.5, 1.25**0.5, 0.5)]
)
def test_second_order_of_correlated_inputs(r: float, deviation: float, shift: float) -> None:
    """Of x·y with standard normal x and y: the variance is 1 + r², the mean r."""
    report = budget("x*y", x=(0, 1), y=(0, 1), correlations={("y", "x"): r}, monte_carlo=200_000)
    assert report.second is not None
    assert report.samples is not None
    assert report.second.uncertainty == pytest.approx(deviation)
    assert report.second.shift == pytest.approx(shift)
    assert report.samples.mean == pytest.approx(shift, abs=0.02)
    assert report.samples.deviation == pytest.approx(deviation, rel=0.02)


def test_second_order_that_underflows_is_not_called_zero() -> None:
    report = budget("a^2", a=(0, 1e-170))
    assert report.second is None
    assert "beyond what doubles hold" in report.no_second


def test_terms_that_cancel_leave_no_rounding() -> None:
    assert budget("a - b", a=(0.3, 0.1), b=(0.3, 0.1), correlations={("a", "b"): 1}).uncertainty == 0
    assert budget("a + b", a=(3, 3e-200), b=(3, 4e-200)).uncertainty == pytest.approx(5e-200)


def test_random_points_agree_with_the_normal_distribution() -> None:
    samples = budget("2*x + 1", x=(3, 0.5), monte_carlo=200_000, seed=4).samples
    assert samples is not None
    assert samples.mean == pytest.approx(7, abs=0.01)
    assert samples.deviation == pytest.approx(1, rel=0.01)
    assert samples.high - samples.low == pytest.approx(2 * 1.96, rel=0.02)
    assert samples == budget("2*x + 1", x=(3, 0.5), monte_carlo=200_000, seed=4).samples
    assert samples != budget("2*x + 1", x=(3, 0.5), monte_carlo=200_000, seed=5).samples


def test_random_points_without_a_value_are_counted() -> None:
    report = budget("sqrt(x)", x=(0.1, 0.1), monte_carlo=100_000)
    assert report.samples is not None
    assert report.samples.missing == pytest.approx(
        15_866, rel=0.03
    )  # beyond one standard deviation on a side
    assert any("have no value" in told.message for told in report.warnings)


@pytest.mark.parametrize(
    ("program", "inputs", "words"),
    [
        ("relu(x)", {"x": "0.05±0.1"}, "one standard uncertainty of x up and down"),
        ("abs(x)", {"x": "0.05±0.1"}, "one standard uncertainty of x up and down"),
        ("log(x)", {"x": "0.05±0.1"}, "one standard uncertainty below its estimate x leaves"),
    ],
)
def test_what_lies_within_an_uncertainty_is_told(program: str, inputs: dict[str, Any], words: str) -> None:
    assert any(words in told.message for told in budget(program, inputs).warnings)


@pytest.mark.parametrize("program", ["3*x - 2*y", "x*y", "1e8 + x - 1e8"])
def test_where_first_order_holds_nothing_is_warned_of(program: str) -> None:
    report = budget(program, x=(2, 0.01), y=(3, 0.01)) if "y" in program else budget(program, x=(2, 0.01))
    assert not [told for told in report.warnings if told.kind in ("nonlinear", "domain")]


def test_a_kink_has_no_uncertainty(backprop: Any) -> None:
    report = budget("abs(x) + y", x="0±0.1", y="1±0.1")
    assert report.uncertainty is None
    assert (report.parts["x"].left, report.parts["x"].right) == (-1, 1)
    run = backprop("budget", "abs(x)", "x=0±0.1")
    assert run.returncode == 3
    assert "slope -1 on the left, 1 on the right" in run.stdout
    assert "±" not in run.stdout
    assert "used:" not in run.stderr
    assert backprop("budget", "abs(x)", "x=0±0.1", "--monte-carlo", "1000").returncode == 0


def test_a_kink_of_an_exact_input_does_no_harm() -> None:
    assert budget("abs(x) + y", x=0, y=(1, 0.1)).uncertainty == pytest.approx(0.1)


def test_an_infinite_slope_has_no_uncertainty(backprop: Any) -> None:
    assert backprop("budget", "cbrt(x)", "x=0±0.1").returncode == 3


def test_where_only_the_second_derivative_jumps() -> None:
    report = budget("elu(x)", x="0±0.1")
    assert report.uncertainty == pytest.approx(0.1)
    assert report.second is None
    assert "jumps" in report.no_second


@pytest.mark.parametrize("form", ["a=4.9990±0.0032", "a=4.9990(32)"])
def test_the_forms(backprop: Any, form: str) -> None:
    words = "budget", "a/b", form, "b=2±1%", "--correlate", "a,b=-0.36", "--monte-carlo", "1000"
    record = json.loads(backprop(*words, "--json").stdout)
    jsonschema.validate(record, json.loads(schema_text("budget")))
    assert record["quantities"]["a"]["sensitivity"] == 0.5
    assert record["text"] == "2.500(26)"
    rows = list(csv.reader(io.StringIO(backprop(*words, "--format", "csv").stdout)))
    assert [row[0] for row in rows] == ["quantity", "b", "a", "v1"]


def test_a_kink_and_missing_parts_fit_the_schema(backprop: Any) -> None:
    schema = json.loads(schema_text("budget"))
    for words in (
        ["abs(x)", "x=0±1"],
        ["elu(x)", "x=0±1"],
        ["x^2", "x=0±1", "--no-check"],
        ["x", "x=0±1", "--dof", "x=3"],
    ):
        jsonschema.validate(json.loads(backprop("budget", *words, "--json").stdout), schema)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a*b", "a=1", "b=2"], "no input has an uncertainty"),
        (["a*b", "a=1±1"], "b has no value"),
        (["a", "a=1±1", "c=2±1"], "c is not in the program"),
        (["a*b", "a=1±1", "b=2", "--correlate", "a,b=0.5"], "b is exact"),
        (["a*b", "a=1±1", "b=2±1", "--correlate", "a,b=1.5"], "is 1.5"),
        (["a*b", "a=1±1", "b=2±1", "--correlate", "a,a=1"], "are not two inputs"),
        (["a*b", "a=1±1", "b=2±1", "--correlate", "a=1"], "can't be 'a=1'"),
        (["a*b", "a=1±1", "b=2±1", "--correlate", "a,b=1", "--correlate", "b,a=1"], "given twice"),
        (
            ["a*b*c", "a=1±1", "b=2±1", "c=1±1"]
            + [word for pair in ("a,b=1", "b,c=1", "a,c=-1") for word in ("--correlate", pair)],
            "contradict",
        ),
        (["a", "a=1±1", "--dof", "a=0.5"], "0.5 degrees"),
        (["a*b", "a=1±1", "b=1", "--dof", "b=3"], "b has no uncertainty"),
        (["a", "a=1±1", "--coverage", "0.95"], "0.95 percent"),
        (["a", "a=1±1", "--coverage", "nan"], "nan percent"),
        (["a", "a=1±1", "--monte-carlo", "1"], "1 random points"),
        (["a", "a=1±1", "--monte-carlo", "1000", "--seed", "-1"], "the seed is -1"),
        (["a", "a=1e308±1e308"], "beyond what doubles hold"),
        (["1e-200*a", "a=1±1e-150"], "beyond what doubles hold"),
        (["a", "a=1±1", "--upstream", "2"], "--upstream"),
        (["a", "a=1±1", "--wrt", "a"], "--wrt"),
        (["x", "x=1+-0.1"], "'1+-0.1' may be a difference or an uncertainty"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_mistake_ends_with_status_two(backprop: Any, words: list[str], message: str) -> None:
    run = backprop("budget", *words)
    assert run.returncode == 2
    assert message in run.stderr


@pytest.mark.parametrize(
    "named",
    [
        {"correlations": {"ab": 1}},
        {"correlations": [1]},
        {"correlations": {("a", 1): 1}},
        {"dof": {"a": "9"}},
        {"percent": "95"},
        {"monte_carlo": 1000.5},
        {"monte_carlo": "1000"},
        {"a": (1, 2, 3)},
        {"a": (1, -1)},
        {"a": (1, math.nan)},
        {"a": None},
    ],
    ids=str,
)
def test_python_is_told_what_is_wrong(named: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        budget("a*b", **({"a": (1, 0.1), "b": (1, 0.1)} | named))


def test_quantities_of_python() -> None:
    report = budget("a*b*c", {"a": Quantity(1.0, 0.1, 4.0)}, b="2.00(10)", c=3)
    assert report.parts["a"].quantity.dof == 4
    assert report.parts.keys() == {"a", "b"}


def test_a_change_that_doubles_lose_misleads_nobody(backprop):
    told = backprop("budget", "1-cos(x)", "x=1e-9±1e-10").stderr
    assert "no digit of the value is right" in told
    assert "misleads" not in told
    assert "changes the value by 0.1 and -8.33e-17" in backprop("budget", "abs(x-1)", "x=1.05±0.1").stderr
