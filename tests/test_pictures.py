"""Pictures of descents and fits: what stands on the plane is what the record has."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest

from backprop_cli import fit, minimize
from backprop_cli.batch.rowwise import column_numbers
from backprop_cli.draw.planes import cost_plane, fit_planes
from backprop_cli.fitting.fit import fit_rows
from backprop_cli.fitting.formula import read_formula
from backprop_cli.fitting.report import Fit
from backprop_cli.fitting.wish import Data, Wish
from conftest import Run

ROSENBROCK = "(1-x)^2 + 100*(y-x^2)^2"
DECAY = {"x": [0.0, 1.0, 2.0, 3.0], "z": [1.0, 2.0, 0.0, 4.0], "y": [10.1, 6.0, 3.7, 2.2]}


def drawn(formula: str, data: dict[str, list[float]], **starts: float) -> Fit:
    columns = {name: column_numbers(name, column) for name, column in data.items()}
    wish = Wish(starts, {}, {}, drawn=True)
    return fit_rows(
        read_formula(formula, list(data), dict.fromkeys(starts, 0.0)), Data(columns, len(data["x"])), wish
    )


def test_the_cost_is_drawn_step_by_step() -> None:
    descent = minimize("(x - 1)^2 + 1", x=3, method="gd", steps=5)
    plane, name = cost_plane(descent)
    assert name == "step"
    assert plane.traces[0].lines == [[(float(step.number), step.cost) for step in descent.steps]]


def test_costs_that_fall_far_are_drawn_by_their_logarithms() -> None:
    plane, _ = cost_plane(minimize("C = x^2", x=1, method="gd", rate=0.4, steps=9))
    assert plane.traces[0].label == "log10 C"
    falls = [y - x for (_, x), (_, y) in pairwise(plane.traces[0].lines[0])]
    assert falls == pytest.approx([-1.3979400086720375] * 9)  # x falls to a fifth at each step


def test_a_long_descent_keeps_its_peaks() -> None:
    descent = minimize("C = (w - 1)^2", w=3, method="adam", rate=0.3, steps=3_000)
    (line,) = cost_plane(descent)[0].traces[0].lines
    assert len(line) <= 2_000
    assert line[0] == (0.0, pytest.approx(0.6020599913))
    assert line == sorted(line)


def test_a_fit_is_drawn_with_its_rows_residuals_and_curve() -> None:
    found = drawn("y ~ a*exp(-b*x)", DECAY, b=1)
    (above, axis), (below, _) = fit_planes(found)
    points, curve = above.traces
    assert axis == "x"
    assert [line[0] for line in points.lines] == list(zip(DECAY["x"], DECAY["y"], strict=True))
    estimate = found.estimates["a"]
    assert curve.lines[0][0] == (0.0, pytest.approx(estimate))
    assert below.traces[0].lines[0] == [(0.0, pytest.approx(estimate - 10.1))]
    assert below.traces[0].label == "formula - (y)"


def test_several_columns_are_drawn_against_what_the_formula_says() -> None:
    (above, axis), (below, _) = fit_planes(drawn("y ~ a + b*x + c*z", DECAY))
    assert axis == "formula"
    for (at,), (left,) in zip(above.traces[0].lines, below.traces[0].lines, strict=True):
        assert left == (at[0], pytest.approx(at[0] - at[1]))


def test_the_curve_of_a_fit_breaks_at_its_pole() -> None:
    data = {"x": [1.0, 2.0, 4.0, 5.0], "y": [-0.5, -1.0, 1.0, 0.5]}
    (above, _), _ = fit_planes(drawn("y ~ a/(x - 3)", data))
    assert all(not line[0][0] < 3 < line[-1][0] for line in above.traces[1].lines)


def test_a_fit_holds_no_picture_that_nobody_asked_for() -> None:
    assert fit("y ~ a*x + b", DECAY).drawn is None


@pytest.mark.parametrize("ending", [".svg", ".png", ".txt"])
def test_pictures_into_files(backprop: Run, tmp_path: Path, ending: str) -> None:
    data, target = tmp_path / "d.csv", tmp_path / f"picture{ending}"
    data.write_text("x,y\n0,1\n1,3.1\n2,4.9\n3,7\n")
    for words in (
        ["minimize", ROSENBROCK, "x=-1.2", "y=1"],
        ["fit", "y ~ a*x + b", "--data", str(data), "--json"],
    ):
        found = backprop(*words, "--picture", str(target))
        assert found.returncode == 0, found.stderr
        content = target.read_bytes()
        if ending == ".svg":
            ET.fromstring(content)
        starts = {".svg": b"<svg", ".png": b"\x89PNG", ".txt": b""}
        assert content.startswith(starts[ending])
        assert ending != ".txt" or b"   by " in content
        target.unlink()


def test_a_picture_below_the_table(backprop: Run) -> None:
    found = backprop("minimize", "(x - 3)^2", "x=0", "--method", "gd", "--picture", "-")
    assert "by step" in found.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--picture", "cost.gif"], "the ending of cost.gif tells no form"),
        (["--picture", ""], "a file without a name"),
        (["--picture", "-", "--format", "json"], "below the table alone"),
    ],
)
def test_pictures_that_can_not_be_meant(backprop: Run, words: list[str], said: str) -> None:
    found = backprop("minimize", "x^2", "x=1", *words)
    assert (found.returncode, found.stdout) == (2, "")
    assert said in found.stderr


def test_the_way_down_is_drawn_over_contours(backprop: Run, tmp_path: Path) -> None:
    words = (
        "minimize",
        "(x - 1)^2 + 3*y^2",
        "x=-1",
        "y=1",
        "--method",
        "gd",
        "--rate",
        "0.1",
        "--steps",
        "9",
    )
    drawn = backprop(*words, "--picture", "-").stdout
    assert "by step" in drawn
    assert re.search(r"v\d = .*way.*steps   by x", drawn)
    svg = tmp_path / "way.svg"
    assert backprop(*words, "--picture", str(svg)).returncode == 0
    assert {"way", "steps", "step"} <= set(re.findall(r">(\w+)</text>", svg.read_text()))
    for others in (("--wrt", "x"), ("--rate", "1e300")):
        assert "by x" not in backprop(*words, *others, "--picture", "-").stdout
