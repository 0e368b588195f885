"""One expectation of a program: what is got against what is expected, wherever both are computed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from backprop_cli.errors import DomainError, InputError
from backprop_cli.expect.defaults import ATOL_AT_ZERO
from backprop_cli.expect.diagnose import find_causes
from backprop_cli.expect.expectations import GRADIENT
from backprop_cli.expect.follow import Own, Stated
from backprop_cli.expect.likeliest import likeliest
from backprop_cli.expect.paths import uses_of
from backprop_cli.expect.verdict import Elsewhere, Settled, Verdict
from backprop_cli.expect.written import half_unit
from backprop_cli.findings.undefined import undefined_gradient
from backprop_cli.operations.bounded import Bounded, add_logs, log2_size
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.report import Outcome
from backprop_cli.text import did_you_mean, listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backprop_cli.expect.criteria import Criteria
    from backprop_cli.expect.expectations import Expectation
    from backprop_cli.graph.naming import Naming
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.operations.bounded import RoundingNamespace
    from backprop_cli.operations.op import Namespace, Number
    from backprop_cli.report import Report

# Doubles that are further off than this have lost digits worth telling.
_VISIBLE = 1e-12
# A double that is further off than this from the exact number has no right digit.
_NO_DIGIT = 0.1

Pair = tuple[Bounded, Bounded]
"""What was got, and what was expected."""


def find_node(expectation: Expectation, naming: Naming) -> int:
    """Return the node that an expectation is about. Raises InputError."""
    if not expectation.name:
        return naming.graph.output
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


def compare(pair: Pair, criteria: Criteria) -> Outcome | None:
    """Tell whether a number is as expected; None where rounding hides it."""
    got, expected = pair
    absolute = criteria.atol
    if absolute is None:
        absolute = 0.0 if expected.value else ATOL_AT_ZERO
    allowed = max(log2_size(criteria.rtol) + max(got.size, expected.size), log2_size(absolute))
    gap = log2_size(got.value - expected.value)
    slack = add_logs(got.error, expected.error)
    if add_logs(gap, slack) <= allowed:
        return Outcome.PASS
    return Outcome.FAIL if gap > add_logs(allowed, slack) else None


class Claim:
    """An expectation, the node that it is about, the node of its formula, and the verdict so far."""

    verdict: Verdict
    swept: float | None = None
    """What the backward pass alone gives, where the gradient is found otherwise."""

    def __init__(self, expectation: Expectation, formula: int, naming: Naming, criteria: Criteria) -> None:
        self.expectation = expectation
        self.formula = formula
        self.naming = naming
        self.within = half_unit(expectation)
        self.criteria = self._criteria(criteria)
        self.node = find_node(expectation, naming)

    def _criteria(self, criteria: Criteria) -> Criteria:
        if not (criteria.as_written and self.within):
            return criteria
        return replace(criteria, atol=max(self.within, criteria.atol or 0.0))

    @property
    def of_gradient(self) -> bool:
        """Tell whether it is about a gradient, not a value."""
        return self.expectation.of == GRADIENT

    @property
    def is_met(self) -> bool:
        """Tell whether it is met as far as it has been judged."""
        return self.verdict.status == Outcome.PASS

    def got(self, sweep: Sweep, m: Namespace) -> Number:
        """Return what the program has where this claims something."""
        return sweep.gradient(self.node, m) if self.of_gradient else sweep.primal[self.node]

    def require(self, floats: Sweep, report: Report) -> None:
        """Raise DomainError where the thing that is claimed something of does not exist."""
        got = self.got(floats, FLOAT)
        if math.isfinite(got):
            return
        name = self.naming.id(self.node)
        if self.of_gradient:
            raise undefined_gradient(report, name, got)
        raise DomainError(f"{name} has no value at this point")

    def pair(self, sweep: Sweep, m: RoundingNamespace) -> Pair | None:
        """Return what was got and what was expected; None where one of them has no value in doubles."""
        nodes = (sweep.graph.output, self.node, self.formula)
        if not sweep.failures.keys().isdisjoint(nodes):
            return None
        got, expected = self.got(sweep, m), sweep.primal[self.formula]
        return (got, expected) if math.isfinite(_float(got)) and math.isfinite(_float(expected)) else None

    # ---- at the given point ----

    def is_met_in_doubles(self, floats: Sweep, m: RoundingNamespace, exact: Bounded | None) -> bool:
        """Tell whether the double that grad shows is as expected. exact: what it should be, if that is known.

        A double without a right digit is noise, which meets nothing.
        """
        got, expected = self.got(floats, FLOAT), floats.primal[self.formula]
        if not (math.isfinite(got) and math.isfinite(expected)) or (
            exact is not None and _is_noise(got, exact)
        ):
            return False
        return compare((m.number(got), m.number(expected)), self.criteria) == Outcome.PASS

    def judge(self, pair: Pair | None, floats: Sweep, elsewhere: Sequence[Sweep], *, met: bool) -> None:
        """Put down what was found at the given point. elsewhere: sweeps in doubles at further points."""
        got = self.got(floats, FLOAT)
        exact, expected = map(_number, pair) if pair else (got, floats.primal[self.formula])
        if not math.isfinite(expected):
            expected = math.nan
            causes = {"": "the formula has no value here"}
        elif pair is None:
            causes = {"": "more digits do not decide it"}
        elif not met and _is_noise(got, pair[0]):
            is_that = math.isclose(got, expected, rel_tol=_VISIBLE)
            causes = {"noise": "that is what doubles give, and no digit of it is right"} if is_that else {}
        else:
            causes = {} if met else self._likeliest(floats, elsewhere, expected)
        self.verdict = Verdict(
            self.expectation.claim,
            self.expectation.of,
            self.naming.id(self.node),
            Outcome.PASS if met else Outcome.FAIL,
            expected,
            got,
            Settled.POINT,
            diagnosis="; or ".join(causes.values()),
            causes=tuple(causes),
            exact=None if math.isnan(exact) or math.isclose(got, exact, rel_tol=_VISIBLE) else exact,
        )

    def _likeliest(self, floats: Sweep, elsewhere: Sequence[Sweep], expected: float) -> dict[str, str]:
        """Return what is likeliest behind a difference: kinds and sentences."""
        causes = self._causes(floats, expected)
        # What is behind a wrong formula is the same at other points; but a gate may be open there.
        for sweep in elsewhere:
            there = self._causes(sweep, sweep.primal[self.formula])
            causes = {kind: text for kind, text in causes.items() if kind in there}
        return likeliest(causes)

    def _causes(self, sweep: Sweep, expected: float) -> dict[str, str]:
        if self.swept is not None:
            return {"swept": "that is what the backward pass alone gives"} if expected == self.swept else {}
        of, got = self.expectation.of, self.got(sweep, FLOAT)
        return find_causes(sweep, self.naming, self.node, of, got, expected, self.within)

    # ---- beside the other claims ----

    def stated(self, sweep: Sweep) -> Stated:
        """Return the number that is claimed, at the point of a sweep."""
        return Stated(sweep.primal[self.formula], self.within)

    def follow(self, own: Own) -> None:
        """Put down that it follows from what is claimed of other nodes."""
        names = tuple(
            self.naming.id(node) if of_gradient else f"value of {self.naming.id(node)}"
            for of_gradient, node in sorted(own)
        )
        told = f"right from your {listing(list(names))}"
        self.verdict = replace(self.verdict, follows=names, diagnosis=told, causes=())

    def lead(self, floats: Sweep) -> None:
        """Put down where a gradient that is not met comes from, and what that step does to a gradient."""
        steps = list(self._way(floats)) if self.of_gradient else []
        if not steps:
            return
        ops = (self.naming.graph.ops[step] for step in steps)
        rules = dict.fromkeys(op.backward for op in ops if op is not None)
        place = f"{self.naming.id(steps[-1])} = {self.naming.source(steps[-1])}"
        self.verdict = replace(self.verdict, place=place, rule="; ".join(rules))

    def _way(self, floats: Sweep) -> Iterator[int]:
        """Yield the nodes from the first user of this one to the first that the program names."""
        node = self.node
        while (use := next(uses_of(floats, node), None)) is not None:
            node = use.user
            yield node
            if self.naming.is_named(node):
                return

    # ---- everywhere ----

    def settle(self, how: Settled, **found: object) -> None:
        """Put down how far the claim has been compared."""
        self.verdict = replace(self.verdict, settled=how, **found)  # type: ignore[arg-type]

    def refute(self, point: dict[str, float], pair: Pair, diagnosis: str) -> None:
        """Put down a point at which the claim is not met."""
        got, expected = map(_number, pair)
        elsewhere = Elsewhere(point, expected, got)
        self.verdict = replace(self.verdict, status=Outcome.FAIL, diagnosis=diagnosis, elsewhere=elsewhere)


def _is_noise(got: float, exact: Bounded) -> bool:
    """Tell whether no digit of a double is right."""
    if exact.is_rounding:
        return got != 0
    gap = log2_size(got - exact.value)
    return gap > exact.error and gap > exact.size + math.log2(_NO_DIGIT)


def _float(x: Bounded) -> float:
    try:
        return float(x.value)
    except OverflowError:
        return math.inf


def _number(x: Bounded) -> float:
    """Return a number to show: 0 for what is left of terms that cancel, NaN for what is not known."""
    if x.is_rounding:
        return 0.0
    return math.nan if x.error == math.inf else _float(x)
