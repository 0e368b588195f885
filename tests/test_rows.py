"""Data to rows: CSV, TSV and JSON Lines, and a cell as a number."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_cli.batch.cells import Row, cell_texts, read_cell, read_csv, read_flat_objects, read_jsonl
from backprop_cli.errors import InputError


def csv_rows(text: str, delimiter: str = ",") -> list[Row]:
    return list(read_csv(text.splitlines(keepends=True), delimiter).rows)


def json_row(text: str) -> Row:
    (row,) = read_jsonl([text]).rows
    return row


# ---- CSV and TSV ----


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("a,b\n1,2\n3,4\n", [["1", "2"], ["3", "4"]]),
        ("a,b\r\n1,2\r\n", [["1", "2"]]),
        ("a,b\n1,2", [["1", "2"]]),
        ("\n\na,b\n\n1,2\n  \n\n", [["1", "2"]]),
        ('a,b\n"1, one","2\nlines"\n', [["1, one", "2\nlines"]]),
        ('a,b\n"a ""quoted"" word",2\n', [['a "quoted" word', "2"]]),
        ("a\n1\n\n2\n", [["1"], ["2"]]),
        ("a,b\n1\0,2\n", [["1\0", "2"]]),
        (f"a,b\n{'x' * 300_000},2\n", [["x" * 300_000, "2"]]),
    ],
)
def test_cells(text: str, cells: list[list[str]]) -> None:
    rows = csv_rows(text)
    assert [row.cells for row in rows] == cells
    assert not any(row.problem for row in rows)


def test_tabs_separate_as_commas_do() -> None:
    assert csv_rows('a\tb\n1,5\t"x\ty"\n', "\t")[0].cells == ["1,5", "x\ty"]


@pytest.mark.parametrize(
    ("line", "problem", "cells"),
    [
        ("1", "the header has 2 cells, this row 1", ["1", ""]),
        ("1,2,3", "the header has 2 cells, this row 3", ["1", "2"]),
        ('"1"x,2', "not CSV: ',' expected after '\"'", ["", ""]),
    ],
)
def test_a_bad_line_is_one_row(line: str, problem: str, cells: list[str]) -> None:
    before, bad, behind = csv_rows(f"a,b\n1,2\n{line}\n3,4\n")
    assert (before.cells, behind.cells) == (["1", "2"], ["3", "4"])
    assert (bad.problem, bad.cells, bad.names) == (problem, cells, ("a", "b"))


def test_a_quote_that_is_never_closed() -> None:
    closed = "not CSV: a quote is never closed"
    assert [row.problem for row in csv_rows('a,b\n1,2\n"3,4\n')] == ["", closed]
    # It spoils its own line, not those behind it, and not only at the end of the data.
    rows = csv_rows('a,b\n1,2\n"3,4\n' + "5,6\n" * 1000)
    assert [row.problem for row in rows] == ["", closed, *[""] * 1000]
    assert rows[-1].cells == ["5", "6"]
    rows = csv_rows('a,b\n"1\n' + "2\n" * 50 + '3",4\n5,6\n')
    assert [len(row.cells[0]) for row in rows] == [103, 1]


@pytest.mark.parametrize("text", ["", "\n", " \n\n"])
def test_without_a_header_there_are_no_rows(text: str) -> None:
    with pytest.raises(InputError) as caught:
        csv_rows(text)
    assert caught.value.message == "the data is empty"


def test_a_header_that_is_no_csv() -> None:
    with pytest.raises(InputError, match="the header can't be read: a quote is never closed"):
        csv_rows('"a,b\n1,2\n')


# ---- JSON Lines ----


def test_objects() -> None:
    table = read_jsonl(['{"a": 1, "b": "x"}\r\n', "\n", ' {"b": null} '])
    assert (table.names, table.has_header) == (("a", "b"), False)
    assert [(row.names, row.cells) for row in table.rows] == [(("a", "b"), [1.0, "x"]), (("b",), [None])]
    assert list(read_jsonl(["\n"]).rows) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1', "not JSON: Expecting ',' delimiter at character 8"),
        ("nonsense", "not JSON: Expecting value at character 1"),
        ('{"a": NaN}', "not JSON: it has no NaN"),
        ('{"a": -Infinity}', "not JSON: it has no -Infinity"),
        ('{"a": 1, "a": 2}', "not JSON: a key stands twice"),
        ("[1, 2]", "not a JSON object"),
        ("3", "not a JSON object"),
        ('{"a": "\udcff"}', "not UTF-8 text"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
    ],
)
def test_no_object(text: str, problem: str) -> None:
    assert json_row(text) == Row((), (), problem=problem, is_cut=True)


def test_a_huge_integer_is_no_trouble_where_it_is_not_read() -> None:
    assert json_row('{"a": 1, "id": ' + "9" * 5000 + "}").cells == [1.0, math.inf]


def test_objects_that_are_alike_are_read_at_once() -> None:
    assert read_flat_objects('{"a": 1, "b": "x"}\n{"b": null, "a": 2.5}\n', ("a", "b")) == [
        {"a": 1.0, "b": "x"},
        {"b": None, "a": 2.5},
    ]
    for text in (
        '{"a": 1, "a": 2, "b": 1}\n{"c": 1, "b": 3}\n',  # every key as often as there are lines
        '{"a": 1, "b": 2}, {"a": 1, "b": [{}\n{"a": 1, "b": 2}]}\n',
        '{"a": 1, "b": {}}\n',
        '{"a": 1, "\\u0062": 2}\n',
        '{"a": 1, "b": NaN}\n',
        '{"a": 1, "b": 2}\n\n',
        "",
    ):
        assert read_flat_objects(text, ("a", "b")) is None


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ('{"a": 1.50, "b":-0 , "c" : 1e3}', ["1.50", "-0", "1e3"]),
        ('{"a\\"b": "x, \\u00e9", "n": null, "t": true}', ["x, é", "", "true"]),
        ('{ "l": [1, {"a": 2.0}],"o":{"k": "}"}, "z": 9}', ['[1, {"a": 2.0}]', '{"k": "}"}', "9"]),
        ("{}", []),
    ],
)
def test_cells_as_they_were_written(text: str, texts: list[str]) -> None:
    assert cell_texts(json_row(text)) == texts


# ---- cells ----


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("3", 3.0),
        (" -3.5e-2\t", -0.035),
        ("+.5", 0.5),
        ("1.", 1.0),
        ("1/3", 1 / 3),
        (" -1.5 / 3e2 ", -0.005),
        ("−1", -1.0),
        ("1e-400", 0.0),
        ("0.1000000000000000055511151231257827", 0.1),
        (2.5, 2.5),
    ],
)
def test_a_cell_is_a_number(cell: object, number: float) -> None:
    assert read_cell("a", cell) == number


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("x?", "a is 'x?', not a number"),
        ("", "a is empty"),
        (" ", "a is empty"),
        ("inf", "a is 'inf', not a number"),
        ("-Infinity", "a is '-Infinity', not a number"),
        ("nan", "a is 'nan', not a number"),
        ("１２", "a is '１２', not a number"),
        ("٣", "a is '٣', not a number"),
        ("0x10", "a is '0x10', not a number"),
        ("1,5", "a is '1,5', not a number"),
        ("1;2", "a is '1;2', not a number"),
        ("b", "a is 'b', not a number"),
        ("1/0", "a is '1/0', not a number"),
        ("1_000", "a is '1_000', not a number"),
        ("2020_01_05", "a is '2020_01_05', not a number"),
        ("pi/4", "a is 'pi/4', not a number"),
        ("2·π", "a is '2·π', not a number"),
        ("3·5", "a is '3·5', not a number"),
        ("sqrt(2)", "a is 'sqrt(2)', not a number"),
        ("2020-01-05", "a is '2020-01-05', not a number"),
        ("12/31/2020", "a is '12/31/2020', not a number"),
        ("1989-90", "a is '1989-90', not a number"),
        ("1-2", "a is '1-2', not a number"),
        ("(500)", "a is '(500)', not a number"),
        ("00501-1234", "a is '00501-1234', not a number"),
        ("1-800-555", "a is '1-800-555', not a number"),
        ("12#34", "a is '12#34', not a number"),
        ("5 # approx", "a is '5 # approx', not a number"),
        ("5;", "a is '5;', not a number"),
        (";5", "a is ';5', not a number"),
        ("1/2/3", "a is '1/2/3', not a number"),
        ("1/", "a is '1/', not a number"),
        ("1e400/2", "a is '1e400/2', not a number"),
        ("½", "a is '½', not a number"),
        ("\udcff", "a is not UTF-8 text"),
        ("1e400", "a is too large: numbers end at 1.79769e308"),
        (math.inf, "a is too large: numbers end at 1.79769e308"),
        (True, "a is true, not a number"),
        (None, "a is null, not a number"),
        ([1.0, 2.0], "a is [1.0, 2.0], not a number"),
        ("x" * 100, f"a is '{'x' * 38}…, not a number"),
    ],
)
def test_a_cell_is_no_number(cell: object, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_cell("a", cell)
    assert caught.value.message == message


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_comes_back(x: float) -> None:
    assert math.copysign(1.0, read_cell("a", repr(x))) == math.copysign(1.0, x)
    assert read_cell("a", repr(x)) == x


def test_rows_are_read_when_they_are_asked_for() -> None:
    read = []

    def lines() -> Iterator[str]:
        for line in ("a,b\n", "1,2\n", "3,4\n"):
            read.append(line)
            yield line

    table = read_csv(lines(), ",")
    assert read == ["a,b\n"]
    next(table.rows)
    assert read == ["a,b\n", "1,2\n"]
