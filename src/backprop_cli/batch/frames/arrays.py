"""NPY and NPZ, mapped or read a part at a time."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa

from backprop_cli.batch.frames.cells import put_column
from backprop_cli.batch.frames.frame import ROWS, Frame
from backprop_cli.batch.frames.mapped import MappedFile
from backprop_cli.batch.frames.tables import unreadable
from backprop_cli.errors import FileError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.batch.forms import Form
    from backprop_cli.batch.points import Points

_NUMBERS = "iuf"
"""The kinds of NumPy's types that are numbers here."""
_LONGEST_HEADER = 1 << 24


class ArrayReader:
    """Reads columns of NumPy, each by itself. Subclasses open them.

    columns: name -> its type.
    """

    has_header = True
    is_text = False
    elements = ()
    unit = "rows"
    columns: dict[str, np.dtype[Any]]
    total: int | None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.columns)

    def check(self, points: Points, kept_in: Form | None) -> None:
        """Check the types of the columns. Raises InputError."""
        used = {self.names[place] for _, place in points.places}
        for name, kind in self.columns.items():
            if name in used and kind.kind not in _NUMBERS + "US":
                raise InputError(f"the column {name} holds {kind}, not numbers")
            # Longdouble has no type in Arrow, by way of which columns are kept.
            if kept_in and (kind.kind not in _NUMBERS + "bUS" or kind.char in "gG"):
                raise InputError(f"the column {name} can't be kept: it holds {kind}", hint="omit --keep")

    def frames(self, points: Points, advance: Callable[[int], None], *, keep: bool) -> Iterator[Frame]:
        """Yield the data, at least one frame."""
        used = {self.names[place] for _, place in points.places}
        read = self._open([name for name in self.columns if keep or name in used])
        start, length = 0, self.total or 0
        while True:
            count = min(ROWS, length - start)
            parts = {name: part(start, count) for name, part in read.items()}
            columns: dict[str, Floats] = {}
            problems: dict[int, str] = {}
            for name, place in points.places:
                part = parts[self.names[place]]
                part = part.astype(np.float64) if part.dtype.char == "g" else part
                put_column(name, _kept({name: part})[0], points, columns, problems)
            if problems:
                for name, column in columns.items():
                    columns[name] = column = column.copy()
                    column[list(problems)] = np.nan
            yield Frame(count, columns, problems, _kept(parts) if keep else None)
            start += count
            advance(count)
            self._forget()
            if start >= length:
                return

    def _forget(self) -> None:
        """Let go of what has been read."""

    def _open(self, names: list[str]) -> dict[str, Callable[[int, int], Any]]:
        """Return for each column what reads its rows from a start on, in order."""
        raise NotImplementedError


