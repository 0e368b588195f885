"""Rows brought together to one, or to one for each word of a column, in the order of their first rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from backprop_cli.batch.cells import Row, written_values
from backprop_cli.batch.points import column_name
from backprop_cli.errors import InputError
from backprop_cli.text import did_you_mean, listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from backprop_cli.batch.engines.results import Results
    from backprop_cli.batch.frames.frame import Frame
    from backprop_cli.batch.sums import Reducer
    from backprop_cli.batch.tally import RowResult


class Groups:
    """Takes the results of rows; in memory there is a reducer for each group.

    column: whose words tell the groups apart, "" for one group of all rows.  names: of the data's columns.
    """

    def __init__(self, column: str, names: Sequence[str], make: Callable[[], Reducer]) -> None:
        self._column = column
        self._place = names.index(column) if column in names else None
        self._make = make
        self._reducers: dict[str | None, Reducer] = {} if column else {None: make()}
        self._shown: dict[str | None, Any] = {} if column else {None: Row((), ())}

    def add(self, row: Row, result: RowResult) -> None:
        """Add the results of a row."""
        self._of(self._key(row)).add(result)

    def add_frame(self, frame: Frame, results: Results) -> None:
        """Add those of many."""
        if not self._column:
            self._reducers[None].add_columns(results.numbers(), results.status)
        elif frame.count:
            import numpy as np

            keys, places = self._keys(frame)
            order = np.argsort(places, kind="stable")
            ends = np.searchsorted(places[order], np.arange(len(keys) + 1))
            for key, start, end in zip(keys, ends, ends[1:], strict=False):
                rows = order[start:end]
                self._of(key).add_columns([x[rows] for x in results.numbers()], results.status[rows])

    def results(self, gradients: int) -> Iterator[tuple[Any, RowResult]]:
        """Yield of each group what is shown of it, a row or a column of Arrow of one, and its result."""
        for key, reducer in self._reducers.items():
            yield self._shown[key], reducer.result(gradients)

    def _of(self, key: str | None) -> Reducer:
        if key not in self._reducers:
            self._reducers[key] = self._make()
        return self._reducers[key]

    def _key(self, row: Row) -> str | None:
        if not self._column:
            return None
        if not row.text:  # cells under a header, or what could not be read
            cell = str(row.cells[self._place]) if self._place is not None and row.names else ""
            self._shown.setdefault(cell, Row((self._column,), (cell,)))
            return cell
        found = dict(zip(row.names, written_values(row), strict=True))
        text = f"{{{json.dumps(self._column, ensure_ascii=False)}: {found.get(self._column, 'null')}}}"
        if text not in self._shown:
            (cell,) = json.loads(text).values()
            if isinstance(cell, list | dict):
                raise InputError(f"the column {self._column} is nested, and can't tell groups apart")
            self._shown[text] = Row((self._column,), (cell,), text)
        return text

    def _keys(self, frame: Frame) -> tuple[list[str | None], Any]:
        """Return the groups of a frame, and which of them each row is in."""
        import numpy as np

        if isinstance(frame.kept, list):
            known: dict[str | None, int] = {}
            found = [known.setdefault(self._key(row), len(known)) for row in frame.kept]
            return list(known), np.array(found)
        from backprop_cli.batch.frames.cells import distinct

        assert frame.kept is not None
        assert self._place is not None
        texts, parts, places = distinct(self._column, frame.kept[self._place])
        for text, part in zip(texts, parts, strict=True):
            self._shown.setdefault(text, part)
        return texts, places


def find_column(name: str, names: Sequence[str]) -> str:
    """Return a column as the header has it. Raises InputError."""
    found = [column for column in names if column_name(column) == column_name(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{name} stands twice in the data")
    columns = [column_name(column) for column in names]
    hint = did_you_mean(name, columns) or f"its columns are {listing(columns)}"
    raise InputError(f"the data has no column {name}", hint=hint)
