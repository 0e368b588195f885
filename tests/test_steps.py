"""Steps that the program names: what is folded, the derivatives of what is left, and what is said of them."""

from __future__ import annotations

import json
import math
import random
import re

import jsonschema
import pytest

from backprop_cli import BackpropError, InputError, Report, gradient
from backprop_cli.report import Steps
from backprop_cli.schemas import schema_text
from backprop_cli.tell.formulas import in_names
from backprop_cli.tell.paths import find_paths
from backprop_cli.tell.steps import fold_report, in_steps, names_steps
from conftest import Run

NEURON = ("z = w*x + b; a = sigmoid(z); C = (a - y)^2", "w=0.5", "x=2", "b=-0.3", "y=1")


def folded(program: str, **point: float) -> Report:
    return fold_report(gradient(program, point, check=False))


def steps_of(report: Report) -> dict[str, str]:
    return {node.id: node.expr for node in report.nodes if node.op != "input"}


def test_a_neuron_has_three_factors(backprop: Run) -> None:
    done = backprop("explain", *NEURON, "--paths", "w")
    assert done.stdout.splitlines() == [
        "Paths from w",
        "  w → z → a → C",
        "  ∂C/∂w = ∂C/∂a · ∂a/∂z · ∂z/∂w = 2(a − y) · a(1 − a) · x",
        "        = (−0.663624) · 0.221713 · 2 = −0.294268",
    ]


def test_all_operations_on_demand(backprop: Run) -> None:
    done = backprop("explain", *NEURON, "--paths", "w", "--steps", "all")
    assert "  w → v1 → z → a → v2 → C" in done.stdout.splitlines()
    assert "  v2 = a − y = 0.668188 − 1" in backprop("explain", *NEURON, "--steps", "all").stdout
    assert "v2" not in backprop("explain", *NEURON).stdout


def test_a_program_without_named_steps_stays_as_it_is() -> None:
    report = gradient("y = sin(x)^2 + 1", x=1, check=False)
    assert not names_steps(report)
    assert in_steps(report, None) is report
    assert steps_of(in_steps(report, Steps.NAMED)) == {"y": "sin(x)^2 + 1"}


def test_a_node_that_is_asked_for_is_a_step(backprop: Run) -> None:
    done = backprop("explain", *NEURON, "--paths", "v2")
    assert "  ∂C/∂v2 = 2 × v2 = −0.663624" in done.stdout.splitlines()
    assert "∂C/∂v1 = " in backprop("explain", *NEURON, "--why", "v1").stdout


@pytest.mark.parametrize(
    ("program", "point", "formulas"),
    [
        ("u = x*x + x; u*1", {"x": 3}, {"x": "1 + 2*x"}),
        ("u = 1/(x + y); u*1", {"x": 3, "y": 2}, {"x": "-1/(x + y)^2", "y": "-1/(x + y)^2"}),
        ("u = sigmoid(w*x); u*1", {"w": 3, "x": 2}, {"w": "u*(1 - u)*x", "x": "u*(1 - u)*w"}),
        ("u = (a - y)^2/2; u*1", {"a": 3, "y": 2}, {"a": "a - y", "y": "-(a - y)"}),
        ("u = x - (x - y); u*1", {"x": 3, "y": 2}, {"x": "0", "y": "1"}),
        ("u = x*x*x; u*1", {"x": 3}, {"x": "3*x^2"}),
        ("u = sin(asin(x*y)); u*1", {"x": 0.5, "y": 0.5}, {"x": "cos(asin(x*y))/sqrt(1 - (x*y)^2)*y"}),
    ],
)
def test_formulas(program: str, point: dict[str, float], formulas: dict[str, str]) -> None:
    node = next(node for node in folded(program, **point).nodes if node.id == "u")
    assert dict(zip(node.operands, node.formulas, strict=True)) | formulas == dict(
        zip(node.operands, node.formulas, strict=True)
    )


def test_a_derivative_that_holds_another_step_is_marked() -> None:
    report = folded("u = w*x; L = 3*u + w*w", w=2, x=5)
    assert steps_of(report) == {"u": "w*x", "L": "3*u + w*w"}
    last = report.nodes[-1]
    assert dict(zip(last.operands, last.partials, strict=True)) == {"u": 3, "w": 4}
    assert [last.mark(argnum) for argnum in range(2)] == ["", "|u"]
    paths = find_paths(report, "w")
    assert [(path.nodes, path.product) for path in paths.paths] == [(("w", "u", "L"), 15), (("w", "L"), 4)]
    assert paths.total == 19


def test_decisions_stay_steps() -> None:
    assert steps_of(folded("z = relu(w*x + b)*2; z^2", w=1, x=2, b=1)) == {
        "v2": "w*x + b",
        "v3": "relu(v2)",
        "z": "v3*2",
        "v4": "z^2",
    }
    assert set(steps_of(folded("z = where(x*y > 1, x^2, y); z*2", x=2, y=3))) == {"v1", "v2", "v3", "z", "v4"}


