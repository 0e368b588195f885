"""Drawings: nothing overlaps, whatever the graph, in both directions."""

from __future__ import annotations

import random
import re
import struct
import sys
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise
from pathlib import Path
from unittest import mock

import pytest

from backprop_cli import gradient
from backprop_cli.draw.diagram import diagram_of_graph, diagram_of_report
from backprop_cli.draw.fonts import BOLD, REGULAR, paintable, shorten, text_width
from backprop_cli.draw.layout import Layout, place
from backprop_cli.draw.png import render_png
from backprop_cli.draw.svg import render_svg
from backprop_cli.errors import UsageError
from backprop_cli.graph.lower import lower_source
from backprop_cli.language.source import read_source

Rectangle = tuple[float, float, float, float]
SVG = "{http://www.w3.org/2000/svg}"
LESSON = ("e = a*b; d = e + c; L = d*f", {"a": 2, "b": 3, "c": -10, "f": 5})


def random_graph(rng: random.Random, count: int) -> list[tuple[int, int]]:
    """Return arrows of a graph whose nodes have none, one or two operands, which may be the same one."""
    arrows = []
    for target in range(1, count):
        if rng.random() < 0.7:
            operands = rng.choice([1, 2, 2])
            arrows += [(rng.randrange(max(0, target - 12), target), target) for _ in range(operands)]
    return arrows


