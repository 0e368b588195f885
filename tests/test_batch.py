"""``backprop batch``: values and gradients at every row of data."""

from __future__ import annotations

import csv
import io
import json
import math
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop_cli.batch.cells import read_csv
from backprop_cli.batch.forms import ENDINGS, FORMS
from backprop_cli.batch.points import Points
from backprop_cli.batch.program import Batch
from backprop_cli.batch.tally import RowResult, Tally
from backprop_cli.differentiate import differentiate_source
from backprop_cli.errors import DomainError, InputError
from backprop_cli.findings.undefined import undefined_gradients
from backprop_cli.language.source import choose_point, read_source
from backprop_cli.render.rows import render_summary
from conftest import Run
from console import BIN, environment

COMMAND = str(BIN / "backprop")
PROGRAM = "(a*b+c)*f"
POINTS = "id,a,b,c,f\np,2,3,-10,5\nq,1,0,2.5,4\n"


# ---- forms of data ----

CSV_OUT = "value,grad_a,grad_b,grad_c,grad_f,status\n-20.0,15.0,10.0,5.0,-4.0,ok\n10.0,0.0,4.0,4.0,2.5,ok\n"
JSON_OUT = (
    '{"value": -20.0, "grad_a": 15.0, "grad_b": 10.0, "grad_c": 5.0, "grad_f": -4.0, "status": "ok"}\n'
    '{"value": 10.0, "grad_a": 0.0, "grad_b": 4.0, "grad_c": 4.0, "grad_f": 2.5, "status": "ok"}\n'
)
TSV_OUT = CSV_OUT.replace(",", "\t")
DATA = {
    "points.csv": POINTS,
    "POINTS.TSV": POINTS.replace(",", "\t"),
    "points.jsonl": '{"a":2,"b":3,"c":-10,"f":5}\n{"f":4,"c":2.5,"a":1,"b":"0","x":1}\n',
}
DATA["points.ndjson"] = DATA["points.jsonl"]


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("form", ["", "csv", "tsv", "jsonl"])
def test_forms_in_and_out(backprop: Run, tmp_path: Path, name: str, form: str) -> None:
    path = tmp_path / name
    path.write_text(DATA[name], encoding="utf-8-sig")
    own = {"csv": CSV_OUT, "tsv": TSV_OUT, "jsonl": JSON_OUT, "ndjson": JSON_OUT}
    expected = own[form or path.suffix[1:].lower()]
    done = backprop("batch", PROGRAM, "--data", str(path), *(["--format", form] if form else []))
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


def test_standard_input_is_csv_unless_said_otherwise(backprop: Run, tmp_path: Path) -> None:
    assert backprop("batch", PROGRAM, "--data", "-", stdin=POINTS).stdout == CSV_OUT
    done = backprop("batch", PROGRAM, "--data", "-", "--input-format", "jsonl", stdin=DATA["points.jsonl"])
    assert done.stdout == JSON_OUT
    odd = tmp_path / "points.dat"
    odd.write_text(DATA["POINTS.TSV"])
    args = ("--data", str(odd), "--input-format", "tsv", "--json")
    assert backprop("batch", PROGRAM, *args).stdout == JSON_OUT


def test_the_program_may_come_from_standard_input_or_a_file(backprop: Run, tmp_path: Path) -> None:
    data, program = tmp_path / "points.csv", tmp_path / "program.txt"
    data.write_text(POINTS)
    program.write_text("z = a*b + c\nz*f\n")
    assert backprop("batch", "-", "--data", str(data), stdin=program.read_text()).stdout == CSV_OUT
    assert backprop("batch", "--file", str(program), "--data", str(data)).stdout == CSV_OUT
    assert backprop("batch", "--file", str(program), "--data", "-", stdin=POINTS).stdout == CSV_OUT


# ---- where the inputs come from ----


def results(done: subprocess.CompletedProcess[str]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(done.stdout)))


def test_constants_columns_and_defaults(backprop: Run) -> None:
    def values(program: str, data: str, *args: str) -> list[str]:
        done = backprop("batch", program, "--data", "-", *args, stdin=data)
        assert done.returncode == 0, done.stderr
        return [row["value"] for row in results(done)]

    assert values("k = 3; a*k", "a\n2\n5\n") == ["6.0", "15.0"]
    assert values("k = 3; a*k", "a,k\n2,1\n5,2\n") == ["2.0", "10.0"]
    assert values("k = 3; a*k", "a,k\n2,1\n5,2\n", "k=7") == ["14.0", "35.0"]
    assert values("a*k", "a\n2\n", "k=1/4") == ["0.5"]
    assert values("k = 3; a*k", '{"a":2}\n{"a":2,"k":1}\n', "--input-format", "jsonl", "--format", "csv") == [
        "6.0",
        "2.0",
    ]
    assert values("2*3", "x\n1\n") == ["6.0"]


