"""``plot``: curves that are drawn as they are, breaks that are found wherever they hide, and mistakes."""

from __future__ import annotations

import json
import math
import random
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_cli.curves.contours import ticks
from backprop_cli.curves.report import Curve
from backprop_cli.curves.trace import trace_curve
from backprop_cli.draw.canvas import draw_plane
from backprop_cli.draw.curves import plane_of, tick_text
from backprop_cli.draw.curves_svg import render_curves
from backprop_cli.draw.fonts import text_width
from backprop_cli.language.source import read_source
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.intervals import INTERVALS, Grade, Interval
from backprop_cli.operations.op import Op
from backprop_cli.operations.table import OPS
from backprop_cli.render.plot import place, remarks
from backprop_cli.schemas import schema_text
from conftest import Run


def curve(program: str, low: float = -4.0, high: float = 4.0, **fixed: float) -> Curve:
    return trace_curve(read_source(program), fixed, "x", low, high)


# Program -> where it breaks from -4 to 4, and whether the value is proved to go on there.
SMOOTH = (
    "x^2",
    "sigmoid(x)",
    "gelu(x)",
    "sinc(x)",
    "relu(x) - relu(-x)",
    "atan2(1, x)",
    "sin(9*x)",
)
BREAKS = [
    ("relu(x)", [(0.0, True)]),
    ("abs(x - 1) + x", [(1.0, True)]),
    ("clip(x, -1, 2)", [(-1.0, True), (2.0, True)]),
    ("max(x, x^2 - 2)", [(-1.0, True), (2.0, True)]),
    ("cbrt(x)", [(0.0, True)]),
    ("1/x", [(0.0, False)]),
    ("1/(x - 0.1234567)^2", [(0.1234567, False)]),
    ("tan(x)", [(-math.pi / 2, False), (math.pi / 2, False)]),
    ("1/sin(x)", [(-math.pi, False), (0.0, False), (math.pi, False)]),
    ("log(x)", [(0.0, False)]),
    ("log(x^2)", [(0.0, False)]),
    ("sqrt(x - 1)", [(1.0, False)]),
    ("where(x < 0.3, 0, 1)", [(0.3, False)]),
    ("floor(x/3)", [(-3.0, False), (0.0, False), (3.0, False)]),
    ("exp(1/(1e-4*x - 1e-4))", [(1.0, False)]),
]  # fmt: skip


@pytest.mark.parametrize("program", SMOOTH)
def test_what_is_smooth_has_no_break(program: str) -> None:
    found = curve(program)
    assert found.breaks == ()
    assert found.is_whole


@pytest.mark.parametrize(("program", "places"), BREAKS)
def test_breaks_are_found_where_they_are(program: str, places: list[tuple[float, bool]]) -> None:
    found = curve(program)
    assert found.is_whole
    assert [each.is_continuous for each in found.breaks] == [is_continuous for _, is_continuous in places]
    for each, (x, _) in zip(found.breaks, places, strict=True):
        assert each.left.x <= x <= each.right.x or math.isclose(float(place(each)), x, abs_tol=2e-8)
        assert each.right.x - each.left.x < 1e-8


@pytest.mark.parametrize(("program", "x"), [("x/x", 0.0), ("exp(-1/x^2)", 0.0), ("(x^2 - 1)/(x - 1)", 1.0)])
def test_a_single_point_without_a_value_is_told_and_no_digit_is_lost_beside_it(
    program: str, x: float
) -> None:
    found = curve(program)
    assert [(each.hole, each.is_continuous) for each in found.breaks] == [(x, False)]
    assert list(remarks(found)) == [f"there is no value at x = {x:g}"]
    near = [sample for sample in found.samples if 0 < abs(sample.x - x) < 1e-3]
    slopes = [sample.slope for sample in near if sample.slope is not None]
    right = 1.0 if "x - 1" in program else 0.0
    assert len(slopes) > 20
    assert all(abs(slope - right) < 1e-6 for slope in slopes)
    (value,) = plane_of([found], slopes=False).traces
    assert len(value.lines) == 2


@pytest.mark.parametrize(
    ("jump", "told"), [("1e-9", "from 0.999999999 to 1.000000001"), ("1", "from 0 to 2")]
)
def test_a_small_jump_is_a_jump(jump: str, told: str) -> None:
    found = curve(f"1 + {jump}*sign(x)")
    assert list(remarks(found)) == [f"near x = 0: the value goes {told}"]
    (value,) = plane_of([found], slopes=False).traces
    assert len(value.lines) == 2


def test_a_program_without_the_input_is_a_level_line(backprop: Run) -> None:
    done = backprop("plot", "sigmoid(x)", "1/4", "x=-4..4", "--derivative", "--json")
    line = json.loads(done.stdout)["curves"][1]
    assert {(sample["value"], sample["slope"]) for sample in line["samples"]} == {(0.25, 0.0)}


