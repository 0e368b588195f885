"""Arrays of a program from columns of lists, in every form and type that has them; and from Python."""

import io
import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from backprop_cli import compile_rows
from backprop_cli.batch.points import path_of
from backprop_cli.errors import InputError, ShapeError, UsageError

PROGRAM = "sum((W @ x)*y)*s"
ROWS = [
    {"x": [1.0, 2.0, 3.0], "W": [[1, 2, 3], [4, 5, 6]], "at": {"y": [1, 2]}, "s": 1.0},
    {"x": [4.0, 5.0, 6.0], "W": [[0, 1, 0], [2, 0, 1]], "at": {"y": [3, 4]}, "s": 2.0},
    {"x": None, "W": [[1, 2, 3], [4, 5, 6]], "at": {"y": [1, 1]}, "s": 3.0},
    {"x": [1.0, 2.0], "W": [[1, 2, 3], [4, 5, 6]], "at": {"y": [1, 1]}, "s": 4.0},
    {"x": [1.0, 2.0, 3.0], "W": [[1, 2, 3], [4, 5]], "at": {"y": [1, 1]}, "s": 5.0},
    {"x": [1.0, 2.0, 3.0], "W": [[1, 2, 3], [4, 5, 6]], "at": None, "s": 6.0},
    {"x": [1.0, None, 3.0], "W": [[1, 2, 3], [4, 5, 6]], "at": {"y": [1, 1]}, "s": 7.0},
]
WANTED = [(78.0, [9.0, 12.0, 15.0]), (142.0, [16.0, 6.0, 8.0])]
FLOATS = pa.float64()
TYPES = [
    (pa.list_(FLOATS), pa.list_(pa.list_(FLOATS))),
    (pa.large_list(pa.float32()), pa.large_list(pa.list_(pa.int16()))),
    (pa.list_(pa.int32()), pa.list_(pa.large_list(FLOATS))),
    (pa.list_view(FLOATS), pa.list_(pa.list_view(FLOATS))),
]


def run(*words, data=None):
    command = [sys.executable, "-m", "backprop_cli", *words]
    return subprocess.run(command, input=data, capture_output=True, check=False, timeout=120)


def results_of(data, form, *words):
    of = ["--map", "y=at.y", "--wrt", "x", "--format", "jsonl", "--input-format", form, "--data", "-"]
    found = run("batch", PROGRAM, *of, *words, data=data)
    return found, [json.loads(line) for line in found.stdout.splitlines()]


def table_of(kinds):
    x, weights = kinds
    struct = pa.struct([("y", pa.list_(FLOATS))])
    kept = {"x": x, "W": weights, "at": struct, "s": FLOATS}
    return pa.table({name: pa.array([row[name] for row in ROWS], kind) for name, kind in kept.items()})


def in_form(table, form):
    sink = io.BytesIO()
    if form == "parquet":
        parquet.write_table(table, sink, row_group_size=3)
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table.slice(0, 0))
            writer.write_table(table, max_chunksize=2)
    return sink.getvalue()


def check(found, rows):
    for row, (value, slopes) in zip(rows, WANTED, strict=False):
        assert row["status"] == "ok"
        assert [row["value"], *row["grad_x"]] == [value, *slopes]
    assert [row["status"] for row in rows[2:]] == ["bad input"] * 5
    assert found.returncode == 3


# Parquet has no views.
@pytest.mark.parametrize(
    ("form", "kinds"),
    [("arrow", kinds) for kinds in TYPES] + [("parquet", kinds) for kinds in TYPES[:-1]],
    ids=str,
)
def test_lists_of_every_type_are_arrays(form, kinds):
    check(*results_of(in_form(table_of(kinds), form), form))


def test_lists_of_a_fixed_size():
    values = pa.array(np.arange(30.0))
    table = pa.table({"x": pa.FixedSizeListArray.from_arrays(values, 3).slice(2, 6), "s": np.arange(6.0)})
    for form in ("parquet", "arrow"):
        words = ["--wrt", "s", "--format", "jsonl", "--input-format", form, "--data", "-"]
        found = run("batch", "s*(x @ x)", *words, data=in_form(table, form))
        slopes = [json.loads(line)["grad_s"] for line in found.stdout.splitlines()]
        assert slopes == [float(np.sum(np.arange(3.0 * i, 3.0 * i + 3) ** 2)) for i in range(2, 8)]


