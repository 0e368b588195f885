"""Reports in a notebook: several on one page, and the same facts as the commands tell."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from backprop_cli import InputError, Report, gradient
from conftest import Run

NEURON = "z = w*x + b; a = sigmoid(z); C = (a - y)^2"
POINT = {"w": 0.5, "x": 2, "b": -0.3, "y": 1}


def neuron() -> Report:
    return gradient(NEURON, POINT)


class Reader(HTMLParser):
    """Counts open tags and collects texts and ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {tag, *(name for name, _ in attrs)}
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_html_has_every_number_and_no_ids_or_styles() -> None:
    report = neuron()
    page = Reader(report._repr_html_())
    assert page.open == []
    assert {f"{slope:.6g}" for slope in report.gradients.values()} <= set(page.texts)
    assert not page.names & {"id", "style", "script", "class"}


def test_what_a_user_wrote_is_no_markup() -> None:
    report = gradient("where(x < 1, x, 2*x)", x=0.5)
    assert "x < 1" in " ".join(Reader(report._repr_html_()).texts)
    ET.fromstring(str(report.draw()))


def test_latex_has_value_and_gradients() -> None:
    text = neuron()._repr_latex_()
    assert text.startswith("$$\\begin{aligned}\nC &= 0.110099 \\\\\n")
    assert text.count("\\frac{\\partial C}") == 4
    many = gradient("+".join(f"x{i}" for i in range(60)), {f"x{i}": 1 for i in range(60)}, check=False)
    assert r"\text{and 20 more}" in many._repr_latex_()


def test_several_pictures_share_no_id_and_no_rule() -> None:
    report = neuron()
    pictures = [report.draw(), report.draw(theme="dark"), gradient("a*b", a=1, b=2).draw(theme="auto")]
    ids = Counter(i for picture in pictures for i in re.findall(r' id="([^"]+)"', str(picture)))
    assert set(ids.values()) == {1}
    for picture in pictures:
        own = ET.fromstring(picture._repr_svg_()).attrib["id"]
        assert set(re.findall(r"url\(#([^)]+)\)", str(picture))) == {f"{own}-tip"}
        (rules,) = re.findall(r"<style>(.*?)</style>", str(picture), re.DOTALL)
        selectors = re.findall(
            r"[^{}]*\.[a-z]+ (?=[{,])", rules.replace("@media (prefers-color-scheme: dark) {", "")
        )
        assert all(f"#{own} ." in selector for selector in selectors)


def test_explain_says_what_the_command_says(backprop: Run) -> None:
    words = [f"{name}={value}" for name, value in POINT.items()]
    told = neuron().explain()
    assert f"{told}\n" == backprop("explain", NEURON, *words).stdout
    done = backprop("explain", NEURON, *words, "--format", "markdown", "--math", "dollars")
    assert told._repr_markdown_() == told.markdown == done.stdout
    assert str(neuron().explain(paths="w")).startswith("Paths from w")
    with pytest.raises(InputError):
        neuron().explain(why="q")


def test_dollars_and_fences_hold_the_same_formulas(backprop: Run) -> None:
    fenced, dollars = (
        backprop("explain", "a*b + a", "a=2", "b=3", "--format", "markdown", "--math", way).stdout
        for way in ("fenced", "dollars")
    )
    unfenced = re.sub(r"```math\n(.*?)\n```", r"$$\n\1\n$$", fenced).replace("$`", "$").replace("`$", "$")
    assert unfenced == dollars
    assert dollars.count("$$") % 2 == 0


def test_each_step_has_a_slide(backprop: Run) -> None:
    words = [f"{name}={value}" for name, value in POINT.items()]
    deck = backprop("explain", NEURON, *words, "--format", "marp", "--steps", "all").stdout
    assert deck.startswith("---\nmarp: true\nmath: mathjax\n---\n\n# z = w\\*x")
    slides = deck.split("\n---\n\n")[1:]
    # The title, the inputs and five steps forward; the seed and five operations on the way back.
    assert len([slide for slide in slides if slide.startswith("## Forward")]) == 6
    assert len([slide for slide in slides if slide.startswith("## Backward")]) == 6
    assert all(slide.count("$$") for slide in slides[1:])


def test_math_goes_with_markdown(backprop: Run) -> None:
    done = backprop("explain", "a*b", "a=2", "b=3", "--math", "dollars")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("backprop: --math goes with --format markdown")


@pytest.mark.parametrize(("name", "start"), [("g.svg", b"<svg"), ("g.png", b"\x89PNG")])
def test_a_picture_is_kept(tmp_path: Path, name: str, start: bytes) -> None:
    neuron().draw().save(tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)
