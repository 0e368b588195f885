"""``minimize``: steps that are those of the book, and verdicts that claim nothing that is not so."""

from __future__ import annotations

import csv
import io
import json
import math
import signal
import subprocess
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop_cli import DomainError, InputError, gradient, minimize
from backprop_cli.descent.report import Descent, End, Kind, Step, Verdict
from backprop_cli.render.minimize import closing
from backprop_cli.schemas import schema_text
from conftest import Run
from console import BIN, environment

COMMAND = str(BIN / "backprop")
ROSENBROCK = "(1-x)^2 + 100*(y-x^2)^2"

# Published functions and starts (Moré, Garbow & Hillstrom 1981, and others), with what is there.
PUBLISHED = [
    (ROSENBROCK, {"x": -1.2, "y": 1}, Kind.REACHED, 0.0),
    ("(1.5-x*(1-y))^2+(2.25-x*(1-y^2))^2+(2.625-x*(1-y^3))^2", {"x": 1, "y": 1}, Kind.REACHED, 0.0),
    ("(x^2+y-11)^2 + (x+y^2-7)^2", {"x": 0, "y": 0}, Kind.REACHED, 0.0),
    ("(x-1e6)^2 + (y-2e-6)^2 + (x*y-2)^2", {"x": 1, "y": 1}, Kind.REACHED, 0.0),
    ("u=-13+x+((5-y)*y-2)*y; v=-29+x+((y+1)*y-14)*y; u^2+v^2", {"x": 0.5, "y": -2}, Kind.REACHED,
     48.98425367924),
    ("100*(x^2-y)^2+(x-1)^2+(z-1)^2+90*(z^2-w)^2+10.1*((y-1)^2+(w-1)^2)+19.8*(y-1)*(w-1)",
     {"x": -3, "y": -1, "z": -3, "w": -1}, Kind.REACHED, 0.0),
    ("(x+10*y)^2+5*(z-w)^2+(y-2*z)^4+10*(x-w)^4", {"x": 3, "y": -1, "z": 0, "w": 1}, None, 0.0),
    ("exp(-x)", {"x": 0}, None, 0.0),
    ("x^3", {"x": 1}, None, None),
    ("-x^2", {"x": 1}, None, None),
    ("x^3 - 3*x*y^2", {"x": 1, "y": 1}, None, None),
    ("abs(x) + y^2", {"x": 1, "y": 1}, None, None),
    ("x*log(x)", {"x": 3}, Kind.REACHED, -1 / math.e),
    ("cos(x)", {"x": 1}, Kind.REACHED, -1.0),
]  # fmt: skip


@pytest.mark.parametrize(("program", "start", "kind", "value"), PUBLISHED)
def test_nothing_is_called_reached_that_is_not(
    program: str, start: dict[str, float], kind: Kind | None, value: float | None
) -> None:
    for method in ("newton", "bfgs", "gd", "momentum", "adam"):
        rate = None if method in ("newton", "bfgs") else 0.001
        descent = minimize(program, start, method=method, rate=rate, steps=60)
        last = descent.steps[-1]
        if descent.verdict.kind is Kind.REACHED:
            assert kind is Kind.REACHED
            assert value is not None
            assert last.cost == pytest.approx(value, rel=1e-6, abs=1e-9)
            assert last.size < 1e-2
        if method == "newton" and kind is not None:
            assert descent.verdict.kind is kind


def test_gradient_descent_goes_as_on_a_board() -> None:
    program, point = "z = w*x + b; a = sigmoid(z); C = (a - y)^2", {"w": 0.5, "x": 2, "b": -0.3, "y": 1}
    descent = minimize(program, point, wrt=["w", "b"], method="gd", rate=0.5, steps=3)
    here = dict(point)
    for step in descent.steps:
        found = gradient(program, here, wrt=["w", "b"], check=False)
        assert step.point == {name: here[name] for name in ("w", "b")}
        assert (step.cost, step.slopes) == (found.value, found.gradients)
        assert step.size == math.hypot(*found.gradients.values())
        here |= {name: here[name] - 0.5 * slope for name, slope in found.gradients.items()}
    assert (len(descent.steps), descent.end, descent.fixed) == (4, End.STEPS, {"x": 2.0, "y": 1.0})