@pytest.mark.parametrize("ends", [(-4.0, 4.0), (0.0, 1.0), (-1e-7, 3e-7), (0.0, 9.0), (17.0, 23.0)])
def test_a_narrow_terminal_has_numbers_below_the_plane(ends: tuple[float, float]) -> None:
    for columns in (40, 60, 80):
        plane = plane_of([curve("x", *ends)], slopes=False)
        below = "".join(
            text for text, _ in draw_plane(plane, columns=columns, unicode=True, colour=False)[-2]
        )
        assert len(below.split()) >= 2


def test_numbers_beside_a_picture_have_room() -> None:
    svg = render_curves(plane_of([curve("1 + 1e-9*sign(x)")], slopes=False), "x")
    left = float(re.search(r'viewBox="(\S+)', svg)[1])
    labels = re.findall(r'x="58" [^>]*text-anchor="end">([^<]*)<', svg)
    assert "0.9999999995" in labels
    assert all(58 - text_width(label, 12.0) >= left for label in labels)


@pytest.mark.parametrize(("program", "places"), BREAKS)
def test_no_line_goes_across_a_break(program: str, places: list[tuple[float, bool]]) -> None:
    value, slope = (trace for trace in plane_of([curve(program)], slopes=True).traces)
    jumps = [x for x, is_continuous in places if not is_continuous]
    for lines, gaps in ((value.lines, jumps), (slope.lines, [x for x, _ in places])):
        for x in gaps:
            assert not any(line[0][0] < x - 1e-6 and x + 1e-6 < line[-1][0] for line in lines)


def test_a_corner_stays_a_corner() -> None:
    (value,) = plane_of([curve("abs(x - 1/3)")], slopes=False).traces
    assert min(y for line in value.lines for _, y in line) < 1e-8
    assert len(value.lines) == 1


def test_a_range_of_many_breaks_is_said_not_to_be_looked_into() -> None:
    assert not curve("floor(1e6*x)").is_whole


def test_points_that_stand_alone_are_dots() -> None:
    (value,) = plane_of([curve("x^x")], slopes=False).traces
    alone = [line[0] for line in value.lines if len(line) == 1]
    assert {(-2.0, 0.25), (-3.0, -1 / 27), (-1.0, -1.0)} <= set(alone)


def inside(op: Op) -> list[tuple[float, ...]]:
    return [point for point in op.domain.inside if not op.condition and not op.takes_condition]


@pytest.mark.parametrize("op", [op for op in OPS.values() if inside(op)], ids=lambda op: op.name)
def test_intervals_hold_all_values(op: Op) -> None:
    rng = random.Random(op.name)
    for point in inside(op):
        for width in (1e-9, 1.5, 40.0):
            ends = [sorted((x, x + rng.uniform(-width, width))) for x in point]
            try:
                over = INTERVALS.value(op, [Interval(low, high) for low, high in ends])
            except ValueError:
                pytest.fail("a stretch with a point of the domain is not outside of it")
            for _ in range(20):
                xs = [rng.choice((low, high, rng.uniform(low, high))) for low, high in ends]
                try:
                    y = FLOAT.value(op, xs)
                except (ArithmeticError, ValueError):
                    assert over.grade is Grade.OPEN
                    continue
                assert over.low <= y <= over.high or over.grade is Grade.OPEN


@pytest.mark.parametrize(
    ("op", "point"),
    [
        pytest.param(op, point, id=f"{op.name}{point}")
        for op in OPS.values()
        if op.kink is not None and not op.condition
        for point in op.kink.points
    ],
)
def test_nothing_is_smooth_around_a_kink(op: Op, point: tuple[float, ...]) -> None:
    assert op.kink is not None
    around = [Interval(math.nextafter(x, -9), math.nextafter(x, 9)) for x in point]
    try:
        grade = INTERVALS.value(op, around).grade
    except ValueError:
        return
    assert grade < Grade.SMOOTH
    assert not (op.kink.breaks and grade)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 12))
def test_ticks_are_few_round_numbers_of_the_range(low: float, width: float, most: int) -> None:
    found = ticks(low, low + width, most)
    assert len(found) <= most + 1
    texts = [tick_text(x, found[1] - found[0]) for x in found] if len(found) > 1 else []
    assert len(set(texts)) == len(texts)
    for x in found[:-1]:
        turns = x / (found[1] - found[0])
        assert abs(turns - round(turns)) < 1e-6 * max(1.0, abs(turns))