def test_names_are_those_of_the_language(backprop: Run) -> None:
    decomposed = "e\u0301"
    done = backprop("batch", "é*π*tau", "--data", "-", stdin=f" {decomposed} ,π, tau\n2,3,5\n")
    assert done.stdout == "value,grad_é,grad_pi,grad_tau,status\n30.0,15.0,10.0,6.0,ok\n"
    lines = '{"x": 1, " tau ": 3}\n{"tau": 4, "x": 1}\n'
    done = backprop("batch", "x*tau", "--data", "-", "--input-format", "jsonl", stdin=lines)
    assert [json.loads(line)["value"] for line in done.stdout.splitlines()] == [3, 4]


def test_wrt_and_upstream(backprop: Run) -> None:
    args = ("--wrt", "f,a", "--upstream", "10")
    done = backprop("batch", PROGRAM, "--data", "-", *args, stdin=POINTS)
    assert done.stdout == "value,grad_f,grad_a,status\n-20.0,-40.0,150.0,ok\n10.0,25.0,0.0,ok\n"


def test_a_constant_wins_over_a_column_and_says_so_once(backprop: Run) -> None:
    done = backprop("batch", PROGRAM, "--data", "-", "f=1", stdin=POINTS)
    assert [row["value"] for row in results(done)] == ["-4.0", "2.5"]
    assert done.stderr == "warning: the column f is not read: its value is given\n"


# ---- statuses ----

MIXED = """x,y
1,2
0,2
-1,2
4,1e308
-1,-1
?,1
1
1000,1
"""


def test_every_status(backprop: Run) -> None:
    done = backprop("batch", "sqrt(x)*y*1e1 + relu(y)", "--data", "-", stdin=MIXED)
    assert done.returncode == 3
    assert [row["status"] for row in results(done)] == [
        "ok",
        "nonfinite",  # the slope of the root
        "undefined",
        "nonfinite",
        "undefined",
        "bad input",
        "bad input",
        "ok",
    ]
    assert done.stdout.splitlines()[1:5] == [
        "22.0,10.0,11.0,ok",
        "2.0,inf,1.0,nonfinite",
        ",,,undefined",
        "inf,,,nonfinite",
    ]
    assert done.stderr == (
        "6 of 8 rows are not ok: 2 undefined (rows 3 and 5), 2 nonfinite (rows 2 and 4), "
        "2 bad input (rows 6 and 7)\n"
        "  row 3: sqrt needs an operand >= 0, got x = -1\n"
        "  row 2: the gradient with respect to x is infinity at this point: no finite slope at v1 = sqrt(x)\n"
        "  row 6: x is '?', not a number\n"
    )
    assert backprop("batch", "x*y", "--data", "-", "--allow-bad", stdin=MIXED).returncode == 0


def test_infinities_in_json(backprop: Run) -> None:
    done = backprop("batch", "-sqrt(x)*y", "--data", "-", "--json", stdin="x,y\n0,2\n-1,1\n1e300,1e300\n")
    assert done.stdout == (
        '{"value": -0.0, "grad_x": "-Infinity", "grad_y": 0.0, "status": "nonfinite"}\n'
        '{"value": null, "grad_x": null, "grad_y": null, "status": "undefined"}\n'
        '{"value": "-Infinity", "grad_x": null, "grad_y": null, "status": "nonfinite"}\n'
    )


def test_kinks_are_told_and_fine(backprop: Run) -> None:
    done = backprop("batch", "relu(x)", "--data", "-", stdin="x\n1\n2\n0\n3\n0\n")
    assert done.returncode == 0
    assert [row["status"] for row in results(done)] == ["ok", "ok", "kink", "ok", "kink"]
    assert done.stderr == "2 rows are at a kink (rows 3 and 5)\n"


def test_an_overflow_on_the_way_is_told(backprop: Run) -> None:
    done = backprop("batch", "1/(x*x)", "--data", "-", stdin="x\n1\n1e200\n")
    assert done.returncode == 0
    assert [(row["value"], row["status"]) for row in results(done)] == [("1.0", "ok"), ("0.0", "ok")]
    assert done.stderr == "1 row is computed from a value that overflows, and may be wrong (row 2)\n"