def test_momentum_and_adam_are_those_of_the_books() -> None:
    points = [step.point["x"] for step in minimize("x^2", x=1, method="momentum", rate=0.1, steps=3).steps]
    x, v = 1.0, 0.0
    for point in points:
        assert point == pytest.approx(x, rel=1e-15)
        v = 0.9 * v + 2 * x
        x -= 0.1 * v
    points = [step.point["x"] for step in minimize("x^2", x=1, method="adam", rate=0.1, steps=3).steps]
    x, m, s = 1.0, 0.0, 0.0
    for count, point in enumerate(points, 1):
        assert point == pytest.approx(x, rel=1e-14)
        m, s = 0.9 * m + 0.1 * 2 * x, 0.999 * s + 0.001 * 4 * x * x
        x -= 0.1 * (m / (1 - 0.9**count)) / (math.sqrt(s / (1 - 0.999**count)) + 1e-8)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=2), st.floats(0.1, 10), st.floats(-0.9, 0.9))
def test_a_quadratic_takes_one_step_of_newton(start: list[float], a: float, c: float) -> None:
    program = f"{a!r}*(x-1)^2 + (y+2)^2 + {c * math.sqrt(a)!r}*(x-1)*(y+2)"
    descent = minimize(program, x=start[0], y=start[1])
    assert descent.verdict.kind is Kind.REACHED
    assert len(descent.steps) <= 4
    assert descent.steps[-1].point["x"] == pytest.approx(1, abs=1e-7)


def test_what_the_verdict_says() -> None:
    def told(program: str, **more: Any) -> tuple[Kind, str]:
        descent = minimize(program, **more)
        return descent.verdict.kind, "; ".join(descent.verdict.told)

    assert told("x*y", x=0, y=0) == (Kind.OTHER, "a saddle")
    assert told("-x^2", x=0) == (Kind.OTHER, "a local maximum, proved")
    assert told("-x^2", x=1, maximize=True) == (Kind.REACHED, "a local maximum, proved")
    assert told("x^4", x=0)[0] is Kind.FLAT
    assert told("abs(x)", x=3, method="gd", rate=1)[0] is Kind.KINK
    kind, words = told(ROSENBROCK, x=-1.2, y=1, method="gd", rate=0.01)
    assert kind is Kind.DIVERGED
    assert "the rate 0.01 is above 2/λmax = 0.00133 at step 0" in words
    kind, words = told("-x", x=1, method="gd", rate=1e6)
    assert (kind, "runs away" in words) == (Kind.AWAY, True)
    kind, words = told("exp(x)", x=1, method="gd", rate=1, bounds={"x": (-3.0, math.inf)})
    assert (kind, "bounds hold x = -3" in words) == (Kind.REACHED, True)
    # A point of inflection is none, however near: steps of Newton's halve the way to it.
    assert told("x^3", x=1e-43)[0] is Kind.OPEN
    assert told("a*x^2", a=2, x=5, wrt=["x"])[0] is Kind.REACHED


