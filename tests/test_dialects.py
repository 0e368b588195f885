"""Data in the dialects that people have: each is read as the plain file it stands for, both ways."""

from __future__ import annotations

import bz2
import gzip
import lzma
import subprocess
from contextlib import ExitStack
from dataclasses import replace
from io import BufferedReader, BytesIO, TextIOWrapper
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from backprop_cli.batch.cells import Table, read_csv, read_jsonl
from backprop_cli.batch.dialect import PLAIN, SPACES, Dialect, separator
from backprop_cli.batch.forms import Form
from backprop_cli.batch.frames.read import open_reader
from backprop_cli.batch.points import Points
from backprop_cli.batch.recoded import recode
from backprop_cli.errors import FileError, InputError
from backprop_cli.language.source import read_source
from conftest import Run
from console import BIN, environment

Found = list[tuple[float, float] | str]


def opened(data: bytes, form: Form, dialect: Dialect) -> BufferedReader:
    file = BufferedReader(BytesIO(data))  # type: ignore[arg-type]
    return recode(file, "data", form, dialect, sniffed=True)  # type: ignore[return-value]


def by_row(data: bytes, form: Form, dialect: Dialect) -> Found:
    lines = TextIOWrapper(
        opened(data, form, dialect), encoding="utf-8-sig", errors="surrogateescape", newline=""
    )
    table: Table = (
        read_jsonl(lines)
        if form is Form.jsonl
        else read_csv(lines, separator(form, dialect), ragged=dialect.is_ragged)
    )
    points = Points(read_source("x*y"), {}, {}, dialect)
    if table.has_header:
        points.check_header(table.names)
    found: Found = []
    for row in table.rows:
        try:
            point = points.read(row)
            found.append((point["x"], point["y"]))
        except InputError as error:
            found.append(error.message)
    return found


def in_columns(data: bytes, form: Form, dialect: Dialect) -> Found:
    points = Points(read_source("x*y"), {}, {}, dialect)
    found: Found = []
    with ExitStack() as stack:
        file = opened(data, form, dialect)
        reader = open_reader(file, "data", form, len(data), b"", stack, dialect)
        if reader.has_header:
            points.check_header(reader.names)
        for frame in reader.frames(points, lambda _: None, keep=False):
            numbers = [(frame.columns["x"][row], frame.columns["y"][row]) for row in range(frame.count)]
            found += [frame.problems.get(row, pair) for row, pair in enumerate(numbers)]
    return found


