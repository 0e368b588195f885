"""The page in a real browser: what the tests of it share."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterator
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


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Open the page of a program: it must make no request and say nothing on the console."""
    contexts = []
    told: list[str] = []
    requests: list[str] = []

    def open_page(
        program: str,
        point: dict[str, float],
        upstream: float = 1.0,
        steps: Steps | None = None,
        **settings: Any,
    ) -> Page:
        path = tmp_path / f"{len(contexts)}.html"
        report = gradient(program, point, check=False, upstream=upstream)
        path.write_text(render_page(report, steps=steps), encoding="utf-8")
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
