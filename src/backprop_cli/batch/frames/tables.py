"""Parquet and Arrow IPC (Feather), a batch at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import ipc, parquet

from backprop_cli.batch.cells import elements_of
from backprop_cli.batch.frames.cells import check_type, put_column
from backprop_cli.batch.frames.frame import ROWS, Frame
from backprop_cli.batch.frames.inside import Inside, is_nested, type_inside
from backprop_cli.batch.frames.kept import check_kept
from backprop_cli.batch.frames.mapped import MappedFile
from backprop_cli.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.batch.forms import Form
    from backprop_cli.batch.points import Points


_FIRST = 1024
"""Rows among which the first list is looked for."""


class TableReader:
    """Reads the batches of a file whose columns have types. Subclasses open it and yield them."""

    has_header = True
    is_text = False
    elements: tuple[str, ...] = ()
    schema: pa.Schema
    total: int | None
    unit: str

    def __init__(self, name: str) -> None:
        self._name = name
        self._forget: Callable[[], None] = lambda: None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.schema.names)

    def check(self, points: Points, kept_in: Form | None) -> None:
        """Check the types of the columns. Raises InputError or UsageError."""
        for name, place in points.places:
            kind = type_inside(self.schema.field(place).type, points.paths.get(name, ()))
            check_type(self.names[place], kind)
        if kept_in is not None:
            check_kept(self.schema, kept_in)

    def frames(self, points: Points, advance: Callable[[int], None], *, keep: bool) -> Iterator[Frame]:
        """Yield the data, at least one frame."""
        places = range(len(self.names)) if keep else sorted({place for _, place in points.places})
        where = {place: index for index, place in enumerate(places)}
        inputs = [(name, where[place]) for name, place in points.places]
        kinds = [self.schema.field(place).type for place in places]
        empty = pa.RecordBatch.from_arrays(
            [pa.nulls(0, kind) for kind in kinds], names=list(map(str, places))
        )
        yield _frame(empty, inputs, points, keep=keep)
        try:
            for batch, done in self._batches(list(places)):
                for start in range(0, batch.num_rows, ROWS):
                    yield _frame(batch.slice(start, ROWS), inputs, points, keep=keep)
                    self._forget()
                advance(done)
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self._name, error) from None

    def _look_inside(self) -> tuple[str, ...]:
        """Return the names of the elements of lists and structs, as the first row has them."""
        nested = [place for place, field in enumerate(self.schema) if is_nested(field.type)]
        if not nested:
            return ()
        try:
            first = self._first_batch(nested)
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self._name, error) from None
        columns = first.columns if first is not None else []
        cells = (column.drop_null().slice(0, 1).to_pylist() for column in columns)
        names = [self.names[place] for place in nested]
        pairs = zip(names, cells, strict=False)
        return tuple(one for name, cell in pairs for one in elements_of(name, *cell or [None]))

    def _first_batch(self, places: list[int]) -> pa.RecordBatch | None:
        """Return the first batch that has rows, with the columns at these places; it is read again later."""
        raise NotImplementedError

    def _batches(self, places: list[int]) -> Iterator[tuple[pa.RecordBatch, int]]:
        """Yield batches with the columns at these places, and how much has been read for each."""
        raise NotImplementedError


class ParquetReader(TableReader):
    """Reads Parquet."""

    unit = "rows"

    def __init__(self, file: BinaryIO, name: str, *, mapped: bool = True) -> None:
        super().__init__(name)
        try:
            source: Any = file
            if mapped:
                # Read, and not mapped, all of a row group stays in memory until its end.
                pages = MappedFile(file)
                source, self._forget = pages.reader(), pages.forget
            self._file = parquet.ParquetFile(source, pre_buffer=not mapped, page_checksum_verification=True)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise unreadable(name, error) from None
        self.schema = self._file.schema_arrow
        self.total = self._file.metadata.num_rows
        self.elements = self._look_inside()

    def _first_batch(self, places: list[int]) -> pa.RecordBatch | None:
        columns = [self.names[place] for place in places]
        batch = next(self._file.iter_batches(_FIRST, columns=columns), None)
        return None if batch is None else batch.select(columns)

    def _batches(self, places: list[int]) -> Iterator[tuple[pa.RecordBatch, int]]:
        # Parquet knows columns by their names, and one may be there twice: the second is the second one read.
        names = self.schema.names
        wanted = [(names[place], names[:place].count(names[place])) for place in places]
        columns = list(dict.fromkeys(name for name, _ in wanted))
        for batch in self._file.iter_batches(ROWS, columns=columns):
            found = [batch.schema.get_all_field_indices(name)[nth] for name, nth in wanted]
            yield batch.select(found), batch.num_rows


class ArrowReader(TableReader):
    """Reads Arrow IPC, of either format."""

    unit = "batches"

    def __init__(self, file: BinaryIO, name: str, *, mapped: bool, stream: bool) -> None:
        super().__init__(name)
        try:
            source: Any = file
            if mapped:
                pages = MappedFile(file)
                source, self._forget = pages.reader(), pages.forget
            self._file = ipc.open_stream(source) if stream else ipc.open_file(source)
        except (pa.ArrowException, OSError, ValueError) as error:
            if file.seekable() and file.seek(0) == 0 and file.read(4) == b"FEA1":
                old = FileError(
                    f"{name} is Feather of version 1", hint="pyarrow.feather.write_feather writes 2"
                )
                raise old from None
            raise unreadable(name, error) from None
        self.schema = self._file.schema
        self.total = None if stream else self._file.num_record_batches
        self._taken: list[pa.RecordBatch] = []
        self.elements = self._look_inside()

    def _first_batch(self, places: list[int]) -> pa.RecordBatch | None:
        for batch in self._all():
            if self.total is None:
                self._taken.append(batch)
            if batch.num_rows:
                return batch.select(places)
        return None

    def _all(self) -> Iterator[pa.RecordBatch]:
        taken, self._taken = self._taken, []
        yield from taken
        if self.total is None:
            yield from self._file
        else:
            yield from map(self._file.get_batch, range(self.total))

    def _batches(self, places: list[int]) -> Iterator[tuple[pa.RecordBatch, int]]:
        for batch in self._all():
            yield batch.select(places), 1


def unreadable(name: str, error: Exception) -> FileError:
    """Return the error for a file that is not of its form."""
    return FileError(f"can't read {name}: {' '.join(str(error).split()) or type(error).__name__}")


def _frame(batch: pa.RecordBatch, inputs: Sequence[tuple[str, int]], points: Points, *, keep: bool) -> Frame:
    """Return a batch as a frame. inputs: those that are columns, and where."""
    columns: dict[str, Floats] = {}
    problems: dict[int, str] = {}
    inside = Inside()
    for name, place in inputs:
        column = inside.column(batch.column(place), place, name, points, problems)
        put_column(name, column, points, columns, problems)
    return Frame(batch.num_rows, columns, problems, tuple(batch.columns) if keep else None)
