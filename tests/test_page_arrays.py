"""The page of a program with arrays: a box for each, live, and one step for an operation on arrays."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backprop_cli import gradient
from backprop_cli.draw.page import render_page
from conftest import Run
from pages import Open, Page, violations

LAYER = ("z = W@x + b; a = sigmoid(z); C = sum((a - y)^2)",
         {"W": [[1, -2], [0.5, 1]], "x": [0.5, 1], "b": [0, -0.5], "y": [1, 0]})  # fmt: skip
SHOWN = "[data-level]:not([hidden]) g.node.part"
RNG = np.random.default_rng(0)
NETWORK = (
    "h = tanh(W1@x + b1); L = cross_entropy(W2@h + b2, y)",
    {"W1": RNG.normal(size=(16, 4)), "b1": RNG.normal(size=16), "W2": RNG.normal(size=(3, 16)),
     "b2": RNG.normal(size=3), "x": RNG.normal(size=4), "y": 1},
)  # fmt: skip


def box(page: Page, name: str) -> tuple[str, str]:
    """Return the value and the gradient in the box of an array, or of an element of one that is opened."""
    escaped = re.escape(name).replace("\\", "\\\\")
    at = page.locator(SHOWN).filter(has=page.locator(f"text.title:text-matches('^{escaped}( |$)')")).first
    return at.locator(".value").text_content(), at.locator(".gradient").text_content()


def numbers(text: str) -> list[float]:
    return [float(x) for x in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text.replace("−", "-"))]


def test_one_step_for_each_array(open_page: Open) -> None:
    page = open_page(*LAYER)
    said = []
    for _ in range(5):
        page.click("#step")
        said.append(page.inner_text("#sentence"))
    assert said == [
        "Forward: v1 (2,) = W @ x: [-1.5, 1.25]",
        "Forward: z (2,) = v1 + b: [-1.5, 0.75]",
        "Forward: a (2,) = sigmoid(z): [0.1824, 0.6792]",
        "Forward: v2 (2,) = a − y: [-0.8176, 0.6792]",
        "Forward: v3 (2,) = v2²: [0.6684, 0.4613]",
    ]
    assert "One element in full, v3[0]; likewise for 1 other." in page.inner_text("#reasons")
    page.click("#back")
    assert page.inner_text("#sentence") == said[3]
    assert box(page, "v3") == ("·", "·")
    page.click("#backward")
    assert box(page, "W") == ("[[1, -2], [0.5, 1]]", "[[-0.1219, -0.2439], [0.148, 0.296]]")
    assert box(page, "C") == ("1.13", "1")


def test_an_edit_moves_the_arrays(open_page: Open) -> None:
    page = open_page(*LAYER)
    page.click("#backward")
    page.fill("input[data-node] >> nth=4", "-1.5")  # x[0]
    point = {**LAYER[1], "x": [-1.5, 1]}
    report = gradient(LAYER[0], point, check=False)
    for name in ("W", "x", "a"):
        array = report.arrays[name]
        for text, right in zip(box(page, name), (array.values, array.gradients), strict=True):
            known = [x for x in right if x is not None]
            shown = known if "to" not in text else [min(known), max(known)]
            assert numbers(text) == pytest.approx(shown, rel=1e-3)


def test_a_network_is_layers_and_its_elements_are_there_on_demand(open_page: Open) -> None:
    page = open_page(*NETWORK)
    assert page.locator(SHOWN).count() == 11
    page.click("#backward")
    report = gradient(*NETWORK, check=False)
    slopes = [x for x in report.arrays["W1"].gradients if x is not None]
    assert numbers(box(page, "W1")[1]) == pytest.approx([min(slopes), max(slopes)], rel=1e-3)
    page.locator(SHOWN, has_text="h (16,)").first.click()
    assert page.inner_text("#explained-title") == "The array h (16,) = tanh(v2)"
    assert page.locator("option", has_text="W1 opened").count() == 0  # of 64 elements
    assert "4 more are in the table." in page.inner_text("#explained-said")
    page.select_option("#level", "all")
    assert page.locator("g.node.part >> nth=0").is_hidden()
    assert page.locator("g.node:not(.part) >> nth=0").is_visible()
    assert "level=all" in page.url
    page.reload()
    assert page.input_value("#level") == "all"
    assert page.inner_text("#where") == "backward 379 / 379"
    page.click("#back")
    assert page.inner_text("#where") == "backward 378 / 379"
    page.select_option("#level", "open x")
    page.click("#backward")
    wide = page.locator("#formula math")
    width = wide.bounding_box()["width"]
    wide.evaluate("math => (math.style.width = 'max-content')")
    assert width == wide.bounding_box()["width"] > 500  # squeezed into the panel, cells are drawn over others


def test_one_array_is_opened_in_the_picture(open_page: Open) -> None:
    page = open_page(*LAYER)
    page.locator(SHOWN, has_text="a (2,) = sigmoid(z)").first.click()
    page.click("text=Open in the picture")
    assert page.input_value("#level") == "open a"
    assert box(page, "a[1]") == ("·", "·")
    shown = page.locator("[data-level]:not([hidden]) g.node.part text.title").all_text_contents()
    assert [title for title in shown if title.startswith("a")] == [
        "a[0] = sigmoid(z[0])",
        "a[1] = sigmoid(z[1])",
    ]
    assert "z (2,) = v1 + b" in shown
    arrows = page.evaluate("partArrows.map(({source, target}) => `${parts[source].id} ${parts[target].id}`)")
    assert {"z a[0]", "z a[1]", "a[0] v2", "a[1] v2"} <= set(arrows)
    said = []
    for _ in range(4):
        page.click("#step")
        said.append(page.inner_text("#sentence"))
    assert said[1:3] == [
        "Forward: z (2,) = v1 + b: [-1.5, 0.75]",
        "Forward: a[0] = sigmoid(z[0]) = 0.182426.",
    ]
    page.reload()
    assert (page.input_value("#level"), page.inner_text("#sentence")) == ("open a", said[3])
    assert box(page, "a[1]") == ("0.6792", "·")
    page.select_option("#level", "arrays")
    assert page.locator(SHOWN, has_text="a (2,) = sigmoid(z)").first.is_visible()


def test_axe_finds_nothing(open_page: Open) -> None:
    page = open_page(*LAYER, bypass_csp=True)
    page.click("#backward")
    page.locator(SHOWN).first.click()
    assert violations(page) == []


def test_arrays_of_some_thousand_elements_have_a_page_and_more_are_refused(
    backprop: Run, tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", RNG.normal(size=1200))
    words = ["graph", "sum(tanh(x)^2)", f"x=@{tmp_path}/x.npy", "--output", str(tmp_path / "a.html")]
    assert backprop(*words).returncode == 0
    assert 'data-level="arrays"' in (tmp_path / "a.html").read_text()
    np.save(tmp_path / "x.npy", RNG.normal(size=4000))
    many = backprop(*words)
    assert (many.returncode, "can hardly be read" in many.stderr) == (2, True)


def test_without_arrays_nothing_is_there() -> None:
    text: Any = render_page(gradient("a*b", a=2, b=3, check=False))
    assert "data-part" not in text
    assert 'id="level"' not in text
