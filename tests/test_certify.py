"""``fit --certify``: a minimum that is proved lies where it is told, and what is none is not proved."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from typing import Any

import jsonschema
import pytest

from backprop_cli import fit
from backprop_cli.errors import UsageError
from backprop_cli.fitting import certify as certify_module
from backprop_cli.fitting.report import Certificate, Fit, Outcome
from backprop_cli.render.fit import closing, render_json
from backprop_cli.schemas import schema_text
from conftest import Run
from console import ROOT

pytest.importorskip("flint")
CASES = {
    case["name"]: case
    for case in map(json.loads, (ROOT / "tests/data/nist.jsonl").read_text("utf-8").splitlines())
}
X = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
DECAY = {"x": X, "y": [10.1, 6.0, 3.7, 2.2, 1.4, 0.8], "s": [0.2, 0.2, 0.1, 0.1, 0.1, 0.1]}


def proof_of(found: Fit) -> Certificate:
    record = json.loads(render_json(found))
    jsonschema.validate(record, json.loads(schema_text("fit")))
    assert found.certificate is not None
    assert record["certified"]["proved"] is (not found.certificate.reason)
    return found.certificate


def said(found: Fit) -> str:
    return [line for line, _ in closing(found, 6)][-1]


# Certified values have eleven digits; MGH10 and Lanczos2 are among the worst conditioned.
@pytest.mark.parametrize("name", ["BoxBOD", "MGH10", "Lanczos2", "Thurber"])
def test_certified_values_are_proved(name: str) -> None:
    case = CASES[name]
    found = fit(f"{case['response']} ~ {case['model']}", case["columns"], case["start2"], certify=True)
    proof = proof_of(found)
    assert proof.reason == ""
    for at in proof.enclosed:
        assert at.low <= at.high <= at.low + 4e-16 * abs(at.low)  # the doubles around it
        assert at.low == pytest.approx(case["certified"][at.name], rel=2e-10)
        assert abs(found.estimates[at.name] - at.low) <= at.within + (at.high - at.low)


def test_a_straight_line_is_enclosed_to_the_last_digit() -> None:
    x, y = ([Fraction(v) for v in DECAY[name]] for name in "xy")
    mean_x, mean_y = sum(x) / 6, sum(y) / 6
    b = sum((v - mean_x) * w for v, w in zip(x, y, strict=True)) / sum((v - mean_x) ** 2 for v in x)
    exact = {"a": mean_y - b * mean_x, "b": b}
    found = fit("y ~ a + b*x", DECAY, certify=True)
    proof = proof_of(found)
    assert [at.name for at in proof.enclosed] == ["a", "b"]
    for at in proof.enclosed:
        assert Fraction(at.low) <= exact[at.name] <= Fraction(at.high)
        assert abs(Fraction(found.estimates[at.name]) - exact[at.name]) <= Fraction(at.within)
    assert said(found).startswith("proved: a strict local minimum of the sum of squares lies within ")


def test_weights_left_sides_and_fixed_parameters_are_those_of_the_fit() -> None:
    found = fit("log(y) ~ log(a) - b*x + c", DECAY, b=1, a=5, fixed={"c": 0.125}, sigma="s/y", certify=True)
    assert proof_of(found).reason == ""
    wrong = fit("log(y) ~ log(a) - b*x + c", DECAY, b=1, a=5, fixed={"c": 0.125}, sigma="s", certify=True)
    assert all(at.within <= 1e-13 for at in (*proof_of(found).enclosed, *proof_of(wrong).enclosed))
    pairs = zip(proof_of(found).enclosed, proof_of(wrong).enclosed, strict=True)
    assert all(one.high < other.low or other.high < one.low for one, other in pairs)


def test_exact_data_and_numbers_that_are_0() -> None:
    found = fit("y ~ a*x + b", {"x": X, "y": [4] * 6}, certify=True)
    proof = proof_of(found)
    assert found.outcome is Outcome.EXACT
    for at, x in zip(proof.enclosed, (0.0, 4.0), strict=True):
        assert at.low <= x <= at.high <= at.low + 2e-15
    if found.estimates["a"]:
        assert said(found).endswith(" of the estimate of a")
        assert ", relative to each but a, and " in said(found)


def test_a_power_of_a_column_that_has_a_zero() -> None:
    found = fit("y ~ a*x^b + c", DECAY, b=1, certify=True)
    assert proof_of(found).reason == ""


def test_a_minimum_that_is_a_double() -> None:
    found = fit("y ~ a", {"y": [1]}, certify=True)
    assert (
        said(found) == "proved: a strict local minimum of the sum of squares lies at the unrounded estimates"
    )


def test_bounds_that_hold() -> None:
    found = fit("y ~ a*exp(-b*x)", DECAY, b=0.1, bounds={"b": (0.0, 0.3)}, certify=True)
    assert [at.name for at in proof_of(found).enclosed] == ["a"]
    assert "a strict local minimum of the sum of squares within the bounds lies within" in said(found)
    whole = fit("y ~ a*x", DECAY, bounds={"a": (3, 5)}, certify=True)
    assert said(whole).endswith("within the bounds lies where these hold all parameters")


@pytest.mark.parametrize(
    ("formula", "more", "reason"),
    [
        ("y ~ -sqrt(b)*x", {"b": 1}, "the search did not come to a minimum"),
        ("y ~ a*x + c*b*x", {"b": 1, "c": 1}, "the search did not come to a minimum"),
        ("y ~ m + b^3*(x + 1)", {"b": 1, "bounds": {"m": (3, 5)}}, None),
        ("y ~ a*sinc(b*x)", {"b": 0.3}, "no box around these estimates"),  # its series has no bound
    ],
)
def test_what_is_not_proved(formula: str, more: dict[str, Any], reason: str | None) -> None:
    found = fit(formula, DECAY, certify=True, **more)
    if reason is not None:
        assert reason in proof_of(found).reason
        assert said(found) == f"not proved: {proof_of(found).reason}"


def test_a_point_that_is_off_is_told_to_be_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The distance is from the point that is proved, not from where the search ended."""
    formula = certify_module.certify

    def shifted(*given: Any) -> Certificate:
        estimates = {name: x * (1 + 1e-6) for name, x in given[3].items()}
        return formula(*given[:3], estimates, *given[4:])

    monkeypatch.setattr(certify_module, "certify", shifted)
    found = fit("y ~ a*exp(-b*x)", DECAY, b=1, certify=True)
    proof = proof_of(found)
    assert proof.enclosed[1].within == pytest.approx(1e-6 * found.estimates["b"], rel=1e-3)


