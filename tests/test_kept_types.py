"""Every type that Arrow has, kept in every form: written, or refused by name before anything is written."""

from __future__ import annotations

import csv
import io
import json
from contextlib import redirect_stderr
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from backprop_cli.__main__ import run
from backprop_cli.batch.frames.written import json_texts, plain_texts

FORMS = ["csv", "tsv", "jsonl", "parquet", "arrow", "npy", "npz"]
NUMBERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"]
UNITS = ["s", "ms", "us", "ns"]
TYPES: dict[str, Any] = {
    **{name: pa.array([1, 2, None], getattr(pa, name)()) for name in NUMBERS},
    "float16": pa.array([np.float16(1), np.float16(2), None], pa.float16()),
    "null": pa.nulls(3),
    "bool": pa.array([True, None, False]),
    **{name: pa.array(['a,"b"\n', None, "é"], getattr(pa, name)())
       for name in ("string", "large_string", "string_view")},
    **{name: pa.array([b"a", None, b"\xff"], getattr(pa, name)())
       for name in ("binary", "large_binary", "binary_view")},
    "fixed": pa.array([b"ab", None, b"cd"], pa.binary(2)),
    **{f"timestamp {unit}": pa.array([0, None, 1234567], pa.timestamp(unit)) for unit in UNITS},
    **{f"timestamp {unit} UTC": pa.array([0, None, 1234567], pa.timestamp(unit, "UTC")) for unit in UNITS},
    **{f"duration {unit}": pa.array([0, None, -1234567], pa.duration(unit)) for unit in UNITS},
    "far timestamp": pa.array([2**62, None, -(2**62)], pa.timestamp("us")),
    "far date": pa.array([2**30, None, 5], pa.date32()),
    "date32": pa.array([0, None, 5], pa.date32()),
    "date64": pa.array([0, None, 86400000], pa.date64()),
    "time32 s": pa.array([0, None, 5], pa.time32("s")),
    "time32 ms": pa.array([0, None, 5], pa.time32("ms")),
    "time64 us": pa.array([0, None, 5], pa.time64("us")),
    "time64 ns": pa.array([0, None, 1234567], pa.time64("ns")),
    **{name: pa.array([Decimal("1.50"), None, Decimal(-2)], getattr(pa, name)(5, 2))
       for name in ("decimal32", "decimal64", "decimal128", "decimal256")},
    "list": pa.array([[1.0, float("nan")], None, [float("inf")]]),
    "large_list": pa.array([[1], None, [2]], pa.large_list(pa.int64())),
    "fixed_size_list": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int64(), 2)),
    "list_view": pa.array([[1], None, [2]], pa.list_view(pa.int64())),
    "large_list_view": pa.array([[1], None, [2]], pa.large_list_view(pa.int64())),
    "list of bytes": pa.array([[b"\xff"], None, []]),
    "struct": pa.array([{"a": 1.0, "b": "x"}, None, {"a": float("nan"), "b": None}]),
    "struct of ns": pa.array([{"t": 1}, None, {"t": 123}], pa.struct([("t", pa.timestamp("ns"))])),
    "map": pa.array([[("k", 1)], None, [("l", 2)]], pa.map_(pa.string(), pa.int64())),
    "dictionary": pa.array(["a", None, "b"]).dictionary_encode(),
    "dictionary of large": pa.array(["a", None, "b"], pa.large_string()).dictionary_encode(),
    "runs": pa.RunEndEncodedArray.from_arrays([2, 3], [1.5, 2.5]),
    "runs of text": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["x", "y"])),
    "sparse union": pa.UnionArray.from_sparse(pa.array([0, 1, 0], pa.int8()),
                                              [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])]),
    "dense union": pa.UnionArray.from_dense(pa.array([0, 1, 0], pa.int8()), pa.array([0, 0, 1], pa.int32()),
                                            [pa.array([1, 2]), pa.array(["a"])]),
    "interval": pa.array([(1, 2, 3), None, (0, 0, 1)], pa.month_day_nano_interval()),
}  # fmt: skip


def test_these_are_all_types_that_arrow_has() -> None:
    ids = {getattr(pa.lib, name): name for name in dir(pa.lib) if name.startswith("Type_")}
    abstract = {"Type_INTERVAL_MONTHS", "Type_INTERVAL_DAY_TIME", "Type_EXTENSION"}  # which Python can't make
    found = {ids[array.type.id] for array in TYPES.values() if array.type.id in ids}
    assert set(ids.values()) - found <= abstract


