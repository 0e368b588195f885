"""Columns that another program wrote, checked row by row."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import junitparser
import numpy as np
import pyarrow as pa
import pytest
import tap.parser
from pyarrow import feather, parquet

from backprop_cli.expect.rows.regions import Region, parting
from backprop_cli.schemas import schema_text
from conftest import Run

PROGRAM = "(a*b + c)^2"
CLAIMS = ("--expect", "a=@ga", "--expect", "b=@gb", "--expect", "value=@loss")


def columns(count: int = 400) -> dict[str, np.ndarray]:
    a, b, c = np.random.default_rng(7).normal(size=(3, count))
    r = a * b + c
    return {"a": a, "b": b, "c": c, "ga": 2 * r * b, "gb": 2 * r * a, "loss": r * r}


def as_csv(table: dict[str, np.ndarray]) -> str:
    rows = zip(*(column.tolist() for column in table.values()), strict=True)
    return "\n".join([",".join(table), *(",".join(map(str, row)) for row in rows)]) + "\n"


def slips(backprop: Run, data: str, *args: str) -> list[tuple[str, str, int]]:
    done = backprop("check", PROGRAM, "--data", "-", *CLAIMS, "--json", *args, stdin=data)
    record = json.loads(done.stdout)
    jsonschema.validate(record, json.loads(schema_text("columns")))
    assert done.returncode == (0 if record["status"] == "pass" else 1)
    return [(s["diagnosis"], s["where"], s["rows"]) for e in record["expectations"] for s in e["slips"]]


def test_right_columns_pass(backprop: Run) -> None:
    assert slips(backprop, as_csv(columns())) == []


MISTAKES = [
    ("gb", lambda t: t["gb"] / 2, "a factor of 2 is missing"),
    ("gb", lambda t: t["gb"] * -1, "opposite sign"),
    ("gb", lambda t: t["gb"] * 3, "3 times too large"),
    ("gb", lambda t: t["gb"] / -7, "a factor of -7 is missing"),
    ("gb", lambda t: t["gb"] * 0, "it is 0 in the data"),
    ("gb", lambda t: t["ga"], "that is the gradient with respect to a"),
    ("gb", lambda t: t["gb"] / t["a"], "the factor a is missing"),
    ("ga", lambda t: t["ga"] * t["c"], "the factor c is too much"),
    ("loss", lambda t: t["loss"] - t["c"], "the term c is missing"),
    ("ga", lambda t: t["ga"] * (1 + 3e-7), "equal to 6 digits; --rtol a=1e-6 accepts that"),
]


@pytest.mark.parametrize(("column", "wrong", "told"), MISTAKES, ids=[told for *_, told in MISTAKES])
def test_a_mistake_is_named_with_all_its_rows(backprop: Run, column: str, wrong: object, told: str) -> None:
    table = columns()
    where = table["c"] > 0
    table[column] = np.where(where, wrong(table), table[column])  # type: ignore[operator]
    ((diagnosis, condition, rows),) = slips(backprop, as_csv(table))
    assert (diagnosis, condition, rows) == (told, "c > 0", where.sum())


def test_a_condition_is_not_told_where_another_row_meets_it(backprop: Run) -> None:
    table = columns()
    wrong = table["c"] > 0
    wrong[np.flatnonzero(wrong)[-1]] = False
    table["gb"][wrong] /= 2
    ((_, condition, rows),) = slips(backprop, as_csv(table))
    assert (condition, rows) == ("", wrong.sum())


def test_mistakes_are_told_apart(backprop: Run) -> None:
    table = columns()
    table["gb"] = np.where(table["a"] < 0, -table["gb"], table["gb"] / 2)
    table["gb"][10] = 77.5
    few, many = sorted([(table["a"] < 0).sum(), (table["a"] >= 0).sum()])
    found = slips(backprop, as_csv(table))
    assert {diagnosis for diagnosis, *_ in found[:2]} == {"opposite sign", "a factor of 2 is missing"}
    assert sum(rows for *_, rows in found) == few + many
    assert found[2] == ("", "", 1) or found[2][0].startswith("in row 11: ")


def test_text(backprop: Run) -> None:
    data = "w,g\n1,2\n2,2\n3,3\n-4,-8\n5,x\n0,0\n"
    done = backprop("check", "w^2", "--data", "-", "--expect", "w=@g", stdin=data)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        "FAIL  w = @g  3 of 6 rows are off\n"
        "      rows 2 and 3: a factor of 2 is missing\n"
        "        row 2 at w=2: expected 2, got 4\n"
        "      row 5: the data has no number\n"
        "        row 5 at w=5: expected no number, got 10\n"
        "1 of 1 column OFF; 6 rows compared\n"
    )


def test_tap_and_junit(backprop: Run) -> None:
    data = "w,g\n1,2\n2,2\n"
    args = ("check", "w^2", "--data", "-", "--expect", "w=@g", "--expect", "value=@w")
    done = backprop(*args, "--format", "tap", stdin=data)
    points = [line for line in tap.parser.Parser().parse_text(done.stdout) if line.category == "test"]
    assert [(point.ok, point.description) for point in points] == [
        (False, "- w = @g"),
        (False, "- value = @w"),
    ]
    done = backprop(*args, "--format", "junit", stdin=data)
    (cases,) = junitparser.JUnitXml.fromstring(done.stdout.encode())
    assert [case.name for case in cases] == ["w = @g", "value = @w"]
    assert "a factor of 2 is missing" in done.stdout
    assert done.returncode == 1


def test_rows_that_cannot_be_compared(backprop: Run) -> None:
    data = "x,g\n1,1\n-1,5\n0,nan\nz,1\n"
    done = backprop("check", "log(x)", "--data", "-", "--expect", "x=@g", stdin=data)
    assert done.returncode == 3
    assert "2 undefined (rows 2 and 3), 1 bad input (row 4)" in done.stdout
    assert "1 of 4 rows compared" in done.stdout
    done = backprop("check", "log(x)", "--data", "-", "--expect", "x=@g", "--allow-bad", stdin=data)
    assert done.returncode == 0
    done = backprop("check", "log(x)", "--data", "-", "--expect", "x=@g", "--format", "tap", stdin=data)
    assert "not ok 2 - every row can be compared" in done.stdout


def test_a_number_that_doubles_lose_is_met_in_many_digits(backprop: Run) -> None:
    data = "x,g\n1e-9,-8.333333333333333e-11\n"
    done = backprop("check", "(1 - cos(x))/x^2", "--data", "-", "--expect", "x=@g", stdin=data)
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        "ok    x = @g  1 row; 1 met in many digits alone, where doubles lose them",
    )


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_digits_as_written(backprop: Run, form: str) -> None:
    cells = {"0.333": True, "0.334": False, "3.3e-1": True, "3.34e-1": False, "0": False}
    for cell, met in cells.items():
        data = f"x,g\n1,{cell}\n" if form == "csv" else f'{{"x": 1, "g": {cell}}}\n'
        args = ("check", "x/3", "--data", "-", "--input-format", form, "--expect", "x=@g")
        assert backprop(*args, stdin=data).returncode == 1
        assert backprop(*args, "--rtol", "x=written", stdin=data).returncode == (0 if met else 1), cell


def test_tolerances_are_of_columns(backprop: Run) -> None:
    data = "x,g,v\n3,0.3330,1.001\n"
    args = ("check", "x/3", "--data", "-", "--expect", "x=@g", "--expect", "value=@v")
    assert backprop(*args, "--rtol", "1e-2", stdin=data).returncode == 0
    assert backprop(*args, "--rtol", "x=1e-2", stdin=data).returncode == 1
    assert backprop(*args, "--rtol", "x=1e-2,value=1e-2", stdin=data).returncode == 0
    assert backprop(*args, "--rtol", "1e-2,x=1e-9", stdin=data).returncode == 1
    assert backprop(*args, "--atol", "1e-2", stdin=data).returncode == 0


def test_forms_give_the_same(backprop: Run, tmp_path: Path) -> None:
    table = columns(50)
    table["gb"] = np.where(table["a"] < 0, table["gb"] / 2, table["gb"]).astype(np.float32)
    arrow = pa.table(table)
    parquet.write_table(arrow, tmp_path / "d.parquet")
    feather.write_feather(arrow, tmp_path / "d.arrow")
    np.savez(tmp_path / "d.npz", **table)
    found = set()
    for name in ("d.parquet", "d.arrow", "d.npz"):
        args = ("check", PROGRAM, "--data", str(tmp_path / name), *CLAIMS)
        found.add(backprop(*args, "--rtol", "b=written").stdout)
        assert backprop(*args, "--rtol", "b=1e-6").stdout in found
    assert len(found) == 1
    assert "where a < 0: a factor of 2 is missing" in found.pop()


REFUSED = {
    "no column": (("--expect", "x=5"), "'5' is no column"),
    "no input": (("--expect", "q=@g"), "q is not an input of the program"),
    "a step": (("--expect", "e=@g"), "the gradient of the step e can't be compared row by row"),
    "absent": (("--expect", "x=@h"), "the data has no column h"),
    "nothing": ((), "--data has nothing to be compared"),
    "tolerance": (("--expect", "x=@g", "--rtol", "q=1"), "--rtol can't be 'q=1'"),
    "empty tolerance": (("--expect", "x=@g", "--rtol", ","), "--rtol can't be ''"),
    "twice": (("--expect", "x=@g", "--rtol", "1,2"), "--rtol is given twice"),
    "negative": (("--expect", "x=@g", "--rtol", "-1"), "--rtol can't be -1"),
    "strict": (("--expect", "x=@g", "--strict"), "--strict and --data contradict each other"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(backprop: Run, case: str) -> None:
    args, message = REFUSED[case]
    done = backprop("check", "e = x*x; e + 1", "--data", "-", *args, stdin="x,g\n1,2\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"backprop: {message}")


def test_no_rows_are_no_success(backprop: Run) -> None:
    done = backprop("check", "x", "--data", "-", "--expect", "x=@g", stdin="x,g\n")
    assert (done.returncode, done.stderr) == (2, "backprop: the data has no rows to compare\n")


def test_options_of_data_need_data(backprop: Run) -> None:
    done = backprop("check", "x^2", "x=2", "--delimiter", ";")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "backprop: --data is missing")


def test_a_condition_is_a_short_number_between() -> None:
    inside, outside = Region(1), Region(1)
    inside.add(np.arange(1, 4), [np.array([1.0, 2.0, 3.1415])])
    outside.add(np.arange(4, 6), [np.array([3.7182, 9.0])])
    assert parting(inside, outside, ["x"]) == "x < 3.4"
    assert parting(outside, inside, ["x"]) == ""  # two rows are too few
    outside.widen([np.array([2.5, np.nan])])
    assert parting(inside, outside, ["x"]) == ""


def test_nested_keys(backprop: Run) -> None:
    data = '{"p": {"x": 1}, "g": {"x": 0.333}}\n{"p": {"x": 2}, "g": {"x": 0.3333}}\n{"p": 1, "g": 2}\n'
    args = ("check", "x/3", "--data", "-", "--input-format", "jsonl", "--map", "x=p.x", "--expect", "x=@g.x")
    assert backprop(*args, "--rtol", "written", "--allow-bad", stdin=data).returncode == 0
    done = backprop(*args, "--rtol", "written", stdin=data)
    assert (done.returncode, "row 3: p.x is missing" in done.stdout) == (3, True)
    assert backprop(*args, stdin=data).returncode == 1