def test_a_saddle_is_no_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    prove = certify_module.prove_critical
    monkeypatch.setattr(
        certify_module, "prove_critical", lambda *given: prove(*given)._replace(rises=1, falls=1)
    )
    assert proof_of(fit("y ~ a + b*x", DECAY, certify=True)).reason.startswith("no box around")


def test_much_data_and_ctrl_c_leave_the_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_given: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(certify_module, "_MOST", 20)
        found = fit("y ~ a + b*x", DECAY, certify=True)
        assert "up to 20 are taken" in proof_of(found).reason
    monkeypatch.setattr(certify_module, "prove_critical", interrupt)
    found = fit("y ~ a + b*x", DECAY, certify=True)
    assert (found.outcome, found.interrupted) == (Outcome.CONVERGED, True)
    assert proof_of(found).reason == "it was interrupted"


def test_the_command_ends_with_1_where_nothing_is_proved(backprop: Run) -> None:
    data = "x,y\n0,10.1\n1,6.0\n2,3.7\n3,2.2\n4,1.4\n5,0.8\n"
    done = backprop("fit", "y ~ a*sinc(b*x)", "--data", "-", "b=0.3", "--certify", stdin=data)
    assert (done.returncode, "not proved: no box" in done.stdout) == (1, True)


def test_without_its_package_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flint", None)
    for name in ("fitting.certify", "calculus.proved", "certain.critical", "operations.balls"):
        monkeypatch.delitem(sys.modules, f"backprop_cli.{name}", raising=False)
    monkeypatch.delattr("backprop_cli.fitting.certify")
    with pytest.raises(UsageError, match="proofs need python-flint"):
        fit("y ~ a + b*x", DECAY, certify=True)
