"""Tables of answers read: what a spreadsheet writes, or JSON. A row is a dictionary, a cell a text."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

from backprop_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

STUDENT, PROBLEM = "student", "problem"
_FORM = f"{STUDENT},a,b and a row for each student"
_SPACES = re.compile(r"\s*")
_DECIMAL_COMMA = re.compile(r"([-+−]?\d*),(\d+)")

Row = dict[str, str]


def read_rows(text: str, name: str) -> list[Row]:
    """Return the rows of a table of answers by column, all with the same columns. name: of the file.

    Those of sheets that nobody handed in, with the number of a problem alone, are left out.
    JSON is an array of objects, or an object a line. Raises InputError.
    """
    rows = _of_json(text, name) if text.lstrip()[:1] in ("[", "{") else _of_cells(text, name)
    rows = [row for row in rows if any(cell for column, cell in row.items() if column != PROBLEM)]
    if not rows:
        raise InputError(f"{name} has no student", hint="a row for each student below the names of columns")
    columns = dict.fromkeys(column for row in rows for column in row)
    if STUDENT not in columns:
        raise InputError(f"{name} has no column {STUDENT}", hint=_FORM)
    for number, row in enumerate(rows, 1):
        if not row.get(STUDENT):
            raise InputError(f"{name}: row {number} names no {STUDENT}", hint=_FORM)
    return [{column: row.get(column, "") for column in columns} for row in rows]


def _of_cells(text: str, name: str) -> list[Row]:
    """Return the rows of CSV, with commas, semicolons or tabs."""
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        lines = [[cell.strip() for cell in line] for line in reader]
    except csv.Error as error:
        raise InputError(f"{name} is no table: {error}", hint=_FORM) from None
    columns = _columns(lines[0] if lines else [], name)
    lines = [line for line in lines[1:] if any(line)]
    for number, line in enumerate(lines, 1):
        if any(line[len(columns) :]):
            raise InputError(
                f"{name}: row {number} has more cells than there are columns",
                hint='a cell with a comma in it stands in quotes: "[1, 2]"',
            )
    if delimiter == ";":
        lines = [[_with_point(cell) for cell in line] for line in lines]
    return [dict(zip(columns, line + [""] * len(columns), strict=False)) for line in lines]


def _columns(header: list[str], name: str) -> list[str]:
    """Return the names of the columns, without those at the end that a spreadsheet leaves empty."""
    while header and not header[-1]:
        header = header[:-1]
    if STUDENT not in header:
        raise InputError(f"{name} has no column {STUDENT}", hint=_FORM)
    _refuse_twice(header, name)
    return header


def _with_point(cell: str) -> str:
    """Return a number with a decimal point: where semicolons separate cells, the comma may be decimal."""
    match = _DECIMAL_COMMA.fullmatch(cell)
    return f"{match[1]}.{match[2]}" if match else cell


def _of_json(text: str, name: str) -> list[Row]:
    """Return the rows of JSON. Numbers keep the digits that they are written with."""

    def row_of(pairs: list[tuple[str, Any]]) -> Row:
        _refuse_twice((column.strip() for column, _ in pairs), name)
        return {column.strip(): _cell(x, name) for column, x in pairs}

    decoder = json.JSONDecoder(object_pairs_hook=row_of, parse_float=str, parse_int=str, parse_constant=str)
    rows: list[Any] = []
    try:
        place = _behind_spaces(text, 0)
        while place < len(text):
            found, place = decoder.raw_decode(text, place)
            rows += found if isinstance(found, list) else [found]
            place = _behind_spaces(text, place)
    except (ValueError, RecursionError) as error:
        told = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deep"
        raise InputError(f"{name} is no JSON: {told}", hint='[{"student": "Ada", "a": 15}]') from None
    if not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{name}: a row is no object", hint='[{"student": "Ada", "a": 15}]')
    return rows


def _behind_spaces(text: str, place: int) -> int:
    match = _SPACES.match(text, place)
    assert match is not None
    return match.end()


def _cell(x: Any, name: str) -> str:
    """Return the text of an answer: a list is an array, null is none. Raises InputError."""
    if x is None:
        return ""
    if isinstance(x, list):
        return f"[{', '.join(_cell(part, name) for part in x)}]"
    if isinstance(x, str):
        return x.strip()
    raise InputError(f"{name}: an answer is a number, a text or a list of numbers", hint='{"w": [1, 2]}')


def _refuse_twice(columns: Iterable[str], name: str) -> None:
    seen = set()
    for column in columns:
        if column in seen:
            raise InputError(f"{name} has the column {column!r} twice", hint=_FORM)
        seen.add(column)