@pytest.mark.parametrize("name", TYPES)
def test_a_type_is_kept_or_refused_by_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = pa.table({"a": pa.array([1.0, 2.0, 3.0]), "c": TYPES[name]})
    with ipc.new_file("d.arrow", table.schema) as writer:
        writer.write_table(table)
    for form in FORMS:
        for program, keep in (("a*2", ["--keep"]), ("a + c", [])):
            out = Path(f"o.{form}")
            said = io.StringIO()
            with redirect_stderr(said):
                status = run(["batch", program, "--data", "d.arrow", "--output", str(out), "--quiet", *keep])
            assert status in (0, 2, 3), said.getvalue()
            if status == 2:
                assert "backprop: " in said.getvalue()
                assert "column" in said.getvalue()
                assert not out.exists()
            elif keep:
                assert _rows(out) == 3
            out.unlink(missing_ok=True)


def _rows(path: Path) -> int:
    """Return the count of rows, read strictly."""
    if path.suffix == ".jsonl":
        lines = path.read_text(encoding="utf-8").splitlines()
        return len([json.loads(line, parse_constant=lambda _: pytest.fail("no JSON")) for line in lines])
    if path.suffix in (".csv", ".tsv"):
        with path.open(encoding="utf-8", newline="") as file:
            return len(list(csv.reader(file, delimiter="," if path.suffix == ".csv" else "\t"))) - 1
    if path.suffix == ".parquet":
        return int(parquet.read_table(path).num_rows)
    if path.suffix == ".arrow":
        return int(ipc.open_file(path).read_all().num_rows)
    loaded = np.load(path)
    return len(loaded if path.suffix == ".npy" else loaded["a"])


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("string_view", ['a,"b"\n', None, "é"]),
        ("binary_view", ["YQ==", None, "/w=="]),
        ("timestamp ns", ["1970-01-01 00:00:00.000000000", None, "1970-01-01 00:00:00.001234567"]),
        ("duration ms", ["PT0S", None, "-PT1234.567S"]),
        ("far timestamp", ["148108-07-06T14:00:27.387904", None, "-144169-06-28T09:59:32.612096"]),
        ("far date", ["2941775-04-07", None, "1970-01-06"]),
        ("decimal256", ["1.50", None, "-2.00"]),
        ("list", ['[1.0, "NaN"]', None, '["Infinity"]']),
        ("list of bytes", ['["/w=="]', None, "[]"]),
        ("dictionary of large", ["a", None, "b"]),
        ("runs of text", ["x", "x", "y"]),
    ],
)
def test_a_type_as_text(name: str, texts: list[str | None]) -> None:
    assert plain_texts(TYPES[name]).to_pylist() == texts
    found = [None if text is None else json.loads(text) for text in json_texts(TYPES[name]).to_pylist()]
    assert [json.dumps(x) if isinstance(x, list) else x for x in found] == texts


def test_whole_numbers_stay_whole_and_empty_cells_are_refused_in_arrays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    parquet.write_table(
        pa.table({"x": [1.0, 2.0], "id": [9007199254740993, 2], "on": [True, None]}), "d.parquet"
    )
    assert run(["batch", "x", "--data", "d.parquet", "--keep", "--output", "o.npz"]) == 2
    assert "npz can't keep the column on, which holds bool and empty cells" in capsys.readouterr().err
    parquet.write_table(pa.table({"x": [1.0, 2.0], "id": [9007199254740993, 2]}), "d.parquet")
    assert run(["batch", "x", "--data", "d.parquet", "--keep", "--output", "o.npz"]) == 0
    assert np.load("o.npz")["id"].tolist() == [9007199254740993, 2]


def test_two_columns_of_one_name_that_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table = pa.Table.from_arrays([pa.array([1.0]), pa.array([2]), pa.array(["x"])], names=["a", "c", "c"])
    parquet.write_table(table, "d.parquet")
    assert run(["batch", "a*2", "--data", "d.parquet", "--output", "o.jsonl"]) == 0
    assert run(["batch", "a*2", "--data", "d.parquet", "--output", "o.csv", "--keep"]) == 0
    assert Path("o.csv").read_text() == "a,c,c,value,grad_a,status\n1.0,2,x,2.0,2.0,ok\n"


def test_a_name_that_is_not_utf8_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_bytes(b"a,t\xe9\n1,2\n")
    for form in ("csv", "parquet"):
        words = ["batch", "a", "--data", "d.csv", "--keep", "--engine", "numpy", "--output", f"o.{form}"]
        assert run(words) == 2
        assert "the name of the column t\\udce9 is not UTF-8 text" in capsys.readouterr().err
    assert run(["batch", "a", "--data", "d.csv", "--engine", "numpy", "--output", "o.csv"]) == 0