CSV = b"x,y,t\n1.5,2,a\n-3,4e2,b\n"
ROWS: Found = [(1.5, 2.0), (-3.0, 400.0)]
ARRAY = b' [\n {"x": 1.5,\n  "y": 2, "t": "] \\" ,["},\n {"y": 4e2, "x": -3, "n": {"l": [1, 2]}}\n]\n'
DIALECTS: dict[str, tuple[bytes, Form, Dialect, Found]] = {
    "semicolon": (CSV.replace(b",", b";"), Form.csv, Dialect(delimiter=";"), ROWS),
    "pipe": (CSV.replace(b",", b"|"), Form.csv, Dialect(delimiter="|"), ROWS),
    "spaces": (b'  x \t y t\n1.5   2 "a b"\n\n -3 4e2\tb', Form.csv, Dialect(delimiter=SPACES), ROWS),
    "decimal comma": (
        b'x;y\n1,5;2\n"-3";4e2\n1.5;1\n1,5,0;1\n', Form.csv, Dialect(delimiter=";", decimal=","),
        [*ROWS, "x is '1.5', not a number", "x is '1,5,0', not a number"],
    ),
    "thousands": (
        b"x;y\n1.234,5;+1.000.000\n1.5;2\n12.34,0;1\n.5;1\n1234,5;\xe2\x88\x921\n", Form.csv,
        Dialect(delimiter=";", decimal=",", thousands="."),
        [(1234.5, 1e6), "x is '1.5', not a number", "x is '12.34,0', not a number",
         "x is '.5', not a number", (1234.5, -1.0)],
    ),
    "thousands in quotes": (
        b'x,y\n"1,234.5","1,000"\n', Form.csv, Dialect(thousands=","), [(1234.5, 1000.0)],
    ),
    "no header": (b"1.5,2\n-3,4e2\n", Form.csv, Dialect(columns=("x", "y")), ROWS),
    "no header, a mark": (b"\xef\xbb\xbf1.5,2\n-3,4e2\n", Form.csv, Dialect(columns=("x", "y")), ROWS),
    "no comment in quotes": (
        b'x,y,n\n1.5,2,"a\n# ""b"""\n# c "d\n-3,4e2,"e"\n', Form.csv, Dialect(comment="#"), ROWS,
    ),
    "comments": (b"# a, b\nx,y\n1.5,2\n  # c\n-3,4e2\n#", Form.csv, Dialect(comment="#"), ROWS),
    "skipped": (b"\xef\xbb\xbfTitle\n\n" + CSV, Form.csv, Dialect(skipped=2), ROWS),
    "missing": (
        b"x,y\n1.5,2\nNA,1\n1,-999.0\n-,\n-3,4e2\n", Form.csv, Dialect(missing=("NA", "-", "-999")),
        [ROWS[0], "x is missing", "y is missing", "x is missing", ROWS[1]],
    ),
    "a number is missing": (
        b"x,y\n1.5,2\n1,-999.0\n-3,4e2\n", Form.csv, Dialect(missing=("-999",)),
        [ROWS[0], "y is missing", ROWS[1]],
    ),
    "missing in JSON": (
        b'{"x": 1, "y": -999}\n', Form.jsonl, Dialect(missing=("-999",)), ["y is missing"],
    ),
    "ragged": (
        b"x,y,t\n1.5,2\n-3,4e2,b,c,d\n1\n", Form.csv, Dialect(is_ragged=True), [*ROWS, "y is empty"],
    ),
    "latin-1": (CSV.replace(b"a", b"\xe9"), Form.csv, Dialect(encoding="iso8859-1"), ROWS),
    "utf-16": (CSV.decode().encode("utf-16"), Form.csv, PLAIN, ROWS),
    "utf-16, big end first": (b"\xfe\xff" + CSV.decode().encode("utf-16-be"), Form.csv, PLAIN, ROWS),
    "utf-32": (CSV.decode().encode("utf-32"), Form.csv, PLAIN, ROWS),
    "gzip": (gzip.compress(CSV), Form.csv, PLAIN, ROWS),
    "two gzip members": (gzip.compress(CSV[:9]) + gzip.compress(CSV[9:]), Form.csv, PLAIN, ROWS),
    "bzip2": (bz2.compress(CSV), Form.csv, PLAIN, ROWS),
    "xz": (lzma.compress(CSV), Form.csv, PLAIN, ROWS),
    "zstandard": (pa.Codec("zstd").compress(CSV, asbytes=True), Form.csv, PLAIN, ROWS),
    "gzip of utf-16": (gzip.compress(CSV.decode().encode("utf-16")), Form.csv, PLAIN, ROWS),
    "JSON array": (ARRAY, Form.jsonl, PLAIN, ROWS),
    "JSON array, a mark, gzip": (gzip.compress(b"\xef\xbb\xbf" + ARRAY), Form.jsonl, PLAIN, ROWS),
    "empty JSON array": (b" [ ] \n", Form.jsonl, PLAIN, []),
    "JSON array of other things": (
        b"[1, null, [2]]", Form.jsonl, PLAIN, ["not a JSON object"] * 3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("read", [by_row, in_columns])
@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_is_read(name: str, read: object) -> None:
    data, form, dialect, expected = DIALECTS[name]
    assert read(data, form, dialect) == expected  # type: ignore[operator]


def test_a_long_array_is_read_in_pieces() -> None:
    items = ",\n".join(f'{{"x": {number}, "y": 1, "t": "{"[" * 900}"}}' for number in range(5000))
    data = gzip.compress(f"[{items}]".encode())
    assert in_columns(data, Form.jsonl, PLAIN) == [(float(number), 1.0) for number in range(5000)]


@pytest.mark.parametrize(
    ("data", "form", "dialect", "message"),
    [
        (gzip.compress(CSV)[:-9], Form.csv, PLAIN, "can't decompress data: it ends too soon"),
        (CSV, Form.csv, Dialect(encoding="utf-16"), "data is not text in utf-16: UTF-16 stream does not"),
        (b'[{"x": 1, "y": 2},]', Form.jsonl, PLAIN, "data is no array of JSON from ',]' on"),
        (b'[{"x": 1, "y": 2}', Form.jsonl, PLAIN, "data is no array of JSON from '[{"),
        (b'[{"x": 1, "y": 2}] x', Form.jsonl, PLAIN, "data is no array of JSON from '] x' on"),
    ],
    ids=["gzip", "utf-16", "a comma too many", "no end", "more behind"],
)
def test_what_is_damaged_is_told(data: bytes, form: Form, dialect: Dialect, message: str) -> None:
    for read in (by_row, in_columns):
        with pytest.raises(FileError) as raised:
            read(data, form, dialect)
        assert raised.value.message.startswith(message)


HINTS = [
    ("x;y\n1;2\n", "its only column is 'x;y'; --delimiter ';' separates it"),
    ("x\ty\n1\t2\n", "its only column is 'x\\ty'; --delimiter tab separates it"),
    ("x  y\n1  2\n", "its only column is 'x  y'; --delimiter spaces separates it"),
    ("# made by hand\nx,y\n1,2\n", "--comment '#' leaves out such lines, --skip-lines 1 the first one"),
    ("1,2\n3,4\n", "the first line is numbers: --columns a,b names the columns"),
    ("sep=;\nx;y\n1;2\n", "--skip-lines 1 --delimiter ';' reads what is below sep="),
    (
        "Id: 7\n\nx,y\n1,2\n",
        "its only column is 'Id: 7'; "  # noqa: ISC004
        "--delimiter separates columns, --skip-lines N leaves out lines above their names",
    ),
    (" ,\n1,2\n", "its header has blank names: --skip-lines 1 --columns A,B,… gives others"),
    ("x\0,\0y\0\n", "the text is not UTF-8: --encoding utf-16-le may read it"),
    ("\0x\0,\0y\n", "the text is not UTF-8: --encoding utf-16-be may read it"),
    ("PAR1\x15\x04\n", "the data is not text: --input-format parquet reads it"),
    ("x,x,y\n1,2,3\n", "--skip-lines 1 --columns A,B,… names the columns of text otherwise"),
]


@pytest.mark.parametrize(("text", "hint"), HINTS)
def test_a_header_that_is_none_is_told_the_option_that_cures_it(text: str, hint: str) -> None:
    points = Points(read_source("x*y"), {})
    with pytest.raises(InputError) as raised:
        points.check_header(read_csv(text.splitlines(keepends=True), ",").names)
    assert raised.value.hint == hint


@pytest.mark.parametrize(
    ("words", "what"),
    [(("fit", "y ~ a*x", "--data"), "data"), (("check", "--suite"), "suite")],
)
def test_an_empty_name_is_no_folder(backprop: Run, words: tuple[str, ...], what: str) -> None:
    done = backprop(*words, "")
    assert (done.returncode, done.stderr) == (2, f"backprop: the {what} is a file without a name\n")


def test_what_can_not_be_read_is_told_what_cures_it(backprop: Run, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('[{"program": "a", "inputs": {"a": 1}}]')
    told = {
        ("batch", "a", "--data", ""): "--data names nothing",
        ("batch", "a", "--data", f"{tmp_path}/a.csv", "--output", ""): "--output names no file",
        ("batch", "a", "--data", "-", "--json=true"): "option '--json' does not take a value",
        ("check", "--suite", f"{tmp_path}/s.json"): f"{tmp_path}/s.json is one piece of JSON",
    }
    for args, message in told.items():
        done = backprop(*args)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.splitlines()[0] == f"backprop: {message}"
        assert "hint: " in done.stderr


def test_standard_input_by_its_other_names(tmp_path: Path) -> None:
    (tmp_path / "d").write_text("x\n3\n")
    for name in ("/dev/stdin", "/dev/fd/0"):
        with (tmp_path / "d").open() as data:
            command = [str(BIN / "backprop"), "batch", "2*x", "--data", name]
            done = subprocess.run(command, stdin=data, capture_output=True, text=True, env=environment())
        assert (done.stdout, done.stderr) == ("value,grad_x,status\n6.0,2.0,ok\n", "")


def test_a_decimal_comma_needs_no_delimiter(backprop: Run) -> None:
    """Between tabs, or in quotes, it stands for nothing else."""
    for form, text in (("tsv", "x\ty\n1,5\t2\n"), ("csv", 'x,y\n"1,5",2\n')):
        done = backprop("batch", "x*y", "--data", "-", "--input-format", form, "--decimal", ",", stdin=text)
        assert (done.returncode, done.stdout.splitlines()[1][:3]) == (0, "3.0")


def test_a_compressed_stream_is_told() -> None:
    for data in (
        gzip.compress(CSV),
        bz2.compress(CSV),
        lzma.compress(CSV),
        pa.compress(CSV, "zstd", asbytes=True),
    ):
        header = read_csv([data.decode("utf-8", "surrogateescape").split("\n")[0]], ",").names
        with pytest.raises(InputError) as raised:
            Points(read_source("x*y"), {}).check_header(header)
        assert raised.value.hint.startswith("a stream is not decompressed: zcat FILE")


MISTAKES = [
    (["--delimiter", "ab"], "--delimiter can't be 'ab'"),
    (["--delimiter", "7"], "--delimiter can't be '7'"),
    (["--decimal", ";"], "--decimal can't be ';'"),
    (["--thousands", "."], "'.' can't be the decimal sign and group digits"),
    (["--decimal", ",", "--delimiter", ","], "',' can't separate cells and stand in numbers"),
    (["--encoding", "base64"], "there is no encoding 'base64'"),
    (["--comment", " "], "--comment can't be ' '"),
    (["--columns", ","], "--columns names nothing"),
    (["--input-format", "jsonl", "--delimiter", ";"], "--delimiter is for text, and the data is jsonl"),
    (["--input-format", "npy", "--missing", "NA"], "--missing is for text, and the data is npy"),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES, ids=lambda x: str(x)[:30])
def test_mistakes_in_options(backprop: Run, options: list[str], message: str) -> None:
    done = backprop("batch", "x*y", "--data", "-", *options, stdin="x,y\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"backprop: {message}\n  hint: ")


def test_the_command_reads_and_keeps_a_dialect(backprop: Run, tmp_path: Path) -> None:
    data = tmp_path / "prices.csv.gz"
    data.write_bytes(gzip.compress("Preis;Menge;Größe\n1.234,5;2;ß\n".encode("latin-1")))
    written = ["--delimiter", ";", "--decimal", ",", "--thousands", ".", "--encoding", "latin-1"]
    done = backprop("batch", "Preis*Menge", "--data", str(data), *written, "--keep", "--prefix", "r_")
    header = "Preis,Menge,Größe,r_value,r_grad_Preis,r_grad_Menge,r_status"
    assert done.stdout == f'{header}\n"1.234,5",2,ß,2469.0,2.0,1234.5,ok\n'
    output = tmp_path / "out.npz"
    done = backprop("batch", "Preis*Menge", "--data", str(data), *written, "--output", str(output))
    assert (done.returncode, done.stderr) == (0, "")
    assert np.load(output)["value"].tolist() == [2469.0]
    start = ["Preis=1000", "Menge=1", "k=0", "--wrt", "k", "--steps", "1"]
    done = backprop("minimize", "(k - Preis*Menge)^2", *start[2:], "--data", str(data), *written, "--json")
    assert done.returncode == 0, done.stderr


def test_a_dialect_of_a_stream_is_answered_like_that_of_a_file(backprop: Run) -> None:
    for engine in ("auto", "python", "numpy"):
        options = ["--data", "-", "--delimiter", "spaces", "--comment", "#", "--engine", engine]
        done = backprop("batch", "x*y", *options, stdin="# c\nx   y\n1  2\n")
        assert done.stdout == "value,grad_x,grad_y,status\n2.0,2.0,1.0,ok\n"


def test_dialects_are_records() -> None:
    dialect = Dialect(decimal=",")
    assert (dialect.plain_number("1,5"), dialect.plain_number("1.5")) == ("1.5", None)
    assert replace(dialect, decimal=".") == PLAIN


def test_what_is_no_text_gets_no_hints_for_text(backprop: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.eye(2))  # its columns are 0 and 1
    np.savez(tmp_path / "z.npz", x=[1.0])
    parquet.write_table(pa.table({"x;b": [1.0]}), tmp_path / "t.parquet")
    for name, hint in {
        "m.npy": "its columns are 0 and 1; a=VALUE gives a value to all rows",
        "z.npz": "its only column is x; a=VALUE gives a value to all rows",
        "t.parquet": "its only column is x;b; a=VALUE gives a value to all rows",
    }.items():
        for command in (("batch", "a*b"), ("check", "a*b", "--expect", "a=@c")):
            done = backprop(*command, "--data", str(tmp_path / name))
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr.splitlines()[1:] == [f"  hint: {hint}"], done.stderr