def test_a_step_into_no_value_is_halved_and_told() -> None:
    descent = minimize("x - log(x)", x=5, method="gd", rate=10, steps=3)
    assert descent.steps[0].halved == 1
    assert "log needs an operand > 0" in descent.steps[0].note
    assert all(step.point["x"] > 0 for step in descent.steps)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"program": "log(x)", "x": -1}, DomainError, "log needs"),
        ({"program": "sqrt(x)", "x": 0}, DomainError, "infinit"),
        ({"program": "x^2", "x": 1, "method": "bfgs2"}, InputError, "no method"),
        ({"program": "x^2", "x": 1, "method": "gd", "rate": 0}, InputError, "above 0"),
        ({"program": "x^2", "x": 1, "rate": 0.1}, InputError, "newton goes by no rate"),
        ({"program": "x^2", "x": 1, "method": "bfgs", "rate": 0.1}, InputError, "bfgs goes by no rate"),
        ({"program": "x^2", "x": 1, "method": "adam", "rate": math.nan}, InputError, "above 0"),
        ({"program": "x^2", "x": 1, "bounds": {"x": (0.0, 1.0)}}, InputError, "no bounds"),
        ({"program": "x^2", "x": 1, "method": "gd", "bounds": {"y": (0, 1)}}, InputError, "not move"),
        ({"program": "x^2", "x": 1, "method": "gd", "bounds": {"x": (2.0, 1.0)}}, InputError, "no room"),
        ({"program": "2"}, InputError, "no input moves"),
        ({"program": "x^2", "x": 1, "steps": 10**7}, InputError, "up to 1,000,000 steps"),
    ],
)  # fmt: skip
def test_what_is_refused(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    program = arguments.pop("program")
    with pytest.raises(error, match=words):
        minimize(program, **arguments)


# ---- the command ----


def test_the_table_and_the_board(backprop: Run) -> None:
    done = backprop("minimize", "C = (w*2 - 1)^2", "w=0", "--method", "gd", "--rate", "0.1", "--steps", "2")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "w = w − rate · ∂C/∂w = 0 − 0.1 · (-4) = 0.4"
    assert lines[2].split() == ["step", "C", "|∇C|", "w"]
    assert lines[3].split() == ["0", "1", "4", "0"]
    assert lines[-2] == "2 steps of gd: C = 0.0016 at w = 0.48"
    assert backprop("minimise", "(x-3)^2", "x=0").stdout.endswith("a local minimum, proved\n")


def test_forms(backprop: Run, tmp_path: Path) -> None:
    words = ("minimize", ROSENBROCK, "x=-1.2", "y=1")
    record = json.loads(backprop(*words, "--format=json").stdout)
    jsonschema.validate(record, json.loads(schema_text("minimize")))
    assert record["verdict"]["kind"] == "reached"
    rows = list(csv.DictReader(io.StringIO(backprop(*words, "--format", "csv").stdout)))
    assert [float(row["value"]) for row in rows] == [step["value"] for step in record["steps"]]
    lines = backprop(*words, "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == record["steps"]
    saved = tmp_path / "found.json"
    assert backprop(*words, "--save", str(saved), "--quiet").returncode == 0
    assert json.loads(saved.read_text()) == record["best"]["point"]


def test_statuses(backprop: Run) -> None:
    assert backprop("minimize", "x*y", "x=0", "y=0").returncode == 1
    assert backprop("minimize", "log(x)", "x=-1").returncode == 3
    assert backprop("minimize", "x^2", "x=1", "--bounds", "x").returncode == 2
    assert backprop("minimize", "x^2", "x=1", "--upstream", "2").returncode == 2
    assert backprop("minimize", "x^2", "x=1", "--until", "nan").returncode == 2
    assert backprop("minimize", "x^2", "x=1", "--method", "gd", "--steps", "3").returncode == 0
    done = backprop("minimize", "x^2", "x=1", "--save", "/nowhere/at/all.json")
    assert (done.returncode, "can't write" in done.stderr) == (2, True)


def test_ctrl_c_keeps_the_best_point() -> None:
    # On a busy machine two seconds may end before the first step.
    told = next(filter(None, map(interrupted_after, (2, 8, 20))), b"")
    assert b"interrupted; to go on from the best point: x=" in told


def interrupted_after(seconds: float) -> bytes:
    command = [COMMAND, "minimize", ROSENBROCK, "x=-1.2", "y=1", "--method", "gd", "--rate", "1e-5",
               "--steps", "1000000"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    return told


def test_forty_columns(backprop: Run) -> None:
    names = [f"a{i}" for i in range(12)]
    program = " + ".join(f"({name}-{i})^2" for i, name in enumerate(names))
    done = backprop("minimize", program, *(f"{name}=0.123456" for name in names), COLUMNS="40")
    assert done.returncode == 0


# ---- rows of data ----


def line_of(tmp_path: Path) -> str:
    path = tmp_path / "line.csv"
    path.write_text("x,y\n0,1\n1,3\n2,5\n3,7\n")
    return str(path)


def test_a_straight_line_is_learnt(backprop: Run, tmp_path: Path) -> None:
    words = ("minimize", "(w*x + b - y)^2", "w=0", "b=0", "--data", line_of(tmp_path), "--rate", "0.1")
    done = backprop(*words, "--steps", "200", "--format", "json")
    assert done.returncode == 0
    record = json.loads(done.stdout)
    jsonschema.validate(record, json.loads(schema_text("minimize")))
    assert record["point"] == pytest.approx({"w": 2, "b": 1}, abs=1e-4)
    w = b = 0.0
    for step in record["steps"]:  # by hand, in Python
        assert step["point"] == pytest.approx({"w": w, "b": b}, rel=1e-12, abs=1e-12)
        errors = [(w * x + b - (2 * x + 1), x) for x in range(4)]
        assert step["value"] == pytest.approx(sum(e * e for e, _ in errors) / 4, rel=1e-10, abs=1e-12)
        w, b = w - 0.1 * sum(2 * e * x for e, x in errors) / 4, b - 0.1 * sum(2 * e for e, _ in errors) / 4


@pytest.mark.parametrize("method", ["momentum", "adam"])
def test_xor_is_learnt_by_a_small_network(backprop: Run, tmp_path: Path, method: str) -> None:
    path = tmp_path / "xor.csv"
    path.write_text("x1,x2,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n")
    hidden = [f"tanh(w{i}1*x1 + w{i}2*x2 + b{i})" for i in range(4)]
    program = " + ".join(f"v{i}*{unit}" for i, unit in enumerate(hidden))
    kinds = (("w", "1"), ("w", "2"), ("b", ""), ("v", ""))
    names = [f"{kind}{i}{end}" for i in range(4) for kind, end in kinds]
    values = [f"{name}={math.sin(3.0 * place + 1.0)!r}" for place, name in enumerate([*names, "c"])]
    rate = "0.5" if method == "momentum" else "0.1"
    done = backprop("minimize", f"(sigmoid({program} + c) - y)^2", *values, "--data", str(path),
                    "--method", method, "--rate", rate, "--steps", "400", "--format", "json")  # fmt: skip
    assert json.loads(done.stdout)["value"] < 0.01


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--method", "newton"], "newton takes no --data"),
        (["--wrt", "x"], "x is a column"),
        (["--map", "x=z"], "no column z"),
    ],
)
def test_what_training_refuses(backprop: Run, tmp_path: Path, words: list[str], told: str) -> None:
    done = backprop("minimize", "(w*x - y)^2", "w=1", "--data", line_of(tmp_path), *words)
    assert (done.returncode, told in done.stderr) == (2, True)


def test_a_row_that_is_no_number_and_one_without_a_value(backprop: Run, tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("x\n1\nNA\n")
    done = backprop("minimize", "(w*x)^2", "w=1", "--data", str(path))
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "backprop: row 2: x is 'NA', not a number")
    path.write_text("x\n1\n-1\n")
    done = backprop("minimize", "log(w*x)", "w=1", "--data", str(path))
    assert done.returncode == 3
    assert "row 2: log needs an operand > 0" in done.stderr
    path.write_text("x\n")
    assert "no rows" in backprop("minimize", "w*x", "w=1", "--data", str(path)).stderr


@pytest.mark.parametrize(
    ("program", "start"),
    [("(w-3)^4 + (v₁-a)^2", ["w=0", "v₁=1", "a=2"]), ("sum((M @ [1,2] - 3)^4)", ["M=[[1,2],[3,4]]"])],
)
def test_a_later_run_goes_on_where_the_first_was(
    backprop: Run, tmp_path: Path, program: str, start: list[str]
) -> None:
    way, file = ["--method", "gd", "--rate", "0.001", "--json"], str(tmp_path / "p.json")
    first = backprop("minimize", program, *start, *way, "--steps", "3", "--save", file)
    then = backprop("minimize", program, *way, "--steps", "2", "--start", file)
    whole = backprop("minimize", program, *start, *way, "--steps", "5")
    assert (first.returncode, then.returncode) == (0, 0), first.stderr + then.stderr
    assert json.loads(then.stdout)["point"] == json.loads(whole.stdout)["point"]


def test_values_go_before_a_start(backprop: Run, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"w": 1, "b": 2}')
    found = backprop("minimize", "w*b", "b=5", "--start", str(tmp_path / "p.json"), "--steps", "0", "--json")
    assert json.loads(found.stdout)["point"] == {"w": 1, "b": 5}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[1]", "holds no names with numbers"),
        ('{"w": "1"}', "w is no finite number"),
        ('{"w": true}', "w is no finite number"),
        ('{"w": NaN}', "w is no finite number"),
        ('{"w": 1' + "0" * 400 + "}", "w is no finite number"),
        ('{"w[0]": 1, "w[2]": 1}', "elements of w are missing"),
        ('{"w[' + "9" * 5000 + ']": 1}', "w["),
        ('{"w": 1, "q": 1}', "q"),
    ],
)
def test_starts_that_can_not_be_read(backprop: Run, tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "p.json").write_text(content)
    found = backprop("minimize", "w^2", "--start", str(tmp_path / "p.json"))
    assert (found.returncode, found.stdout) == (2, "")
    assert said in found.stderr
    assert "Traceback" not in found.stderr