def test_a_row_is_undefined_only_by_what_is_asked_for(backprop: Run) -> None:
    data = "x,n\n-2,2\n"
    assert results(backprop("batch", "x^n", "--data", "-", stdin=data)) == [
        {"value": "4.0", "grad_x": "-4.0", "grad_n": "", "status": "undefined"}
    ]
    assert backprop("batch", "x^n", "--data", "-", "--wrt", "x", stdin=data).returncode == 0


def test_the_summary_names_the_first_rows() -> None:
    tally = Tally()
    for number in range(1, 2001):
        tally.add(
            RowResult(None, [], "bad input", message="why") if number > 1000 else RowResult(1.0, [], "ok")
        )
    rows = "rows 1,001, 1,002, 1,003, 1,004, 1,005 and 995 more"
    assert render_summary(tally) == [
        f"1,000 of 2,000 rows are not ok: 1,000 bad input ({rows})",
        "  row 1,001: why",
    ]
    tally = Tally()
    tally.add(RowResult(None, [], "undefined", message="why"))
    assert render_summary(tally)[0] == "1 of 1 row is not ok: 1 undefined (row 1)"
    tally.add(RowResult(1.0, [1.0], "kink"))
    assert render_summary(tally)[2] == "1 row is at a kink (row 2)"


# ---- the same numbers as grad ----

PROGRAMS = [
    ("(a*b+c)*f", ["a", "b", "c", "f"]),
    ("relu(x*y) + max(x, y) - abs(x)", ["x", "y"]),
    ("where(x > y, sqrt(x), log(y))", ["x", "y"]),
    ("x^y / (x - y)", ["x", "y"]),
    ("exp(x*y) + tanh(y) - hypot(x, y)", ["x", "y"]),
    ("s = sigmoid(x); t = s*s; clip(t/y, 0, 1) + floor(x)", ["x", "y"]),
    ("k = 2*pi; sin(k*x)*atan2(y, x)", ["x", "y"]),
]
CELLS = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -3.25, 1e-300, 1e200, -1e308, 800.0, 5e-324]


def same(x: float | None, y: float) -> bool:
    if x is None:
        return math.isnan(y)
    return x == y and math.copysign(1.0, x) == math.copysign(1.0, y)


def assert_as_grad(program: str, given_point: dict[str, float]) -> None:
    source = read_source(program)
    point = choose_point(source, given_point)
    result = Batch(source, list(source.inputs), 1.5).compute(point)
    error = None
    try:
        report = differentiate_source(source, point, upstream=1.5, check=False)
    except DomainError as caught:
        error = caught
    if error is not None:
        assert result.status == ("nonfinite" if "overflows" in error.message else "undefined")
        assert result.message == error.message
        assert list(result.gradients) == [None] * len(source.inputs)
        return
    assert same(result.value, report.value)
    assert len(result.gradients) == len(report.gradients)
    assert all(map(same, result.gradients, report.gradients.values()))
    missing = undefined_gradients(report)
    kinds = {warning.kind for warning in report.warnings}
    if missing is not None:
        assert result.message == missing.message
        nan = any(map(math.isnan, report.gradients.values()))
        assert result.status == ("undefined" if nan else "nonfinite")
    else:
        assert (result.status, result.overflows) == ("kink" if "kink" in kinds else "ok", "overflow" in kinds)


@pytest.mark.parametrize(("program", "names"), PROGRAMS)
def test_corners_are_as_grad_has_them(program: str, names: list[str]) -> None:
    for i, x in enumerate(CELLS):
        for y in CELLS[i % 3 :: 3]:
            assert_as_grad(program, dict(zip(names, [x, y, y, x], strict=False)))


@pytest.mark.parametrize(("program", "names"), PROGRAMS)
@given(data=st.data())
@settings(max_examples=30)
def test_points_are_as_grad_has_them(program: str, names: list[str], data: st.DataObject) -> None:
    numbers = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(CELLS)
    assert_as_grad(program, {name: data.draw(numbers) for name in names})


def test_the_printed_numbers_are_those_of_grad(backprop: Run) -> None:
    report = json.loads(backprop("grad", "sin(x)*y/3", "x=0.1", "y=1/3", "--json").stdout)
    done = backprop("batch", "sin(x)*y/3", "--data", "-", stdin="y,x\n1/3,0.1\n")
    (row,) = results(done)
    assert {name: float(row[f"grad_{name}"]) for name in "xy"} == report["gradients"]
    assert float(row["value"]) == report["value"]


