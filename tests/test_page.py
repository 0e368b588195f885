"""The page in a real browser: what it tells, and its use by mouse and keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backprop_cli import gradient
from backprop_cli.draw.page import render_page
from backprop_cli.report import Steps
from pages import KINKS, LESSON, NEURON, PROGRAMS, Open, close, sentence, shown, violations

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
        "∂L∂w=∂L∂u·∂u∂w+∂L∂k·∂k∂w=(−0.147134)·x+0.1·(2×w)=(−0.147134)·2+0.1·1=−0.294268+0.1=−0.194268"
    )


def test_the_picture_shows_local_derivatives_kinks_and_which_way_a_step_goes(open_page: Open) -> None:
    program, point = "u = a - b*c; L = abs(u)", {"a": 9, "b": 2, "c": 3}
    page = open_page(program, point, steps=Steps.ALL)
    page.click("#backward")
    nodes = gradient(program, point, check=False).nodes
    texts = page.eval_on_selector_all(
        "g.arrow:not(.part)",
        "gs => gs.map(({dataset: d, textContent}) => [+d.source, +d.target, +d.argnum, textContent.trim()])",
    )
    assert {(source, target): text for source, target, _, text in texts} == {
        (nodes.index(source), i): f"×{partial:g}"
        for i, node in enumerate(nodes)
        for operand, partial in zip(node.operands, node.partials, strict=True)
        for source in nodes
        if source.id == operand
    }
    passing = page.locator("g.arrow.backward:not(.part) path")
    assert passing.count() == 1
    assert passing.get_attribute("marker-start") == "url(#tip-backward)"
    assert passing.get_attribute("marker-end") == "none"
    assert page.locator("g.node.kink").count() == 0
    page.fill("#input-0", "6")
    kinked = page.locator("g.node.kink:not(.part)")
    assert [at.get_attribute("data-node") for at in kinked.all()] == [str(len(nodes) - 1)]
    page.click("#forward")
    assert (
        page.locator("g.arrow.forward:not(.part) path").first.get_attribute("marker-end")
        == "url(#tip-forward)"
    )


def test_a_gate_is_told_to_be_open_or_closed_as_it_is(open_page: Open) -> None:
    page = open_page("leaky_relu(x, 0.1) + relu(x)", {"x": 3})
    page.click("#backward")
    assert page.text_content("#reasons").count("here it passes unchanged") == 2
    page.fill("#input-0", "-3")
    told = page.locator("#reasons li").all_text_contents()
    assert [("nothing passes" in line, "unchanged" in line) for line in told if "relu" in line] == [
        (False, False),
        (True, False),
    ]


def test_kinks_are_told_with_the_convention(open_page: Open) -> None:
    page = open_page("relu(x)", {"x": 0})
    page.click("#backward")
    assert "v1 = relu(x): a ReLU is a gate" in page.text_content("#reasons")
    assert "relu(x) has no derivative here; used: 0, the subgradient of least norm." in sentence(page)
    page.fill("#input-0", "3")
    assert "derivative here" not in sentence(page)


def test_a_gradient_found_from_both_sides_is_shown(open_page: Open) -> None:
    page = open_page("u = relu(x) - relu(-x); u + u^3", {"x": 0})
    page.click("#backward")
    assert shown(page, "gradient")["x"] == "1"
    assert "its slope is 1 on both sides" in sentence(page)
    page.fill("#input-0", "2")
    assert shown(page, "gradient")["x"] == "13"
    assert "both sides" not in sentence(page)


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
    for wrong in ("", "x", "1/0", "1e999", "1 2", "1*"):
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
    for _ in range(8):
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
    page = open_page("a*b", {"a": 2, "b": 3}, keeps_time=False)
    page.clock.install()
    page.click("#play")
    page.clock.run_for(1200)
    assert page.text_content("#where") == "forward 1 / 1"
    page.click("#play")
    page.clock.run_for(5000)
    assert page.text_content("#where") == "forward 1 / 1"
    page.select_option("#speed", "450")
    page.click("#play")
    page.clock.run_for(500)
    assert page.text_content("#where") == "backward 1 / 3"
    page.clock.run_for(10_000)
    assert page.text_content("#where") == "backward 3 / 3"
    assert page.text_content("#play") == "Play"


@pytest.mark.parametrize(("program", "point"), [NEURON, KINKS])
def test_axe_finds_nothing(open_page: Open, program: str, point: dict[str, float]) -> None:
    page = open_page(program, point, bypass_csp=True)
    page.click("#backward")
    page.click("tbody button")
    page.fill("#input-0", "x")
    assert violations(page) == []


def test_a_phone_scrolls_down_only(open_page: Open) -> None:
    name = "a_very_long_name_of_an_input_" * 4
    for program, point in (NEURON, KINKS, (f"{name}*2", {name: 1.0})):
        page = open_page(program, point, size=(390, 800))
        page.click("#backward")
        page.click("tbody button")
        page.fill("#input-0", "x")
        assert page.evaluate("document.documentElement.scrollWidth") == 390


NAMES = [*(f"w{i}{j}" for i in "1234" for j in "12"), "x1", "x2", *(f"b{i}" for i in "1234"),
         *(f"v{i}" for i in "1234"), "c", "y"]  # fmt: skip
NETWORK = (
    "; ".join(f"h{i} = tanh(w{i}1*x1 + w{i}2*x2 + b{i})" for i in "1234")
    + "; o = tanh(v1*h1 + v2*h2 + v3*h3 + v4*h4 + c); L = (o - y)^2",
    {name: 0.1 + 0.07 * i for i, name in enumerate(NAMES)},
)
# Walks to the end, and returns what is out of sight in the frame that shows a step, and where.
OUT_OF_VIEW = """async selectors => {
  const step = document.querySelector("#step"), found = [];
  const isSeen = selector => {
    const at = document.querySelector(selector).getBoundingClientRect();
    const view = document.querySelector("#picture").getBoundingClientRect();
    const room = selector.startsWith("g") ? view : new DOMRect(0, 0, innerWidth, innerHeight);
    return at.left >= room.left - 1 && at.top >= room.top - 1
      && at.right <= room.right + 1 && at.bottom <= room.bottom + 1;
  };
  while (step.getAttribute("aria-disabled") !== "true") {
    step.click();
    await new Promise(requestAnimationFrame);
    const lost = selectors.filter(selector => !isSeen(selector));
    if (lost.length) found.push([document.querySelector("#where").textContent, ...lost]);
  }
  return found;
}"""


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (768, 1024), (390, 844)])
@pytest.mark.parametrize(("program", "point"), [LESSON, NEURON, NETWORK], ids=["lesson", "neuron", "network"])
def test_the_step_and_its_box_are_on_screen_together(
    open_page: Open, program: str, point: dict[str, float], size: tuple[int, int]
) -> None:
    page = open_page(program, point, size=size)
    page.click("#forward")
    assert page.evaluate(OUT_OF_VIEW, ["#step", "#sentence", "#formula", "g.current .frame"]) == []
    assert page.get_attribute("#step", "aria-disabled") == "true"
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]
    assert page.evaluate("scrollY") == 0


def test_a_presenters_keys(open_page: Open) -> None:
    page = open_page(*LESSON)
    for key, where in (("End", "backward 7 / 7"), ("PageUp", "backward 6 / 7"), ("Home", "start"),
                       ("PageDown", "forward 1 / 3")):  # fmt: skip
        page.keyboard.press(key)
        assert page.text_content("#where") == where


def test_the_address_keeps_edits_and_the_step(open_page: Open) -> None:
    page = open_page(*LESSON)
    page.fill("#input-0", "1/4")
    page.click("#backward")
    page.click("#back")
    page.reload()
    assert page.input_value("#input-0") == "0.25"
    assert page.text_content("#where") == "backward 6 / 7"
    assert shown(page, "value")["L"] == str(-9.25 * 5)
    page.click("#reset")
    assert page.evaluate("location.hash") == ""
    page.evaluate("location.hash = '#a=x&b=1e999&q=2&=99'")
    page.reload()
    assert page.input_value("#input-0") == "2"
    assert page.text_content("#where") == "backward 7 / 7"


def test_print_has_the_whole_derivation(open_page: Open) -> None:
    page = open_page(*LESSON)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.is_visible("#derivation")
    told = page.locator("#derivation p").all_text_contents()
    assert len(told) == 10
    assert told[-1] == "Backward: the gradient of L with respect to b is 10."
    assert page.locator("#derivation math").count() == 10


def test_a_reason_speaks_of_the_program_as_explain_does(open_page: Open) -> None:
    page = open_page("k = w^2; k*x", {"w": 3, "x": 2})
    page.click("tbody tr:first-child button")
    told = page.text_content("#explained-said")
    assert "a power with the exponent 2 passes to its base the gradient times 2*w" in told


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


@pytest.mark.parametrize(
    ("program", "heading"),
    [
        ("x**2/y", "x² / y"),
        ("(x + y)^2", "(x + y)²"),
        ("x *= y\nx**y", "The gradient of v1"),
        ("x *= 2; x*y", "The gradient of v1"),
    ],
)
def test_the_heading_is_the_program_or_does_not_claim_to_be(program: str, heading: str) -> None:
    page = render_page(gradient(program, x=2, y=3, check=False))
    assert f"<h1>{heading}</h1>" in page
    assert ("<details><summary>The program" in page) == heading.startswith("The")


def test_a_large_program_opens(open_page: Open) -> None:
    lines = ["s0 = x"] + [f"s{i + 1} = s{i}*w{i % 7} + 0.5" for i in range(200)]
    point = {"x": 1.0, **{f"w{i}": 0.9 for i in range(7)}}
    page = open_page("\n".join(lines), point)
    page.click("#backward")
    report = gradient("\n".join(lines), point, check=False)
    assert close(float(shown(page, "gradient")["x"]), report.gradients["x"])
    assert page.locator("g.node:not(.part)").count() == len(report.nodes)
    assert page.is_hidden("g.node")
    page.click("summary:has-text('graph')")
    assert page.locator("g.node").first.is_visible()


def test_a_huge_program_has_no_picture_and_says_why() -> None:
    report = gradient("\n".join(["s = x", *["s = s*x"] * 2000]), {"x": 1.0}, check=False)
    text = render_page(report)
    assert "There is no picture" in text
    assert "<svg" not in text


# --------------------------------------------------------------------------------------------------
# Moves of the point


def test_an_update_goes_against_the_gradient_and_the_cost_falls(open_page: Open) -> None:
    page = open_page("C = (a - y)^2", {"a": 3, "y": 1})
    page.click("#moves summary")
    page.uncheck("[data-moves='1']")
    page.fill("#rate", "1/8")
    page.click("#update")
    assert sentence(page) == (
        "Update: a step against the gradient. C goes from 4 to 2.25: it falls by 1.75, in doubles."
    )
    assert page.text_content("#reasons") == "a = 3 − 0.125 · 4 = 2.5"
    assert (page.input_value("#input-0"), page.input_value("#input-1")) == ("2.5", "1")
    page.fill("#rate", "3")
    page.click("#update")
    assert "it rises by" in sentence(page)
    page.fill("#rate", "x")
    page.click("#update")
    assert "a number other than 0" in sentence(page)


def test_arrows_in_a_field_nudge_its_input(open_page: Open) -> None:
    page = open_page(*LESSON)
    page.focus("#input-0")
    page.keyboard.press("ArrowUp")
    assert sentence(page) == (
        "Nudge: a goes from 2 to 2.001. L goes from -20 to -19.985: it rises by 0.015, in doubles."
    )
    assert page.text_content("#reasons") == (
        "Before the nudge, the gradient times the nudge is 15 · 0.001 = 0.015."
    )
    page.keyboard.press("ArrowDown")
    assert "L goes from -19.985 to -20" in sentence(page)
    page.click("#step")
    assert sentence(page).startswith("Forward: e = a × b")


@pytest.mark.parametrize(
    ("program", "x"), [("floor(x)", 2), ("relu(x)", 0), ("sign(x)*0 + x", 0), ("where(x > 1, 2, x)", 1)]
)
def test_no_slope_is_claimed_at_a_kink_or_a_jump(open_page: Open, program: str, x: float) -> None:
    page = open_page(program, {"x": x})
    page.focus("#input-0")
    page.keyboard.press("ArrowDown")
    assert "times the nudge" not in page.text_content("#reasons")
    assert "looks at both sides" in page.text_content("#reasons")


def test_rounding_is_not_taken_for_a_move(open_page: Open) -> None:
    page = open_page("(1e16 + x) - 1e16", {"x": 2.5})
    page.click("#moves summary")
    page.fill("#nudge-size", "0.9")
    page.click("#nudge")
    assert "rounding may be as large" in sentence(page)


def test_a_slider_moves_its_input(open_page: Open) -> None:
    page = open_page(*LESSON)
    page.click("#forward")
    page.locator("[data-slides='0']").fill("3")
    assert page.input_value("#input-0") == "3"
    assert shown(page, "value")["L"] == "-5"


CONSTANTS = ["-10", "1e-3", "1/3", "pi/4", "2*π", "sqrt(2)", "-2**2", "2**-1", "2^3^2", "--1", "1_000",
             ".5", "5.",
             "(1+2)*3", "ln(2)", "exp(-1)", "8/2/2", "5-2-1", "−3", "3×2", "cbrt(8)", "2**0.5"]  # fmt: skip


def test_a_field_reads_what_the_shell_reads(open_page: Open) -> None:
    page = open_page("x*1", {"x": 7})
    for text in CONSTANTS:
        page.fill("#input-0", text)
        expected = gradient(f"x = {text}\nx*1", check=False).value
        assert close(float(shown(page, "value")["x"]), expected), text
    for text in (
        "2a",
        "1 2",
        "(",
        "sqrt",
        "sqrt(-1)",
        "1/0",
        "(-8)^(1/3)",
        "x",
        "constructor(1)",
        "(" * 5000,
    ):
        page.evaluate(
            "text => { const f = document.querySelector('#input-0'); f.value = text; edit(f) }", text
        )
        assert page.get_attribute("#input-0", "aria-invalid") == "true", text[:20]


def test_a_step_is_predicted_and_then_revealed(open_page: Open) -> None:
    page = open_page("p = x/3; L = p*w", {"x": 1, "w": 2})
    page.check("#predict")
    page.click("tbody tr:first-child button")
    assert "still to be predicted" in page.text_content("#explained-said")
    page.click("#step")
    assert sentence(page) == "Predict: what is p = x / 3?"
    assert shown(page, "value") == {"x": "1", "w": "2"}
    page.keyboard.type("0.33")
    page.keyboard.press("Enter")
    assert sentence(page) == "Right. Forward: p = x / 3 = 0.333333."
    page.keyboard.press("ArrowRight")
    page.keyboard.type("0.66")
    page.keyboard.press("Enter")
    assert sentence(page) == "You wrote 0.66; here it is 0.666667. Forward: L = p × w = 0.666667."
    page.keyboard.press("ArrowRight")
    assert sentence(page) == "Predict: what is the gradient of L with respect to itself?"
    page.click("#reveal")
    assert sentence(page).startswith("Backward: the gradient of L")
    page.uncheck("#predict")
    page.click("#step")
    assert page.is_hidden("#question")


def test_what_has_no_value_is_not_asked_for(open_page: Open) -> None:
    page = open_page("log(x)", {"x": 1})
    page.check("#predict")
    page.fill("#input-0", "-1")
    page.click("#step")
    assert "has no value" in sentence(page)