def test_the_picture_stands_alone_and_has_no_ids() -> None:
    svg = render_curves(plane_of([curve("1/x")], slopes=True), "x", theme="auto")
    root = ET.fromstring(svg)
    assert not [element for element in root.iter() if "id" in element.attrib]
    assert "url(" not in svg
    polylines = root.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(polylines) == 4
    numbers = [float(x) for line in polylines for x in re.split("[ ,]", line.attrib["points"])]
    assert all(abs(x) <= 1e5 for x in numbers)


def test_lines_go_where_the_numbers_of_the_axes_say_and_the_legend_names_them() -> None:
    sources = [read_source("x^2 - 1"), read_source("1 - x")]
    curves = [trace_curve(source, {}, "x", -1.0, 3.0, tangent=2.0) for source in sources]
    svg = render_curves(plane_of(curves, slopes=True), "x")
    across = {float(text): float(x) for x, text in texts_at(svg, "middle", "x")}
    up = {float(text): float(y) - 4 for y, text in texts_at(svg, "end", "y") if text != "x"}
    assert sorted(across) == sorted(across, key=across.get)
    assert sorted(up) == sorted(up, key=lambda label: -up[label])
    right = {
        "x^2 - 1": lambda x: x * x - 1,
        "∂/∂x (x^2 - 1)": lambda x: 2 * x,
        "1 - x": lambda x: 1 - x,
        "∂/∂x (1 - x)": lambda _: -1.0,
    }
    tangents = [lambda x: 3 + 4 * (x - 2), lambda x: 1 - x]
    legend = re.findall(
        r'<line x1="64" [^>]*stroke="(#\w+)" stroke-width="2"([^>]*)/><text[^>]*>(.*?)</text>', svg
    )
    named = {
        (colour, dashes.strip()): right.get(label) or tangents.pop(0) for colour, dashes, label in legend
    }
    lines = re.findall(
        r'<polyline points="(.*?)" fill="none" stroke="(#\w+)".*?stroke-linejoin="round"(.*?)/>', svg
    )
    assert len(named) == len(lines) == 6
    for points, colour, dashes in lines:
        for pair in points.split():
            x, y = (read_off(at, place) for at, place in zip((across, up), pair.split(","), strict=True))
            assert abs(named[colour, dashes.strip()](x) - y) < 0.01


def texts_at(svg: str, anchor: str, side: str) -> list[tuple[str, str]]:
    """Return the texts with an anchor, each behind the place that it has."""
    found = re.findall(rf'<text [^>]*\b{side}="([-.\d]+)"[^>]*text-anchor="{anchor}"[^>]*>(.*?)</text>', svg)
    return [(place, text.replace("−", "-")) for place, text in found]


def read_off(labels: dict[float, float], place: str) -> float:
    """Return the number that a place has on an axis. labels: the place of each number of the axis."""
    (low, at_low), *_, (high, at_high) = labels.items()
    return low + (float(place) - at_low) / (at_high - at_low) * (high - low)


def test_a_legend_is_as_wide_as_the_terminal() -> None:
    plane = plane_of([curve("sigmoid(x)"), curve("tanh(x)^2 - x"), curve("x/2")], slopes=True)
    drawn = draw_plane(plane, columns=40, unicode=True, colour=False)[20:]
    lines = ["".join(text for text, _ in line) for line in drawn]
    assert max(map(len, lines)) <= 40
    assert "   ".join(lines).split("   ") == [
        "● sigmoid(x)", "○ ∂/∂x sigmoid(x)",
        "+ tanh(x)^2 - x", "× ∂/∂x (tanh(x)^2 - x)",
        "◆ x/2", "◇ ∂/∂x (x/2)",
    ]  # fmt: skip
    assert len(draw_plane(plane, columns=None, unicode=True, colour=False)) == 21


def test_signs_stand_where_the_numbers_beside_and_below_say() -> None:
    drawn = draw_plane(plane_of([curve("x", -1, 1)], slopes=False), columns=80, unicode=False, colour=False)
    lines = ["".join(text for text, _ in line) for line in drawn]
    below = {float(found[0]): found.start() for found in re.finditer(r"\S+", lines[-2])}
    beside = {float(line.split()[0]): line for line in lines if re.match(r" *-?[.\d]+ +\|", line)}
    assert {-1.0, 0.0, 1.0} <= below.keys() & beside.keys()
    for number in below.keys() & beside.keys():
        row = beside[number]
        signs = [k for k, sign in enumerate(row) if sign == "*" and k > row.index("|")]
        assert min(abs(k - below[number]) for k in signs) <= 3
        assert max(signs) - min(signs) < 8


