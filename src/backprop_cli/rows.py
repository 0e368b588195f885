"""Data, a row at a time: CSV, TSV and JSON Lines as names and cells; and a cell as a number."""

from __future__ import annotations

import csv
import json
import math
import re
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.errors import BackpropError, InputError
from backprop_cli.source import evaluate_constant
from backprop_cli.syntax import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# The C library's limit for one cell is 128 KiB, unless it is set; this is the most it can be everywhere.
_LONGEST_CELL = 2**31 - 1

# float() alone would take inf, nan, 1_0 and the digits of every script.
_DECIMAL = re.compile(r"[ \t]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t]*")
_KEY = re.compile(r'\s*[{,]\s*"(?:[^"\\]|\\.)*"\s*:\s*')


class Row(NamedTuple):
    """One row of data.

    names: of the columns, or the keys.  cells: one per name, text or what JSON has.
    text: the row as it stands in JSON Lines.  problem: why it can't be read, or "".
    """

    names: tuple[str, ...]
    cells: Sequence[object]
    text: str = ""
    problem: str = ""


class Table(NamedTuple):
    """Data whose rows are read when they are asked for.

    names: those of the header, else of the first row.  has_header: whether they are those of every row.
    """

    names: tuple[str, ...]
    rows: Iterator[Row]
    has_header: bool


def read_csv(lines: Iterable[str], delimiter: str) -> Table:
    """Read cells separated by ``delimiter``, under a header. Raises InputError without a header."""
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        header = next((tuple(cells) for cells in reader if not _is_blank(cells)), None)
    except csv.Error as error:
        raise InputError(f"the header can't be read: {error}") from None
    if header is None:
        raise InputError("the data is empty", hint="its first line names the columns: a,b,c")
    return Table(header, _rows_below(header, reader), has_header=True)


def _rows_below(header: tuple[str, ...], reader: Iterator[list[str]]) -> Iterator[Row]:
    count = len(header)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(header, [""] * count, problem=f"not CSV: {error}")
            continue
        if len(cells) == count and count > 1:
            yield Row(header, cells)
        elif not _is_blank(cells):
            problem = (
                "" if len(cells) == count else f"the header has {count:,} cells, this row {len(cells):,}"
            )
            yield Row(header, (cells + [""] * count)[:count], problem=problem)


def _is_blank(cells: list[str]) -> bool:
    return not cells or (len(cells) == 1 and cells[0].isspace())


def read_jsonl(lines: Iterable[str]) -> Table:
    """Read one JSON object per line."""
    texts = (line.strip(" \t\r\n") for line in lines)
    rows = (_read_object(text) for text in texts if text)
    first = next(rows, None)
    if first is None:
        return Table((), iter(()), has_header=False)
    return Table(first.names, chain([first], rows), has_header=False)


def _read_object(text: str) -> Row:
    try:
        if not text.isascii():
            text.encode()
        value = _decode(text)
    except UnicodeEncodeError:
        problem = "not UTF-8 text"
    except json.JSONDecodeError as error:
        problem = f"not JSON: {error.msg} at character {error.pos + 1}"
    except (ValueError, RecursionError) as error:
        problem = f"not JSON: {error}" if isinstance(error, ValueError) else "nested too deeply"
    else:
        if isinstance(value, dict):
            return Row(tuple(value), list(value.values()), text)
        problem = "not a JSON object"
    return Row((), (), problem=problem)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse(name: str) -> float:
    raise ValueError(f"it has no {name}")


_json = json.JSONDecoder(object_pairs_hook=_unique, parse_int=float, parse_constant=_refuse)
_decode = _json.decode


def cell_texts(row: Row) -> list[str]:
    """Return the cells as text: a number as it was written, nothing for null."""
    texts, at = [], 0
    for cell in row.cells:
        if row.text:
            key = _KEY.match(row.text, at)
            assert key is not None
            _, at = _json.raw_decode(row.text, key.end())
            written = row.text[key.end() : at]
            texts.append(cell if isinstance(cell, str) else "" if cell is None else written)
        else:
            texts.append(str(cell))
    return texts


def read_cell(name: str, cell: object) -> float:
    """Return the number that a cell holds: a decimal, or a constant expression. Raises InputError."""
    if isinstance(cell, str):
        if _DECIMAL.fullmatch(cell):
            number = float(cell)
        elif not cell.strip():
            raise InputError(f"{name} is empty")
        else:
            try:
                return evaluate_constant(normalise(cell))
            except BackpropError:
                raise InputError(f"{name} is {_shown(cell)}, not a number") from None
    elif isinstance(cell, float):
        number = cell
    else:
        raise InputError(f"{name} is {_shown(cell)}, not a number")
    if math.isinf(number):
        raise InputError(f"{name} is too large: numbers end at 1.8e308")
    return number


def _shown(cell: object) -> str:
    text = repr(cell) if isinstance(cell, str) else json.dumps(cell)
    return text if len(text) <= 40 else f"{text[:39]}…"
