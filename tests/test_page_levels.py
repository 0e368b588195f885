"""The levels of the page: named steps, arrays, all nodes."""

from __future__ import annotations

import math

import pytest

from backprop_cli import gradient
from backprop_cli.report import Steps
from pages import Open, Page, sentence

FOLDED = ("z = w*x + b; a = sigmoid(z); C = (a - y)^2", {"w": 0.5, "x": 2, "b": -0.3, "y": 1})
SKIP = ("u = w*x + 1; L = u*w + w^2", {"w": 2, "x": 5})
LAYERS = (
    "h = tanh(W@x + b); L = sum((V@h)**2)",
    {"W": [[0.1 * (i - j) for j in range(4)] for i in range(16)], "x": [1, 2, 3, 4]}
    | {"b": [0.1] * 16, "V": [[0.1] * 16] * 3},
)


def walk(page: Page) -> dict[str, list[str]]:
    """Return the formula of each step, by its sentence."""
    found = page.evaluate("""() => {
      const step = document.querySelector("#step"), told = {};
      while (step.getAttribute("aria-disabled") !== "true") {
        step.click();
        const rows = document.querySelectorAll("#formula mtr");
        told[document.querySelector("#sentence").textContent] = [...rows].map(row => row.textContent);
      }
      return told;
    }""")
    return dict(found)


def test_a_named_step_is_one_box_and_one_step_told_as_a_whole(open_page: Open) -> None:
    page = open_page(*FOLDED)
    assert page.locator("g.node.part:visible").count() == 7
    told = walk(page)
    assert [said.split(" ")[1] for said in told if said.startswith("Forward")] == ["z", "a", "C"]
    assert told["Forward: C = (a − y)² = 0.110099."] == ["C=(a−y)2", "=(0.668188−1)2", "=0.110099"]
    assert told["Backward: the gradient of C with respect to w is -0.294268."] == [
        "∂C∂w=∂C∂z·∂z∂w",
        "=(−0.147134)·x",
        "=(−0.147134)·2",
        "=−0.294268",
    ]
    assert not any("v1" in line for step in told.values() for line in step)


def test_what_each_derivative_holds_is_marked_and_contributions_add_up(open_page: Open) -> None:
    told = walk(open_page(*SKIP))
    said = next(said for said in told if "with respect to w" in said)
    assert (
        said
        == "Backward: the gradient of L with respect to w is 25. w feeds u and L: the contributions add up."
    )
    assert "∂L∂w|u" in told[said][0]
    assert told[said][-2:] == ["=10+15", "=25"]


@pytest.mark.parametrize("x", [-2.0, 0.0, 3.0])
def test_every_step_is_right_at_another_point(open_page: Open, x: float) -> None:
    program, point = "u = sqrt(x*x) + y*y*x; L = u*y + abs(u)*x^2", {"x": 1, "y": 2}
    page = open_page(program, point)
    page.fill("#input-0", str(x))
    told = walk(page)
    wanted = {
        node.id: node.swept or node.gradient
        for node in gradient(program, {**point, "x": x}, check=False).nodes
    }
    for said in told:
        if "with respect to y is" in said or "with respect to u is" in said:
            name, number = said.split("with respect to ")[1].split(". ")[0].rstrip(".").split(" is ")
            assert math.isclose(float(number), wanted[name], rel_tol=1e-5)
    assert any("with respect to y" in said for said in told)


def test_the_level_is_chosen_and_kept_in_the_address(open_page: Open) -> None:
    page = open_page(*FOLDED)
    page.select_option("#level", "all")
    assert page.locator("g.node:visible").count() == 9
    page.click("#step")
    assert sentence(page) == "Forward: v1 = w × x = 1."
    page.reload()
    assert page.input_value("#level") == "all"
    assert page.locator("g.node:visible").count() == 9