def test_a_start_is_no_program(backprop: Run, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"w": 1}')
    found = backprop("minimize", "--start", str(tmp_path / "p.json"))
    assert found.returncode == 2
    assert "a program is missing" in found.stderr


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("x", "y"), "to go on from the best point: x=0.5 y=0.5"),
        (("w[0]", "w[1]"), "--start FILE goes on"),
        (tuple(f"x{i}" for i in range(9)), "--start FILE goes on"),
    ],
)
def test_how_to_go_on_after_an_interruption(names: tuple[str, ...], told: str) -> None:
    step = Step(0, dict.fromkeys(names, 0.5), 1.0, dict.fromkeys(names, 1.0), 1.0, {})
    verdict = Verdict(Kind.OPEN, ("not there yet",))
    descent = Descent("p", "C", names, {}, "gd", 0.1, 1, (step,), End.INTERRUPTED, 0, verdict)
    assert closing(descent, 6)[-1][0].endswith(told)


# ---- bfgs ----


def test_bfgs_within_bounds_ends_at_one() -> None:
    descent = minimize(ROSENBROCK, x=-1.2, y=1, method="bfgs", bounds={"x": (-math.inf, 0.5)})
    assert descent.steps[-1].point == pytest.approx({"x": 0.5, "y": 0.25}, rel=1e-8)
    assert all(step.point["x"] <= 0.5 for step in descent.steps)
    assert descent.verdict.kind is Kind.REACHED
    assert descent.verdict.told == ("a local minimum, within the bounds", "bounds hold x = 0.5")


