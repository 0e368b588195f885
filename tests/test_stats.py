"""Counts of a program: backprop graph --stats."""

from __future__ import annotations

import json

import jsonschema
import pytest

from backprop_cli import gradient
from backprop_cli.schemas import schema_text
from backprop_cli.tell.paths import find_paths

LESSON = "e = a*b; d = e + c; L = d*f"


def test_the_counts_as_text(backprop):
    result = backprop("graph", LESSON, "--stats")
    assert result.stdout == (
        "program        3 operations on 4 inputs: 2 mul, 1 add\n"
        "               depth 3, 0 branch points\n"
        "adjoint graph  5 operations for the value and 4 gradients: 1.67 × the program\n"
        "paths          4 paths lead to the output: one sweep back takes all of them into account\n"
        "modes          reverse: 1 sweep back for 4 gradients; forward: 4 sweeps, one for each input\n"
        "batch          5 instructions a row, 3 for the value alone\n"
    )
    assert result.returncode == 0


def counts(backprop, *arguments):
    result = backprop("graph", *arguments, "--stats", "--json")
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("}\n")
    record = json.loads(result.stdout)
    jsonschema.validate(record, json.loads(schema_text("stats")))
    return record


def test_special_functions_have_no_code_for_rows(backprop):
    record = counts(backprop, "gamma(x)*y")
    assert record["instructions"] == {"value": None, "value_and_gradients": None}


def test_the_counts_as_json(backprop):
    record = counts(backprop, "w = 0.5; u = tanh(w*x); u*u + max(u, w, x)")
    assert record["operations"] == 6  # a max of three is two maxima
    assert record["primitives"] == {"mul": 2, "tanh": 1, "max": 1, "add": 1}
    assert record["branch_points"] == 3
    assert record["depth"] == 4
    assert 1 < record["adjoint"]["ratio"] <= 4


@pytest.mark.parametrize(("wrt", "gradients", "operations"), [("a", 1, 4), ("a,b,c,f", 4, 5)])
def test_only_what_is_asked_for_counts(backprop, wrt, gradients, operations):
    record = counts(backprop, LESSON, "--wrt", wrt)
    assert (record["gradients"], record["adjoint"]["operations"]) == (gradients, operations)


@pytest.mark.parametrize("program", ["1 + 2", "a", "a = 3"])
def test_a_program_without_operations_has_no_ratio(backprop, program):
    record = counts(backprop, program)
    assert (record["operations"], record["adjoint"]["ratio"]) == (0, None)


def test_a_large_graph_is_counted_though_not_drawn(backprop, tmp_path):
    path = tmp_path / "large.txt"
    path.write_text("\n".join(["y = x", *["y = y*x + 1"] * 5000, "y"]))
    record = counts(backprop, "--file", str(path))
    assert record["operations"] == 10_000
    assert record["adjoint"]["ratio"] < 3


def test_json_is_that_of_the_counts(backprop):
    result = backprop("graph", LESSON, "--json")
    assert result.returncode == 2
    assert "--json goes with --stats" in result.stderr


@pytest.mark.parametrize(
    ("program", "paths"),
    [
        ("x*x", 2),
        ("a = 2*x; 3*y", 0),
        ("x", 1),
        ("where(x > 0, x, 2*x)", 2),
        ("u = x*y; v = u*u; v*u", 3),
        ("pow(x, 2)", 1),
    ],
)
def test_paths_are_those_that_explain_lists(backprop, program, paths):
    report = gradient(program, {name: 1.5 for name in "xy" if name in program}, check=False)
    assert find_paths(report, "x").number == paths
    assert counts(backprop, program, "--wrt", "x")["paths"] == paths


def test_countless_paths(backprop):
    program = "\n".join(["x0 = a*1", *(f"x{i + 1} = x{i}*x{i}" for i in range(300))])
    assert counts(backprop, program)["paths"] is None
    assert counts(backprop, "\n".join(program.splitlines()[:101]))["paths"] == 2**100
    text = backprop("graph", program, "--stats").stdout
    assert "more than 1e60 paths lead to the output" in text
    assert "reverse: 1 sweep back for 1 gradient; forward: 1 sweep\n" in text
    assert "paths" not in backprop("graph", "2*3", "--stats").stdout