def test_what_would_be_long_keeps_its_parts() -> None:
    program = f"u = {' + '.join(f'sin({name}*x)' for name in 'abcdefghijklm')}; u*2"
    report = folded(program, x=1, **dict.fromkeys("abcdefghijklm", 0.5))
    texts = steps_of(report)
    assert max(map(len, texts.values())) <= 72
    assert 3 <= len(texts) < 8


def test_a_shared_part_that_is_kept_late_is_kept_everywhere() -> None:
    names = "abcdefghijklmno"
    program = f"p = (a*b + c)*2; q = (a*b + c)*({' + '.join(f'{name}*{name}' for name in names)}); p*q"
    report = folded(program, **{name: 0.5 + i for i, name in enumerate(names)})
    known = {node.id for node in report.nodes}
    for node in report.nodes:
        assert set(re.findall(r"[a-z]\d*", node.expr)) - {"input", *"input"} <= known | set("input")
        assert all(operand in known for operand in node.operands if isinstance(operand, str))


# ---- random programs ----


GATES = ("relu", "max", "where")


def random_steps(chance: random.Random) -> tuple[str, dict[str, float]]:
    names = ["x", "y"]
    lines = []
    for count in range(chance.randrange(1, 5)):

        def part(depth: int) -> str:
            if depth == 0 or chance.random() < 0.2:
                return chance.choice([*names, *names, "2", "0.5"])
            kind = chance.choice(
                [
                    "+",
                    "-",
                    "*",
                    "/",
                    "sin",
                    "exp",
                    "sigmoid",
                    "tanh",
                    "^2",
                    "-u",
                    "sqrt",
                    "relu",
                    "max",
                    "where",
                ]
            )
            if kind == "max":
                return f"max({part(depth - 1)}, {part(depth - 1)})"
            if kind == "where":
                return f"where({part(depth - 1)} > {part(depth - 1)}, {part(depth - 1)}, {part(depth - 1)})"
            if kind in "+-*/":
                return f"({part(depth - 1)} {kind} {part(depth - 1)})"
            if kind == "^2":
                return f"({part(depth - 1)})^2"
            return f"(-{part(depth - 1)})" if kind == "-u" else f"{kind}({part(depth - 1)})"

        lines.append(f"n{count} = {part(3)}")
        names.append(f"n{count}")
    point = {name: round(chance.uniform(0.5, 2), 2) for name in ("x", "y")}
    return "; ".join([*lines, f"L = ({' + '.join(names[2:])})*x + y"]), point


@pytest.mark.parametrize("seed", range(60))
def test_every_derivative_is_that_of_the_step_by_itself(seed: int) -> None:
    """Slope and formula of a step by an operand, the others held, are those of its expression."""
    program, point = random_steps(random.Random(seed))
    try:
        report = gradient(program, point, check=False)
    except BackpropError:
        return
    steps = fold_report(report)
    values = {node.id: node.value for node in steps.nodes}
    for node in steps.nodes:
        if not node.folded or node.op == "constant":
            continue
        alone = gradient(node.expr, {x: values[x] for x in node.operands if isinstance(x, str)}, check=False)
        for operand, slope, formula in zip(node.operands, node.partials, node.formulas, strict=True):
            assert slope == pytest.approx(alone.gradients[str(operand)], rel=1e-9, abs=1e-12), program
            if formula:
                known = {x: values[x] for x in values if re.search(rf"\b{x}\b", formula)}
                number = gradient(formula, known, check=False).value
                assert number == pytest.approx(slope, rel=1e-9, abs=1e-9), (program, formula)
    for name, found in in_names(report, Steps.NAMED).check.gradients.items():
        if found.named:
            known = {x: values[x] for x in values if re.search(rf"\b{x}\b", found.named)}
            number = gradient(found.named, known, check=False).value
            assert number == pytest.approx(report.gradients[name], rel=1e-8, abs=1e-8), (program, found.named)
    for name in ("x", "y"):
        paths = find_paths(steps, name)
        if paths.number <= 100 and math.isfinite(paths.total):
            products = [path.product for path in paths.paths]
            bound = 1e-9 * max(map(abs, products), default=0.0)
            assert math.fsum(products) == pytest.approx(paths.total, rel=1e-9, abs=bound)


def test_json(backprop: Run) -> None:
    record = json.loads(backprop("explain", *NEURON, "--json", "--paths", "w").stdout)
    jsonschema.validate(record, json.loads(schema_text("explain")))
    assert [step["node"] for step in record["forward"]] == ["z", "a", "C"]
    assert record["paths"]["paths"][0]["formulas"] == ["x", "a*(1 - a)", "2*(a - y)"]


def test_from_python() -> None:
    report = gradient("z = w*x + b; tanh(z)", w=2, x=1, b=-1, check=False)
    assert "v1" not in str(report.explain())
    assert "v1 = w × x" in str(report.explain(steps="all"))
    with pytest.raises(InputError, match="steps can't be 'few'"):
        report.explain(steps="few")