@pytest.mark.parametrize("words", [(), ("--engine", "numpy")])
def test_lists_of_json(words):
    found, rows = results_of("\n".join(map(json.dumps, ROWS)).encode(), "jsonl", *words)
    check(found, rows)
    assert b"row 3: x is no list of 3 elements" in found.stderr


def test_a_row_of_another_size_is_told():
    found = run("batch", "w @ x", "w=[1,2]", "--data", "-", "--input-format", "jsonl",
                data=b'{"x": [1, 2]}\n{"x": [1, 2, 3]}\n')  # fmt: skip
    assert b"row 2: x has 3 elements, not 2" in found.stderr
    misfit = run(
        "batch", "w @ x", "w=[1,2,3]", "--data", "-", "--input-format", "jsonl", data=b'{"x": [1, 2]}\n'
    )
    assert (misfit.returncode, b"the shapes (3,) and (2,) do not fit" in misfit.stderr) == (2, True)


def test_lists_are_kept_as_they_are(tmp_path):
    file = tmp_path / "in.parquet"
    parquet.write_table(table_of(TYPES[0]).slice(0, 2), file)
    out = tmp_path / "out.parquet"
    found = run("batch", PROGRAM, "--map", "y=at.y", "--data", str(file), "--keep", "--output", str(out))
    assert found.returncode == 0, found.stderr
    kept = parquet.read_table(out)
    assert kept.column("x").to_pylist() == [row["x"] for row in ROWS[:2]]
    assert kept.column("value").to_pylist() == [value for value, _ in WANTED]


def test_a_path_is_read():
    assert path_of("at.x[0,1]") == ("at", ("x", 0, 1))
    assert path_of("x[12]") == ("x", (12,))
    assert path_of("x") == ("x", ())
    assert path_of("a.b.c") == ("a", ("b", "c"))


# ---- from Python ----

RNG = np.random.default_rng(1)
X, Y, WEIGHTS = RNG.normal(size=(50, 3)), RNG.normal(size=(50, 2)), RNG.normal(size=(2, 3))


@pytest.mark.parametrize("engine", ["numpy", "python", "jit"])
def test_arrays_of_rows(engine):
    try:
        rows = compile_rows(
            "sum((tanh(W @ x) - y)^2)", columns=["x:3", "y:2"], constants={"W": WEIGHTS}, engine=engine
        )
    except UsageError:
        pytest.skip("no compiler here")
    assert (rows.columns, rows.shapes) == (("x", "y"), {"x": (3,), "y": (2,)})
    found = rows({"x": X, "y": Y})
    hidden = np.tanh(X @ WEIGHTS.T)
    gap = hidden - Y
    slopes = (2 * gap * (1 - hidden**2)) @ WEIGHTS
    assert np.allclose(found.value, (gap**2).sum(1), rtol=1e-13)
    for i in range(3):
        assert np.allclose(found.gradients[f"x[{i}]"], slopes[:, i], rtol=1e-12, atol=1e-14)
    value = found.value.copy()
    again = rows({"x[0]": X[:, 0], "x[1]": X[:, 1], "x[2]": X[:, 2], "y": Y.tolist()}, out=found)
    assert again.value is found.value
    assert np.array_equal(again.value, value)


REFUSED = [
    ({"x": X[:, :2], "y": Y}, r"the column x is of shape (50, 2), not (rows, 3)"),
    ({"x": X.ravel(), "y": Y}, r"the column x is of shape (150,), not (rows, 3)"),
    ({"y": Y}, "the columns lack x"),
    ({"x[0]": X[:, 0], "y": Y}, "the columns lack x[1] and x[2]"),
    ({"x": X[:5], "y": Y}, "the columns differ in their counts of rows: x has 5 and y has 50"),
    ({"x": [["a"] * 3], "y": Y}, "the column x holds <U1, not numbers"),
]


