"""Which column holds which input, and the point that a row gives."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

from backprop_cli.batch.cells import Row, cell_texts, half_unit, read_cell
from backprop_cli.batch.dialect import PLAIN, Dialect
from backprop_cli.errors import InputError
from backprop_cli.language.reader import canonical_name, normalise
from backprop_cli.language.source import Source, check_names, choose_point, given_elements, read_source
from backprop_cli.text import did_you_mean, listing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from backprop_cli.language.arrays.values import Value

CLAIMED, HALF = "@", "±"
"""What the names of columns begin with that are compared, and of half a unit of their last decimals."""
_COMPRESSED = ("\x1f\udc8b", "BZh", "\udcfd7zXZ", "(\udcb5/\udcfd")
"""What gzip, bzip2, xz and Zstandard begin with, read as text."""
_BINARY = {"PAR1": "parquet", "ARROW1": "arrow", "\udc93NUMPY": "npy", "PK\x03\x04": "npz"}
"""What these forms begin with, read as text."""
_SIGNS = {";": "';'", "|": "'|'", "\t": "tab", ",": ",", " ": "spaces"}
"""What may separate columns -> how --delimiter is given it."""
_FIRST = re.compile(r"[^.\[]+")
_STEP = re.compile(r"\.([^.\[]+)|\[([0-9]+(?:,[0-9]+)*)\]")
_NUMBER = re.compile(r"\s*[-+]?[0-9.,]+([eE][-+]?[0-9]+)?\s*")


def column_name(text: str) -> str:
    """Return the name of an input that the header of a column, or a key, may stand for."""
    return canonical_name(normalise(text.strip()))


def read_over_columns(
    text: str,
    given: Mapping[str, Value],
    renamed: Mapping[str, str],
    notation: str | None,
    columns: Iterable[str],
) -> Source:
    """Return a program whose inputs may be columns of data, by their own names or by others.

    given: values that are the same in every row.  renamed: input -> column.  columns: all there are.

    Raises ParseError, or InputError where what is renamed is no input.
    """
    names = {column_name(name) for name in columns}
    known = {element for name, column in renamed.items() for element in _elements_of(name, column, names)}
    numbers = {name: 0.0 for name in renamed if f"{name}[" not in {one[: len(name) + 1] for one in known}}
    source = read_source(text, {**numbers, **given}, notation, known=names | known)
    check_names(source, renamed)
    return source


def _elements_of(name: str, column: str, names: Iterable[str]) -> list[str]:
    """Return the names of the elements of an input that is read from a column of lists: x[0] from at[0]."""
    return [name + element.removeprefix(column) for element in names if element.startswith(f"{column}[")]


def path_of(column: str) -> tuple[str, tuple[str | int, ...]]:
    """Return the column that something is read from, and where in its cells: of at.x[0,1], at and x, 0, 1."""
    first = _FIRST.match(column)
    rest = column[first.end() :] if first else ""
    path: list[str | int] = []
    for key, places in _STEP.findall(rest):
        path += [key] if key else map(int, places.split(","))
    return column[: len(column) - len(rest)], tuple(path)


class Points:
    """Turns rows into points.

    given: name -> value, for all rows; they win over columns, which win over the program's defaults.
    renamed: input -> the column it is read from, where that has another name.
    start: the point before a row is read; it holds zeros in the places of columns that must be there.
    places: the inputs that are read from columns, and where in a row.
    paths: of those that are inside of cells, where: the keys of objects, the places in lists.
    shapes: of the inputs that are arrays.
    dialect: how the numbers of the data are written.
    claims: the names under which columns stand that are compared; NaN where they have no number.
    halves: those of which half a unit of the last decimal is wanted, under the name behind ``HALF``.
    """

    def __init__(
        self,
        source: Source,
        given: Mapping[str, Value],
        renamed: Mapping[str, str] | None = None,
        dialect: Dialect = PLAIN,
        claimed: Mapping[str, bool] | None = None,
    ) -> None:
        self.inputs = source.inputs
        self.given: dict[str, float] = dict(given_elements(source, given))
        self.dialect = dialect
        columns = {CLAIMED + column: column for column in claimed or {}}
        self.claims = tuple(columns)
        self.halves = tuple(name for name, column in columns.items() if (claimed or {})[column])
        self.renamed = {**(renamed or {}), **columns}
        self.required = [
            name
            for name in source.inputs
            if name in self.renamed
            or name.partition("[")[0] in self.renamed
            or (name not in self.given and name not in source.defaults)
        ]
        self.start = choose_point(source, {**self.given, **dict.fromkeys(self.required, 0.0)})
        self.required += self.claims
        self.places: list[tuple[str, int]] = []
        self.paths: dict[str, tuple[str | int, ...]] = {}
        self.shapes = source.shapes
        self._names: tuple[str, ...] | None = None
        self._readers: dict[str, list[str]] = {}
        for name in (*source.inputs, *self.claims):
            self._readers.setdefault(self.column(name), []).append(name)

    @property
    def names(self) -> list[str]:
        """Return the names of all that may be read from columns, and of the half units beside."""
        inputs = [name for name in self.inputs if name not in self.given]
        return [*inputs, *self.claims, *(HALF + name for name in self.halves)]

    def column(self, name: str) -> str:
        """Return the name of the column that an input is read from."""
        if name in self.renamed or "[" not in name:
            return self.renamed.get(name, name)
        array, bracket, place = name.partition("[")
        return self.renamed.get(array, array) + bracket + place

    def inputs_at(self, names: Sequence[str]) -> dict[int, str]:
        """Return the inputs that are read from columns of these names, by their places.

        None where numbers are written otherwise than elsewhere: such cells stay text.
        """
        if not self.dialect.has_plain_numbers:
            return {}
        columns = enumerate(map(column_name, names))
        read = {place: self._readers.get(column, [])[:1] for place, column in columns}
        return {place: found[0] for place, found in read.items() if found and found[0] not in self.given}

    def check_header(
        self, names: tuple[str, ...], elements: Collection[str] = (), *, is_text: bool = True
    ) -> None:
        """Look up the inputs in a header that stands for all rows. Raises InputError.

        elements: the names of what is inside of cells.  is_text: whether the header is a line of text.
        """
        absent = self._find_columns(names, elements)
        missing = [self.column(name) for name in absent]
        self._names = names
        if missing:
            columns = [column_name(name) for name in (*names, *elements)]
            hints = (did_you_mean(name, columns) for name in missing)
            raise InputError(
                f"the data has no column{'s' * (len(missing) > 1)} {listing(missing)}",
                hint=next(filter(None, hints), "")
                or (is_text and _hint_of_dialect(names, missing))
                or f"{_told(columns)}{_hint_of_value(absent[0])}",
            )

    def _find_columns(self, names: tuple[str, ...], elements: Collection[str] | None) -> list[str]:
        """Look up where the inputs stand in rows with these names, and return the inputs that are missing.

        elements: the names of what is inside of cells: p.a is the key a of what stands under p, where there
        is no p.a, and x[0] the first element.  None for whatever there is.
        """
        places: dict[str, int] = {}
        self.paths = {}
        for place, column in enumerate(map(column_name, names)):
            for name in self._readers.get(column, ()):
                if name in places:
                    raise InputError(
                        f"{column} stands twice in the data",
                        hint="--skip-lines 1 --columns A,B,… names the columns of text otherwise",
                    )
                places[name] = place
        for column, readers in self._readers.items():
            first, path = path_of(column)
            is_inside = bool(path) and (elements is None or column in elements)
            if is_inside and first in names and readers[0] not in places:
                places |= dict.fromkeys(readers, names.index(first))
                self.paths |= dict.fromkeys(readers, path)
        self.places = [(name, place) for name, place in places.items() if name not in self.given]
        return [name for name in self.required if name not in places]

    def read(self, row: Row) -> dict[str, float]:
        """Return the point of a row. Raises InputError."""
        if row.problem:
            raise InputError(row.problem)
        if row.names != self._names:
            self._names = None
            missing = self._find_columns(row.names, None)
            if missing:
                columns = [self.column(name) for name in missing]
                raise InputError(f"{listing(columns)} {'is' if len(columns) == 1 else 'are'} missing")
            self._names = row.names
        point = self.start.copy()
        for name, place in self.places:
            if name[0] != CLAIMED:
                point[name] = read_cell(name, self._inside(row.cells[place], name), self.dialect)
        if self.claims:
            self._read_claims(row, point)
        return point

    def _inside(self, cell: object, name: str) -> object:
        """Return what stands in a cell at the path of a name. Raises InputError."""
        sizes = iter(self.sizes(name))
        for key in self.paths.get(name, ()):
            if isinstance(key, int):
                size = next(sizes, None)
                if not isinstance(cell, list):
                    raise InputError(f"{name.partition('[')[0]} is no list of {size} elements")
                if size is not None and len(cell) != size:
                    raise InputError(f"{name.partition('[')[0]} has {len(cell)} elements, not {size}")
                cell = cell[key] if key < len(cell) else None
            elif isinstance(cell, dict) and key in cell:
                cell = cell[key]
            else:
                raise InputError(f"{self.column(name)} is missing")
        return cell

    def sizes(self, name: str) -> tuple[int, ...]:
        """Return the shape of the array that an input is an element of."""
        return self.shapes.get(name.partition("[")[0], ())

    def _text(self, text: str, name: str) -> str:
        """Return a number as it is written in the text of a cell, under the keys of its path."""
        if name not in self.paths:
            return text
        try:
            return str(self._inside(json.loads(text, parse_float=str, parse_int=str), name))
        except (ValueError, InputError):
            return ""

    def _read_claims(self, row: Row, point: dict[str, float]) -> None:
        texts = cell_texts(row) if self.halves else ()
        for name, place in self.places:
            if name[0] == CLAIMED:
                try:
                    point[name] = read_cell(name, self._inside(row.cells[place], name), self.dialect)
                except InputError:
                    point[name] = math.nan
                if name in self.halves:
                    point[HALF + name] = half_unit(self._text(texts[place], name), self.dialect)


def _told(columns: list[str]) -> str:
    return f"its {'only column is' if len(columns) == 1 else 'columns are'} {listing(columns)}"


def _hint_of_value(name: str) -> str:
    return "" if name[0] == CLAIMED else f"; {name}=VALUE gives a value to all rows"


def _hint_of_dialect(names: Sequence[str], missing: Collection[str]) -> str:
    """Return the option that a header asks for which is no list of names, "" where it looks like one."""
    first = names[0] if names else ""
    if first.startswith(_COMPRESSED):
        return "a stream is not decompressed: zcat FILE | backprop batch …, or --data FILE"
    form = next((form for magic, form in _BINARY.items() if first.startswith(magic)), None)
    if form is not None:
        return f"the data is not text: --input-format {form} reads it"
    if "\0" in first:
        order = "be" if first.startswith("\0") else "le"
        return f"the text is not UTF-8: --encoding utf-16-{order} may read it"
    if first.lstrip().startswith(("#", "%")):
        return f"--comment '{first.lstrip()[0]}' leaves out such lines, --skip-lines 1 the first one"
    if first.startswith("sep="):
        return f"--skip-lines 1 --delimiter {_SIGNS.get(first[4:5], ',')} reads what is below sep="
    if len(names) == 1:
        told = f"its only column is {first!r}; --delimiter"
        for sign, word in _SIGNS.items():
            pieces = {column_name(piece.strip(" '\"")) for piece in first.split(sign)}
            if not pieces.isdisjoint(missing):
                return f"{told} {word} separates it"
        return f"{told} separates columns, --skip-lines N leaves out lines above their names"
    if not all(map(str.strip, names)):
        return "its header has blank names: --skip-lines 1 --columns A,B,… gives others"
    if any("\udc80" <= letter <= "\udcff" for letter in "".join(names)):
        return "the header is not UTF-8: --encoding latin-1, cp1252, utf-16, … says what it is"
    if names and all(_NUMBER.fullmatch(name) for name in names):
        return f"the first line is numbers: --columns {','.join('abcdefgh'[: len(names)])} names the columns"
    return ""
