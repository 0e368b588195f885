"""Data in columns: the same results as row by row, for every form of data."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Mapping
from contextlib import ExitStack
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_cli import cli
from backprop_cli.batch.cells import Table, read_csv, read_jsonl
from backprop_cli.batch.engines.results import Results
from backprop_cli.batch.forms import DELIMITERS, Form
from backprop_cli.batch.frames import blocks, by_row, run
from backprop_cli.batch.frames.cells import read_numbers
from backprop_cli.batch.frames.frame import Frame, Reader, count_rows, evaluate
from backprop_cli.batch.frames.objects import read_objects
from backprop_cli.batch.frames.read import open_reader
from backprop_cli.batch.frames.written import float_texts
from backprop_cli.batch.job import Job, Run, prepare, run_work
from backprop_cli.batch.tally import STATUSES, Tally
from backprop_cli.console.environment import Environment
from backprop_cli.console.output import Output
from backprop_cli.render.rows import render_summary

PROGRAM = "e = a*b; sqrt(e)/a + relu(b)"


def text_file() -> TextIOWrapper:
    return TextIOWrapper(BytesIO(), encoding="utf-8", errors=Output.data_errors(), newline="")


def run_job(table: Table | Reader, form: Form, shape: Form, program: str, *, keep: bool) -> list[Any]:
    values = ["e"] if "e =" in program else []
    job = Job(program, {}, {}, None, 1.0, values, form, shape, keep=keep, engine="python")
    file = text_file()
    tally, lost = run_work(prepare(job, table), table, Run(file, lambda: None, lambda _: None, None))
    file.flush()
    return [file.buffer.getvalue(), render_summary(tally), lost]  # type: ignore[attr-defined]


def by_rows(data: bytes, form: Form, shape: Form, *, keep: bool, program: str = PROGRAM) -> list[Any]:
    """Return the output, the tally and the keys that were lost, row by row."""
    stream = TextIOWrapper(BytesIO(data), encoding="utf-8-sig", errors="surrogateescape", newline="")
    table: Table = read_jsonl(stream) if form is Form.jsonl else read_csv(stream, DELIMITERS[form])
    return run_job(table, form, shape, program, keep=keep)


def by_columns(data: bytes, form: Form, shape: Form, *, keep: bool, program: str = PROGRAM) -> list[Any]:
    """Return the same, in columns."""
    with ExitStack() as stack:
        reader = open_reader(BytesIO(data), "data", form, len(data), b"", stack)
        return run_job(reader, form, shape, program, keep=keep)


# ---- CSV and TSV ----

CELLS = [
    "1",
    "2",
    "-3.5",
    "0",
    "-0",
    "+1",
    "++1",
    "+-1",
    "1.",
    ".5",
    ".",
    "-",
    "1e5",
    "1E+05",
    "1e",
    "1e400",
    "-1e400",
    "1e-400",
    "1/2",
    "pi",
    "2*pi",
    "1_000",
    "0x10",
    "inf",
    "-inf",
    "nan",
    "NaN",
    "infinity",
    "1,5",
    "1;5",
    "x",
    "1d5",
    "1f",
    "00012",
    "0.1000000000000000055511151231257827",
    "123456789012345678",
    "1e16",
    "1e-7",
    "−1",
]
ODD = [
    *("", " ", "\t", "  7 ", "\t7", "\x0b1", "\xa01", "1\0", "\0", "\ufeff1", "１２", "é", "\x1c", "\u2028"),
    *(
        '"1"',
        '"1/2"',
        '""',
        '"a,b"',
        '"a\tb"',
        '"a ""b"" c"',
        '"two\nlines"',
        '"1',
        '1"',
        'a"b"',
        '"1"x',
        '" 1 "',
    ),
    *('"a\r\nb"', "a\rb", "\udcff", '"\udcff"'),
]
ENDS = ["\n"] * 20 + ["\r\n"] * 3 + ["\r", "\n\n", "\n \n", "\r\n\r\n", "\n\ufeff"]


def dirty(random_: random.Random, delimiter: str) -> tuple[bytes, str]:
    """Return data of some lines, each of which may be anything, and a program for it."""
    columns = random_.choice([["a", "b"], ["id", "a", "b"], ["b", "t", "a"], ["a", "b", "note, long"]])
    if random_.random() < 0.2:
        columns = ["x"]
    header = delimiter.join(f'"{name}"' if delimiter in name else name for name in columns)
    parts = [
        random_.choice(["", "", "", "\ufeff", "\n", " \n", "\r\n"]),
        header,
        random_.choice(["\n", "\r\n"]),
    ]
    odd = random_.choice([0.0, 0.0, 0.02, 0.2])
    wrong = random_.choice([0.0, 0.0, 0.05])
    for _ in range(random_.randrange(60)):
        count = len(columns) if random_.random() >= wrong else random_.randrange(5)
        cells = [
            random_.choice(ODD) if random_.random() < odd
            else random_.choice(CELLS) if random_.random() < 0.1 + odd
            else repr(random_.choice([random_.gauss(0, 3), float(random_.randrange(-2, 5))]))
            for _ in range(count)
        ]  # fmt: skip
        parts += [delimiter.join(cells), random_.choice(ENDS) if odd else "\n"]
    text = "".join(parts)
    text = text if random_.random() < 0.7 else text.rstrip("\r\n")
    return text.encode("utf-8", "surrogateescape"), "x^2" if columns == ["x"] else PROGRAM


@pytest.mark.parametrize("seed", range(40))
def test_dirty_csv_comes_out_as_row_by_row(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Blocks and frames so small that every kind of line stands at their edges.
    monkeypatch.setattr(by_row, "_ROWS", 7)
    random_ = random.Random(seed)
    for _ in range(12):
        monkeypatch.setattr(blocks, "SIZE", random_.choice([16, 64, 1 << 20]))
        # Threads change no row; with them small frames take four times as long.
        monkeypatch.setattr(run, "count_workers", lambda: random_.choice([0, 0, 0, 2]))
        form, shape = random_.choice([Form.csv, Form.tsv]), random_.choice([Form.csv, Form.tsv, Form.jsonl])
        data, program = dirty(random_, DELIMITERS[form])
        keep = random_.random() < 0.5
        got = by_columns(data, form, shape, keep=keep, program=program)
        assert got == by_rows(data, form, shape, keep=keep, program=program), data


# ---- JSON Lines ----

OBJECTS = [
    '{"a": 1, "b": -2}',
    '{"a":0.5,"b":2e0}',
    ' {"a": 3, "b": 4} ',
    '{"a": 1, "b": 1e999}',
    '{"a": null, "b": 2}',
    '{"a": "1/2", "b": "x"}',
    '{"b": 2, "a": 1}',
    '{"a": 1}',
    '{"a": 1, "b": 2, "c": 3}',
    '{"a": 1, "b": {"a": 1}}',
    '{"a": 1, "b": 2, "b": 2}',
    '{"a": 1, "b": "{"}',
    '{"a": 1, "b": 2}, {"a": 1, "b": 2}',
    '{"a": 1, "b": [{}',
    '{"a": 1, "a": 2, "x": 1}',
    '{"x": 1, "b": 2}',
    '{"a": 1, "\\u0062": 2}',
    '{"b": 1, "a": "b"}',
    '{"a": 1, "b": 2}]}',
    '{"a": 1, "b": NaN}',
    '[["a", 1], ["b", 2]]',
    '{"a": true, "b": 2}',
    "{}",
    "",
    "3",
    '{"a": "é", "b": "\udcff"}',
    '{"a": 1, "b": 2, "value": 3}',
]


@pytest.mark.parametrize("seed", range(20))
def test_dirty_objects_come_out_as_row_by_row(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_row, "_ROWS", 7)
    random_ = random.Random(seed)
    for _ in range(20):
        monkeypatch.setattr(blocks, "SIZE", random_.choice([16, 200, 1 << 20]))
        pool = OBJECTS[:2] + random_.sample(OBJECTS, random_.choice([0, 1, 2, 5]))
        lines = [OBJECTS[0], *(random_.choice(pool) for _ in range(random_.randrange(20)))]
        text = "".join(line + random_.choice(["\n", "\n", "\r\n"]) for line in lines)
        data = text.encode("utf-8", "surrogateescape")
        keep, shape = random_.random() < 0.5, random_.choice([Form.csv, Form.jsonl])
        got = by_columns(data, Form.jsonl, shape, keep=keep)
        assert got == by_rows(data, Form.jsonl, shape, keep=keep), text


# ---- numbers as text ----


@given(st.lists(st.floats(allow_nan=False) | st.integers(-(10**17), 10**17).map(float), min_size=1))
def test_numbers_are_written_as_python_writes_them(numbers: list[float]) -> None:
    assert float_texts(np.array(numbers)).to_pylist() == [repr(x) for x in numbers]


def test_numbers_of_every_size_are_written_as_python_writes_them() -> None:
    sizes = [
        float(f"{digits}e{exponent}") for exponent in range(-330, 308) for digits in (1, 1.5, 9.87654321)
    ]
    edges = [math.nextafter(x, y) for x in sizes for y in (0.0, math.inf)]
    numbers = [sign * x for x in [*sizes, *edges, 0.0, math.inf] for sign in (1, -1)]
    assert float_texts(np.array(numbers)).to_pylist() == [repr(x) for x in numbers]
    assert float_texts(np.array([math.nan, 1.0])).to_pylist() == [None, "1.0"]


# ---- columns with types ----


@pytest.mark.parametrize(
    ("column", "numbers"),
    [
        (pa.array([1, -2], pa.int8()), [1.0, -2.0]),
        (pa.array([2**64 - 1, 2**53 + 1], pa.uint64()), [2.0**64, 2.0**53]),
        (pa.array([0.1], pa.float32()), [float(np.float32(0.1))]),
        (pa.array([1.5], pa.float32()).cast(pa.float16()), [1.5]),
        (pa.array(["0.1", "-12.25"]).cast(pa.decimal128(20, 4)), [0.1, -12.25]),
        (pa.array([1.5, 2.5, 1.5]).dictionary_encode(), [1.5, 2.5, 1.5]),
        (pa.array(["1/2", " 3 ", "-.5e1"]), [0.5, 3.0, -5.0]),
        (pa.array(["1", "2"], pa.large_string()).dictionary_encode(), [1.0, 2.0]),
    ],
)
def test_a_column_of_any_type_of_numbers(column: Any, numbers: list[float]) -> None:
    found, problems = read_numbers("a", column)
    assert (found.tolist(), found.dtype, problems) == (numbers, np.float64, {})


def test_numbers_are_not_copied() -> None:
    column = pa.array([1.0, 2.0, 3.0])
    found, _ = read_numbers("a", column.slice(1))
    assert found.ctypes.data == column.buffers()[1].address + 8


EMPTY, NAN, INF = "is empty", "is nan, not a finite number", "is inf, not a finite number"
TEXTS = [
    EMPTY,
    EMPTY,
    "is 'x', not a number",
    "is 'inf', not a number",
    "is too large: numbers end at 1.79769e308",
]


@pytest.mark.parametrize(
    ("column", "problems"),
    [
        (pa.array([1.0, None, math.nan, math.inf]), [EMPTY, NAN, INF]),
        (pa.array([1, None], pa.int64()), [EMPTY]),
        (pa.array(["1", None, "", "x", "inf", "1e400"]), TEXTS),
        (pa.array([None, None], pa.null()), [EMPTY, EMPTY]),
        (pa.array([1.0, -math.inf], pa.float32()), ["is -inf, not a finite number"]),
        (pa.array([1e308, 1e308, 1e308]), []),
    ],
)
def test_cells_of_a_column_that_are_no_numbers(column: Any, problems: list[str]) -> None:
    found, told = read_numbers("a", column)
    assert [message.removeprefix("a ") for _, message in sorted(told.items())] == problems
    assert np.flatnonzero(np.isnan(found)).tolist() == sorted(told)


# ---- frames and results ----


def test_whatever_an_engine_says_of_bad_input_is_taken_back() -> None:
    class Careless:
        def compute(self, columns: Mapping[str, Any], count: int) -> Results:
            x = columns["x"]
            overflowing = np.flatnonzero(x != 0).tolist()
            ones = [np.ones(count)]
            return Results(x * 0 + 1, ones, list(map(np.copy, ones)), np.zeros(count, np.uint8), overflowing)

    frames = [Frame(0, {"x": np.empty(0)}), Frame(3, {"x": np.array([1.0, np.nan, 0.0])}, {1: "x is empty"})]
    tally = Tally()
    for frame, results in evaluate(Careless(), frames, ahead=0):
        count_rows(tally, frame, results, lambda point: f"never asked at {point}")
    assert [x.tolist()[::2] for x in results.numbers()] == [[1.0, 1.0]] * 3
    assert all(np.isnan(x[1]) for x in results.numbers())
    assert [STATUSES[code] for code in results.status] == ["ok", "bad input", "ok"]
    assert tally.rows == 3
    assert tally.met == {"bad input": (1, (2,), "x is empty"), "overflow": (1, (1,), "")}


GOOD = '{"a": 1.5, "b": 2}\n{"b": -0, "a": 1E5}\n'


@pytest.mark.parametrize(
    "text",
    [
        GOOD + '{"a": 1, "b": NaN}\n',
        GOOD + '{"a": 1, "b": -Infinity}\n',
        GOOD + '{"a": 1, "b": 1e999}\n',
        GOOD + '{"a": 1, "b": null}\n',
        GOOD + '{"a": 1, "b": "2"}\n',
        GOOD + '{"a": 1, "b": true}\n',
        GOOD + '{"a": 1, "b": [2]}\n',
        GOOD + '{"a": 1, "b": 02}\n',
        GOOD + '{"a": 1, "b": 2.}\n',
        GOOD + '{"a": 1, "b": +2}\n',
        GOOD + '{"a": 1, "b": 2,}\n',
        GOOD + '{"a": 1, "b": 2} 5\n',
        GOOD + '{"a": 1, "b": 2},\n',
        GOOD + '{"a": 1, "b": 2\n',
        GOOD + '{"a": 1}\n',
        GOOD + '{"a": 1, "b": 2, "c": 3}\n',
        GOOD + '{"a": 1, "b": 2, "b": 3}\n{"a": 1}\n',
        GOOD + '{"a": 1, "b": 2}{"a": 1, "b": 2}\n\n',
        GOOD + '{"a": 1, "\\u0062": 2}\n',
        GOOD + '  {"a": 1, "b": 2}\n',
        GOOD + "\n",
        GOOD.replace("\n", " ", 1),
    ],
)
def test_lines_that_pyarrow_is_not_asked_or_refuses(text: str) -> None:
    assert read_objects(GOOD.encode(), ["a", "b"], ["b"]) is not None
    assert read_objects(text.encode(), ["a", "b"], ["a"]) is None
    assert read_objects(text.encode(), ["a", "b"], ["a", "b"]) is None


def test_numbers_of_json_are_read_to_the_bit() -> None:
    rng = random.Random(1)
    texts = [repr(struct.unpack("d", rng.randbytes(8))[0]) for _ in range(3000)]
    texts += [
        f"{rng.randint(1, 10**25)}.{rng.randint(0, 10**30)}e{rng.randint(-340, 280)}" for _ in range(3000)
    ]
    texts = ["-0", "5e-324", "2.4703282292062328e-324", *(text for text in texts if text[-1].isdigit())]
    found = read_objects("".join(f'{{"a": {text}}}\n' for text in texts).encode(), ["a"], ["a"])
    assert found is not None
    assert found[0] == len(texts)
    assert found[1]["a"].tobytes() == np.array([float(text) for text in texts]).tobytes()


def test_a_sum_over_rows_is_computed_by_one_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []
    real = run.choose_engine
    monkeypatch.setattr(run, "choose_engine", lambda name, *rest: seen.append(name) or real(name, *rest))  # type: ignore[func-returns-value]
    np.save(tmp_path / "rows.npy", np.array([(0.5,), (1.5,)], [("a", float)]))
    streams = [TextIOWrapper(BytesIO(), encoding="utf-8") for _ in range(2)]
    words = ["batch", "tanh(a)", "--data", str(tmp_path / "rows.npy")]
    assert cli.run([*words, "--reduce", "sum"], Environment(None, *streams, {})) == 0
    assert cli.run(words, Environment(None, *streams, {})) == 0
    assert seen == ["jit", "auto"]