def samples(layout: Layout, knots: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    """Return points of a route: of its straight parts and of its curves."""
    points = []
    for (x, y), (to_x, to_y) in pairwise(knots):
        for i in range(21):
            t = i / 20
            # A cubic curve whose control points are half way along and at the height of its ends.
            along, beside = 1.5 * t * (1 - t) + t**3, 3 * t**2 - 2 * t**3
            if layout.direction == "LR":
                points.append((x + (to_x - x) * along, y + (to_y - y) * beside))
            else:
                points.append((x + (to_x - x) * beside, y + (to_y - y) * along))
    return points


def overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("seed", range(60))
def test_nothing_overlaps(seed: int, direction: str) -> None:
    rng = random.Random(seed)
    count = rng.randint(1, 40)
    arrows = random_graph(rng, count)
    apart = 18.0 if direction == "LR" else 60.0
    least = [(0.0, sum(t == i for _, t in arrows) * apart + 8) for i in range(count)]
    sizes = [
        (rng.uniform(50, 200), max(rng.choice([28.0, 52.0]), need))
        if direction == "LR"
        else (max(rng.uniform(50, 200), need), rng.choice([28.0, 52.0]))
        for _, need in least
    ]
    layout = place(sizes, arrows, direction=direction, room=52, apart=apart)
    boxes = [(x, y, x + w, y + h) for (x, y), (w, h) in zip(layout.positions, sizes, strict=True)]
    for a, b in combinations(boxes, 2):
        assert not overlap(a, b)
    for box in boxes:
        assert min(box) >= 0
        assert box[2] <= layout.width
        assert box[3] <= layout.height
    labels = []
    for (source, target), route in zip(arrows, layout.routes, strict=True):
        for x, y in samples(layout, route.knots):
            for i, (left, top, right, bottom) in enumerate(boxes):
                inside = left + 0.5 < x < right - 0.5 and top + 0.5 < y < bottom - 0.5
                assert not inside, (source, target, i)
        start, end = boxes[source], boxes[target]
        assert start[0] <= route.knots[0][0] <= start[2]
        assert end[0] <= route.knots[-1][0] <= end[2]
        x, y = route.label
        # As render_svg writes them: above the line, or to its right.
        labels.append((x - 23, y - 13, x + 20, y - 3) if direction == "LR" else (x + 4, y - 6, x + 52, y + 4))
    for a, b in combinations(labels, 2):
        assert not overlap(a, b)
    for label in labels:
        assert not any(overlap(label, box) for box in boxes)


def test_the_same_drawing_each_time() -> None:
    arrows = random_graph(random.Random(1), 60)
    sizes = [(100.0, 52.0)] * 60
    assert place(sizes, arrows) == place(sizes, arrows)


@pytest.mark.parametrize(
    ("count", "arrows"),
    [
        (0, []),
        (1, []),
        (2, [(0, 1), (0, 1)]),
        (1000, [(i, i + 1) for i in range(999)]),
        (1000, [(i, 999) for i in range(999)]),
        (1000, random_graph(random.Random(3), 1000)),
        (300, [(i, j) for j in range(1, 300) for i in {j - 1, 0}]),
    ],
    ids=["none", "one", "square", "chain", "wide", "tangled", "ladder"],
)
def test_extremes(count: int, arrows: list[tuple[int, int]]) -> None:
    layout = place([(100.0, 52.0)] * count, arrows)
    assert len(layout.positions) == count
    assert len(layout.routes) == len(arrows)


def test_few_crossings_in_the_lesson() -> None:
    diagram = diagram_of_report(gradient(*LESSON))
    layout = place([(100.0, 52.0)] * 7, [(a.source, a.target) for a in diagram.arrows])
    ends = [(route.knots[0], route.knots[-1]) for route in layout.routes]
    for (a, b), (c, d) in combinations(ends, 2):
        if a[0] == c[0] and b[0] == d[0]:
            assert (a[1] - c[1]) * (b[1] - d[1]) >= 0


# ---- letters ----


def test_widths() -> None:
    assert text_width("iiii", 10) < text_width("MMMM", 10)
    assert text_width("abc", 20) == 2 * text_width("abc", 10)
    assert text_width("abc", 10, bold=True) > text_width("abc", 10)


def test_shortened_texts_fit() -> None:
    long = "sigmoid(w × x + b) × (1 − sigmoid(w × x + b))"
    for room in range(5, 400, 5):
        short = shorten(long, 11, room)
        assert text_width(short, 11) <= max(room, 11)
    assert shorten(long, 11, 1000) == long


def letters(font: Path) -> set[str]:
    """Return what a TrueType font has, by its table of characters in format 4."""
    data = font.read_bytes()
    count = struct.unpack_from(">H", data, 4)[0]
    tables = (struct.unpack_from(">4s4xL", data, 12 + 16 * i) for i in range(count))
    cmap = dict(tables)[b"cmap"]
    found = cmap + struct.unpack_from(">L", data, cmap + 8)[0]
    assert struct.unpack_from(">H", data, found)[0] == 4
    parts = struct.unpack_from(">H", data, found + 6)[0] // 2
    ends = struct.unpack_from(f">{parts}H", data, found + 14)
    starts = struct.unpack_from(f">{parts}H", data, found + 16 + 2 * parts)
    return {chr(c) for a, b in zip(starts, ends, strict=True) for c in range(a, b + 1)} - {"\uffff"}


@pytest.mark.parametrize("font", [REGULAR, BOLD], ids=lambda font: font.stem)
def test_what_the_fonts_have_is_known(font: Path) -> None:
    every = [chr(c) for c in range(32, 0x20000) if not 0xD800 <= c < 0xE000]
    assert {c for c in every if paintable(c) == c} == letters(font)
    assert {"−", "×", "∂", "□"} <= letters(font)


# ---- SVG ----


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def test_svg_of_the_lesson() -> None:
    svg = render_svg(diagram_of_report(gradient(*LESSON)))
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == LESSON[0]
    assert "step e = a*b: value 6, gradient 5." in (root.findtext(f"{SVG}desc") or "")
    assert {"e = a × b", "6", "grad 5", "←×3", "←×2", "grad 15", "−20"} <= set(texts(svg))
    ids = [g.get("data-id") for g in root.iter(f"{SVG}g") if g.get("class") == "node"]
    assert ids == ["a", "b", "c", "f", "e", "d", "L"]
    assert "prefers-color-scheme" not in svg  # on a light slide it is light whatever the viewer is
    assert "the local derivative, a factor of gradients" in texts(svg)[-1]
    diagram = diagram_of_report(gradient(*LESSON))
    assert "@media (prefers-color-scheme: dark)" in render_svg(diagram, theme="auto")
    dark = render_svg(diagram, theme="dark")
    assert f"<style>#{ET.fromstring(dark).get('id')} .page {{ fill: #14181d }}" in dark
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_numbers_have_a_minus() -> None:
    shown = texts(render_svg(diagram_of_report(gradient("a*b - 1e-7*a", a=-2, b=-0.5))))
    assert {"−2", "−0.5", "←×−0.5", "grad −2", "v2 = 1e-7 × a", "←×1e-7"} <= set(shown)
    assert not any(re.search("-(?!7)", text) for text in shown)


def test_svg_without_numbers() -> None:
    svg = render_svg(diagram_of_graph(lower_source(read_source("e = a*b; L = (e + c)^2"))))
    assert "←×b" in texts(svg)
    assert "←×2 × v1" in texts(svg)
    assert not any("grad " in text for text in texts(svg))


def test_svg_marks_kinks_and_branches() -> None:
    svg = render_svg(diagram_of_report(gradient("relu(x) + x", x=0)))
    assert "kink" in texts(svg)
    assert svg.count('class="dot" cx') == 1
    assert "dot" not in render_svg(diagram_of_report(gradient("relu(x)", x=1))).split("</style>")[1]


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_texts_stay_in_their_boxes(direction: str) -> None:
    long = "a_very_long_name_of_a_step"
    program = f"{long} = sigmoid(first_operand*second_operand); y = max({long}, b, c)"
    names = ["first_operand", "second_operand", "b", "c"]
    svg = render_svg(diagram_of_report(gradient(program, dict.fromkeys(names, 1e-7))), direction=direction)
    root = ET.fromstring(svg)
    for group in root.iter(f"{SVG}g"):
        if group.get("class") != "node":
            continue
        rectangle = group.find(f"{SVG}rect")
        assert rectangle is not None
        left, width = float(rectangle.get("x", "")), float(rectangle.get("width", ""))
        for text in group.iter(f"{SVG}text"):
            is_bold = text.get("font-weight") is not None
            size = text_width(text.text or "", float(text.get("font-size", "")), bold=is_bold)
            assert size <= width
            x = float(text.get("x", ""))
            begin = {"middle": x - size / 2, "end": x - size, None: x}[text.get("text-anchor")]
            assert left - 1 <= begin
            assert begin + size <= left + width + 1


def test_hostile_text_is_text() -> None:
    program = 'a # </title><script>alert(1)</script> ]]> \x00\x1b \ud800 "quoted" & <b>'
    svg = render_svg(diagram_of_report(gradient(program, a=1)))
    root = ET.fromstring(svg.encode())
    assert not list(root.iter(f"{SVG}script"))
    assert "</title><script>" in (root.findtext(f"{SVG}title") or "")


# ---- PNG ----


def test_png_shows_text() -> None:
    pytest.importorskip("resvg_py")
    svg = render_svg(diagram_of_report(gradient(*LESSON)))
    png = render_png(svg)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    root = ET.fromstring(svg)
    width = int.from_bytes(png[16:20])
    assert width == pytest.approx(2 * float(root.get("width", "")), abs=2)
    # Letters are painted: without them the picture is much smaller.
    assert len(render_png(re.sub("<text.*?</text>", "", svg))) < 0.8 * len(png)


def test_png_has_a_box_for_a_letter_that_the_fonts_lack() -> None:
    pytest.importorskip("resvg_py")
    named, boxed, blank = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="80" height="20">'
        f'<text y="15" font-family="DejaVu Sans">{text}</text></svg>'
        for text in ("变 = ж", "□ = □", "  =  ")
    )
    assert render_png(named) == render_png(boxed)
    assert len(render_png(boxed)) > len(render_png(blank))


def test_a_huge_png_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("resvg_py")
    with pytest.raises(UsageError, match="too large for PNG"):
        render_png('<svg xmlns="http://www.w3.org/2000/svg" width="283419" height="7112"></svg>')
    monkeypatch.setattr("backprop_cli.draw.png._MOST_PIXELS", 60e4)  # a hundredth is painted in no time
    big = render_png('<svg xmlns="http://www.w3.org/2000/svg" width="3000" height="100"></svg>')
    assert int.from_bytes(big[16:20]) <= 60e4 / 100


def test_png_without_resvg() -> None:
    with mock.patch.dict(sys.modules, {"resvg_py": None}), pytest.raises(UsageError) as caught:
        render_png("<svg/>")
    assert caught.value.message == "PNG needs the package resvg-py"
    assert "pip install 'backprop_cli[png]'" in caught.value.hint