def test_the_count_is_that_of_the_level_and_the_scrubber_keeps_to_it(open_page: Open) -> None:
    page = open_page(*FOLDED)
    page.click("#backward")
    assert page.text_content("#where") == "backward 7 / 7"
    seen = []
    for _ in range(9):
        page.press("#scrubber", "ArrowLeft")
        seen.append(page.text_content("#where"))
    assert seen[:7] == [*(f"backward {k} / 7" for k in range(6, 0, -1)), "forward 3 / 3"]
    page.press("#scrubber", "ArrowRight")
    assert page.text_content("#where") == "forward 2 / 3"
    page.select_option("#level", "all")
    assert page.text_content("#where") == "forward 3 / 5"


def test_an_arrow_has_the_local_derivative_of_its_step(open_page: Open) -> None:
    page = open_page(*FOLDED)
    slopes = page.locator("g.arrow.part text")
    assert set(slopes.all_text_contents()) == {""}
    page.click("#backward")
    report = gradient(*FOLDED, check=False)
    dz, a = report.gradients["b"], next(node.value for node in report.nodes if node.id == "a")
    assert set(slopes.all_text_contents()) == {
        "×2", "×0.5", "×1", "×0.2217", f"×{2 * (a - 1):.4g}", f"×{2 * (1 - a):.4g}"
    }  # fmt: skip
    assert math.isclose(dz, 2 * (a - 1) * a * (1 - a))
    page.fill("#input-1", "0")
    assert "×0" in slopes.all_text_contents()


def test_print_keeps_to_the_level_and_shows_every_number(open_page: Open) -> None:
    page = open_page(*FOLDED)
    page.click("#step")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    told = page.locator("#derivation p").all_text_contents()
    assert len(told) == 10
    assert told[2] == "Forward: C = (a − y)² = 0.110099."
    assert "·" not in page.locator("tbody data").all_text_contents()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.text_content("#where") == "forward 1 / 3"
    page.select_option("#level", "all")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#derivation p").count() == 14


def test_the_page_opens_with_the_steps_that_are_asked_for(open_page: Open) -> None:
    page = open_page(*FOLDED, steps=Steps.ALL)
    assert page.input_value("#level") == "all"
    page.select_option("#level", "named")
    page.reload()
    assert page.input_value("#level") == "named"
    page = open_page("(a*b + c)*f", {"a": 2, "b": 3, "c": -10, "f": 5}, steps=Steps.NAMED)
    page.click("#step")
    assert sentence(page) == "Forward: v3 = (a × b + c) × f = -20."


def test_a_broad_picture_is_seen_whole(open_page: Open) -> None:
    page = open_page(*FOLDED, size=(1280, 720))
    view = page.locator("#picture").bounding_box()
    for part in page.locator("g.node.part").all():
        at = part.bounding_box()
        assert view["x"] <= at["x"]
        assert at["x"] + at["width"] <= view["x"] + view["width"]
        assert at["y"] + at["height"] <= view["y"] + view["height"]


def test_a_prediction_is_asked_of_the_step_that_is_shown_next(open_page: Open) -> None:
    page = open_page(*FOLDED)
    page.check("#predict")
    page.click("#step")
    assert sentence(page) == "Predict: what is z = w × x + b?"
    page.fill("#guess", "0.7")
    page.click("#reveal")
    assert sentence(page) == "Right. Forward: z = w × x + b = 0.7."


def test_a_network_opens_as_its_layers(open_page: Open) -> None:
    page = open_page(*LAYERS)
    assert 5 <= page.locator("g.node.part:visible").count() <= 12
    page.click("#step")
    assert sentence(page).startswith("Forward: ")
    page.click("#backward")
    assert page.text_content("#where").startswith("backward")


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (768, 1024), (390, 844), (640, 360), (960, 540)])
def test_picture_and_step_are_on_screen_together(open_page: Open, size: tuple[int, int]) -> None:
    page = open_page(*FOLDED, size=size)
    page.click("#backward")
    for selector in ("g.part.current", "#sentence"):
        box = page.locator(selector).bounding_box()
        assert box["y"] >= 0
        assert box["y"] + min(box["height"], 40) <= size[1], selector