def test_json_is_as_the_schema_says(backprop: Run) -> None:
    done = backprop("plot", "log(w*x)", "y = relu(x)", "x=-1..1", "w=2", "--tangent", "1/2", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    record = json.loads(done.stdout)
    jsonschema.validate(record, json.loads(schema_text("plot")))
    first, second = record["curves"]
    assert (first["fixed"], second["fixed"]) == ({"w": 2.0}, {})
    assert second["tangent"] == {"x": 0.5, "value": 0.5, "slope": 1.0}
    assert any(sample["value"] is None for sample in first["samples"])


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_lines_fit_and_are_told_apart(backprop: Run, columns: int) -> None:
    text = backprop("plot", "x", "1 - x", "x=-1..1", "--ascii", COLUMNS=str(columns)).stdout
    plane = text.splitlines()[:20]
    assert all(len(line) <= 80 for line in plane)
    assert {"*", "o"} <= set("".join(plane))
    assert text.isascii()


FORMS = {"svg": b"<svg", "png": b"\x89PNG", "json": b'{"schema"', "txt": b" "}


@pytest.mark.parametrize("ending", FORMS)
def test_the_ending_of_a_file_tells_the_form(backprop: Run, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"curve.{ending}"
    done = backprop("plot", "x^2", "x=-1..1", "--output", str(file), "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert file.read_bytes().startswith(FORMS[ending])


MISTAKES = [
    (["x^2"], 2, "a range is missing"),
    (["x^2", "x=1..1"], 2, "the range of x is empty: it goes from 1.0 to 1.0"),
    (["x^2", "x=4..-4"], 2, "the range of x is empty: it goes from 4.0 to -4.0"),
    (["x^2", "x=-1e308..1e308"], 2, "the range of x is not finite"),
    (["x^2", "x=1..1.0000000000000002"], 2, "the range of x is too narrow"),
    (["x^2", "x=0..5e-324"], 2, "the range of x is too narrow"),
    (["x^2", "x=1.."], 2, "the range of x has no end"),
    (["x^2", "x=..1"], 2, "the range of x has no start"),
    (["x*y", "x=0..1"], 2, "y has no value"),
    (["x*y*z", "x=0..1", "y=0..1", "z=0..1"], 2, "x, y and z can't all move"),
    (["x^2", "z=0..1"], 2, "z is not in the program"),
    (["x^2", "x=0..1", "w=2"], 2, "w is not in the program"),
    (["x^2", "x=0..1", "x=2"], 2, "x is given twice"),
    (["x^2", "x=0..w"], 2, "a value can't depend on the name w"),
    (["x^2", "x=0..1", "w="], 2, "w is given no value"),
    (["x +", "x=0..1"], 2, "the expression ends where"),
    (["x"] * 7 + ["x=0..1"], 2, "7 curves are too many"),
    (["x^2", "x=0..1", "--height", "1..0"], 2, "--height 1..0 is empty"),
    (["x^2", "x=0..1", "--output", "curve.gif"], 2, "the ending of curve.gif tells no form"),
    (["abs(x)", "x=-1..1", "--tangent", "0"], 3, "there is no tangent at x = 0: abs(x) has no single slope"),
    (["log(x)", "x=1..2", "--tangent=-1"], 3, "there is no tangent at x = -1: log(x) has no value"),
    ([], 2, "a program is missing"),
]


@pytest.mark.parametrize(("args", "status", "message"), MISTAKES, ids=lambda x: str(x)[:40])
def test_mistakes_are_told(backprop: Run, args: list[str], status: int, message: str) -> None:
    done = backprop("plot", *args)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith(f"backprop: {message}")


EXTREMES = ["1e300*x^3", "1e308*sign(x)", "1e-320*x", "0*x", "exp(x)", "x^x", "where(x < 0, log(x), x)"]


@pytest.mark.parametrize("program", EXTREMES)
def test_extremes_are_drawn(backprop: Run, program: str) -> None:
    for form in ("text", "svg"):
        done = backprop("plot", program, "x=-1e3..1e3", "--derivative", "--tangent", "500", "--format", form)
        assert done.returncode in (0, 3)
        assert "nan" not in done.stdout
        assert "inf" not in done.stdout
    assert len(curve("1e308*sign(x)").breaks) == 1


def test_ticks_are_written_as_people_write_them() -> None:
    assert [tick_text(x, 500.0) for x in (-500.0, 0.0, 1000.0)] == ["-500", "0", "1000"]
    assert [tick_text(x, 0.05) for x in (0.05, 0.1, 1.0)] == ["0.05", "0.1", "1"]
    assert tick_text(2e-7, 1e-7) == "2e-7"


def test_a_range_without_values_is_no_error(backprop: Run) -> None:
    done = backprop("plot", "log(x)", "x=-4..-1")
    assert done.returncode == 0
    assert "no value at any of 321 points from x = -4 to -1" in done.stdout