@pytest.mark.parametrize(
    ("program", "start", "bounds", "kind", "told"),
    [
        ("exp(x)", {"x": 0}, {"x": (-3, math.inf)}, Kind.REACHED, "a local minimum within the bounds"),
        ("x*y", {"x": 0.5, "y": 0.5}, {"x": (0.25, 1)}, Kind.OPEN, "not there yet: the gradient"),
        # The minimum is just outside: what is here is another one.
        ("(x - 1)^2 + y^2", {"x": 0.5, "y": 1}, {"x": (0, 1 - 1e-7)}, Kind.REACHED, "within the bounds"),
        (
            "-y^2 + (x - 2)^2",
            {"x": 0, "y": 0},
            {"x": (0, 1)},
            Kind.OTHER,
            "of what no bound holds, a local maximum",
        ),
    ],
)
def test_what_bounds_hold_is_no_missing_step(program, start, bounds, kind, told) -> None:  # type: ignore[no-untyped-def]
    descent = minimize(program, start, method="gd", bounds=bounds, steps=300)
    assert descent.verdict.kind is kind
    assert told in descent.verdict.told[0]


def test_bfgs_of_many_inputs_and_of_rows(backprop: Run, tmp_path: Path) -> None:
    names = [f"x{i}" for i in range(40)]
    chain = " + ".join(f"100*({b} - {a}^2)^2 + (1 - {a})^2" for a, b in pairwise(names))
    descent = minimize(chain, dict.fromkeys(names, 0.5), method="bfgs", steps=500)
    assert descent.steps[-1].point == pytest.approx(dict.fromkeys(names, 1.0), rel=1e-6)
    words = ("minimize", "(w*x + b - y)^2", "w=0", "b=0", "--data", line_of(tmp_path), "--method", "bfgs")
    done = backprop(*words, "--format", "json", "--until", "1e-9")
    record = json.loads(done.stdout)
    jsonschema.validate(record, json.loads(schema_text("minimize")))
    assert record["point"] == pytest.approx({"w": 2, "b": 1}, rel=1e-8)
    assert (record["rate"], record["end"]) == (None, "flat")
    refused = backprop(*words, "--batch-size", "2")
    assert (refused.returncode, "bfgs takes all rows at once" in refused.stderr) == (2, True)


def test_bfgs_steps_over_what_has_no_value() -> None:
    descent = minimize("x - log(x)", x=30, method="bfgs")
    assert descent.verdict.kind is Kind.REACHED
    assert descent.steps[-1].point["x"] == pytest.approx(1, rel=1e-6)
    assert minimize("x - log(x)", x=30, method="bfgs", steps=0).end == "steps"
