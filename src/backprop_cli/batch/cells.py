"""Data, a row at a time: CSV, TSV and JSON Lines as names and cells; and a cell as a number."""

from __future__ import annotations

import csv
import json
import math
import re
import secrets
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.batch.dialect import PLAIN, Dialect
from backprop_cli.errors import InputError
from backprop_cli.language.arrays.shapes import element_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# The C library's limit for one cell is 128 KiB, unless it is set; this is the most it can be everywhere.
_LONGEST_CELL = 2**31 - 1
# A cell of more lines than this is taken for a stray quote.
_MOST_LINES = 100

# float() alone would take inf, nan, 1_0 and the digits of every script.
_DIGITS = r"[ \t]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t]*"
_DECIMAL = re.compile(_DIGITS)
JSON_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_IN_JSON = re.compile(JSON_NUMBER)
_FRACTION = re.compile(f"({_DIGITS})/({_DIGITS})")
_DECIMALS = re.compile(r"\.([0-9]+)(?:[eE]([+-]?[0-9]{1,3}))?[ \t]*$")
_KEY = re.compile(r'\s*[{,]\s*"(?:[^"\\]|\\.)*"\s*:\s*')


class Row(NamedTuple):
    """One row of data.

    names: of the columns, or the keys.  cells: one per name, text or what JSON has.
    text: the row as it stands in JSON Lines.  problem: why it can't be read, or "".  is_cut: whether there
    is more in the data than the cells.
    """

    names: tuple[str, ...]
    cells: Sequence[object]
    text: str = ""
    problem: str = ""
    is_cut: bool = False


class Table(NamedTuple):
    """Data whose rows are read when they are asked for.

    names: those of the header, else of the first row.  has_header: whether they are those of every row.
    elements: names of what is inside of the cells of the first row: x[0] of lists.
    """

    names: tuple[str, ...]
    rows: Iterator[Row]
    has_header: bool
    elements: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether the header is a line, see ``Reader``."""
        return True


def read_csv(lines: Iterable[str], delimiter: str, *, ragged: bool = False) -> Table:
    """Read cells separated by ``delimiter``, under a header. Raises InputError without a header.

    ragged: whether a row may have fewer cells, which are empty then, or more, which are left out.
    """
    records = read_records(Lines(lines), delimiter)
    header = read_header(records)
    return Table(header, rows_below(header, records, ragged=ragged), has_header=True)


class Lines:
    """Lines that can be put back. taken: how many are out."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._fresh = iter(lines)
        self._again: deque[str] = deque()
        self.taken = 0

    def take(self) -> str | None:
        """Return the next line, None at the end."""
        line = self._again.popleft() if self._again else next(self._fresh, None)
        self.taken += line is not None
        return line

    def put_back(self, lines: Sequence[str]) -> None:
        """Have lines taken once more."""
        self._again.extendleft(reversed(lines))
        self.taken -= len(lines)

    def rest(self) -> list[str]:
        """Return all lines that are left."""
        return [*self._again, *self._fresh]


def read_records(lines: Lines, delimiter: str) -> Iterator[list[str] | str]:
    """Yield the cells of each record, or why a line is none.

    A cell in quotes may go on in the next lines. Where the quote is not closed soon, the line that opens it
    is no record, and the others are read by themselves: a stray quote must not take in the rest of the data.
    """
    csv.field_size_limit(_LONGEST_CELL)
    while (line := lines.take()) is not None:
        record = [line]
        while True:
            try:
                cells: list[str] | str = next(csv.reader(record, delimiter=delimiter, strict=True), [])
            except csv.Error as error:
                more = None
                if str(error) == "unexpected end of data" and len(record) < _MOST_LINES:
                    more = lines.take()
                if more is not None:
                    record.append(more)
                    continue
                lines.put_back(record[1:])
                cells = "a quote is never closed" if str(error) == "unexpected end of data" else str(error)
            yield cells
            break


def read_header(records: Iterator[list[str] | str]) -> tuple[str, ...]:
    """Return the cells of the first record that is not blank. Raises InputError."""
    header = next((cells for cells in records if isinstance(cells, str) or not _is_blank(cells)), None)
    if isinstance(header, str):
        raise InputError(f"the header can't be read: {header}")
    if header is None:
        raise InputError("the data is empty", hint="its first line names the columns: a,b,c")
    return tuple(header)


def rows_below(header: tuple[str, ...], records: Iterable[list[str] | str], *, ragged: bool) -> Iterator[Row]:
    """Yield the rows that records under a header are."""
    count = len(header)
    for cells in records:
        if isinstance(cells, str):
            yield Row(header, [""] * count, problem=f"not CSV: {cells}", is_cut=True)
        elif len(cells) == count and count > 1:
            yield Row(header, cells)
        elif not _is_blank(cells):
            problem = ""
            if len(cells) != count and not ragged:
                problem = f"the header has {count:,} cells, this row {len(cells):,}"
            yield Row(header, (cells + [""] * count)[:count], problem=problem, is_cut=len(cells) > count)


def _is_blank(cells: list[str]) -> bool:
    return not cells or (len(cells) == 1 and cells[0].isspace())


def read_jsonl(lines: Iterable[str]) -> Table:
    """Read one JSON object per line."""
    texts = (line.strip(" \t\r\n") for line in lines)
    rows = (_read_object(text) for text in texts if text)
    first = next(rows, None)
    if first is None:
        return Table((), iter(()), has_header=False)
    elements = chain.from_iterable(map(elements_of, first.names, first.cells))
    return Table(first.names, chain([first], rows), has_header=False, elements=tuple(elements))


