"""Pictures that play by themselves: graph --animate."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from backprop_cli import gradient
from backprop_cli.draw.diagram import diagram_of_report
from backprop_cli.draw.svg import render_svg
from conftest import Run

LESSON = ("e = a*b; d = e + c; L = d*f", "a=2", "b=3", "c=-10", "f=5")


def playing(program: str, **point: float) -> str:
    return render_svg(diagram_of_report(gradient(program, point, check=False)), plays=True)


def starts(svg: str, selector: str) -> dict[str, float]:
    """Return for each box when what the selector names appears, in percent of the time."""
    frames = dict(re.findall(r"@keyframes (\S+) { 0% { opacity: 0 } ([\d.]+)%", svg))
    rules = re.findall(rf'\[data-id="([^"]+)"\] {selector} {{ animation-name: (\S+) }}', svg)
    return {box: float(frames[name]) for box, name in rules}


def test_values_come_forward_and_gradients_back() -> None:
    program = "u = w*x; k = w^2; L = u + 3*k"
    svg = playing(program, w=2, x=5)
    ET.fromstring(svg)
    values, gradients = starts(svg, re.escape(".ink ~ .ink")), starts(svg, re.escape(".gradient"))
    report = gradient(program, w=2, x=5, check=False)
    assert set(values) == set(gradients) == {node.id for node in report.nodes}
    for node in report.nodes:
        for operand in node.operands:
            if isinstance(operand, str):
                assert values[operand] < values[node.id]
                assert gradients[operand] > gradients[node.id]
    assert max(values.values()) < min(gradients.values())
    assert max(gradients.values()) < 100


def test_the_same_picture_without_motion() -> None:
    diagram = diagram_of_report(gradient("a*b", a=2, b=3, check=False))
    still, moving = render_svg(diagram), render_svg(diagram, plays=True)
    assert "animation" not in still
    drawn = [re.sub(r"backprop-[0-9a-f]+", "", svg.split("</style>")[1]) for svg in (still, moving)]
    assert drawn[0] == drawn[1]
    assert moving.count("prefers-reduced-motion") == 1


def test_a_long_program_plays_for_a_minute_at_most() -> None:
    program = "\n".join(["y = x*1", *["y = sin(y)"] * 200])
    (total,) = re.findall(r"animation-duration: ([\d.]+)s", playing(program, x=1))
    assert float(total) <= 63


def test_a_browser_plays_it(browser: Any, backprop: Run, tmp_path: Path) -> None:
    path = tmp_path / "passes.svg"
    assert backprop("graph", *LESSON, "--animate", "--output", str(path)).returncode == 0
    page = browser.new_page()
    page.goto(path.as_uri())
    seen = []
    for time in (500, 1500, 4500, 5500, 12500):
        page.evaluate("t => document.getAnimations().forEach(a => { a.pause(); a.currentTime = t })", time)
        shown = page.evaluate(
            "[...document.querySelectorAll('.node text')]"
            ".filter(t => getComputedStyle(t).opacity === '1').map(t => t.textContent)"
        )
        seen.append({text for text in shown if text[0] in "−0123456789" or text.startswith("grad")})
    page.close()
    assert seen[0] == set()
    assert seen[1] == {"2", "3", "−10", "5"}
    assert seen[2] == {"2", "3", "−10", "5", "6", "−4", "−20"}
    assert seen[3] - seen[2] == {"grad 1"}
    assert {"grad 15", "grad 10", "grad −4"} <= seen[4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a=2", "b=3", "--animate", "--output", "x.png"), "--animate makes an SVG, not png"),
        (("a=2", "b=3", "--animate", "--format", "text"), "--animate makes an SVG, not text"),
        (("--animate",), "without values there is nothing to play"),
    ],
)
def test_what_does_not_play(backprop: Run, arguments: tuple[str, ...], message: str) -> None:
    done = backprop("graph", "a*b", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_it_goes_to_a_pipe(backprop: Run) -> None:
    done = backprop("graph", "a*b", "a=2", "b=3", "--animate")
    assert done.stdout.startswith("<svg")
    assert "@keyframes" in done.stdout
