"""The main job: text and a point in, the record of value, gradients and check out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from operator import eq
from typing import TYPE_CHECKING, Any, overload

from backprop_cli.findings import notices
from backprop_cli.findings.kinks import (
    exact_value,
    find_kinks,
    lacks_exact_value,
    sides_of_operation,
    without_rounded,
)
from backprop_cli.findings.settled import (
    gradients_of,
    met_by_rounding,
    settle_gradients,
    settle_unchecked,
    settled_checks,
    with_origins,
)
from backprop_cli.findings.undefined import undefined_value
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.naming import Naming
from backprop_cli.graph.outline import outline
from backprop_cli.graph.sweep import partials_at, sweep_graph
from backprop_cli.language.arguments import given_arrays, name_list, upstream_gradient
from backprop_cli.language.source import Source, check_names, choose_point, read_source
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.report import NO_VALUE, ArrayRecord, KinkRecord, NodeRecord, Outcome, Report, skipped_check
from backprop_cli.system.collector import collector_paused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from backprop_cli.findings.settled import Settled
    from backprop_cli.graph.arrays import ArrayNodes
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.graph.tape import Graph
    from backprop_cli.report import Check

_FEW_IDS = 10


def gradient(
    program: str,
    inputs: Mapping[str, Any] | None = None,
    /,
    *,
    wrt: Iterable[str] | None = None,
    upstream: float = 1.0,
    check: bool = True,
    notation: str | None = None,
    **more_inputs: Any,
) -> Report:
    """Return the value of a program and its gradients with respect to its inputs, checked against sympy.

    program: an expression, or statements, in the language of the README; or an expression of SymPy's.
    inputs, more_inputs: the value of each input, a finite real number of any type, which is rounded once
    to binary64; or an array: lists of lists of such numbers, or an array of NumPy's, of up to a million
    elements. Angles are radians. Inputs that the program gives a constant have that as their default.
    wrt: the inputs to differentiate by, all of them by default.
    upstream: the gradient that arrives at the output; every gradient is multiplied by it.
    check: whether to cross-check with sympy, which costs some milliseconds.
    notation: what the program is written in: "plain", "latex", "python", "algebra", "spreadsheet",
    "wolfram" or "sympy"; None for the language of the README or, if it can't be read so, for what its signs
    tell. ``report.read_as`` has the reading.

    The output is one number, so ``report.gradients[name]`` is upstream · ∂output/∂name, a float; an array W
    has ``W[0,1]`` and so on there, and all of it in ``report.arrays``. Where the
    slopes on both sides of a kink agree, it is that slope; else what the convention says
    (``report.warnings``). Where a gradient does not exist it is NaN, and infinite where the slope is.

    Raises ParseError for a program that is not in the language, InputError for a missing, unknown or
    non-finite input and for arguments of a wrong type, DomainError where the value does not exist; all are
    BackpropError.

    >>> gradient("(a*b + c)*f", a=2, b=3, c=-10, f=5).gradients["a"]
    15.0
    """
    given = given_arrays("inputs", inputs or {}) | given_arrays("inputs", more_inputs)
    with collector_paused():
        source = read_source(program, given, notation)
        point = choose_point(source, given)
        return differentiate_source(source, point, wrt=wrt, upstream=upstream, check=check)


def differentiate_source(
    source: Source,
    point: dict[str, float],
    *,
    wrt: Iterable[str] | None = None,
    upstream: float = 1.0,
    check: bool = True,
) -> Report:
    """Return the report of a program at a point; see ``gradient``."""
    return compute_source(source, point, wrt=wrt, upstream=upstream, check=check).report


def differentiate_graph(
    source: Source,
    graph: Graph,
    point: dict[str, float],
    wanted: Sequence[str],
    *,
    upstream: float,
    check: bool,
) -> Report:
    """Return the report of a program with this graph; see ``gradient``. wanted: what to differentiate by."""
    return compute_graph(source, graph, point, wanted, upstream=upstream, check=check).report


class Computation:
    """A program at a point, swept; the cross-check, which takes most of the time, when it is asked for.

    draft: the report without the check.  settled: the gradients that were in doubt.
    """

    def __init__(
        self,
        draft: Report,
        source: Source,
        sweep: Sweep,
        naming: Naming,
        settled: dict[str, Settled],
        *,
        check: bool,
    ) -> None:
        self.draft = draft
        self._source = source
        self._sweep = sweep
        self._naming = naming
        self._settled = settled
        self._check = check

    @cached_property
    def report(self) -> Report:
        """The report with the check, if there is to be one, and with the warnings that this gives rise to."""
        if not self._check:
            return self.draft
        # Only here is sympy needed, whose import is most of the time of a short run.
        from backprop_cli.check.cross_check import cross_check

        check = cross_check(self._source, self._sweep, self.draft.gradients, settled_checks(self._settled))
        check = with_origins(check, self._settled)
        draft, check = self._by_sides(check)
        warnings = (*draft.warnings, *notices.digits_lost(self._sweep, self._naming, check))
        return replace(draft, check=check, warnings=warnings)

    def _by_sides(self, check: Check) -> tuple[Report, Check]:
        """Return draft and check with what both sides tell of gradients that could not be compared."""
        draft, sweep = self.draft, self._sweep
        skipped = {
            name: draft.gradients[name]
            for name, found in check.gradients.items()
            if found.status == Outcome.SKIPPED and name not in self._settled
        }
        exact = exact_value(sweep) if skipped else None
        late = settle_unchecked(sweep, skipped) if exact is not None else {}
        if skipped and exact is None and check.value is None and lacks_exact_value(sweep):
            none = {name: replace(check.gradients[name], reason=NO_VALUE) for name in skipped}
            return draft, replace(check, gradients=check.gradients | none, reason=NO_VALUE)
        if not late:
            return draft, check
        from backprop_cli.check.cross_check import with_records

        check = with_records(check, settled_checks(late), exact, draft.value)
        nodes = {sweep.graph.inputs[name]: found.gradient for name, found in (self._settled | late).items()}
        gradients = draft.gradients | {name: found.gradient for name, found in late.items()}
        assert isinstance(draft.nodes, Nodes)
        warnings = (
            *draft.warnings,
            *notices.kinks_missed(sweep, self._naming, late),
            *notices.found_otherwise(sweep, self._naming, late),
        )
        made = draft.nodes.with_gradients(nodes)
        draft = replace(draft, gradients=gradients, nodes=made, warnings=warnings, outline=made.outline())
        return draft, with_origins(check, late)


def compute_source(
    source: Source,
    point: dict[str, float],
    *,
    wrt: Iterable[str] | None = None,
    upstream: float = 1.0,
    check: bool = True,
) -> Computation:
    """Return the computation of a program at a point; see ``gradient``."""
    wanted = list(source.inputs) if wrt is None else check_names(source, name_list("wrt", wrt))
    return compute_graph(source, lower_source(source), point, wanted, upstream=upstream, check=check)


def compute_graph(
    source: Source,
    graph: Graph,
    point: dict[str, float],
    wanted: Sequence[str],
    *,
    upstream: float,
    check: bool,
) -> Computation:
    """Return the computation of a program with this graph. wanted: what to differentiate by."""
    upstream = upstream_gradient(upstream)
    naming = Naming(graph)
    sweep = sweep_graph(graph, point, upstream, FLOAT)
    value = sweep.primal[graph.output]
    if not math.isfinite(value):
        raise undefined_value(sweep)
    kinks = find_kinks(sweep)
    settled = settle_gradients(sweep, kinks, wanted)
    settled |= met_by_rounding(sweep, settled)
    gradients = gradients_of(sweep, wanted, settled)
    records = {node: _kink_record(sweep, node) for node in kinks[: notices.MOST_TOLD]}
    settled_nodes = {graph.inputs[name]: found.gradient for name, found in settled.items()}
    nodes = Nodes(sweep, naming, records, settled_nodes)
    draft = Report(
        program=source.text,
        inputs=point,
        output=naming.output_id(),
        value=value,
        upstream=upstream,
        gradients=gradients,
        nodes=nodes,
        check=with_origins(skipped_check(gradients, "not asked for", settled_checks(settled)), settled),
        warnings=(
            *source.warnings,
            *notices.shadowed_names(naming),
            *notices.unused_steps(naming),
            *(
                ()
                if _all_smooth(settled)
                else notices.kinks_met(sweep, naming, records, without_rounded(sweep, kinks))
            ),
            *notices.found_otherwise(sweep, naming, settled),
            *notices.overflow_met(sweep, naming),
        ),
        read_as=source.read_as,
        outline=nodes.outline(),
    )
    return Computation(draft, source, sweep, naming, settled, check=check)


def _all_smooth(settled: Mapping[str, Settled]) -> bool:
    """Tell whether all gradients that were in doubt are found without a convention."""
    return bool(settled) and all(found.origin and not found.sides for found in settled.values())


def _kink_record(sweep: Sweep, node: int) -> KinkRecord:
    op = sweep.graph.ops[node]
    assert op is not None
    assert op.kink is not None
    sides = sides_of_operation(sweep, node)
    left, right = zip(*(side[:2] for side in sides), strict=True)
    varying = [argnum for argnum, is_fixed in enumerate(sweep.graph.fixed(node)) if not is_fixed]
    smooth = [argnum for argnum in varying if sides[argnum].smooth is not None]
    # Where each operand alone is smooth, they are not together: a whole mark.
    return KinkRecord(op.kink.convention, left, right, frozenset(smooth if smooth != varying else ()))


def graph_of(report: Report) -> Graph:
    """Return the graph that a report tells of."""
    if isinstance(report.nodes, Nodes):
        return report.nodes.graph
    return lower_source(read_source(report.read_as or report.program))


class Nodes(Sequence[NodeRecord]):
    """The records of the nodes, each made when it is looked at: a million of them would fill a gigabyte.

    gradients: of the inputs, where they are found otherwise than by the sweep.
    """

    def __init__(
        self,
        sweep: Sweep,
        naming: Naming,
        kinks: Mapping[int, KinkRecord],
        gradients: Mapping[int, float],
    ) -> None:
        self._sweep = sweep
        self._naming = naming
        self._kinks = kinks
        self._gradients = gradients

    @property
    def graph(self) -> Graph:
        """The graph whose nodes these are."""
        return self._sweep.graph

    def with_gradients(self, gradients: Mapping[int, float]) -> Nodes:
        """Return the same nodes with other gradients of the inputs."""
        return Nodes(self._sweep, self._naming, self._kinks, gradients)

    def outline(self) -> tuple[ArrayRecord | NodeRecord, ...]:
        """Return the arrays and the nodes that are no part of any, in order; nothing where there are none."""
        parts = outline(self._sweep.graph, self._naming.order)
        return tuple(self._record(part) if isinstance(part, int) else self._array(part) for part in parts)

    def _array(self, array: ArrayNodes) -> ArrayRecord:
        sweep, naming = self._sweep, self._naming
        constant = sweep.graph.constant
        return ArrayRecord(
            name=array.name,
            shape=array.shape,
            op=array.op or "view",
            expr=array.text,
            backward=array.backward,
            elements=tuple(None if constant[node] else naming.id(node) for node in array.nodes),
            values=tuple(sweep.primal[node] for node in array.nodes),
            gradients=tuple(
                self._gradient(node) if own else None
                for node, own in zip(array.nodes, array.own, strict=True)
            ),
        )

    def _gradient(self, node: int) -> float:
        swept: float = self._sweep.gradient(node, FLOAT) + 0.0
        return self._gradients.get(node, swept)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        count = len(self)
        ids = [self._naming.id(node) for node in self._naming.order[:_FEW_IDS]]
        return f"<{count:,} node{'s' * (count != 1)}: {', '.join(ids)}{', …' * (count > _FEW_IDS)}>"

    def __len__(self) -> int:
        return len(self._naming.order)

    def __iter__(self) -> Iterator[NodeRecord]:
        return map(self._record, self._naming.order)

    @overload
    def __getitem__(self, place: int) -> NodeRecord: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[NodeRecord, ...]: ...
    def __getitem__(self, place: int | slice) -> NodeRecord | tuple[NodeRecord, ...]:
        if isinstance(place, slice):
            return tuple(map(self._record, self._naming.order[place]))
        return self._record(self._naming.order[place])

    def _record(self, node: int) -> NodeRecord:
        sweep, naming = self._sweep, self._naming
        graph = sweep.graph
        op = graph.ops[node]
        is_constant = graph.constant[node]
        operands = () if is_constant else graph.operands[node]
        swept = sweep.gradient(node, FLOAT) + 0.0
        gradient = self._gradients.get(node, swept)
        return NodeRecord(
            id=naming.id(node),
            op="constant" if is_constant else "input" if op is None else op.name,
            expr=naming.expression(node),
            operands=tuple(sweep.primal[x] if graph.constant[x] else naming.id(x) for x in operands),
            terms=tuple(map(naming.operand, operands)),
            value=sweep.primal[node],
            partials=partials_at(sweep, node) if operands else (),
            gradient=gradient,
            kink=self._kinks.get(node),
            aliases=naming.aliases(node),
            is_named=naming.is_named(node),
            held=tuple(naming.held(node, argnum) for argnum in range(len(operands))),
            is_inner=bool(graph.arrays and graph.arrays.inner[node]),
            swept=None if gradient is swept or repr(swept) == repr(gradient) else swept,
        )
