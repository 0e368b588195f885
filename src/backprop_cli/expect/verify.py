"""Expectations judged: at the given point in many digits, then for all points or at further ones.

A number is compared at the given point. A formula is compared there too and, so that a claim which is right
only by luck is caught, settled by sympy or else compared at further points.
See docs/decisions/0005-expectations.md.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from backprop_cli.check.cross_check import BUDGET, LADDER, MOST_STEPS
from backprop_cli.check.expressions import parse_source
from backprop_cli.differentiate import differentiate_graph
from backprop_cli.errors import DomainError, InputError
from backprop_cli.expect.criteria import ATOL_AT_ZERO, DEFAULT
from backprop_cli.expect.diagnose import find_causes
from backprop_cli.expect.expectations import GRADIENT
from backprop_cli.expect.identities import Identities
from backprop_cli.expect.points import further_points, nearby_points
from backprop_cli.expect.verdict import Elsewhere, Verdict, Verification
from backprop_cli.findings.undefined import undefined_gradient, undefined_gradients
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.naming import Naming
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.operations.bounded import Bounded, add_logs, bounded_floats, bounded_reals, log2_size
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.report import Outcome
from backprop_cli.text import did_you_mean, listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from backprop_cli.check.expressions import Program
    from backprop_cli.expect.criteria import Criteria
    from backprop_cli.expect.expectations import Expectation
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.graph.tape import Graph
    from backprop_cli.language.source import Source
    from backprop_cli.operations.bounded import RoundingNamespace
    from backprop_cli.operations.op import Namespace, Number
    from backprop_cli.report import Report

# Nodes swept at further points, each in some 50 µs; and how many points outside the domain are tried for one
# inside.
_MOST_SWEPT = 100_000
_MOST_TRIES = 20
_NEARBY = 3
# Formulas of one branch are equal beside the point to more than the rounding of their decimals.
_SAME = 1e-15
# Doubles that are further off than this have lost digits worth telling.
_VISIBLE = 1e-12


def verify_source(
    source: Source,
    point: dict[str, float],
    expectations: Sequence[Expectation],
    *,
    wrt: Iterable[str] | None = None,
    upstream: float = 1.0,
    check: bool = True,
    criteria: Criteria = DEFAULT,
) -> Verification:
    """Return the report of a program at a point, and the verdict on each expectation.

    Raises InputError for an expectation of something that the program does not have, DomainError where the
    value or an expected gradient does not exist.
    """
    graph = lower_source(source, [e.code for e in expectations])
    wanted = list(source.inputs if wrt is None else wrt)
    report = differentiate_graph(source, graph, point, wanted, upstream=upstream, check=check)
    judge = _Judge(source, graph, report, expectations, criteria)
    verdicts = judge.verdicts() if expectations else ()
    # What nobody asked for may be undefined where something else was expected.
    missing = None if expectations and wrt is None else undefined_gradients(report)
    return Verification(report, verdicts, criteria.seed, missing)


def _compare(got: Bounded, expected: Bounded, criteria: Criteria) -> Outcome | None:
    """Tell whether a number is as expected; None where rounding hides it."""
    absolute = criteria.atol
    if absolute is None:
        absolute = 0.0 if expected else ATOL_AT_ZERO
    allowed = max(log2_size(criteria.rtol) + max(got.size, expected.size), log2_size(absolute))
    gap = log2_size(got.value - expected.value)
    slack = add_logs(got.error, expected.error)
    if add_logs(gap, slack) <= allowed:
        return Outcome.PASS
    return Outcome.FAIL if gap > add_logs(allowed, slack) else None


class _Judge:
    """All expectations of a program, judged together: one sweep serves them all."""

    def __init__(
        self,
        source: Source,
        graph: Graph,
        report: Report,
        expectations: Sequence[Expectation],
        criteria: Criteria,
    ) -> None:
        self.source = source
        self.graph = graph
        self.report = report
        self.expectations = expectations
        self.criteria = criteria
        self.naming = Naming(graph)
        self.nodes = [self._node(expectation) for expectation in expectations]

    def _node(self, expectation: Expectation) -> int:
        """Return the node that an expectation is about. Raises InputError."""
        if not expectation.name:
            return self.graph.output
        naming = self.naming
        known = {name: node for node in naming.order for name in (naming.id(node), *naming.aliases(node))}
        if expectation.name not in known:
            start = expectation.text.find(expectation.name)
            raise InputError(
                f"{expectation.name} is not a node of the program",
                expectation.text,
                start,
                start + len(expectation.name),
                did_you_mean(expectation.name, known) or f"its nodes are {listing(list(known))}",
            )
        return known[expectation.name]

    def verdicts(self) -> tuple[Verdict, ...]:
        """Judge. Raises DomainError where the thing that an expectation is about does not exist."""
        floats = self._sweep(self.report.inputs, FLOAT)
        for i in range(len(self.nodes)):
            self._require(floats, i)
        verdicts = self._at_point(floats)
        unsettled = []
        for i, expectation in enumerate(self.expectations):
            if (
                expectation.number is not None
                or not self.criteria.points
                or verdicts[i].status == Outcome.FAIL
            ):
                continue
            if self._is_settled(i):
                verdicts[i] = replace(verdicts[i], settled="sympy")
            else:
                unsettled.append(i)
        if unsettled:
            self._at_further_points(verdicts, unsettled)
        return tuple(verdicts)

    def _require(self, floats: Sweep, i: int) -> None:
        got = self._got(floats, i, FLOAT)
        if math.isfinite(got):
            return
        name = self.naming.id(self.nodes[i])
        if self.expectations[i].of == GRADIENT:
            raise undefined_gradient(self.report, name, got)
        raise DomainError(f"{name} has no value at this point")

    def _sweep(self, point: Mapping[str, float], m: Namespace) -> Sweep:
        return sweep_graph(self.graph, point, self.report.upstream, m)

    def _got(self, sweep: Sweep, i: int, m: Namespace) -> Number:
        node = self.nodes[i]
        if self.expectations[i].of != GRADIENT:
            return sweep.primal[node]
        return sweep.gradient(node, m)

    def _pair(self, sweep: Sweep, i: int, m: RoundingNamespace) -> tuple[Bounded, Bounded] | None:
        """Return what was got and what was expected; None where one of them has no value in doubles."""
        if not sweep.failures.keys().isdisjoint((self.graph.output, self.nodes[i], self.graph.formulas[i])):
            return None
        got, expected = self._got(sweep, i, m), sweep.primal[self.graph.formulas[i]]
        return (got, expected) if math.isfinite(_float(got)) and math.isfinite(_float(expected)) else None

    # ---- at the given point ----

    def _at_point(self, floats: Sweep) -> list[Verdict]:
        found: dict[int, Verdict] = {}
        systems = self._systems()
        for m in systems:
            sweep = self._sweep(self.report.inputs, m)
            for i in range(len(self.nodes)):
                if i in found:
                    continue
                pair = self._pair(sweep, i, m)
                decided = _compare(*pair, self.criteria) if pair else Outcome.FAIL
                if decided or m is systems[-1]:
                    # What all digits can't tell apart is equal; and so are the doubles that grad shows.
                    met = decided != Outcome.FAIL or self._meets_in_doubles(floats, i)
                    found[i] = self._verdict(i, Outcome.PASS if met else Outcome.FAIL, pair, floats)
        return [found[i] for i in range(len(self.nodes))]

    def _meets_in_doubles(self, floats: Sweep, i: int) -> bool:
        m = bounded_floats()
        got, expected = self._got(floats, i, FLOAT), floats.primal[self.graph.formulas[i]]
        if not (math.isfinite(got) and math.isfinite(expected)):
            return False
        return _compare(m.number(got), m.number(expected), self.criteria) == Outcome.PASS

    def _systems(self) -> list[RoundingNamespace]:
        """Return the number systems to compare in: reals of more and more digits, where these are feasible.

        At a kink the gradient is a convention of the sweep in doubles, which may meet the kink by rounding.
        """
        steps = len(self.graph.ops)
        if steps > MOST_STEPS or any(node.kink for node in self.report.nodes):
            return [bounded_floats()]
        return [bounded_reals(digits) for digits in LADDER if digits == LADDER[0] or steps * digits <= BUDGET]

    def _verdict(
        self, i: int, status: Outcome, pair: tuple[Bounded, Bounded] | None, floats: Sweep
    ) -> Verdict:
        got = self._got(floats, i, FLOAT)
        exact, expected = map(_float, pair) if pair else (got, math.nan)
        diagnosis = ""
        if status == Outcome.FAIL:
            causes = self._causes(floats, i, got, expected)
            if self.expectations[i].number is None and got:
                # What is behind a wrong formula is the same at other points; but a gate may be open there.
                for sweep in self._further_floats(i):
                    expected_there = sweep.primal[self.graph.formulas[i]]
                    there = self._causes(sweep, i, self._got(sweep, i, FLOAT), expected_there)
                    causes = {kind: text for kind, text in causes.items() if kind in there}
            diagnosis = next(iter(causes.values()), "")
        return Verdict(
            self.expectations[i].claim,
            self.expectations[i].of,
            self.naming.id(self.nodes[i]),
            status,
            expected,
            got,
            "point",
            diagnosis=diagnosis if pair else "the formula has no value here",
            exact=None if math.isclose(got, exact, rel_tol=_VISIBLE) else exact,
        )

    def _causes(self, sweep: Sweep, i: int, got: float, expected: float) -> dict[str, str]:
        return find_causes(sweep, self.naming, self.nodes[i], self.expectations[i].of, got, expected)

    def _further_floats(self, i: int) -> list[Sweep]:
        """Return sweeps in doubles at two further points at which everything has a value."""
        found = []
        for point in islice(further_points(self.report.inputs, self.criteria.seed), _MOST_TRIES):
            sweep = self._sweep(point, FLOAT)
            values = (self._got(sweep, i, FLOAT), sweep.primal[self.graph.formulas[i]])
            if not sweep.failures and all(map(math.isfinite, values)):
                found.append(sweep)
            if len(found) == 2:
                break
        return found

    # ---- everywhere ----

    def _is_settled(self, i: int) -> bool:
        program = self._program
        node = self._expressions.get(self.nodes[i])
        if node is None:
            return False
        gradient = self.expectations[i].of == GRADIENT
        return self._identities.holds(node, program.formulas[i], self.report.upstream, gradient=gradient)

    @cached_property
    def _program(self) -> Program:
        return parse_source(self.source, [e.code for e in self.expectations])

    @cached_property
    def _identities(self) -> Identities:
        return Identities(self._program)

    @cached_property
    def _expressions(self) -> dict[int, Any]:
        """Nodes that the program names -> their expressions."""
        graph, program = self.graph, self._program
        named = [expr for name, expr in program.statements if name is not None]
        return {
            **{graph.inputs[name]: symbol for name, symbol in program.inputs.items()},
            **{node: expr for (node, _), expr in zip(graph.assignments, named, strict=True)},
            graph.output: program.output,
        }

    def _at_further_points(self, verdicts: list[Verdict], unsettled: list[int]) -> None:
        """Compare formulas at points inside the domain of both sides, and put down what is found."""
        m = bounded_reals(LADDER[0])
        points = self.criteria.points
        tries = min(_MOST_TRIES * points, max(_MOST_SWEPT // len(self.graph.ops), 1))
        for point in islice(further_points(self.report.inputs, self.criteria.seed), tries):
            unsettled = [
                i for i in unsettled if verdicts[i].status == Outcome.PASS and verdicts[i].points < points
            ]
            if not unsettled:
                return
            sweep = self._sweep(point, m)
            for i in unsettled:
                pair = self._pair(sweep, i, m)
                if pair is None:
                    continue
                verdict = replace(verdicts[i], settled="points", points=verdicts[i].points + 1)
                if _compare(*pair, self.criteria) == Outcome.FAIL:
                    got, expected = map(_float, pair)
                    verdict = replace(
                        verdict,
                        status=Outcome.FAIL,
                        diagnosis="right near this point, not everywhere"
                        if self._holds_nearby(i, m)
                        else "right at this point only",
                        elsewhere=Elsewhere(point, expected, got),
                    )
                verdicts[i] = verdict
        for i in unsettled:
            if verdicts[i].settled == "point":
                verdicts[i] = replace(verdicts[i], diagnosis="no further point was found at which both exist")

    def _holds_nearby(self, i: int, m: RoundingNamespace) -> bool:
        criteria = replace(self.criteria, rtol=_SAME, atol=0.0)
        pairs = [
            self._pair(self._sweep(point, m), i, m)
            for point in islice(nearby_points(self.report.inputs, self.criteria.seed), _NEARBY)
        ]
        return all(pair is not None and _compare(*pair, criteria) != Outcome.FAIL for pair in pairs)


def _float(x: Bounded) -> float:
    try:
        return float(x.value)
    except OverflowError:
        return math.inf