def test_elements_of_arrays_have_numbers(backprop: Run) -> None:
    done = backprop("explain", "z = w@x + b; C = (z - 1)^2", "w=[0.5,2]", "x=[2,1]", "b=-0.3")
    assert "  z = w[0] × x[0] + w[1] × x[1] + b = 0.5 × 2 + 2 × 1 + (−0.3) = 2.7" in done.stdout
    assert "∂C/∂w[0] = ∂C/∂z · ∂z/∂w[0] = 3.4 · x[0] = 3.4 · 2 = 6.8" in done.stdout


# ---- the column of formulas ----


@pytest.mark.parametrize(
    ("program", "point", "formulas"),
    [
        ("u = w*x; k = w^2; L = u + 3*k", {"w": 2, "x": 5}, {"w": "6*w + x", "x": "w"}),
        ("e = a*b; L = e/2 - a", {"a": 2, "b": 5}, {"a": "-1 + b/2", "b": "a/2"}),
        (
            "z = w*x; a = relu(z); L = a + x",
            {"w": 2, "x": 5},
            {"w": "where(z > 0, 1, 0)*x", "x": "1 + where(z > 0, 1, 0)*w"},
        ),
        ("u = w*x; L = 3*max(u + x, 1)", {"w": 2, "x": 5}, {"w": "3*where(u + x > 1, 1, 0)*x", "x": None}),
        ("u = w*x; L = max(u, u)", {"w": 2, "x": 5}, {"w": "", "x": ""}),
        ("u = w*x; L = where(u > 0, u, 0)*2", {"w": 2, "x": 5}, {"w": "2*where(u > 0, 1, 0)*x", "x": None}),
        ("z = w*x; a = abs(z); L = a*y", {"w": 0, "x": 5, "y": 3}, {"w": "", "x": "", "y": "a"}),
        ("(a*b)^2", {"a": 2, "b": 5}, {"a": "", "b": ""}),
    ],
)
def test_gradients_in_the_names_of_the_steps(
    program: str, point: dict[str, float], formulas: dict[str, str | None]
) -> None:
    report = in_names(gradient(program, point, check=False), None)
    for name, formula in formulas.items():
        assert formula in (report.check.gradients[name].named, None)


def test_the_column_of_formulas(backprop: Run) -> None:
    table = backprop("grad", *NEURON, "--upstream", "10").stdout
    assert re.search(
        r"input +gradient +formula +by sympy +digits +check\nw +-2.94268  20\*\(a - y\)\*a\*\(1 - a\)\*x",
        table,
    )
    assert "sympy's formula" in backprop("grad", *NEURON, "--steps", "all").stdout
    record = json.loads(backprop("grad", *NEURON, "--json").stdout)
    jsonschema.validate(record, json.loads(schema_text("grad")))
    assert record["check"]["gradients"]["b"]["named"] == "2*(a - y)*a*(1 - a)"
    assert "exp" in record["check"]["gradients"]["b"]["formula"]


# ---- drawings ----


def test_a_drawing_has_a_box_for_each_step(backprop: Run) -> None:
    drawn = backprop("graph", *NEURON, "--style", "rails").stdout
    assert "v1" not in drawn
    assert re.search(r"z = w × x \+ b +0.7 +-0.1471 +∂z/∂w = 2 +∂z/∂x = 0.5 +∂z/∂b = 1", drawn)
    assert "v1 = w × x" in backprop("graph", *NEURON, "--style", "rails", "--steps", "all").stdout
    formulas = backprop("graph", *NEURON, "--style", "rails", "--symbolic").stdout
    assert "∂C/∂a = 2 × (a − y)" in formulas


def test_where_every_operation_is_drawn(backprop: Run) -> None:
    for steps in ("named", "all"):
        page = backprop("graph", *NEURON, "--format", "html", "--steps", steps)
        assert f'<option value="{steps}" selected>' in page.stdout
    arrays = backprop("graph", "sum(x^2)", "x=[1,2]", "--format", "html", "--steps", "named")
    assert arrays.stderr.startswith("backprop: the page has a box for each array")
    bare = backprop("graph", NEURON[0], "--steps", "named")
    assert (bare.returncode, bare.stdout) == (2, "")
    assert "v1" in backprop("graph", NEURON[0]).stdout


def test_a_constant_is_nothing_to_differentiate_by(backprop: Run) -> None:
    done = backprop("grad", "u = (x-1)^2 + 1; L = u*2", "x=1")
    assert "is held" not in done.stdout


def test_a_power_of_zero_has_no_slope(backprop: Run) -> None:
    done = backprop("explain", "u = x^0; L = u*2 + x", "x=0")
    assert "  ∂L/∂u · ∂u/∂x = 2 · 0 = 0" in done.stdout.splitlines()


def test_latex_groups_the_factors_of_a_path(backprop: Run) -> None:
    maths = backprop("explain", *NEURON, "--paths", "w", "--format", "latex").stdout
    assert r"= 2\left(a - y\right) \cdot a\left(1 - a\right) \cdot x = " in maths
