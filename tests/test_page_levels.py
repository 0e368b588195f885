"""The levels of the page: named steps, arrays, all nodes."""

from __future__ import annotations

import math

import pytest

from backprop_cli import gradient
from pages import Open, Page, sentence

FOLDED = ("z = w*x + b; a = sigmoid(z); C = (a - y)^2", {"w": 0.5, "x": 2, "b": -0.3, "y": 1})
SKIP = ("u = w*x + 1; L = u*w + w^2", {"w": 2, "x": 5})
LAYERS = (
    "h = tanh(W@x + b); L = sum((V@h)**2)",
    {"W": [[0.1 * (i - j) for j in range(4)] for i in range(16)], "x": [1, 2, 3, 4]}
    | {"b": [0.1] * 16, "V": [[0.1] * 16] * 3},
)


def lines(page: Page) -> list[str]:
    found = page.eval_on_selector_all("#formula mtr", "rows => rows.map(row => row.textContent)")
    return [str(line) for line in found]


def walk(page: Page) -> dict[str, list[str]]:
    """Return the formula of each step, by its sentence."""
    told = {}
    while page.get_attribute("#step", "aria-disabled") != "true":
        page.click("#step")
        told[sentence(page)] = lines(page)
    return told


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
    assert told[said][-1] == "=25"


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
    page = open_page(*FOLDED, viewport={"width": size[0], "height": size[1]})
    page.click("#backward")
    for selector in ("g.part.current", "#sentence"):
        box = page.locator(selector).bounding_box()
        assert box["y"] >= 0
        assert box["y"] + min(box["height"], 40) <= size[1], selector
