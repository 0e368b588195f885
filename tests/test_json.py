"""The JSON of grad: its schema, its strictness, its letters."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import backprop_cli
from backprop_cli import gradient
from backprop_cli.render.json import render_report
from conftest import Run

SCHEMA = json.loads(
    (Path(backprop_cli.__file__).parent / "schemas" / "grad.schema.json").read_text(encoding="utf-8")
)

PROGRAMS = [
    ("(a*b+c)*f", {"a": 2, "b": 3, "c": -10, "f": 5}),
    ("2 + 3", {}),
    ("x", {"x": 1}),
    ("relu(x)", {"x": 0}),
    ("x^n", {"x": -2, "n": 2}),
    ("sqrt(x)", {"x": 0}),
    ("-sqrt(x)", {"x": 0}),
    ("where(x > 0, log(x), 2*x)", {"x": -1}),
    ("c = 1; c += x; c *= x; y = c; y + 0*z", {"x": 3, "z": 1}),
    ("cos(pi*x)", {"x": 1}),
    ("(1 - cos(x))/x^2", {"x": 1e-7}),
    ("1/(x*x)", {"x": 1e200}),
    ("max(a, b, 1)", {"a": 1, "b": 1}),
    ("+".join(f"sin(x*{i})" for i in range(60)), {"x": 1}),
]


def no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@pytest.mark.parametrize(("program", "point"), PROGRAMS, ids=lambda x: str(x)[:30])
@pytest.mark.parametrize("check", [True, False])
def test_output_fits_the_schema(program: str, point: dict[str, float], check: bool) -> None:
    text = render_report(gradient(program, point, check=check))
    assert "\n" not in text
    jsonschema.validate(json.loads(text, parse_constant=no_constant), SCHEMA)


def test_the_schema_is_valid_and_printed(backprop: Run) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(backprop("schema", "grad").stdout) == SCHEMA


def test_the_schema_notices_what_is_missing() -> None:
    report = json.loads(render_report(gradient("a*b", a=2, b=3)))
    for key in SCHEMA["required"]:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({k: v for k, v in report.items() if k != key}, SCHEMA)


def test_to_the_letter() -> None:
    report = json.loads(render_report(gradient("(a*b+c)*f", a=2, b=3, c=-10, f=5)))
    assert list(report) == [
        *("schema", "program", "inputs", "output", "value", "upstream"),
        *("gradients", "nodes", "check", "warnings"),
    ]
    assert report["schema"] == "backprop/grad@1"
    assert report["output"] == "v3"
    assert report["nodes"][0] == {
        "id": "a",
        "op": "input",
        "expr": "a",
        "operands": [],
        "value": 2.0,
        "partials": [],
        "gradient": 15.0,
    }
    assert report["nodes"][4] == {
        "id": "v1",
        "op": "mul",
        "expr": "a*b",
        "operands": ["a", "b"],
        "value": 6.0,
        "partials": [3.0, 2.0],
        "gradient": 5.0,
    }
    assert [node["id"] for node in report["nodes"]] == ["a", "b", "c", "f", "v1", "v2", "v3"]
    assert report["check"] == {
        "status": "pass",
        "method": "symbolic",
        "precision": 50,
        "value": "-20.0",
        "value_digits": 16,
        "gradients": {
            "a": {"status": "pass", "formula": "b*f", "value": "15.0", "digits": 16},
            "b": {"status": "pass", "formula": "a*f", "value": "10.0", "digits": 16},
            "c": {"status": "pass", "formula": "f", "value": "5.0", "digits": 16},
            "f": {"status": "pass", "formula": "a*b + c", "value": "-4.0", "digits": 16},
        },
    }
    assert report["warnings"] == []


def test_a_constant_operand_is_its_number() -> None:
    report = json.loads(render_report(gradient("2*pi*x - 1", x=1)))
    first, last = report["nodes"][1:]
    assert first["operands"] == [6.283185307179586, "x"]
    assert first["partials"] == [None, 6.283185307179586]
    assert first["expr"] == "(2*pi)*x"
    assert last["operands"] == ["v1", 1.0]
    assert last["partials"] == [1.0, None]


def test_what_is_not_finite_is_its_name() -> None:
    report = json.loads(render_report(gradient("where(x > 0, log(x), 2) - sqrt(y)", x=-1, y=0)))
    nodes = {node["expr"]: node for node in report["nodes"]}
    assert nodes["log(x)"]["value"] == "NaN"
    assert nodes["log(x)"]["gradient"] == 0
    assert report["gradients"] == {"x": 0, "y": "-Infinity"}
