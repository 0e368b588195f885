"""What ``--keep`` makes of columns of every type that Arrow has, in every form: it keeps or names them."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
import re
from decimal import Decimal
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, ipc, parquet

from backprop_cli import cli
from backprop_cli.batch.frames.written import json_texts, plain_texts
from backprop_cli.console.environment import Environment

NOTHING_MAKES = {"INTERVAL_MONTHS", "INTERVAL_DAY_TIME"}
"""Types that pyarrow can only read."""

I32, TEXT = pa.int32(), pa.string()


def whole(kind: pa.DataType) -> Any:
    return pa.array([0, 1, None, 100], kind)


def unions() -> list[Any]:
    codes = pa.array([0, 1, 0, 1], pa.int8())
    numbers, texts = pa.array([1.5, None, math.nan, 4.0]), pa.array(["a", 'b"', None, ","])
    places = pa.array([0, 1, 2, 3], pa.int32())
    return [
        pa.UnionArray.from_sparse(codes, [numbers, texts]),
        pa.UnionArray.from_dense(codes, places, [numbers, texts]),
    ]


TEXTS = ["a", 'say "hi",\n', None, "é😀\\\x01"]
DECIMALS = [Decimal("1.50"), Decimal("-0.01"), None, 0]
BYTES = [b"a", b"\xff\\\x00,", None, b""]
LISTS: list[Any] = [[1.0, math.nan], [], None, [None, -math.inf]]
STRUCT = pa.struct([("x", pa.float64()), ('q"', TEXT), ("l", pa.list_(pa.timestamp("ns")))])
COLUMNS: dict[str, list[Any]] = {
    "NA": [pa.nulls(4)],
    "BOOL": [pa.array([True, False, None, True])],
    **{f"{sign}INT{bits}": [whole(getattr(pa, f"{sign}int{bits}".lower())())]
       for sign in ("", "U") for bits in (8, 16, 32, 64)},
    "HALF_FLOAT": [pa.array([0.1, math.nan, None, -math.inf], pa.float16())],
    "FLOAT": [pa.array([0.1, math.nan, None, math.inf], pa.float32())],
    "DOUBLE": [pa.array([0.1, math.nan, None, math.inf])],
    **{f"DECIMAL{bits}": [pa.array(DECIMALS, getattr(pa, f"decimal{bits}")(9, 2))]
       for bits in (32, 64, 128, 256)},
    "DATE32": [pa.array([0, -(2**31), None, 2**31 - 1], pa.date32())],
    "DATE64": [pa.array([0, -86_400_000 * 10**8, None, 86_400_000 * 10**8], pa.date64())],
    "TIME32": [
        pa.array([0, 1, None, 86_399], pa.time32("s")),
        pa.array([0, 1, None, 10**9], pa.time32("ms")),
    ],
    "TIME64": [
        pa.array([0, 1, None, 10**9], pa.time64("ns")),
        pa.array([0, 1, None, 2**62], pa.time64("us")),
    ],
    "TIMESTAMP": [
        *(pa.array([0, 1, None, 2**62], pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")),
        pa.array([0, 1, None, 2**62], pa.timestamp("us", "Europe/Berlin")),
        pa.array([0, 1, None, 2**62], pa.timestamp("ns", "+02:00")),
    ],
    "DURATION": [pa.array([0, 1, None, -(2**62)], pa.duration(unit)) for unit in ("s", "ms", "us", "ns")],
    "INTERVAL_MONTH_DAY_NANO": [
        pa.array([pa.MonthDayNano([1, -2, 3]), None, pa.MonthDayNano([0, 0, 0]), None]),
    ],
    "STRING": [pa.array(TEXTS)],
    "LARGE_STRING": [pa.array(TEXTS, pa.large_string())],
    "STRING_VIEW": [pa.array(TEXTS, pa.string_view())],
    "BINARY": [pa.array(BYTES, pa.binary())],
    "LARGE_BINARY": [pa.array(BYTES, pa.large_binary())],
    "BINARY_VIEW": [pa.array(BYTES, pa.binary_view())],
    "FIXED_SIZE_BINARY": [
        pa.array([b"ab", b"\xff\x00", None, b"\\,"], pa.binary(2)),
        pa.array([bytes(16), None, bytes(range(16)), bytes(16)], pa.uuid()),
    ],
    "LIST": [
        pa.array(LISTS, pa.list_(pa.float64())),
        pa.array([[["a"]], [[]], None, [None]], pa.list_(pa.list_(TEXT))),
        pa.array([[dt.date(1, 1, 1)], [], None, [None]], pa.list_(pa.date32())),
    ],
    "LARGE_LIST": [pa.array(LISTS, pa.large_list(pa.float64()))],
    "LIST_VIEW": [pa.array(LISTS, pa.list_view(pa.float64()))],
    "LARGE_LIST_VIEW": [pa.array(LISTS, pa.large_list_view(pa.float64()))],
    "FIXED_SIZE_LIST": [pa.array([[1, 2], [3, None], None, [4, 5]], pa.list_(I32, 2))],
    "STRUCT": [
        pa.array([{"x": math.nan, 'q"': "a"}, {"l": [2**62, None]}, None, {}], STRUCT),
        pa.array([{}, None, {}, {}], pa.struct([])),
    ],
    "MAP": [pa.array([[("k", 1)], [], None, [("é", None), ("k", 2)]], pa.map_(TEXT, I32))],
    "DICTIONARY": [
        pa.array(TEXTS).dictionary_encode(),
        pa.DictionaryArray.from_arrays(
            pa.array([1, 0, None, 1], pa.int8()), pa.array(TEXTS[:2], pa.string_view())
        ),
        pa.DictionaryArray.from_arrays(pa.array([1, 0, None, 1], pa.uint32()), pa.array([[1], [2]])),
        pa.array([1.5, 1.5, None, 2.5]).dictionary_encode(),
    ],
    "RUN_END_ENCODED": [
        pa.RunEndEncodedArray.from_arrays(pa.array([1, 3, 4], I32), pa.array(["a", None, "b"])),
    ],
    "SPARSE_UNION": unions()[:1],
    "DENSE_UNION": unions()[1:],
}  # fmt: skip
CASES = [
    pytest.param(column, id=f"{name}-{number}")
    for name, columns in COLUMNS.items()
    for number, column in enumerate(columns)
]
FORMS = ["csv", "tsv", "jsonl", "parquet", "arrow", "npy", "npz"]


def test_every_type_of_arrow_is_tried() -> None:
    types = {name.removeprefix("Type_") for name in dir(pa.lib) if name.startswith("Type_")}
    assert types - NOTHING_MAKES <= set(COLUMNS)
    for name, columns in COLUMNS.items():
        for column in columns:
            storage = column.storage if isinstance(column.type, pa.BaseExtensionType) else column
            assert storage.type.id == getattr(pa.lib, f"Type_{name}")


def run(*args: str) -> tuple[int, str, str]:
    """Run the command in this process, which is what a thousand runs are worth; return status and output."""
    streams = [TextIOWrapper(BytesIO(), encoding="utf-8") for _ in range(2)]
    status = cli.run(list(args), Environment(None, *streams, {}))
    told = []
    for stream in streams:
        stream.flush()
        told.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return status, told[0], told[1]


def write(column: Any, path: Path) -> None:
    """Write a column beside the inputs, in two batches of which one begins within its memory."""
    table = pa.table({"a": [1.0, 2.0, 3.0, 4.0], "k": column, "b": [1, 2, 3, 4]})
    with ipc.new_file(path, table.schema) as writer:
        writer.write_table(table.slice(0, 1))
        writer.write_table(table.slice(1))


def read_back(path: Path) -> Any:
    return (parquet.read_table if path.suffix == ".parquet" else feather.read_table)(path)[
        "k"
    ].combine_chunks()


@pytest.mark.parametrize("column", CASES)
def test_a_column_is_kept_or_named(tmp_path: Path, column: Any) -> None:
    data = tmp_path / "data.arrow"
    write(column, data)
    for form in FORMS:
        out = tmp_path / f"out.{form}"
        status, _, told = run("batch", "a*b", "--data", str(data), "--keep", "--output", str(out))
        if status:
            assert status == 2
            assert f"{form} can't keep the column k" in told
            assert form in ("npy", "npz", "parquet")
            assert not out.exists()
        elif form in ("parquet", "arrow"):
            kept = read_back(out)
            assert kept.type == column.type or form == "parquet"
            kept = kept.cast(column.type) if pa.types.is_time(column.type) else kept  # Parquet has no seconds
            assert json_texts(kept).to_pylist() == json_texts(column).to_pylist()
        elif form == "jsonl":
            rows = [json.loads(line, parse_constant=pytest.fail) for line in out.read_text().splitlines()]
            assert [json.dumps(row["k"]) for row in rows] == [
                json.dumps(json.loads(text or "null")) for text in json_texts(column).to_pylist()
            ]
            assert [row["value"] for row in rows] == [1.0, 4.0, 9.0, 16.0]
        elif form in ("csv", "tsv"):
            with out.open(newline="") as file:
                cells = [row[1] for row in csv.reader(file, delimiter=",\t"[form == "tsv"])]
            assert cells[1:] == [text or "" for text in plain_texts(column).to_pylist()]
        else:
            loaded = np.load(out)["k"]
            np.testing.assert_array_equal(loaded, column.to_numpy(zero_copy_only=False))
            assert loaded.dtype == column.type.to_pandas_dtype()


def test_numbers_without_gaps_keep_their_types_as_arrays(tmp_path: Path) -> None:
    for name, (column, *_) in COLUMNS.items():
        if re.fullmatch(r"U?INT\d+|BOOL", name):
            write(column.drop_null().take([0, 1, 0, 1]), tmp_path / "data.arrow")
            out = tmp_path / "out.npz"
            status, _, told = run(
                "batch", "a*b", "--data", str(tmp_path / "data.arrow"), "--keep", "--output", str(out)
            )
            assert (status, told) == (0, "")
            assert np.load(out)["k"].dtype == column.type.to_pandas_dtype()


@pytest.mark.parametrize("column", CASES)
def test_a_column_is_read_as_numbers_or_named(tmp_path: Path, column: Any) -> None:
    write(column, tmp_path / "data.arrow")
    status, rows, told = run("batch", "a*k", "--data", str(tmp_path / "data.arrow"))
    if status == 2:
        told_of_lists = r"the output has the shape \(\d, ?\d?\), and gradients are of one number"
        assert re.match(rf"backprop: (the column k holds .*, not numbers|{told_of_lists})\n", told)
        assert rows == ""
    else:
        assert status == 3
        assert len(rows.splitlines()) == 5


def test_dictionaries_that_differ_from_batch_to_batch(tmp_path: Path) -> None:
    kind = pa.dictionary(pa.int8(), pa.string_view())
    columns = [
        pa.DictionaryArray.from_arrays(pa.array(indices, pa.int8()), pa.array(values, pa.string_view()))
        for indices, values in (([0, 1], ["u", "v"]), ([1, None], ["w", "v"]), ([0, 0], ["v"]), ([0], ["x"]))
    ]
    path = tmp_path / "data.arrows"
    with ipc.new_stream(path, pa.schema([("a", pa.float64()), ("k", kind)])) as writer:
        for column in columns:
            writer.write_batch(pa.record_batch([pa.array([1.0] * len(column)), column], names=["a", "k"]))
    for form in ("arrow", "parquet", "csv", "jsonl"):
        out = tmp_path / f"out.{form}"
        args = ("batch", "a", "--data", str(path), "--input-format", "arrow", "--keep", "--output", str(out))
        assert run(*args) == (0, "", "")
    cells = ["u", "v", "v", None, "v", "v", "x"]
    assert (
        read_back(tmp_path / "out.arrow").to_pylist()
        == read_back(tmp_path / "out.parquet").to_pylist()
        == cells
    )
    assert read_back(tmp_path / "out.arrow").type == kind


def test_a_dictionary_that_grows_too_large_is_named(tmp_path: Path) -> None:
    path, out = tmp_path / "data.arrow", tmp_path / "out.arrow"
    kind = pa.dictionary(pa.int8(), pa.string())
    with ipc.new_stream(path, pa.schema([("a", pa.float64()), ("k", kind)])) as writer:
        for start in (0, 100):
            column = pa.array([str(start + i) for i in range(100)]).dictionary_encode().cast(kind)
            writer.write_batch(pa.record_batch([pa.array([1.0] * 100), column], names=["a", "k"]))
    status, _, told = run("batch", "a", "--data", str(path), "--keep", "--output", str(out))
    assert (status, out.exists()) == (2, False)
    assert told == (
        "backprop: arrow can't keep the column k, which holds dictionary<values=string, indices=int8, "
        "ordered=0>: its dictionary grows from batch to batch\n"
        "  hint: --format parquet, csv or jsonl can\n"
    )


@pytest.mark.parametrize(
    ("column", "plain", "strict"),
    [
        (COLUMNS["STRING"][0], TEXTS, TEXTS),
        (COLUMNS["BINARY"][0], ["YQ==", "/1wALA==", None, ""], None),
        (COLUMNS["DECIMAL128"][0], ["1.50", "-0.01", None, "0.00"], [1.5, -0.01, None, 0.0]),
        (COLUMNS["DATE32"][0], ["1970-01-01", "-5877641-06-23", None, "5881580-07-11"], None),
        (COLUMNS["TIME32"][1], ["00:00:00.000", "00:00:00.001", None, "PT1000000S"], None),
        (COLUMNS["TIMESTAMP"][2][2:], [None, "148108-07-06 14:00:27.387904"], None),
        (COLUMNS["TIMESTAMP"][4][2:], [None, "148108-07-06 14:00:27.387904Z"], None),
        (COLUMNS["DURATION"][3], ["PT0S", "PT0.000000001S", None, "-PT4611686018.427387904S"], None),
        (COLUMNS["INTERVAL_MONTH_DAY_NANO"][0][:2], ["P1M-2DT0.000000003S", None], None),
        (COLUMNS["LIST"][0], None, [[1.0, "NaN"], [], None, [None, "-Infinity"]]),
        (COLUMNS["LIST_VIEW"][0][1:], None, [[], None, [None, "-Infinity"]]),
        (COLUMNS["LARGE_LIST_VIEW"][0], None, [[1.0, "NaN"], [], None, [None, "-Infinity"]]),
        (COLUMNS["LIST"][1], None, [[["a"]], [[]], None, [None]]),
        (COLUMNS["FIXED_SIZE_LIST"][0][1:], None, [[3, None], None, [4, 5]]),
        (COLUMNS["MAP"][0], None, [[["k", 1]], [], None, [["é", None], ["k", 2]]]),
        (COLUMNS["MAP"][0][3:], None, [[["é", None], ["k", 2]]]),
        (COLUMNS["STRUCT"][0][:3], None, [
            {"x": "NaN", 'q"': "a", "l": None},
            {"x": None, 'q"': None, "l": ["2116-02-20 23:53:38.427387904", None]},
            None,
        ]),
        (COLUMNS["STRUCT"][1], None, [{}, None, {}, {}]),
        (COLUMNS["SPARSE_UNION"][0], None, [1.5, 'b"', "NaN", ","]),
        (COLUMNS["DENSE_UNION"][0][1:], None, ['b"', "NaN", ","]),
        (COLUMNS["RUN_END_ENCODED"][0], ["a", None, None, "b"], ["a", None, None, "b"]),
        (COLUMNS["DICTIONARY"][2], None, [[2], [1], None, [2]]),
    ],
)  # fmt: skip
def test_what_cells_are_as_text(
    column: Any, plain: list[str | None] | None, strict: list[Any] | None
) -> None:
    if plain is not None:
        assert plain_texts(column).to_pylist() == plain
    texts = json_texts(column).to_pylist()
    found = [None if text is None else json.loads(text, parse_constant=pytest.fail) for text in texts]
    assert found == (plain if strict is None else strict)


def test_columns_of_one_name_are_kept_in_their_order(tmp_path: Path) -> None:
    names = ["c", "a", "c.a", "c"]
    table = pa.Table.from_arrays(
        [pa.array([1]), pa.array([2.0]), pa.array([3]), pa.array(["x"])], names=names
    )
    parquet.write_table(table, tmp_path / "data.parquet")
    args = ("batch", "a", "--data", str(tmp_path / "data.parquet"))
    assert run(*args)[1] == "value,grad_a,status\n2.0,1.0,ok\n"
    assert run(*args, "--keep")[1] == "c,a,c.a,c,value,grad_a,status\n1,2.0,3,x,2.0,1.0,ok\n"


@pytest.mark.parametrize("engine", ["python", "numpy"])
def test_a_name_that_is_not_utf8_is_kept_as_text(tmp_path: Path, engine: str) -> None:
    data, out = tmp_path / "data.csv", tmp_path / "out.csv"
    data.write_bytes(b"a,t\xe9\n1,2\n")
    args = ("batch", "a", "--data", str(data), "--keep", "--engine", engine, "--output", str(out))
    assert run(*args) == (0, "", "")
    assert out.read_bytes() == b"a,t\xe9,value,grad_a,status\n1,2,1.0,1.0,ok\n"


@pytest.mark.parametrize("engine", ["python", "numpy"])
def test_inputs_of_text_are_numbers_in_json(tmp_path: Path, engine: str) -> None:
    cells = {
        "1.50": "1.50", "9007199254740993": "9007199254740993", "-0": "-0", "+.5": "0.5", " 2 ": "2.0",
        "1/3": "0.3333333333333333", "1e999": '"1e999"', "NA": '"NA"', "1,5": '"1,5"', "007": "7.0",
        "": "null",
    }  # fmt: skip
    (tmp_path / "data.csv").write_text("x,t\n" + "".join(f'"{cell}",1\n' for cell in cells))
    args = ("batch", "x^2", "--data", str(tmp_path / "data.csv"), "--keep", "--json", "--engine", engine)
    lines = run(*args)[1].splitlines()
    assert [line.split(', "t": "1", "value"')[0] for line in lines] == [
        f'{{"x": {text}' for text in cells.values()
    ]


@pytest.mark.parametrize("engine", ["python", "numpy"])
def test_what_is_not_kept_is_told(tmp_path: Path, engine: str) -> None:
    data = tmp_path / "data.csv"
    data.write_text('x,y\n1,2,3\n1,"5\\" pipe"\n4,5\n6\n')
    args = ("batch", "x^2", "--keep", "--engine", engine, "--data", str(data))
    _, rows, told = run(*args)
    assert rows.splitlines()[1:] == ["1,2,,,bad input", ",,,,bad input", "4,5,16.0,8.0,ok", "6,,,,bad input"]
    assert told.splitlines()[-1] == "2 rows are not kept whole (rows 1 and 2)"
    data.write_text('{"x":1}\nbad\n')
    assert run(*args, "--input-format", "jsonl")[2].splitlines()[-1] == "1 row is not kept whole (row 2)"
