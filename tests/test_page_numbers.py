"""The numbers of the page against Python's, in a real browser."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections.abc import Iterable, Iterator
from typing import Any

from backprop_cli import BackpropError, gradient
from backprop_cli.compile.javascript import use_name, write_operations
from backprop_cli.draw.page import page_data, uses_of
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.naming import Naming
from backprop_cli.graph.sweep import Sweep, sweep_graph
from backprop_cli.graph.tape import Graph
from backprop_cli.language.source import read_source
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.op import Op, Point, each
from backprop_cli.operations.reals import mpmath_namespace
from backprop_cli.operations.table import OPS, TABLE
from backprop_cli.report import Report
from backprop_cli.text import number_text
from larger_terms import larger_term
from pages import LESSON, Open, Page, close, computed, shown
from test_random_programs import random_program

EXACT = mpmath_namespace(40)


# --------------------------------------------------------------------------------------------------
# Its operations against the table

SPECIAL = [
    *(0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 3.0, -2.0, 1e-8, -1e-8, 30.0, -30.0, 710.0, -745.0, 1e200, -1e-200),
    *(-0.0, 1e-200, -1e200, 5e-324, -5e-324, 2e-310, -3e-320, 1.7e308, math.inf, -math.inf),
]


def points_of(op: Op, rng: random.Random) -> Iterator[tuple[float, ...]]:
    yield from (*op.domain.inside, *op.domain.outside)
    if op.kink:
        yield from op.kink.points
    if op.arity == 1:
        yield from ((x,) for x in SPECIAL)
    if op.arity == 2:
        yield from rng.sample(list(itertools.product(SPECIAL, repeat=2)), 200)
    for _ in range(100):
        count = op.arity + (op.variadic and rng.randint(0, 2))
        yield tuple(
            rng.choice([rng.choice(SPECIAL), rng.uniform(-3, 3), rng.uniform(-40, 40)]) for _ in range(count)
        )


def python_row(op: Op, xs: tuple[float, ...], fixed: list[bool]) -> dict[str, Any]:
    """Return what Python says of one operation."""
    try:
        y = FLOAT.value(op, xs)
        why = "indeterminate" if math.isnan(y) else None
    except OverflowError:
        y, why = math.nan, "overflow"
    except (ArithmeticError, ValueError):
        y, why = math.nan, "domain"
    if not math.isfinite(y):
        return {"y": y, "why": why or "overflow"}
    slopes = [None if f else FLOAT.partial(op, i, y, xs, fixed) for i, f in enumerate(fixed)]
    at_kink = bool(op.kink and all(map(math.isfinite, xs)) and op.kink.at(FLOAT, xs, fixed))
    return {"y": y, "why": why, "slopes": slopes, "kink": at_kink}


def add_operations(page: Page, uses: Iterable[tuple[Op, tuple[bool, ...]]]) -> None:
    """Give a page operations beside those of its program."""
    code = write_operations(dict.fromkeys(uses)).replace("const gaussian =", "const gaussianAnew =")
    page.evaluate(f"() => {{ const known = OPERATIONS; {{ {code} Object.assign(known, OPERATIONS); }} }}")


JS_ROWS = """cases => cases.map(([op, use, facts, xs, fixed]) => {
  xs = xs.map(Number);
  const operands = xs.map((x, i) => fixed[i] ? {number: x} : {node: i});
  const inputs = xs.map((x, i) => ({id: "x" + i, op: "input", operands: [], value: x}));
  const nodes = [...inputs, {id: "y", op, use, operands}];
  const r = sweep({nodes, output: xs.length, upstream: 1, facts: {[op]: facts}}, xs);
  const at = list => list[xs.length];
  const text = x => Object.is(x, -0) ? "-0" : String(x);
  const slopes = at(r.partials)?.map(s => s === undefined ? null : text(s));
  return {y: text(at(r.primal)), why: at(r.failures) ?? null, slopes, kink: at(r.kinks)};
})"""


def test_every_operation_computes_as_in_python(open_page: Open) -> None:
    rng = random.Random(5)
    cases = [
        (op, xs, (*(rng.random() < 0.2 for _ in xs[1:]), False))
        for op in TABLE
        if not op.special
        for xs in points_of(op, rng)
    ]
    page = open_page(*LESSON)
    add_operations(page, ((op, fixed) for op, _, fixed in cases))
    sent = [
        [
            op.name,
            use_name(op.name, fixed),
            {"cuts": op.cuts},
            [repr(x).replace("inf", "Infinity") for x in xs],
            fixed,
        ]
        for op, xs, fixed in cases
    ]
    found = computed(page, JS_ROWS, sent)
    for (op, xs, fixed), js in zip(cases, found, strict=True):
        compare_row(op, xs, python_row(op, xs, fixed), js, (op.name, xs, fixed, js))


def compare_row(op: Op, xs: Point, py: dict[str, Any], js: dict[str, Any], label: object) -> None:
    y = float(js["y"])
    assert close(y, py["y"]), (label, py)
    # Python evaluates a formula that underflows in reals, which have one zero.
    if y == 0 and not (op.composite and any(xs)):
        assert math.copysign(1, y) == math.copysign(1, py["y"]), (label, py)
    assert js["why"] == py["why"], (label, py)
    if py["why"]:
        return
    assert js["kink"] == py["kink"], (label, py)
    for argnum, (ours, theirs) in enumerate(zip(js["slopes"], py["slopes"], strict=True)):
        assert (ours is None) == (theirs is None), (label, py)
        if ours is not None and not close(float(ours), theirs):
            assert abs(float(ours) - theirs) <= 1e-12 * larger_term(op, argnum, xs, EXACT), (label, py)


def test_a_row_is_all_that_an_operation_needs(open_page: Open) -> None:
    cube = dataclasses.replace(
        OPS["relu"],
        name="half_cube",
        value=lambda m, x: m.where(m.gt(x, m.zero), x * x * x, m.log(-x)),
        partials=each(lambda m, _y, x: m.where(m.gt(x, m.zero), 3 * x * x, m.ratio(m.one, x))),
    )
    page = open_page(*LESSON)
    add_operations(page, [(cube, (False,))])
    use = use_name(cube.name, (False,))
    sent = [[cube.name, use, {"cuts": ""}, [text], [False]] for text in ("2", "-2", "-1", "0")]
    eight, log, zero, none = computed(page, JS_ROWS, sent)
    assert (eight["y"], eight["slopes"]) == ("8", ["12"])
    assert float(log["y"]) == math.log(2)
    assert (zero["y"], zero["slopes"], zero["kink"]) == ("0", ["-1"], False)
    assert (none["y"], none["why"]) == ("NaN", "domain")


def test_what_a_row_does_not_read_may_fail(open_page: Open) -> None:
    choose = dataclasses.replace(OPS["where"], name="choose")
    page = open_page("log(x)", {"x": 1})
    add_operations(page, [(choose, (False, False, False))])
    found = page.evaluate(
        """use => {
          const [x, log] = [{node: 0}, {node: 1}];
          const nodes = [
            {op: "input", operands: []},
            {op: "log", use: "log x", operands: [x]},
            {op: "choose", use, operands: [x, log, x]},
          ];
          const facts = {log: {cuts: ""}, choose: {cuts: "always"}};
          const at = x => sweep({nodes, output: 2, upstream: 1, facts}, [x]);
          return [at(0), at(-1)].map(r => [r.primal[2], r.failures[2] ?? null, r.blame ?? null]);
        }""",
        use_name("choose", (False, False, False)),
    )
    assert found[0] == [0, None, None]
    assert found[1][1:] == ["operand", 1]


def test_slopes_at_a_negative_zero_are_those_of_the_command(open_page: Open) -> None:
    page = open_page("sqrt(-x)", {"x": -1})
    page.fill("#input-0", "0")
    page.click("#backward")
    report = gradient("sqrt(-x)", {"x": 0.0}, check=False)
    assert float(shown(page, "gradient")["x"]) == report.gradients["x"] == -math.inf


def test_a_maximum_may_have_any_number_of_operands(open_page: Open) -> None:
    names = [f"x{i}" for i in range(30)]
    point = {name: float(i % 29) for i, name in enumerate(names)}
    program = f"max({', '.join(names)}, 28)*2 + min({', '.join(names)})"
    page = open_page(program, point)
    page.click("#backward")
    found = shown(page, "gradient")
    report = gradient(program, point, check=False)
    assert {name: float(found[name]) for name in names} == report.gradients


class Noisy(type(FLOAT)):  # type: ignore[misc]
    """Doubles whose every result is some 2 ulp off: what stays is not at the mercy of rounding."""

    rng = random.Random(0)

    def value(self, op: Op, xs: Any) -> float:
        return float(super().value(op, xs)) * (1 + self.rng.choice((-2, 2)) * 2**-52)

    def partial(self, op: Op, argnum: int, y: float, xs: Any, fixed: Any) -> float:
        return float(super().partial(op, argnum, y, xs, fixed)) * (1 + self.rng.choice((-2, 2)) * 2**-52)


JS_SWEEPS = """cases => cases.map(([text, point]) => {
  const d = readData(text);
  const r = sweep(d, point);
  const all = xs => d.nodes.map((_, i) => xs[i] === undefined ? null : String(xs[i]));
  return {primal: all(r.primal), adjoint: all(r.adjoint), why: d.nodes.map((_, i) => r.failures[i] ?? null),
    blame: r.blame ?? null, text: r.blame === undefined ? "" : failureText(d, r, r.blame)};
})"""


def steady(sweeps: list[Sweep], node: int) -> tuple[bool, bool]:
    """Tell whether value and gradient of a node are the same in all sweeps, but for rounding."""
    first, *others = sweeps
    return (
        all(close(first.primal[node], s.primal[node], 1e-13) for s in others),
        all(close(first.adjoint[node] or 0.0, s.adjoint[node] or 0.0, 1e-13) for s in others),
    )


def points_for(rng: random.Random, graph: Graph) -> list[dict[str, float]]:
    values = [0.0, 1.0, -1.0, 2.0, 0.5, 1e-8, 1e8]
    return [
        {name: rng.choice([*values, *(rng.uniform(-3, 3) for _ in values)]) for name in graph.inputs}
        for _ in range(4)
    ]


def test_random_graphs_compute_as_in_python(open_page: Open) -> None:
    rng = random.Random(11)
    cases: list[tuple[str, Graph, dict[str, float], Report]] = []
    while len(cases) < 800:
        program = "; ".join([*(f"{name} = 1" for name in "abcd"), random_program(rng, rng.randint(1, 4))])
        graph = lower_source(read_source(program))
        report = None
        for point in points_for(rng, graph):
            try:
                report = report or gradient(program, point, check=False)
            except BackpropError:
                continue
            cases.append((program, graph, point, report))
    sent = [
        [page_data(report), [point.get(node.id) for node in report.nodes]] for _, _, point, report in cases
    ]
    values = gradients = 0
    seen: set[str] = set()
    page = open_page(*LESSON)
    add_operations(page, (use for *_, report in cases for use in uses_of(report)))
    for (program, graph, point, _), js in zip(cases, computed(page, JS_SWEEPS, sent), strict=True):
        sweeps = [sweep_graph(graph, point, 1.0, m) for m in (FLOAT, Noisy(), Noisy())]
        if any(s.failures != sweeps[0].failures for s in sweeps):
            continue
        failed = not math.isfinite(sweeps[0].primal[graph.output])
        assert (js["blame"] is not None) == failed, (program, point, js)
        for i, node in enumerate(Naming(graph).order):
            label = (program, point, i, js)
            value_holds, gradient_holds = steady(sweeps, node)
            if graph.ops[node] is not None and value_holds:
                assert close(float(js["primal"][i]), sweeps[0].primal[node]), label
                values += 1
                seen.add(graph.ops[node].name)  # type: ignore[union-attr]
            if gradient_holds and not failed:
                assert close(float(js["adjoint"][i] or 0), sweeps[0].adjoint[node] or 0.0), label
                gradients += 1
    assert seen == {op.name for op in TABLE if not op.special}
    assert min(values, gradients) > 2000


def test_numbers_are_written_as_by_the_tool(open_page: Open) -> None:
    rng = random.Random(3)
    numbers = [
        0.0,
        -4.0,
        1e5,
        1e6,
        999999.5,
        100000.5,
        100001.5,
        1234567.5,
        0.0001,
        0.00001,
        1e-7,
        5e-324,
        1e300,
    ]
    numbers += [rng.uniform(-1, 1) * 10.0 ** rng.randint(-12, 12) for _ in range(2000)]
    numbers += [rng.randint(-(10**7), 10**7) / 2 for _ in range(2000)]
    found = computed(open_page(*LESSON), "xs => xs.map(x => [numberText(x), numberText(x, 4)])", numbers)
    assert found == [[number_text(x), number_text(x, 4)] for x in numbers]
