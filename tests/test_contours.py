"""Contours of a program over two ranges: lines where the value is a level, none where nothing is proved."""

from __future__ import annotations

import json
import math
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from backprop_cli.curves.contours import contour, levels_of
from backprop_cli.curves.field import Side, trace_field
from backprop_cli.curves.report import Field
from backprop_cli.language.source import read_source
from backprop_cli.operations.intervals import INTERVALS, Grade, Interval
from backprop_cli.operations.table import OPS
from backprop_cli.schemas import schema_text
from conftest import Run

BOWL = ("x^2+3*y^2", "x=-2..2", "y=-1..1")


def field(program: str, **fixed: float) -> Field:
    return trace_field(read_source(program), fixed, Side("x", -2.0, 2.0), Side("y", -1.0, 1.0))


def test_a_contour_is_where_the_value_is_the_level() -> None:
    found = field("x^2+3*y^2")
    assert all(map(all, found.goes_on))
    assert levels_of(found) == [2, 4, 6]
    (ellipse,) = contour(found, 2.0)
    assert ellipse[0] == ellipse[-1]
    assert len(ellipse) > 50
    assert all(math.isclose(x * x + 3 * y * y, 2, abs_tol=0.01) for x, y in ellipse)
    assert len(contour(found, 6.0)) == 4


def test_a_saddle_has_two_lines_that_do_not_cross() -> None:
    found = field("x*y")
    lines = contour(found, 0.5)
    assert len(lines) == 2
    assert all(x * y == pytest.approx(0.5, abs=0.01) for line in lines for x, y in line)
    assert {all(x > 0 for x, _ in line) for line in lines} == {True, False}


@pytest.mark.parametrize(("level", "is_joined"), [(0.4, True), (0.6, False)])
def test_the_middle_of_a_cell_tells_which_corners_hang_together(level: float, is_joined: bool) -> None:
    cell = Field("x*y", "v1", ("x", "y"), {}, (0.0, 1.0), (0.0, 1.0), ((1.0, 0.0), (0.0, 1.0)), ((True,),))
    lines = contour(cell, level)
    assert len(lines) == 2
    # From (0, 0) to (1, 1) all is above the level, so no line crosses that diagonal; or none the other one.
    for line in lines:
        sides = {x > y if is_joined else x + y > 1 for x, y in line}
        assert len(sides) == 1


def test_no_line_where_nothing_is_proved() -> None:
    found = field("x/(y - 0.3)")
    open_cells = {row for row, cells in enumerate(found.goes_on) if not all(cells)}
    assert len(open_cells) == 1
    (row,) = open_cells
    assert found.ys[row] <= 0.3 <= found.ys[row + 1]
    low, high = found.ys[row], found.ys[row + 1]
    for level in levels_of(found):
        for line in contour(found, level):
            assert all(not low < y < high for _, y in line)
    jump = field("where(x < 0.51, 0, 1) + 0*y")
    assert contour(jump, 0.5) == []


def test_points_without_values() -> None:
    found = field("log(x*y)")
    assert found.values[0][-1] is None
    assert found.values[0][0] == pytest.approx(math.log(2))
    assert sum(value is None for row in found.values for value in row) == 65 * 65 - 2 * 32 * 32
    nothing = field("log(-1 - x^2) + y")
    assert list(nothing.points()) == levels_of(nothing) == []


@pytest.mark.parametrize(
    ("base", "low", "high"), [((-1.0, 2.0), 0.0, 4.0), ((-2.0, 0.0), 0.0, 4.0), ((0.0, 1.0), 0.0, 1.0)]
)
def test_a_square_is_proved_smooth_across_zero(base: tuple[float, float], low: float, high: float) -> None:
    square = INTERVALS.value(OPS["pow"], [Interval(*base), Interval(2.0, 2.0)])
    assert square.grade is Grade.SMOOTH
    assert square.low <= low
    assert high <= square.high < high + 1e-9
    # Below 0 a root has no value, and a power of -1 has none at 0.
    for exponent in (0.5, -1.0):
        assert (
            INTERVALS.value(OPS["pow"], [Interval(-1.0, 1.0), Interval(exponent, exponent)]).grade
            is Grade.OPEN
        )
    with pytest.raises(ValueError, match="base"):
        INTERVALS.value(OPS["pow"], [Interval(-2.0, -1.0), Interval(0.5, 0.5)])


def test_in_the_terminal(backprop: Run) -> None:
    done = backprop("plot", *BOWL)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[-3] == "● v4 = 2   ○ v4 = 4   + v4 = 6"
    assert (
        lines[-1]
        == "of 4,225 points, the least and the largest v4 are 0 at x = 0, y = 0 and 7 at x = -2, y = -1"
    )
    assert backprop("plot", *BOWL, "--ascii").stdout.isascii()
    assert "no value at any of 4,225 points" in backprop("plot", "log(-1-x^2)+y", *BOWL[1:]).stdout
    assert "v3 is 3 at each of" in backprop("plot", "3+0*x*y", *BOWL[1:]).stdout
    drawn = backprop("plot", "1/(x-y)", "x=0..1", "y=0..1").stdout
    assert "v2 = 20" in drawn
    assert "v2 = 0 " not in drawn
    assert "no line in 128 of 4,096 cells" in backprop("plot", "x/y", *BOWL[1:]).stdout


def test_as_pictures_and_numbers(backprop: Run, tmp_path: Path) -> None:
    path = tmp_path / "bowl.svg"
    done = backprop("plot", *BOWL, "--output", str(path))
    assert (done.returncode, done.stdout) == (0, "")
    assert "x goes across, y up" in done.stderr
    svg = ET.fromstring(path.read_text(encoding="utf-8"))
    assert len(svg.findall(".//{*}polyline")) == 1 + 2 + 4
    assert "contours of x^2+3*y^2" in path.read_text(encoding="utf-8")
    png = tmp_path / "bowl.png"
    assert backprop("plot", *BOWL, "--quiet", "--output", str(png)).stderr == ""
    assert png.read_bytes().startswith(b"\x89PNG")
    record = json.loads(backprop("plot", "log(x*y)", *BOWL[1:], "--json").stdout, parse_constant=pytest.fail)
    jsonschema.validate(record, json.loads(schema_text("contours")))
    assert record["names"] == ["x", "y"]
    assert record["values"][0][-1] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*BOWL, "--derivative"], "go with one range"),
        ([*BOWL, "--height", "0..1"], "go with one range"),
        (["x*y", "x+y", *BOWL[1:]], "two ranges take one program"),
        (["x*y", "x=0..1", "x=0..2"], "x is given twice"),
        (["x*y", "x=0..1", "y=1..1"], "the range of y is empty"),
        (["x*y", "x=0..1", "y=1e9..1000000001e0"], ""),
        (["x*y", "x=0..1", "y=1..1.0000000000000002"], "the range of y is too narrow"),
        (["x*z", "x=0..1", "y=0..1"], ""),
    ],
)
def test_mistakes(backprop: Run, arguments: list[str], message: str) -> None:
    done = backprop("plot", *arguments)
    assert done.returncode == (2 if message or "x*z" in arguments else 0)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