def elements_of(name: str, cell: object, *, is_inside: bool = False) -> list[str]:
    """Return the names of what is inside of a cell: x[0] of a list, at.y under a key of an object.

    is_inside: whether the cell is itself inside of one.
    """
    if isinstance(cell, dict):
        pairs = cell.items()
        return [one for key, inner in pairs for one in elements_of(f"{name}.{key}", inner, is_inside=True)]
    shape = []
    while isinstance(cell, list) and cell:
        shape.append(len(cell))
        cell = cell[0]
    if not shape:
        return [name] if is_inside else []
    return element_names(name, tuple(shape)) if not isinstance(cell, dict) else []


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
    return Row((), (), problem=problem, is_cut=True)


def unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return the keys and values of an object of JSON. Raises ValueError where a key stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse(name: str) -> float:
    raise ValueError(f"it has no {name}")


_json = json.JSONDecoder(object_pairs_hook=unique_keys, parse_int=float, parse_constant=_refuse)
_decode = _json.decode


_flat = json.JSONDecoder(parse_int=float, parse_constant=_refuse)


def read_flat_objects(text: str, names: Sequence[str]) -> list[dict[str, object]] | None:
    """Return the objects of lines that hold one each, with these keys and nothing nested.

    None for any other text, which is to be read line by line; a block is read twice as fast.
    """
    lines = text.removesuffix("\n").split("\n")
    count = len(lines)
    # A brace for each line: nothing is nested. A key as often as there are lines: it stands twice in none.
    if not (names and "\\" not in text and text.count("{") == count == f"\n{text}".count("\n{")):
        return None
    if any(text.count(json.dumps(name, ensure_ascii=False)) != count for name in names):
        return None
    # The mark, which no data has, must come out between two objects: no line goes on in the next.
    mark = secrets.token_hex(16)
    try:
        found = _flat.decode("[" + f',"{mark}",'.join(lines) + "]")
    except (ValueError, RecursionError):
        return None
    objects: list[dict[str, object]] = found[::2]
    keys = set(names)
    alike = all(type(item) is dict and item.keys() == keys for item in objects)
    if not alike or len(found) != 2 * count - 1 or found[1::2] != [mark] * (count - 1):
        return None
    return objects


def cell_texts(row: Row) -> list[str]:
    """Return the cells as text: a number as it was written, nothing for null."""
    if not row.text:
        return [str(cell) for cell in row.cells]
    return [
        cell if isinstance(cell, str) else "" if cell is None else written
        for cell, written in zip(row.cells, written_values(row), strict=True)
    ]


def written_values(row: Row) -> Iterator[str]:
    """Yield the values of an object of JSON as they stand there."""
    at = 0
    for _ in row.cells:
        key = _KEY.match(row.text, at)
        assert key is not None
        _, at = _json.raw_decode(row.text, key.end())
        yield row.text[key.end() : at]


def read_cell(name: str, cell: object, dialect: Dialect = PLAIN) -> float:
    """Return the number that a cell holds: a decimal, or one over another. Raises InputError.

    Nothing else is computed: a date is no difference, and (500), 12#34 and 5; are no numbers.
    """
    if isinstance(cell, str):
        if dialect.missing and cell.strip() in dialect.missing:
            raise InputError(f"{name} is missing")
        number = _read_text(name, cell) if dialect.has_plain_numbers else _read_written(name, cell, dialect)
    elif isinstance(cell, float):
        number = cell
    else:
        raise InputError(_no_number(name, cell))
    if dialect.missing and number in dialect.sentinels():
        raise InputError(f"{name} is missing")
    if math.isinf(number):
        raise InputError(f"{name} is too large: numbers end at 1.79769e308")
    return number


def half_unit(cell: str, dialect: Dialect = PLAIN) -> float:
    """Return half a unit of the last decimal of a number; 0 for one that has no decimals."""
    plain = cell if dialect.has_plain_numbers else dialect.plain_number(cell) or ""
    found = _DECIMALS.search(plain)
    return half_of(int(found[2] or 0) - len(found[1])) if found else 0.0


def half_of(exponent: int) -> float:
    """Return half of a power of ten; a little more, for doubles are only near what is written."""
    return 0.5 * (1 + 1e-9) * 10.0 ** max(-323, min(exponent, 300))


def _read_written(name: str, cell: str, dialect: Dialect) -> float:
    plain = dialect.plain_number(cell)
    if plain is None:
        raise InputError(_no_number(name, cell) if cell.strip() else f"{name} is empty")
    return float(plain)


def number_as_json(cell: str) -> str | None:
    """Return a cell of text as a number of JSON, as it was written if it can be; null for a blank one.

    None for a cell that is no number.
    """
    try:
        number = read_cell("", cell) if cell.strip() else None
    except InputError:
        return None
    return cell if _IN_JSON.fullmatch(cell) else json.dumps(number)


def _read_text(name: str, cell: str) -> float:
    if not _DECIMAL.fullmatch(cell):
        if not cell.strip():
            raise InputError(f"{name} is empty")
        plain = cell.replace("−", "-")
        fraction = _FRACTION.fullmatch(plain)
        if fraction:
            above, below = map(float, fraction.groups())
            if below == 0 or math.isinf(above) or math.isinf(below):
                raise InputError(_no_number(name, cell))
            return above / below
        if not _DECIMAL.fullmatch(plain):
            raise InputError(_no_number(name, cell))
        cell = plain
    return float(cell)


def _no_number(name: str, cell: object) -> str:
    if isinstance(cell, str) and not is_utf8(cell):
        return f"{name} is not UTF-8 text"
    text = repr(cell) if isinstance(cell, str) else json.dumps(cell)
    return f"{name} is {text if len(text) <= 40 else f'{text[:39]}…'}, not a number"


def is_utf8(text: str) -> bool:
    """Tell whether a text has no bytes that were none."""
    return not any("\ud800" <= c <= "\udfff" for c in text)
