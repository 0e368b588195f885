"""The page in a real browser: its numbers against Python's, and its use by mouse and keyboard."""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from backprop_cli import BackpropError, gradient
from backprop_cli.compile.javascript import use_name, write_operations
from backprop_cli.draw.page import page_data, render_page, uses_of
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
from test_random_programs import random_program

EXACT = mpmath_namespace(40)

CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)

LESSON = ("e = a*b; d = e + c; L = d*f", {"a": 2, "b": 3, "c": -10, "f": 5})
NEURON = (
    "u = w*x; z = u + b; p = sigmoid(z); r = p - y; s = r^2; k = w^2; m = 0.1*k; L = s + m",
    {"w": 0.5, "x": 2, "b": -0.3, "y": 1},
)
KINKS = (
    "y = log(x)*sqrt(a)/(1 + exp(-x)) + max(x, a, 0) + where(x > a, x^a, cbrt(x))  # </script><img src=q>",
    {"x": 2, "a": 2},
)
PROGRAMS = [LESSON, NEURON, KINKS, ("c = c*2; c = c + c#3\nc", {"c": 1}), ("2*pi", {})]

Page = Any
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        reason = "no chromium is installed"
        assert os.environ.get("CI") != "true", reason
        pytest.skip(reason)
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Open the page of a program: it must make no request and say nothing on the console."""
    contexts = []
    told: list[str] = []
    requests: list[str] = []

    def open_page(program: str, point: dict[str, float], upstream: float = 1.0, **settings: Any) -> Page:
        path = tmp_path / f"{len(contexts)}.html"
        report = gradient(program, point, check=False, upstream=upstream)
        path.write_text(render_page(report), encoding="utf-8")
        settings = {"reduced_motion": "reduce", "viewport": {"width": 1200, "height": 900}, **settings}
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert told == []
    assert all(url.startswith(("file:", "about:")) for url in requests)


def shown(page: Page, column: str) -> dict[str, str]:
    """Return the numbers of a column of the table, with all digits, by node."""
    values = page.eval_on_selector_all(
        "tbody tr",
        f"rows => rows.map(r => [r.querySelector('button').textContent, r.querySelector('.{column}').value])",
    )
    return {name: value for name, value in values if value != ""}


def sentence(page: Page) -> str:
    return str(page.text_content("#sentence"))


def close(x: float, y: float, tolerance: float = 1e-12) -> bool:
    return (math.isnan(x) and math.isnan(y)) or math.isclose(x, y, rel_tol=tolerance, abs_tol=1e-300)


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
        (op, xs, (*(rng.random() < 0.2 for _ in xs[1:]), False)) for op in TABLE for xs in points_of(op, rng)
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
    found = page.evaluate(JS_ROWS, sent)
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
    eight, log, zero, none = page.evaluate(JS_ROWS, sent)
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
    for (program, graph, point, _), js in zip(cases, page.evaluate(JS_SWEEPS, sent), strict=True):
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
    assert seen == set(OPS)
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
    found = open_page(*LESSON).evaluate("xs => xs.map(x => [numberText(x), numberText(x, 4)])", numbers)
    assert found == [[number_text(x), number_text(x, 4)] for x in numbers]


# --------------------------------------------------------------------------------------------------
# What it shows


@pytest.mark.parametrize(("program", "point"), PROGRAMS)
def test_values_and_gradients_are_those_of_the_report(
    open_page: Open, program: str, point: dict[str, float]
) -> None:
    page = open_page(program, point)
    page.click("#backward")
    report = gradient(program, point, check=False)
    for column, expected in (
        ("value", {node.id: node.value for node in report.nodes}),
        ("gradient", {node.id: node.gradient for node in report.nodes}),
    ):
        found = shown(page, column)
        assert found.keys() == expected.keys()
        assert all(close(float(found[name]), expected[name]) for name in expected)


def test_the_lesson_step_by_step(open_page: Open) -> None:
    page = open_page(*LESSON)
    assert sentence(page) == "The inputs are given: a = 2, b = 3, c = -10 and f = 5."
    assert shown(page, "value") == {"a": "2", "b": "3", "c": "-10", "f": "5"}
    forward = []
    for _ in range(3):
        page.click("#step")
        forward.append(sentence(page))
    assert forward == [
        "Forward: e = a × b = 6.",
        "Forward: d = e + c = -4.",
        "Forward: L = d × f = -20.",
    ]
    assert page.text_content("#formula") == "L=d×f=(−4)×5=−20"
    assert shown(page, "gradient") == {}
    story = []
    for count in range(1, 8):
        page.click("#step")
        found = shown(page, "gradient")
        assert len(found) == count
        story.append((page.text_content("tr.current th"), sentence(page).split()[-1]))
    assert story == [
        ("L", "1."), ("d", "5."), ("f", "-4."), ("e", "5."), ("c", "5."), ("a", "15."), ("b", "10."),
    ]  # fmt: skip
    assert page.text_content("#formula") == "∂L∂b=∂L∂e·∂e∂b=5·a=5·2=10"
    assert page.text_content("#where") == "backward 7 / 7"
    page.dispatch_event("#step", "click")  # at the end nothing happens
    assert page.text_content("#where") == "backward 7 / 7"
    page.click("#back")
    assert shown(page, "gradient").keys() == {"L", "d", "f", "e", "c", "a"}
    page.click("#forward")
    assert page.text_content("#where") == "forward 3 / 3"


def test_contributions_add_up_at_a_branch_point(open_page: Open) -> None:
    page = open_page(*NEURON)
    page.click("tbody tr:first-child button")
    told = page.text_content("#explained-said")
    assert "w feeds u and k: the contributions add up." in told
    assert "a product passes to each factor the gradient times the other factor" in told
    assert page.text_content("#explained-formula") == (
        "∂L∂w=∂L∂u·∂u∂w+∂L∂k·∂k∂w=(−0.147134)·x+0.1·(2×w)=(−0.147134)·2+0.1·1=−0.194268"
    )


def test_kinks_are_told_with_the_convention(open_page: Open) -> None:
    page = open_page("relu(x)", {"x": 0})
    page.click("#backward")
    assert "v1 = relu(x): a ReLU is a gate" in page.text_content("#reasons")
    assert "relu(x) has no derivative here; used: 0, the subgradient of least norm." in sentence(page)
    page.fill("#input-0", "3")
    assert "derivative here" not in sentence(page)


def test_a_gradient_found_from_both_sides_is_shown(open_page: Open) -> None:
    page = open_page("relu(x)-relu(-x)", {"x": 0})
    page.click("#backward")
    assert shown(page, "gradient")["x"] == "1"
    assert "its slope is 1 on both sides" in sentence(page)


def test_a_gradient_at_a_kink_that_was_typed_in_is_told_to_be_that_of_conventions(open_page: Open) -> None:
    page = open_page("relu(x)-relu(-x)", {"x": 3})
    page.click("#backward")
    assert "conventions" not in sentence(page)
    page.fill("#input-0", "0")
    assert "what doubles and the conventions at kinks give" in sentence(page)


def test_a_gradient_that_arrives(open_page: Open) -> None:
    page = open_page("Input*Weight", {"Input": 3, "Weight": 5}, upstream=10)
    page.click("#backward")
    assert shown(page, "gradient") == {"v1": "10", "Input": "50", "Weight": "30"}
    assert "∂" not in page.text_content("thead")


# --------------------------------------------------------------------------------------------------
# Editing


def test_an_edit_computes_anew_and_a_mistake_changes_nothing(open_page: Open) -> None:
    page = open_page(*LESSON)
    page.click("#backward")
    page.fill("#input-0", "1/4")
    assert shown(page, "value")["L"] == str(-9.25 * 5)
    assert shown(page, "gradient")["b"] == "1.25"
    for wrong in ("", "x", "1/0", "1e999", "1 2", "--1"):
        page.fill("#input-0", wrong)
        assert page.get_attribute("#input-0", "aria-invalid") == "true"
        assert "a is not a number" in page.text_content("#message-0")
        assert shown(page, "gradient")["b"] == "1.25"
    page.fill("#input-0", " −1e1 ")
    assert page.get_attribute("#input-0", "aria-invalid") is None
    assert page.text_content("#message-0") == ""
    assert shown(page, "gradient")["b"] == "-50"
    page.fill("#input-0", "?")
    page.click("#reset")
    assert page.input_value("#input-0") == "2"
    assert page.get_attribute("#input-0", "aria-invalid") is None
    page.click("#backward")
    assert shown(page, "gradient")["b"] == "10"


def test_a_value_that_does_not_exist_is_shown_at_its_node(open_page: Open) -> None:
    page = open_page("y = a*log(x)", {"a": 3, "x": 2})
    page.fill("#input-1", "-1")
    assert "y has no value here: log needs an operand > 0, got x = -1." in page.text_content("#trouble")
    page.click("#step")
    assert sentence(page) == "Forward: v1 has no value: log needs an operand > 0, got x = -1."
    assert page.locator("g.node.failed").count() == 1
    page.click("#backward")
    assert sentence(page) == "Backward: there is no gradient: y has no value."
    assert set(shown(page, "gradient").values()) == {"NaN"}
    page.fill("#input-1", "1")
    assert page.is_hidden("#trouble")
    assert shown(page, "gradient") == {"a": "0", "x": "3", "v1": "3", "y": "1"}


def test_a_division_is_named_as_it_is_written(open_page: Open) -> None:
    page = open_page("y = a/x", {"a": 3, "x": 2})
    page.fill("#input-1", "0")
    assert "a / x needs a divisor other than 0, got a = 3 and x = 0." in page.text_content("#trouble")


def test_a_branch_that_is_not_taken_spoils_nothing(open_page: Open) -> None:
    page = open_page("where(x > 0, sqrt(x), 0)", {"x": 4})
    page.click("#backward")
    assert shown(page, "gradient")["x"] == "0.25"
    page.fill("#input-0", "-1")
    assert page.is_hidden("#trouble")
    assert shown(page, "gradient")["x"] == "0"


# --------------------------------------------------------------------------------------------------
# Keyboard, screen readers, safety, sizes


def test_the_keyboard_does_it_all(open_page: Open) -> None:
    page = open_page(*LESSON)
    press = page.keyboard.press
    focused = "document.activeElement.id || document.activeElement.getAttribute('aria-label')"
    for _ in range(4):
        press("Tab")
    press("Tab")
    assert page.evaluate(focused) == "forward"
    press("Enter")
    assert page.text_content("#where") == "forward 3 / 3"
    press("ArrowRight")
    assert page.text_content("#where") == "backward 1 / 7"
    press("ArrowLeft")
    assert page.text_content("#where") == "forward 3 / 3"
    for _ in range(6):
        press("Tab")
    assert page.evaluate(focused) == "scrubber"
    press("End")
    assert page.text_content("#where") == "backward 7 / 7"
    press("Tab")
    assert page.evaluate(focused) == "input a, value 2, gradient 15"
    press("ArrowRight")
    assert page.evaluate(focused) == "e = a × b, value 6, gradient 5"
    press("ArrowRight")
    press("Enter")
    assert page.text_content("#explained-title") == "The node d = e + c"
    assert page.text_content("#where") == "backward 7 / 7"
    press("Tab")
    press("Shift+Tab")
    assert page.evaluate(focused) == "d = e + c, value -4, gradient 5"


def test_play_runs_to_the_end_and_pauses(open_page: Open) -> None:
    page = open_page("a*b", {"a": 2, "b": 3})
    page.clock.install()
    page.click("#play")
    page.clock.run_for(1200)
    assert page.text_content("#where") == "forward 1 / 1"
    page.click("#play")
    page.clock.run_for(5000)
    assert page.text_content("#where") == "forward 1 / 1"
    page.click("#play")
    page.clock.run_for(10_000)
    assert page.text_content("#where") == "backward 3 / 3"
    assert page.text_content("#play") == "Play"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("program", "point"), [NEURON, KINKS])
def test_axe_finds_nothing(open_page: Open, scheme: str, program: str, point: dict[str, float]) -> None:
    page = open_page(program, point, color_scheme=scheme, bypass_csp=True)
    page.click("#backward")
    page.click("tbody button")
    page.fill("#input-0", "x")
    assert Axe().run(page).response["violations"] == []


def test_a_phone_scrolls_down_only(open_page: Open) -> None:
    name = "a_very_long_name_of_an_input_" * 4
    for program, point in (NEURON, KINKS, (f"{name}*2", {name: 1.0})):
        page = open_page(program, point, viewport={"width": 390, "height": 800})
        page.click("#backward")
        page.click("tbody button")
        page.fill("#input-0", "x")
        assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_policy_allows_the_page_alone(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(render_page(gradient(*KINKS, check=False)), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    policy = page.get_attribute("meta[http-equiv=Content-Security-Policy]", "content")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert page.locator("img").count() == 0
    assert KINKS[0] in page.text_content("pre")
    # A script that got in all the same would not run.
    page.evaluate(
        "() => { const s = document.createElement('script'); s.text = 'got = 1'; document.body.append(s) }"
    )
    assert page.evaluate("window.got") is None
    page.close()


def test_a_large_program_opens(open_page: Open) -> None:
    lines = ["s0 = x"] + [f"s{i + 1} = s{i}*w{i % 7} + 0.5" for i in range(200)]
    point = {"x": 1.0, **{f"w{i}": 0.9 for i in range(7)}}
    page = open_page("\n".join(lines), point)
    page.click("#backward")
    report = gradient("\n".join(lines), point, check=False)
    assert close(float(shown(page, "gradient")["x"]), report.gradients["x"])
    assert page.locator("g.node").count() == len(report.nodes)
    assert page.is_hidden("g.node")
    page.click("summary:has-text('graph')")
    assert page.locator("g.node").first.is_visible()


def test_a_huge_program_has_no_picture_and_says_why() -> None:
    report = gradient("\n".join(["s = x", *["s = s*x"] * 2000]), {"x": 1.0}, check=False)
    text = render_page(report)
    assert "There is no picture" in text
    assert "<svg" not in text
