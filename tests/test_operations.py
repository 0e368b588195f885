"""backprop ops: the table of operations shown, and the page made of it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import backprop_cli
from backprop_cli.operations.op import Op
from backprop_cli.operations.table import SUBJECTS, TABLE
from backprop_cli.render.operations import example, find, render_list, render_one
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
    assert [line[:-1] for line in lines if line.endswith(":")] == list(SUBJECTS)
    assert sum(line[:2] == "  " and line[2] != " " for line in lines[1:] if line) == len(TABLE)


def test_a_word_finds_the_operations_it_is_told_of(backprop: Run) -> None:
    assert [op.name for op in find("gate")] == ["relu"]
    assert [op.name for op in find("logarithm")] == ["log", "log2", "log10"]
    assert find("activations") == SUBJECTS["activations, error functions"]
    assert {op.name for op in find("hyperbolic")} >= {"sinh", "atanh"}
    assert find(None) == TABLE
    assert "circular" not in backprop("ops", "hyperbolic").stdout
    assert backprop("ops", "Gate").stdout == backprop("ops", "relu").stdout
    assert len(json.loads(backprop("ops", "logarithm", "--json").stdout)["operations"]) == len(
        find("logarithm")
    )


@pytest.mark.parametrize(
    ("sign", "names"),
    [("*", ["mul"]), ("-", ["sub", "neg"]), ("^", ["pow"]), ("**", ["pow"]), ("<=", ["le"]), ("≥", ["ge"])],
)
def test_a_sign_finds_its_operations(sign: str, names: list[str]) -> None:
    assert [op.name for op in find(sign)] == names


def test_a_function_of_another_language_is_found_with_what_is_written_for_it(backprop: Run) -> None:
    done = backprop("ops", "tanhshrink")
    assert done.stderr == "backprop: there is no operation 'tanhshrink'\n  hint: write x - tanh(x)\n"
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize("word", [" ", "nothing of the kind", "(", "["])
def test_a_word_that_finds_nothing_is_refused(backprop: Run, word: str) -> None:
    done = backprop("ops", word)
    assert (done.returncode, done.stdout) == (2, "")
    assert "backprop ops lists them" in done.stderr


def test_an_alias_finds_its_operation(backprop: Run) -> None:
    assert backprop("ops", "σ").stdout == backprop("ops", "sigmoid").stdout
    done = backprop("ops", "sihn")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("backprop: there is no operation 'sihn'\n  hint: did you mean sin, sinh")


def test_a_worked_example() -> None:
    (mul,) = (op for op in TABLE if op.name == "mul")
    assert example(mul) == [
        "at x = 2, y = 3 the value is 6",
        "with 10 arriving, x receives 10 * 3 = 30",
        "with 10 arriving, y receives 10 * 2 = 20",
    ]
