"""Expectations judged: at the given point in many digits, then for all points or at further ones.

A number is compared at the given point. A formula is compared there too and, so that a claim which is right
only by luck is caught, settled by sympy or else compared at further points.
See docs/decisions/0005-expectations.md.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from backprop_cli.check.cross_check import BUDGET, MOST_STEPS
from backprop_cli.check.expressions import parse_source
from backprop_cli.differentiate import differentiate_graph
from backprop_cli.errors import DomainError
from backprop_cli.expect.claim import Claim, compare
from backprop_cli.expect.criteria import DEFAULT
from backprop_cli.expect.facts import Fact, judge_fact
from backprop_cli.expect.follow import following
from backprop_cli.expect.identities import Identities
from backprop_cli.expect.points import further_points, nearby_points
from backprop_cli.expect.verdict import Settled, Verification
from backprop_cli.findings.undefined import undefined_gradients
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.naming import Naming
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.language.code import Temporary
from backprop_cli.operations.bounded import Bounded, bounded_floats, bounded_reals
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.reals import LADDER
from backprop_cli.report import NO_VALUE, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from backprop_cli.check.expressions import Program
    from backprop_cli.expect.claim import Pair
    from backprop_cli.expect.criteria import Criteria
    from backprop_cli.expect.expectations import Expectation
    from backprop_cli.expect.follow import Own, Stated
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.graph.tape import Graph
    from backprop_cli.language.code import Code
    from backprop_cli.language.source import Source
    from backprop_cli.operations.bounded import RoundingNamespace
    from backprop_cli.operations.op import Namespace
    from backprop_cli.report import Report

# Nodes swept at further points, each in some 50 µs; and how many points outside the domain are tried for one
# inside.
_MOST_SWEPT = 100_000
_MOST_TRIES = 20
_NEARBY = 3
# What the last of 50 digits may be off by, as a logarithm.
_LAST_DIGIT = -49 * math.log2(10)
# What is behind a wrong formula is looked for at so many further points.
_FURTHER = 2
# Formulas of one branch are equal beside the point to more than the rounding of their decimals.
_SAME = 1e-15


def verify_source(
    source: Source,
    point: dict[str, float],
    expectations: Sequence[Expectation | Fact],
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
    facts = [e for e in expectations if isinstance(e, Fact)]
    formulas = [e for e in expectations if not isinstance(e, Fact)]
    graph = lower_source(source, [e.code for e in formulas])
    wanted = list(source.inputs if wrt is None else wrt)
    report = differentiate_graph(source, graph, point, wanted, upstream=upstream, check=check)
    judge = _Judge(source, graph, report, criteria)
    claims = judge.claims(formulas)
    if claims:
        judge.at_point(claims)
        judge.beyond(claims)
    verdicts = {id(e): claim.verdict for e, claim in zip(formulas, claims, strict=True)}
    verdicts |= {id(fact): judge_fact(fact, report) for fact in facts}
    # What nobody asked for may be undefined where something else was expected.
    missing = None if facts or (expectations and wrt is None) else undefined_gradients(report)
    return Verification(report, tuple(verdicts[id(e)] for e in expectations), criteria.seed, missing)


def _following(claim: Claim, claims: Sequence[Claim], sweep: Sweep) -> Own:
    """Return the nodes from whose claims another follows at the point of a sweep."""
    stated: dict[bool, dict[int, Stated]] = {False: {}, True: {}}
    for other in claims:
        stated[other.of_gradient][other.node] = other.stated(sweep)
    values, gradients = following(sweep, stated[False], stated[True])
    return (gradients if claim.of_gradient else values).get(claim.node, frozenset())


class _Judge:
    """What all claims about a program share: its sweeps, one for all of them, and what sympy makes of it."""

    def __init__(self, source: Source, graph: Graph, report: Report, criteria: Criteria) -> None:
        self.source = source
        self.graph = graph
        self.report = report
        self.criteria = criteria
        self.codes: list[Code] = []

    def claims(self, expectations: Sequence[Expectation]) -> list[Claim]:
        """Return the claims that expectations make. Raises InputError for one of an unknown node."""
        self.codes = [expectation.code for expectation in expectations]
        naming = Naming(self.graph)
        pairs = zip(expectations, self.graph.formulas, strict=True)
        return [Claim(expectation, formula, naming, self.criteria) for expectation, formula in pairs]

    def _sweep(self, point: Mapping[str, float], m: Namespace) -> Sweep:
        return sweep_graph(self.graph, point, self.report.upstream, m)

    # ---- at the given point ----

    def at_point(self, claims: Sequence[Claim]) -> None:
        """Judge at the given point. Raises DomainError where what a claim is about does not exist.

        So it does where there is a value in doubles alone: that of x - (-0.1)^(1e300 - 0.5).
        """
        if self.report.check.reason == NO_VALUE:
            raise DomainError(NO_VALUE)
        swept = self._sweep(self.report.inputs, FLOAT)
        floats = self._with_found(swept, FLOAT)
        for claim in claims:
            claim.require(floats, self.report)
            if claim.of_gradient and claim.node in self._found:
                claim.swept = claim.got(swept, FLOAT)
        for of_gradient in (False, True):
            some = [claim for claim in claims if claim.of_gradient == of_gradient]
            self._at_point_in(self._systems(of_gradient), some, floats)
        wrong = [claim for claim in claims if not claim.is_met]
        for claim in wrong:
            claim.lead(floats)
        if len(claims) > 1:
            self._follow(claims, wrong, floats)

    def _follow(self, claims: Sequence[Claim], wrong: Sequence[Claim], floats: Sweep) -> None:
        """Put down what follows from other claims; a formula has to do so at further points too."""
        followed = {claim: _following(claim, claims, floats) for claim in wrong}
        for claim, own in followed.items():
            places = self._elsewhere(claim) if own and claim.expectation.number is None else []
            if own and all(_following(claim, claims, sweep) for sweep in places):
                claim.follow(own)

    def _at_point_in(
        self, systems: Sequence[RoundingNamespace], claims: Sequence[Claim], floats: Sweep
    ) -> None:
        undecided = list(claims)
        for m in systems:
            if undecided:
                sweep = self._with_found(self._sweep(self.report.inputs, m), m)
                last = m is systems[-1]
                undecided = [c for c in undecided if not self._judge(c, c.pair(sweep, m), floats, last=last)]

    def _judge(self, claim: Claim, pair: Pair | None, floats: Sweep, *, last: bool) -> bool:
        """Judge a claim by what was got and expected, if that can be done. last: it has to."""
        decided = compare(pair, self.criteria) if pair else None
        if not (decided or last):
            return False
        if pair and not decided:
            pair = (self._known_value(claim, pair[0]), pair[1])
            decided = compare(pair, self.criteria)
        # What all digits can't tell apart is equal; and so are the doubles that grad shows.
        equal = pair is not None and decided is None and (pair[0] - pair[1]).is_rounding
        exact = None if pair is None or (claim.of_gradient and self._at_kink) else pair[0]
        met = decided == Outcome.PASS or equal or claim.is_met_in_doubles(floats, bounded_floats(), exact)
        by_formula = not met and claim.expectation.number is None and claim.got(floats, FLOAT)
        claim.judge(pair, floats, self._elsewhere(claim) if by_formula else [], met=met)
        return True

    def _known_value(self, claim: Claim, got: Bounded) -> Bounded:
        """Return the value as the report has it, where it can't be told: sign(sqrt(x)^2 - 2) at 2."""
        text = self.report.check.value
        if claim.of_gradient or claim.node != self.graph.output or text is None:
            return got
        known: Bounded = got.m.number(Fraction(text))
        return Bounded(known.value, max(known.error, known.size + _LAST_DIGIT), got.m)

    @cached_property
    def _found(self) -> dict[int, float]:
        """Inputs -> the gradients that are found otherwise than by the sweep in doubles, or not at all."""
        inputs, gradients = self.graph.inputs, self.report.gradients
        checks = self.report.check.gradients
        return {
            inputs[name]: x for name, x in gradients.items() if checks[name].origin or not math.isfinite(x)
        }

    def _with_found(self, sweep: Sweep, m: Namespace) -> Sweep:
        """Return a sweep at the given point with these gradients."""
        adjoint = [*sweep.adjoint]
        for node, gradient in self._found.items():
            adjoint[node] = m.number(gradient)
        return sweep._replace(adjoint=adjoint)

    @cached_property
    def _at_kink(self) -> bool:
        return any(node.kink for node in self.report.nodes)

    def _systems(self, of_gradient: bool) -> list[RoundingNamespace]:
        """Return the number systems to compare in: reals of more and more digits, where these are feasible.

        At a kink the gradient is a convention of the sweep in doubles, which may meet the kink by rounding.
        A value is none: where(1 + x > 1, x, 2*x) at 1e-70 is 1e-70, though doubles take the other branch.
        """
        steps = len(self.graph.ops)
        if steps > MOST_STEPS or (of_gradient and self._at_kink):
            return [bounded_floats()]
        return [bounded_reals(digits) for digits in LADDER if digits == LADDER[0] or steps * digits <= BUDGET]

    def _elsewhere(self, claim: Claim) -> list[Sweep]:
        """Return sweeps in doubles at further points at which everything has a value."""
        found: list[Sweep] = []
        for point in islice(further_points(self.report.inputs, self.criteria.seed), _MOST_TRIES):
            sweep = self._sweep(point, FLOAT)
            values = (claim.got(sweep, FLOAT), sweep.primal[claim.formula])
            if not sweep.failures and all(map(math.isfinite, values)):
                found.append(sweep)
            if len(found) == _FURTHER:
                break
        return found

    # ---- everywhere ----

    def beyond(self, claims: Sequence[Claim]) -> None:
        """Settle the formulas that are met at the given point for all points, or try them at further ones."""
        if not self.criteria.points:
            return
        unsettled = []
        for claim in claims:
            if claim.expectation.number is not None or not claim.is_met:
                continue
            if self._is_settled(claim):
                claim.settle(Settled.SYMPY)
            else:
                unsettled.append(claim)
        if unsettled:
            self._at_further_points(unsettled)

    def _is_settled(self, claim: Claim) -> bool:
        node = self._expressions.get(claim.node)
        if node is None:
            return False
        formula = self._formulas[claim.formula]
        return self._identities.holds(node, formula, self.report.upstream, gradient=claim.of_gradient)

    @cached_property
    def _program(self) -> Program:
        return parse_source(self.source, self.codes)

    @cached_property
    def _identities(self) -> Identities:
        return Identities(self._program)

    @cached_property
    def _formulas(self) -> dict[int, Any]:
        """Nodes of the formulas -> their expressions."""
        return dict(zip(self.graph.formulas, self._program.formulas, strict=True))

    @cached_property
    def _expressions(self) -> dict[int, Any]:
        """Nodes that the program names -> their expressions."""
        graph, program = self.graph, self._program
        named = [
            expr for name, expr in program.statements if name is not None and type(name) is not Temporary
        ]
        return {
            **{graph.inputs[name]: symbol for name, symbol in program.inputs.items()},
            **{node: expr for (node, _), expr in zip(graph.assignments, named, strict=True)},
            graph.output: program.output,
        }

    def _at_further_points(self, claims: Sequence[Claim]) -> None:
        """Compare formulas at points inside the domain of both sides, and put down what is found."""
        m = bounded_reals(LADDER[0])
        points = self.criteria.points
        tries = min(_MOST_TRIES * points, max(_MOST_SWEPT // len(self.graph.ops), 1))
        for point in islice(further_points(self.report.inputs, self.criteria.seed), tries):
            unsettled = [claim for claim in claims if claim.is_met and claim.verdict.points < points]
            if not unsettled:
                return
            sweep = self._sweep(point, m)
            for claim in unsettled:
                self._try(claim, sweep, m)
        for claim in claims:
            if claim.verdict.settled == Settled.POINT:
                claim.settle(Settled.POINT, diagnosis="no further point was found at which both exist")

    def _try(self, claim: Claim, sweep: Sweep, m: RoundingNamespace) -> None:
        pair = claim.pair(sweep, m)
        if pair is None:
            return
        claim.settle(Settled.POINTS, points=claim.verdict.points + 1)
        if compare(pair, self.criteria) == Outcome.FAIL:
            near = self._holds_nearby(claim, m)
            diagnosis = "right near this point, not everywhere" if near else "right at this point only"
            claim.refute(dict(sweep.point), pair, diagnosis)

    def _holds_nearby(self, claim: Claim, m: RoundingNamespace) -> bool:
        criteria = replace(self.criteria, rtol=_SAME, atol=0.0)
        pairs = [
            claim.pair(self._sweep(point, m), m)
            for point in islice(nearby_points(self.report.inputs, self.criteria.seed), _NEARBY)
        ]
        return all(pair is not None and compare(pair, criteria) != Outcome.FAIL for pair in pairs)
