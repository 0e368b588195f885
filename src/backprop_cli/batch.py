"""A program at every row of data: lowered once, then rows to points, and points to values and gradients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.errors import BackpropError, InputError, did_you_mean
from backprop_cli.kinks import find_kinks
from backprop_cli.namespaces import FLOAT
from backprop_cli.naming import listing
from backprop_cli.rows import read_cell
from backprop_cli.source import choose_point
from backprop_cli.sweep import sweep_graph
from backprop_cli.syntax import canonical_name, normalise
from backprop_cli.undefined import find_failure, undefined_gradients

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backprop_cli.rows import Row
    from backprop_cli.source import Source

OK, KINK, UNDEFINED, NONFINITE, BAD_INPUT = "ok", "kink", "undefined", "nonfinite", "bad input"
FAULTS = (UNDEFINED, NONFINITE, BAD_INPUT)
_FEW = 5


class RowResult(NamedTuple):
    """What a row comes to.

    value, gradients: None where there is none.  status: one of the five above.  overflows: whether a
    value on the way is infinite though the result is not.  message: what is wrong, told with bad input
    and with the first row of every other fault.
    """

    value: float | None
    gradients: Sequence[float | None]
    status: str
    overflows: bool = False
    message: str = ""


def column_name(text: str) -> str:
    """Return the name of an input that the header of a column, or a key, may stand for."""
    return canonical_name(normalise(text.strip()))


class Points:
    """Turns rows into points.

    given: name -> value, for all rows; they win over columns, which win over the program's defaults.
    """

    def __init__(self, source: Source, given: Mapping[str, float]) -> None:
        self.inputs = source.inputs
        self.given = given
        self.required = [name for name in source.inputs if name not in given and name not in source.defaults]
        # The zeros hold the places of the columns.
        self._start = choose_point(source, {**given, **dict.fromkeys(self.required, 0.0)})
        self._names: tuple[str, ...] | None = None
        self._places: list[tuple[str, int]] = []

    def check_header(self, names: tuple[str, ...]) -> None:
        """Look up the inputs in a header that stands for all rows. Raises InputError."""
        missing = self._find_columns(names)
        self._names = names
        if missing:
            columns = [column_name(name) for name in names]
            hints = (did_you_mean(name, columns) for name in missing)
            raise InputError(
                f"the data has no column{'s' * (len(missing) > 1)} {listing(missing)}",
                hint=next(filter(None, hints), "")
                or f"its columns are {listing(columns)}; {missing[0]}=VALUE gives a value to all rows",
            )

    def _find_columns(self, names: tuple[str, ...]) -> list[str]:
        """Look up where the inputs stand in rows with these names, and return the inputs that are missing."""
        places: dict[str, int] = {}
        for place, name in enumerate(map(column_name, names)):
            if name in places:
                raise InputError(f"{name} stands twice in the data")
            if name in self.inputs:
                places[name] = place
        self._places = [(name, place) for name, place in places.items() if name not in self.given]
        return [name for name in self.required if name not in places]

    def read(self, row: Row) -> dict[str, float]:
        """Return the point of a row. Raises InputError."""
        if row.problem:
            raise InputError(row.problem)
        if row.names != self._names:
            self._names = None
            missing = self._find_columns(row.names)
            if missing:
                raise InputError(f"{listing(missing)} {'is' if len(missing) == 1 else 'are'} missing")
            self._names = row.names
        point = self._start.copy()
        for name, place in self._places:
            point[name] = read_cell(name, row.cells[place])
        return point


class Batch:
    """A program to be evaluated at many points. wrt: the inputs to differentiate by."""

    def __init__(self, source: Source, wrt: Sequence[str], upstream: float) -> None:
        from backprop_cli.lower import lower_program
        from backprop_cli.parse import parse_source

        self.source = source
        self.upstream = upstream
        self.wrt = wrt
        self._graph = lower_program(parse_source(source))
        self._nodes = [self._graph.inputs[name] for name in self.wrt]
        self._can_kink = any(op is not None and op.kink is not None for op in self._graph.ops)
        self._nothing = [None] * len(self.wrt)
        self._explained: set[str] = set()

    def compute_row(self, row: Row, points: Points) -> RowResult:
        """Return value and gradients at a row of data."""
        try:
            point = points.read(row)
        except InputError as error:
            return RowResult(None, self._nothing, BAD_INPUT, message=error.message)
        return self.compute(point)

    def compute(self, point: dict[str, float]) -> RowResult:
        """Return value and gradients at a point, which are those of ``gradient`` to the bit."""
        sweep = sweep_graph(self._graph, point, self.upstream, FLOAT)
        primal, adjoint = sweep.primal, sweep.adjoint
        value = primal[self._graph.output]
        if not math.isfinite(value):
            status = NONFINITE if find_failure(sweep)[1] == "overflow" else UNDEFINED
            shown = None if math.isnan(value) else value
            return RowResult(shown, self._nothing, status, message=self._explain(point, status))
        gradients = [adjoint[node] or 0.0 for node in self._nodes]
        if not all(map(math.isfinite, gradients)):
            status = UNDEFINED if any(map(math.isnan, gradients)) else NONFINITE
            known = [None if math.isnan(slope) else slope for slope in gradients]
            return RowResult(value, known, status, message=self._explain(point, status))
        status = KINK if self._can_kink and find_kinks(sweep) else OK
        overflows = (math.inf in primal or -math.inf in primal) and any(
            bar is not None and math.isinf(y) for y, bar in zip(primal, adjoint, strict=True)
        )
        return RowResult(value, gradients, status, overflows)

    def _explain(self, point: dict[str, float], status: str) -> str:
        """Return what ``gradient`` says of the point, if it is the first of its status."""
        from backprop_cli.differentiate import differentiate_source

        if status in self._explained:
            return ""
        self._explained.add(status)
        try:
            report = differentiate_source(
                self.source, point, wrt=self.wrt, upstream=self.upstream, check=False
            )
        except BackpropError as error:
            return error.message
        missing = undefined_gradients(report)
        assert missing is not None
        return missing.message


class Occurrence(NamedTuple):
    """What some rows come to: how many, the numbers of the first few, and what was wrong with the first."""

    rows: int
    first: tuple[int, ...]
    message: str


class Tally:
    """Counts the rows by what they come to: a status, or "overflow"."""

    def __init__(self) -> None:
        self.rows = 0
        self.met: dict[str, Occurrence] = {}

    def add(self, result: RowResult) -> None:
        """Count the next row."""
        self.rows += 1
        if result.status != OK:
            self._note(result.status, result.message)
        if result.overflows:
            self._note("overflow", "")

    def _note(self, kind: str, message: str) -> None:
        rows, first, told = self.met.get(kind, Occurrence(0, (), message))
        self.met[kind] = Occurrence(rows + 1, (*first, self.rows)[:_FEW], told)

    def faults(self) -> dict[str, Occurrence]:
        """Return the rows that have no result, by status."""
        return {status: self.met[status] for status in FAULTS if status in self.met}