@pytest.mark.parametrize(("columns", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_columns_that_are_no_such_arrays_are_refused(columns, message):
    rows = compile_rows("sum(x) + sum(y)", columns=["x:3", "y:2"])
    with pytest.raises(InputError) as caught:
        rows(columns)
    assert caught.value.message == message


def test_a_shape_is_asked_for():
    with pytest.raises(ShapeError) as caught:
        compile_rows("w @ x", columns=["x:3", "w"])
    assert caught.value.hint == "a column of arrays has its shape: columns=['x:3', 'W:2x3']"
    with pytest.raises(InputError, match="do not fit"):
        compile_rows("w @ x", columns=["x:3", "w:2"])


def test_results_may_not_lie_over_an_array_of_rows():
    rows = compile_rows("sum(x)", columns=["x:2"])
    x = np.zeros((10, 2))
    found = rows({"x": x})
    found.gradients["x[1]"] = x.reshape(-1)[:10]
    with pytest.raises(InputError, match="shares its memory"):
        rows({"x": x}, out=found)


LISTED = ["batch", "sum((W @ x)^2)*s", "W=[[1,2],[3,4],[5,6]]", "--input-format", "jsonl", "--data", "-"]


def gradients(x, s):
    weights = np.array([[1.0, 2], [3, 4], [5, 6]])
    slope = 2 * (weights @ x) * s
    return np.outer(slope, x).tolist(), (slope @ weights).tolist()


@pytest.mark.parametrize("engine", ["python", "numpy"])
def test_gradients_of_lists_are_lists(engine, tmp_path):
    rows = [([1.0, 2.0], 1.0), ([0.5, -1.0], 3.0), ([1.0], 1.0)]
    data = "".join(json.dumps({"x": x, "s": s}) + "\n" for x, s in rows).encode()
    found = run(*LISTED, "--engine", engine, "--keep", data=data)
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    assert [list(line) for line in lines] == [["x", "s", "value", "grad_W", "grad_x", "grad_s", "status"]] * 3
    for line, (x, s) in zip(lines[:2], rows, strict=False):
        assert (line["grad_W"], line["grad_x"]) == gradients(x, s)
    assert (lines[2]["grad_W"], lines[2]["grad_x"]) == ([[None] * 2] * 3, [None] * 2)
    for form in ("parquet", "arrow"):
        out = tmp_path / f"out.{form}"
        run(*LISTED, "--engine", "numpy", "--output", str(out), data=data)
        table = parquet.read_table(out) if form == "parquet" else pa.ipc.open_file(out).read_all()
        assert table.schema.field("grad_W").type == pa.list_(pa.list_(FLOATS, 2), 3)
        wanted = [{key: x for key, x in line.items() if key not in ("x", "s")} for line in lines]
        assert table.to_pylist() == wanted


def test_elements_stay_apart_where_no_list_can_be_meant():
    data = b'{"x": [1, 2], "s": 1}\n'
    for words in (["--format", "csv"], ["--wrt", "x[1],x[0]"], ["--wrt", "x[1]"]):
        found = run(*LISTED, *words, data=data)
        assert b"grad_x[1]" in found.stdout, found.stderr
    found = run(*LISTED, data=b'{"x[0]": 1, "x[1]": 2, "s": 1}\n')
    assert b'"grad_W": [[10.0, 20.0], ' in found.stdout
    assert b'"grad_x[1]": 312.0' in found.stdout
    found = run(*LISTED, "--keep", data=b'{"x": [1, 2], "s": 1, "grad_x": 5}\n')
    assert (found.returncode, found.stdout) == (2, b"")
    assert b"the data has a column grad_x of its own" in found.stderr
    found = run(*LISTED, "--keep", "--prefix", "my_", data=b'{"x": [1, 2], "s": 1, "grad_x": 5}\n')
    assert b'"my_grad_x": [246.0, 312.0]' in found.stdout


def test_the_gradient_of_an_array_from_python():
    rows = compile_rows("sum((W @ x)^2)*s", columns=["x:2", "s"], constants={"W": [[1, 2], [3, 4], [5, 6]]})
    x, s = np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([1.0, 3.0])
    found = rows({"x": x, "s": s})
    for name, place in (("W", 0), ("x", 1)):
        assert found.gradient(name).tolist() == [gradients(*row)[place] for row in zip(x, s, strict=True)]
    assert found.gradient("s") is found.gradients["s"]
    for name in ("y", "x[2]", "", "W[0"):
        with pytest.raises(InputError, match="there is no gradient by"):
            found.gradient(name)
    part = compile_rows("sum(x^2)", columns=["x:2"], wrt=["x[1]"])({"x": x})
    with pytest.raises(InputError, match="there is no gradient by x"):
        part.gradient("x")
