"""A program at every row of data: lowered once, then rows to points, and points to values and gradients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.errors import BackpropError, InputError, did_you_mean
from backprop_cli.kinks import find_kinks
from backprop_cli.namespaces import FLOAT
from backprop_cli.naming import Naming, listing
from backprop_cli.rows import read_cell
from backprop_cli.source import choose_point
from backprop_cli.sweep import sweep_graph
from backprop_cli.syntax import canonical_name, normalise
from backprop_cli.undefined import find_failure, undefined_gradients

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backprop_cli.graph import Graph
    from backprop_cli.rows import Row
    from backprop_cli.source import Source

STATUSES = OK, KINK, UNDEFINED, NONFINITE, BAD_INPUT = "ok", "kink", "undefined", "nonfinite", "bad input"
FAULTS = (UNDEFINED, NONFINITE, BAD_INPUT)
FEW = 5


class RowResult(NamedTuple):
    """What a row comes to.

    value, gradients, values: None where there is none; ``values`` are those of the wanted nodes.
    status: one of the five above.  overflows: whether a value on the way is infinite though the result is
    not.  message: what is wrong, told with bad input and with the first row of every other fault.
    """

    value: float | None
    gradients: Sequence[float | None]
    status: str
    overflows: bool = False
    message: str = ""
    values: Sequence[float | None] = ()


def column_name(text: str) -> str:
    """Return the name of an input that the header of a column, or a key, may stand for."""
    return canonical_name(normalise(text.strip()))


class Points:
    """Turns rows into points.

    given: name -> value, for all rows; they win over columns, which win over the program's defaults.
    renamed: input -> the column it is read from, where that has another name.
    start: the point before a row is read; it holds zeros in the places of columns that must be there.
    places: the inputs that are read from columns, and where in a row.
    """

    def __init__(
        self, source: Source, given: Mapping[str, float], renamed: Mapping[str, str] | None = None
    ) -> None:
        self.inputs = source.inputs
        self.given = given
        self.renamed = renamed or {}
        self.required = [
            name
            for name in source.inputs
            if name in self.renamed or (name not in given and name not in source.defaults)
        ]
        self.start = choose_point(source, {**given, **dict.fromkeys(self.required, 0.0)})
        self.places: list[tuple[str, int]] = []
        self._names: tuple[str, ...] | None = None
        self._readers: dict[str, list[str]] = {}
        for name in source.inputs:
            self._readers.setdefault(self.column(name), []).append(name)

    def column(self, name: str) -> str:
        """Return the name of the column that an input is read from."""
        return self.renamed.get(name, name)

    def check_header(self, names: tuple[str, ...]) -> None:
        """Look up the inputs in a header that stands for all rows. Raises InputError."""
        absent = self._find_columns(names)
        missing = [self.column(name) for name in absent]
        self._names = names
        if missing:
            columns = [column_name(name) for name in names]
            hints = (did_you_mean(name, columns) for name in missing)
            raise InputError(
                f"the data has no column{'s' * (len(missing) > 1)} {listing(missing)}",
                hint=next(filter(None, hints), "")
                or f"its columns are {listing(columns)}; {absent[0]}=VALUE gives a value to all rows",
            )

    def _find_columns(self, names: tuple[str, ...]) -> list[str]:
        """Look up where the inputs stand in rows with these names, and return the inputs that are missing."""
        places: dict[str, int] = {}
        for place, column in enumerate(map(column_name, names)):
            for name in self._readers.get(column, ()):
                if name in places:
                    raise InputError(f"{column} stands twice in the data")
                places[name] = place
        self.places = [(name, place) for name, place in places.items() if name not in self.given]
        return [name for name in self.required if name not in places]

    def read(self, row: Row) -> dict[str, float]:
        """Return the point of a row. Raises InputError."""
        if row.problem:
            raise InputError(row.problem)
        if row.names != self._names:
            self._names = None
            missing = self._find_columns(row.names)
            if missing:
                columns = [self.column(name) for name in missing]
                raise InputError(f"{listing(columns)} {'is' if len(columns) == 1 else 'are'} missing")
            self._names = row.names
        point = self.start.copy()
        for name, place in self.places:
            point[name] = read_cell(name, row.cells[place])
        return point


class Batch:
    """A program to be evaluated at many points.

    wrt: the inputs to differentiate by.  values: the nodes whose values are wanted beside, by their names.
    """

    def __init__(
        self, source: Source, wrt: Sequence[str], upstream: float, values: Sequence[str] = ()
    ) -> None:
        from backprop_cli.lower import lower_source

        self.source = source
        self.upstream = upstream
        self.wrt = wrt
        self.values = values
        self.graph = lower_source(source)
        self.wanted_nodes = _find_nodes(self.graph, values)
        self._nodes = [self.graph.inputs[name] for name in self.wrt]
        self._can_kink = any(op is not None and op.kink is not None for op in self.graph.ops)
        self._nothing = [None] * len(self.wrt)
        self._explained: set[str] = set()

    def compute_row(self, row: Row, points: Points) -> RowResult:
        """Return value and gradients at a row of data."""
        try:
            point = points.read(row)
        except InputError as error:
            unknown = [None] * len(self.values)
            return RowResult(None, self._nothing, BAD_INPUT, message=error.message, values=unknown)
        return self.compute(point)

    def compute(self, point: dict[str, float]) -> RowResult:
        """Return value and gradients at a point, and why, if it is the first of its status."""
        result = self.evaluate(point)
        if result.status in FAULTS and result.status not in self._explained:
            self._explained.add(result.status)
            return result._replace(message=self.explain(point))
        return result

    def evaluate(self, point: dict[str, float]) -> RowResult:
        """Return value and gradients at a point, which are those of ``gradient`` to the bit."""
        sweep = sweep_graph(self.graph, point, self.upstream, FLOAT)
        primal, adjoint = sweep.primal, sweep.adjoint
        value = primal[self.graph.output]
        values = [_known(primal[node]) for node in self.wanted_nodes]
        if not math.isfinite(value):
            status = NONFINITE if find_failure(sweep)[1] == "overflow" else UNDEFINED
            return RowResult(_known(value), self._nothing, status, values=values)
        gradients = [adjoint[node] or 0.0 for node in self._nodes]
        if not all(map(math.isfinite, gradients)):
            status = UNDEFINED if any(map(math.isnan, gradients)) else NONFINITE
            return RowResult(value, [_known(slope) for slope in gradients], status, values=values)
        status = KINK if self._can_kink and find_kinks(sweep) else OK
        overflows = (math.inf in primal or -math.inf in primal) and any(
            bar is not None and math.isinf(y) for y, bar in zip(primal, adjoint, strict=True)
        )
        return RowResult(value, gradients, status, overflows, values=values)

    def explain(self, point: dict[str, float]) -> str:
        """Return what ``gradient`` says of a point without a result."""
        from backprop_cli.differentiate import differentiate_graph

        try:
            report = differentiate_graph(
                self.source, self.graph, point, self.wrt, upstream=self.upstream, check=False
            )
        except BackpropError as error:
            return error.message
        missing = undefined_gradients(report)
        assert missing is not None
        return missing.message


def _known(x: float) -> float | None:
    return None if math.isnan(x) else x


def _find_nodes(graph: Graph, names: Sequence[str]) -> list[int]:
    """Return the nodes of these names: those of the program, or v1, v2, …  Raises InputError."""
    if not names:
        return []
    naming = Naming(graph)
    nodes = {alias: node for node in naming.order for alias in (naming.id(node), *naming.aliases(node))}
    for name in names:
        if name not in nodes:
            raise InputError(
                f"the program has no step {name}",
                hint=did_you_mean(name, nodes) or f"its steps are {listing(list(nodes))}",
            )
    return [nodes[name] for name in names]


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
            self.note(result.status, 1, (self.rows,), result.message)
        if result.overflows:
            self.note("overflow", 1, (self.rows,), "")

    def note(self, kind: str, rows: int, first: tuple[int, ...], message: str) -> None:
        """Count rows that come to the same. first: the numbers of the first few of them."""
        known, earlier, told = self.met.get(kind, Occurrence(0, (), message))
        self.met[kind] = Occurrence(known + rows, (*earlier, *first)[:FEW], told)

    def faults(self) -> dict[str, Occurrence]:
        """Return the rows that have no result, by status."""
        return {status: self.met[status] for status in FAULTS if status in self.met}
