"""What the folders of a file say, as columns of it: year=2024."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import numpy as np

from backprop_cli.batch.cells import half_unit, read_cell
from backprop_cli.batch.frames.frame import Frame
from backprop_cli.batch.points import CLAIMED, HALF, column_name
from backprop_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from backprop_cli.batch.forms import Form
    from backprop_cli.batch.frames.frame import Reader
    from backprop_cli.batch.points import Points

NOTHING = "__HIVE_DEFAULT_PARTITION__"
"""What stands for no value."""


class KeyedReader:
    """Reads data with a column more for each key, of one value in all rows; these come last."""

    def __init__(self, reader: Reader, keys: Mapping[str, str]) -> None:
        self._reader = reader
        self._keys = keys
        self.has_header = reader.has_header
        self.is_text = reader.is_text
        self.total = reader.total
        self.unit = reader.unit

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return (*self._reader.names, *self._keys)

    @property
    def elements(self) -> tuple[str, ...]:
        """The names of what is inside of cells."""
        return self._reader.elements

    def check(self, points: Points, kept_in: Form | None) -> None:
        """Check the columns that are in the file."""
        self._reader.check(self._of_file(points), kept_in)
        self.total = self._reader.total

    def frames(self, points: Points, advance: Callable[[int], None], *, keep: bool) -> Iterator[Frame]:
        """Yield the data, at least one frame."""
        numbers, problem = {}, ""
        for name, text in self._inputs(points).items():
            try:
                numbers[name] = read_cell(name, "" if text == NOTHING else text)
            except InputError as error:
                numbers[name] = np.nan
                if name[0] != CLAIMED:
                    problem = problem or error.message
            if name in points.halves:
                numbers[HALF + name] = half_unit(text)
        for frame in self._reader.frames(self._of_file(points), advance, keep=keep):
            columns = {name: np.full(frame.count, number) for name, number in numbers.items()}
            problems = dict.fromkeys(range(frame.count), problem) if problem else frame.problems
            yield Frame(frame.count, {**frame.columns, **columns}, problems, frame.kept)

    def _inputs(self, points: Points) -> dict[str, str]:
        """Return the inputs and claims that keys give, and what these are."""
        texts = {column_name(key): text for key, text in self._keys.items()}
        return {
            name: texts[points.column(name)]
            for name in (*points.inputs, *points.claims)
            if name not in points.given and points.column(name) in texts
        }

    def _of_file(self, points: Points) -> Points:
        """Return what reads the points as far as they stand in the file."""
        others = self._inputs(points)
        rest = copy(points)
        rest.given = {**points.given, **dict.fromkeys(others, 0.0)}
        rest.required = [name for name in points.required if name not in others]
        rest.places = [(name, place) for name, place in points.places if name not in others]
        return rest
