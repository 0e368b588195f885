"""backprop ops: the table of operations shown, and the page made of it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import backprop_cli
from backprop_cli.operations.op import Op
from backprop_cli.operations.table import TABLE
from backprop_cli.render.operations import example, render_list, render_one
from conftest import Run

SCHEMAS = Path(backprop_cli.__file__).parent / "schemas"


def test_json_fits_its_schema(backprop: Run) -> None:
    schema = json.loads((SCHEMAS / "ops.schema.json").read_text(encoding="utf-8"))
    report = json.loads(backprop("ops", "--json").stdout)
    jsonschema.validate(report, schema)
    assert [o["name"] for o in report["operations"]] == [op.name for op in TABLE]
    assert json.loads(backprop("schema", "ops").stdout) == schema


@pytest.mark.parametrize("op", TABLE, ids=lambda op: op.name)
def test_every_operation_is_told(op: Op) -> None:
    text = render_one(op)
    assert op.backward in text
    assert op.domain.words in text
    assert all(derivative in text for derivative in op.derivatives if not op.condition)
    assert (op.kink is None) == ("\nkink" not in text)
    assert example(op)[0] in text


def test_the_list_has_every_operation() -> None:
    lines = render_list().splitlines()
    assert sum(not line.startswith(" ") for line in lines) == len(TABLE) + 1


def test_an_alias_finds_its_operation(backprop: Run) -> None:
    assert backprop("ops", "σ").stdout == backprop("ops", "sigmoid").stdout
    done = backprop("ops", "sine")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "backprop: there is no operation 'sine'\n  hint: did you mean sin, sinh or sinc?\n"


def test_a_worked_example() -> None:
    (mul,) = (op for op in TABLE if op.name == "mul")
    assert example(mul) == [
        "at x = 2, y = 3 the value is 6",
        "with 10 arriving, x receives 10 * 3 = 30",
        "with 10 arriving, y receives 10 * 2 = 20",
    ]
