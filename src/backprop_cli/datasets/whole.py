"""A data set read as one, its files one after the other in the order of their names."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any

from backprop_cli.batch.cells import Row
from backprop_cli.batch.frames.cells import repeat_word
from backprop_cli.batch.groups import find_column
from backprop_cli.batch.points import column_name
from backprop_cli.batch.tally import Start
from backprop_cli.datasets.keys import NOTHING
from backprop_cli.datasets.opened import open_input
from backprop_cli.errors import InputError, UsageError, with_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from backprop_cli.batch.dialect import Dialect
    from backprop_cli.batch.forms import Form
    from backprop_cli.batch.frames.frame import Frame, Reader
    from backprop_cli.batch.points import Points
    from backprop_cli.datasets.inputs import Input


_LOOKS = 5


class WholeReader:
    """Reads all files of a data set. What columns there are is seen from the first file that has rows.

    Each file is opened when those before it are read, and may have its columns in another order.
    starts: the files that have been begun.
    group: the column whose words are kept, alone; of a file, or what its folders say.  "" for none.
    """

    unit = "bytes"

    def __init__(self, files: Sequence[Input], dialect: Dialect, group: str = "") -> None:
        """Look at the first files. Raises FileError, InputError or UsageError."""
        self._files = files
        self._dialect = dialect
        self._group = group
        if group and len({file.form for file in files}) > 1:
            raise UsageError(
                "--group-by goes by words, which files of several forms write in several ways",
                hint="--data 'FOLDER/*.csv', the files of one form",
            )
        self.total: int | None = sum(file.size for file in files)
        self.starts: list[Start] = []
        with self._open(next(filter(self._has_rows, files[:_LOOKS]), files[0])) as first:
            self.names = first.names
            self.elements = first.elements
            self.has_header = first.has_header
            self.is_text = first.is_text

    def check(self, points: Points, kept_in: Form | None) -> None:
        """Check that the inputs can be read from every file, before time is spent on the first."""
        for file in self._files:
            with self._open(file) as reader:
                reader.check(_points_of(reader, points), kept_in)
                self._place(file, reader)

    def frames(self, points: Points, advance: Callable[[int], None], *, keep: bool) -> Iterator[Frame]:
        """Yield the data of all files, at least one frame. Raises FileError or InputError.

        keep: whether the words of the group are wanted.
        """
        rows = 0
        for file in self._files:
            self.starts.append(Start(rows, file.name))
            with self._open(file) as reader:
                place = self._place(file, reader) if keep else None
                is_inside = isinstance(place, int)
                for frame in reader.frames(_points_of(reader, points), _ignore, keep=is_inside):
                    if keep:
                        frame.kept = _alone(frame, self._group, place)
                    if frame.count or not rows:
                        yield frame
                    rows += frame.count
            advance(file.size)

    def _place(self, file: Input, reader: Reader) -> int | str | None:
        """Return the place of the group's column in a file, or its word for all rows; None for no group.

        Raises InputError where there is none.
        """
        if not self._group:
            return None
        keys = [key for key in file.keys if column_name(key) == column_name(self._group)]
        if not reader.has_header and not keys:
            return 0  # rows say for themselves what they have
        name = find_column(self._group, reader.names)
        return file.keys[name] if keys else reader.names.index(name)

    def _has_rows(self, file: Input) -> bool:
        with self._open(file) as reader:
            return bool(reader.names) and reader.total != 0

    @contextmanager
    def _open(self, file: Input) -> Iterator[Reader]:
        with ExitStack() as stack:
            try:
                yield open_input(file, self._dialect, stack)
            except (InputError, UsageError) as error:
                error.message = with_name(error.message, file.name)
                raise


def _alone(frame: Frame, name: str, place: int | str | None) -> tuple[Any, ...] | list[Row]:
    """Return the words of a group as all that is kept of a frame. place: of its column, or the word."""
    if isinstance(place, str):
        return (repeat_word(None if place == NOTHING else place, frame.count),)
    assert place is not None
    if isinstance(frame.kept, tuple):
        return (frame.kept[place],)
    return [
        row if row.text or not row.names else Row((name,), (row.cells[place],)) for row in frame.kept or ()
    ]


def _points_of(reader: Reader, points: Points) -> Points:
    """Return the points with the columns where a file has them."""
    own = copy(points)
    if reader.has_header:
        own.check_header(reader.names, reader.elements, is_text=reader.is_text)
    return own


def _ignore(count: int) -> None:
    pass