class NpyReader(ArrayReader):
    """Reads an array: its fields, or its columns under the names 0, 1 and so on."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        try:
            shape, columns_first, kind = header_of(file)
            _refuse_objects(kind)
            self._pages = MappedFile(file)
            order: Any = "F" if columns_first else "C"
            self._array = array = np.ndarray(shape, kind, self._pages.bytes, file.tell(), None, order)
        except (OSError, ValueError, TypeError) as error:
            raise unreadable(name, error) from None
        if array.dtype.names is None and array.ndim not in (1, 2):
            raise FileError(f"{name} has {array.ndim} dimensions", hint="an array of 1 or 2 is expected")
        if array.dtype.names is not None and array.ndim != 1:
            raise FileError(f"{name} has {array.ndim} dimensions", hint="records stand in an array of 1")
        self.total = len(array)
        if array.dtype.names is not None:
            self.columns = {field: array.dtype[field] for field in array.dtype.names}
        else:
            width = 1 if array.ndim == 1 else array.shape[1]
            self.columns = {str(i): array.dtype for i in range(width)}

    def _forget(self) -> None:
        self._pages.forget()

    def _open(self, names: list[str]) -> dict[str, Callable[[int, int], Any]]:
        array = self._array

        def column(name: str) -> Any:
            if array.dtype.names is not None:
                return array[name]
            return array if array.ndim == 1 else array[:, int(name)]

        def reading(source: Any) -> Callable[[int, int], Any]:
            return lambda start, count: source[start : start + count]

        return {name: reading(column(name)) for name in names}


class NpzReader(ArrayReader):
    """Reads an archive of arrays: each of one dimension is a column."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._name = name
        self.columns = {}
        self._lengths: dict[str, int] = {}
        self._members: dict[str, str] = {}
        try:
            self._archive = zipfile.ZipFile(file)
            for member in self._archive.namelist():
                if not member.endswith(".npy"):
                    continue
                with self._archive.open(member) as stream:
                    shape, _, kind = header_of(stream)
                if len(shape) == 1:
                    column = member.removesuffix(".npy")
                    self.columns[column], self._members[column] = kind, member
                    self._lengths[column] = shape[0]
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise unreadable(name, error) from None
        if not self.columns:
            raise FileError(f"{name} has no array of one dimension")
        lengths = set(self._lengths.values())
        self.total = lengths.pop() if len(lengths) == 1 else None

    def check(self, points: Points, kept_in: Form | None) -> None:
        """Check types and lengths of the columns. Raises InputError."""
        super().check(points, kept_in)
        used = {self.names[place] for _, place in points.places}
        lengths = {name: self._lengths[name] for name in self.names if kept_in or not used or name in used}
        longest = max(lengths, key=lambda column: lengths[column])
        for column, length in lengths.items():
            if length != lengths[longest]:
                raise InputError(
                    f"the columns of {self._name} differ in length: "
                    f"{column} has {length:,} rows, {longest} {lengths[longest]:,}",
                    hint="omit --keep" if kept_in else "",
                )
        self.total = lengths[longest]

    def _open(self, names: list[str]) -> dict[str, Callable[[int, int], Any]]:
        return {name: self._reading(name) for name in names}

    def _reading(self, column: str) -> Callable[[int, int], Any]:
        # Members are read as they are inflated, so none is ever in memory whole.
        stream = self._archive.open(self._members[column])
        header_of(stream)
        kind = self.columns[column]

        def read(_start: int, count: int) -> Any:
            data = bytearray(count * kind.itemsize)
            view, filled = memoryview(data), 0
            try:
                while filled < len(data) and (got := stream.readinto(view[filled:])):  # type: ignore[attr-defined]
                    filled += got
            except (OSError, zipfile.BadZipFile, EOFError) as error:
                raise unreadable(self._name, error) from None
            if filled < len(data):
                raise FileError(f"can't read {self._name}: {column} ends too soon")
            return np.frombuffer(data, kind)

        return read


def header_of(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header of an array: its shape, whether columns come first, its type. Raises ValueError."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, columns_first, kind = read(stream, max_header_size=_LONGEST_HEADER)
    except (MemoryError, RecursionError, SyntaxError):
        raise ValueError("its header can't be read") from None
    if version == (3, 0) and kind.names:  # it is version 2.0 with names in UTF-8, which were read as Latin-1
        kind.names = tuple(name.encode("latin-1").decode() for name in kind.names)
    return shape, columns_first, kind


def _refuse_objects(kind: np.dtype[Any]) -> None:
    if kind.hasobject:
        raise ValueError("it holds Python objects, which are never loaded")


def _kept(parts: dict[str, Any]) -> tuple[Any, ...]:
    """Return parts of arrays as columns of Arrow. Raises InputError."""
    columns = []
    for name, part in parts.items():
        native = np.ascontiguousarray(part).astype(part.dtype.newbyteorder("="), copy=False)
        try:
            columns.append(pa.array(np.char.decode(native, "utf-8") if native.dtype.kind == "S" else native))
        except UnicodeDecodeError:
            raise InputError(f"the column {name} can't be kept: its bytes are not UTF-8") from None
        except pa.ArrowNotImplementedError:
            raise InputError(f"the column {name} can't be kept: it holds {part.dtype}") from None
    return tuple(columns)