# ---- bad rows ----


def test_a_bad_row_stops_nothing() -> None:
    data = b'id,x\na,1\nb,oops\nc\nd,\xff\n"e"e,1\n\xfc,2\n"f,1\n'
    done = subprocess.run(
        [COMMAND, "batch", "x^2", "--data", "-"],
        input=data,
        capture_output=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    statuses = [line.rpartition(b",")[2] for line in done.stdout.splitlines()[1:]]
    assert statuses == [b"ok", b"bad input", b"bad input", b"bad input", b"bad input", b"ok", b"bad input"]
    assert done.stderr.decode() == (
        "5 of 7 rows are not ok: 5 bad input (rows 2, 3, 4, 5 and 7)\n  row 2: x is 'oops', not a number\n"
    )
    assert done.returncode == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes at character 2"),
        ("[1]", "not a JSON object"),
        ("{}", "x and y are missing"),
        ('{"x": 1}', "y is missing"),
        ('{"x": 1, "y": null}', "y is null, not a number"),
        ('{"x": 1, "y": true}', "y is true, not a number"),
        ('{"x": 1, "y": [2]}', "y is [2.0], not a number"),
        ('{"x": 1, "y": NaN}', "not JSON: it has no NaN"),
        ('{"x": 1, "y": "inf"}', "y is 'inf', not a number"),
        ('{"x": 1, "y": 1e999}', "y is too large: numbers end at 1.79769e308"),
        ('{"x": 1, "y": 1' + "0" * 400 + "}", "y is too large: numbers end at 1.79769e308"),
        ('{"x": 1, " x": 2, "y": 3}', "x stands twice in the data"),
    ],
)
def test_a_bad_object_is_told(backprop: Run, line: str, message: str) -> None:
    good = '{"x": 1, "y": "1/2"}'
    args = ("batch", "x*y", "--data", "-", "--input-format", "jsonl")
    done = backprop(*args, stdin=f"{good}\n{line}\n{good}\n")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["status"] for record in records] == ["ok", "bad input", "ok"]
    assert records[1] == {"value": None, "grad_x": None, "grad_y": None, "status": "bad input"}
    assert done.stderr == f"1 of 3 rows is not ok: 1 bad input (row 2)\n  row 2: {message}\n"
    assert done.returncode == 3


# ---- --keep ----


def keep(data: str, *args: str) -> bytes:
    done = subprocess.run(
        [COMMAND, "batch", "x^2", "--data", "-", "--keep", *args],
        input=data.encode("utf-8", "surrogateescape"),
        capture_output=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert b"Traceback" not in done.stderr
    return done.stdout


def test_keep_repeats_cells_as_they_are() -> None:
    data = 'id, x ,"note, long"\n007,1.50,"a ""b"", c\r\nd"\né\udcff,?,\nshort\n'
    assert keep(data) == (
        b'id, x ,"note, long",value,grad_x,status\n007,1.50,"a ""b"", c\r\nd",2.25,3.0,ok\n'
        b"\xc3\xa9\xff,?,,,,bad input\nshort,,,,,bad input\n"
    )
    assert keep("x,t\n1,a\rb\n", "--format", "tsv").startswith(b"x\tt\tvalue")
    assert keep('x,t\n1,"a\rb"\n') == b'x,t,value,grad_x,status\n1,"a\rb",1.0,2.0,ok\n'
    assert keep("id,x\n007,1.50\n", "--json") == (
        b'{"id": "007", "x": 1.50, "value": 2.25, "grad_x": 3.0, "status": "ok"}\n'
    )


def test_keep_repeats_objects_as_they_are() -> None:
    lines = '{"x":1.50,"id": [1,  2.0]}\n{}\nbad\n{"x": 1e999, "é": "ü"}\n'
    assert keep(lines, "--input-format", "jsonl").decode().splitlines() == [
        '{"x":1.50,"id": [1,  2.0], "value": 2.25, "grad_x": 3.0, "status": "ok"}',
        '{"value": null, "grad_x": null, "status": "bad input"}',
        '{"value": null, "grad_x": null, "status": "bad input"}',
        '{"x": 1e999, "é": "ü", "value": null, "grad_x": null, "status": "bad input"}',
    ]


def test_keep_of_objects_as_cells(backprop: Run) -> None:
    lines = '{"x":1.50,"id":"a,b"}\n{"id":null,"x":2,"more":1}\n{"x":"\\ud800","id":true}\n'
    args = ("batch", "x^2", "--data", "-", "--keep", "--input-format", "jsonl", "--format", "csv")
    done = backprop(*args, stdin=lines)
    assert done.stdout == (
        'x,id,value,grad_x,status\n1.50,"a,b",2.25,3.0,ok\n2,,4.0,4.0,ok\n\\ud800,true,,,bad input\n'
    )
    assert done.stderr.endswith("\nkeys of later rows could not be kept: more\n")
    done = backprop(*args, stdin="{\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("backprop: the first row has no keys to make a header of\n")


def test_a_later_key_that_the_result_has_is_not_repeated(backprop: Run) -> None:
    args = ("batch", "x^2", "--data", "-", "--keep", "--input-format", "jsonl")
    done = backprop(*args, stdin='{"x":1}\n{"x":2,"value":7}\n')
    assert done.stdout.splitlines()[1] == '{"x": 2, "value": 4.0, "grad_x": 4.0, "status": "ok"}'
    assert done.stderr == "keys of later rows could not be kept: value\n"
    done = backprop(*args, stdin='{"x":1}\n{"t":[1, {"status": 2}], "x":2.50,"value":7, "u": "\\u00e9"}\n')
    assert done.stdout.splitlines()[1] == (
        '{"t": [1, {"status": 2}], "x": 2.50, "u": "\\u00e9", "value": 6.25, "grad_x": 5.0, "status": "ok"}'
    )
    assert done.stderr == "keys of later rows could not be kept: value\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-16"])
