"""The page in a real browser: what the tests of it share."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from backprop_cli import gradient
from backprop_cli.draw.page import render_page
from backprop_cli.report import Steps

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
Tab = Callable[[bool, bool], Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        reason = "no chromium is installed"
        assert os.environ.get("CI") != "true", reason
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright  # few workers need it

    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def tab(browser: Any) -> Tab:
    """Return a tab by whether it does without the page's policy, and whether its clock is right.

    A new one takes longer than most tests.
    """

    @cache
    def tab(bypass_csp: bool, _keeps_time: bool) -> Page:
        return browser.new_context(bypass_csp=bypass_csp).new_page()

    return tab


@pytest.fixture
def open_page(tab: Tab, tmp_path: Path) -> Iterator[Open]:
    """Open the page of a program, in the place of the one before, and watch it.

    It must make no request and say nothing on the console.
    """
    told: list[str] = []
    requests: list[str] = []
    listeners = {
        "console": lambda message: told.append(message.text),
        "pageerror": lambda error: told.append(str(error)),
        "request": lambda request: requests.append(request.url),
    }
    watched: list[Page] = []

    def open_page(
        program: str,
        point: dict[str, float],
        upstream: float = 1.0,
        steps: Steps | None = None,
        *,
        size: tuple[int, int] = (1200, 900),
        bypass_csp: bool = False,
        keeps_time: bool = True,
    ) -> Page:
        path = tmp_path / f"{len(requests)}.html"
        report = gradient(program, point, check=False, upstream=upstream)
        path.write_text(render_page(report, steps=steps), encoding="utf-8")
        page = tab(bypass_csp, keeps_time)
        if page not in watched:
            watched.append(page)
            for event, listener in listeners.items():
                page.on(event, listener)
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(media="null", color_scheme="light", reduced_motion="reduce")
        page.mouse.move(0, 0)
        page.goto(path.as_uri())
        return page

    yield open_page
    for page in watched:
        for event, listener in listeners.items():
            page.remove_listener(event, listener)
    assert told == []
    assert all(url.startswith(("file:", "about:")) for url in requests)


def computed(page: Page, function: str, cases: list[Any]) -> Any:
    """Return what a function of the page makes of many cases, sent and brought back as one text."""
    return json.loads(
        page.evaluate(f"text => JSON.stringify(({function})(JSON.parse(text)))", json.dumps(cases))
    )


def shown(page: Page, column: str) -> dict[str, str]:
    """Return the numbers of a column of the table, with all digits, by node."""
    values = page.eval_on_selector_all(
        "tbody tr",
        f"rows => rows.map(r => [r.querySelector('button').textContent, r.querySelector('.{column}').value])",
    )
    return {name: value for name, value in values if value != ""}


def violations(page: Page) -> list[Any]:
    """Return what axe finds, and what it finds of colours alone where they are those for the dark."""
    from axe_playwright_python.sync_playwright import Axe  # few workers need it

    found = Axe().run(page).response["violations"]
    page.emulate_media(color_scheme="dark")
    colours = {"runOnly": ["color-contrast", "link-in-text-block"]}
    return [*found, *Axe().run(page, options=colours).response["violations"]]


def sentence(page: Page) -> str:
    return str(page.text_content("#sentence"))


def close(x: float, y: float, tolerance: float = 1e-12) -> bool:
    return (math.isnan(x) and math.isnan(y)) or math.isclose(x, y, rel_tol=tolerance, abs_tol=1e-300)