@pytest.mark.parametrize("engine", ["python", "numpy"])
def test_data_is_utf8_whatever_the_locale(encoding: str, engine: str) -> None:
    done = subprocess.run(
        [COMMAND, "batch", "θ^2", "--data", "-", "--keep", "--engine", engine],
        input="θ,t\n1,日本é\n".encode(),
        capture_output=True,
        env=environment(PYTHONIOENCODING=encoding),
        timeout=60,
        check=False,
    )
    assert done.stdout.decode() == "θ,t,value,grad_θ,status\n1,日本é,1.0,2.0,ok\n"


# ---- mistakes ----

MISTAKES = [
    (["x"], "", "--data is missing", 'backprop batch "(a*b+c)*f" --data points.csv'),
    ([], "", "--data is missing", 'backprop batch "(a*b+c)*f" --data points.csv'),
    (["--data", "-"], "", "a program is missing", 'backprop batch "(a*b+c)*f" --data points.csv'),
    (
        ["-", "--data", "-"],
        "",
        "the program and the data can't both be standard input",
        'backprop batch "(a*b+c)*f" --data points.csv',
    ),
    (
        ["--file", "-", "--data", "-"],
        "",
        "the program and the data can't both be standard input",
        'backprop batch "(a*b+c)*f" --data points.csv',
    ),
    (
        ["x", "--data", "README.md"],
        "",
        "the form of README.md can't be told by its ending",
        f"the endings are {', '.join(ENDINGS)}; or give --input-format {FORMS}",
    ),
    (["x", "--data", "/nowhere.xlsx"], "", "can't read /nowhere.xlsx: No such file or directory", ""),
    (["x", "p.csv"], "", "--data is missing", "did you mean --data p.csv?"),
    (["x", "--data", "/dev/null"], "", "the data is empty", "its first line names the columns: a,b,c"),
    (["x", "--data", "/nowhere.csv"], "", "can't read /nowhere.csv: No such file or directory", ""),
    (["x", "--data", "-"], "", "the data is empty", "its first line names the columns: a,b,c"),
    (
        ["weight*x", "--data", "-"],
        "wieght,x\n1,2\n",
        "the data has no column weight",
        "did you mean wieght?",
    ),
    (
        ["a*b*x", "--data", "-"],
        "x, y\n1,2\n",
        "the data has no columns a and b",
        "its columns are x and y; a=VALUE gives a value to all rows",
    ),
    (
        ["x", "--data", "-"],
        "x,t, x \n1,2,3\n",
        "x stands twice in the data",
        "--skip-lines 1 --columns A,B,… names the columns of text otherwise",
    ),
    (["x", "y=1", "--data", "-"], "x\n1\n", "y is not in the program", "the input is x"),
    (["x", "--wrt", "z", "--data", "-"], "x\n1\n", "z is not in the program", "the input is x"),
    (
        ["x", "--keep", "--data", "-"],
        "x, value\n1,2\n",
        "the data has a column value of its own",
        "--prefix out_ names the results otherwise; or omit --keep",
    ),
    (
        ["x", "--keep", "--data", "-", "--quiet"],
        "x,grad_x\n1,2\n",
        "the data has a column grad_x of its own",
        "--prefix out_ names the results otherwise; or omit --keep",
    ),
    (
        ["x", "--keep", "--data", "-", "--format", "jsonl"],
        "x,id,id\n1,2,3\n",
        "the data has two columns 'id', which one object can't keep",
        "--format csv can; or omit --keep",
    ),
]


@pytest.mark.parametrize(("args", "stdin", "message", "hint"), MISTAKES, ids=lambda x: str(x)[:40])
def test_mistakes(backprop: Run, args: list[str], stdin: str, message: str, hint: str) -> None:
    done = backprop("batch", *args, stdin=stdin)
    assert (done.returncode, done.stdout) == (2, "")
    errors = done.stderr if "jsonl" not in args else ""
    if errors:
        assert errors == f"backprop: {message}\n" + (f"  hint: {hint}\n" if hint else "")
    else:
        error = json.loads(done.stderr)["error"]
        assert (error["message"], error["hint"]) == (message, hint)


def test_a_header_alone_gives_a_header_alone(backprop: Run) -> None:
    done = backprop("batch", PROGRAM, "--data", "-", stdin="a,b,c,f\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, CSV_OUT.splitlines()[0] + "\n", "")
    done = backprop("batch", PROGRAM, "--data", "-", "--input-format", "jsonl")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_quiet_is_quiet(backprop: Run) -> None:
    done = backprop("batch", "relu(x)", "y=1", "--data", "-", "--quiet", stdin="x\n")
    assert (done.returncode, done.stdout) == (2, "")
    for data, status in (("x\n1\n0\n", 0), ("x\n1\n?\n", 3)):
        done = backprop("batch", "relu(x)", "--data", "-", "--quiet", stdin=data)
        assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


# ---- streams ----


def start(*args: str, **variables: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [COMMAND, "batch", *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(**variables),
    )


@pytest.mark.parametrize(
    ("form", "header", "row"), [("csv", b"x\n", b"3\n"), ("jsonl", b"", b'{"x": 3}\n')], ids=["csv", "jsonl"]
)
def test_a_result_leaves_before_the_data_ends(form: str, header: bytes, row: bytes) -> None:
    with start("x^2", "--data", "-", "--input-format", form, "--format", "jsonl") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(header)
        process.stdin.flush()
        for _ in range(2):
            process.stdin.write(row)
            process.stdin.flush()
            assert select.select([process.stdout], [], [], 60)[0]
            assert json.loads(process.stdout.readline())["value"] == 9
        process.stdin.close()
        assert process.wait(60) == 0


def test_a_mistake_in_the_program_does_not_wait_for_data() -> None:
    with start("x 2", "--data", "-") as process:
        assert process.wait(60) == 2


def test_ctrl_c_and_a_closed_pipe_end_quietly() -> None:
    with start("x^2", "--data", "-") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"x\n1\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"value,grad_x,status\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read() == b""
    done = subprocess.run(
        f"(echo x; seq 100000) | {COMMAND} batch x^2 --data - | head -2",
        shell=True,
        capture_output=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == (b"value,grad_x,status\n1.0,2.0,ok\n", b"")


def test_many_rows_take_no_more_memory_than_a_few(tmp_path: Path) -> None:
    def most_memory(rows: int) -> int:
        path = tmp_path / f"{rows}.csv"
        path.write_text("x,y,note\n" + "".join(f"{i % 9 - 1},{i},some text\n" for i in range(rows)))
        code = (
            "import resource, sys; from backprop_cli.__main__ import run; "
            f"assert run(['batch', 'log(x)*y', '--data', {str(path)!r}, '--keep', "
            "'--engine', 'python']) == 3; "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(),
            timeout=300,
            check=True,
        )
        return int(done.stderr.splitlines()[-1])

    assert most_memory(40_000) < most_memory(1_000) + 5_000  # kilobytes; a row of objects takes some 0.5


def test_points_reject_a_row_with_a_problem() -> None:
    points = Points(read_source("x*y"), {"y": 2.0})
    good, bad = read_csv(["x,t\n", "1,2\n", "1\n"], ",").rows
    assert points.read(good) == {"x": 1.0, "y": 2.0}
    with pytest.raises(InputError, match="the header has 2 cells, this row 1"):
        points.read(bad)
