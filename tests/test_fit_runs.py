"""``fit`` that is interrupted, saved and taken up again."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from backprop_cli import fit
from backprop_cli.fitting.fit import fit_rows
from backprop_cli.fitting.formula import read_formula
from backprop_cli.fitting.report import Fit, Outcome
from backprop_cli.fitting.wish import Data, Start, Wish
from backprop_cli.render.fit import closing, render_json
from backprop_cli.schemas import schema_text
from conftest import Run
from console import BIN, environment

COLUMNS = {"x": np.arange(6.0), "y": np.array([10.1, 6.0, 3.7, 2.2, 1.4, 0.8])}
DECAY = "y ~ a*exp(-b*x)"


def interrupted(formula: str, at: int, **starts: Start) -> tuple[Fit, list[int]]:
    """Return a fit that Ctrl-C ends when a point is computed the so manieth time, and how often that was."""
    seen: list[int] = []

    def advance(n: int) -> None:
        seen.append(n)
        if len(seen) == at:
            raise KeyboardInterrupt

    wish = Wish(starts, {}, {})
    read = read_formula(formula, [*COLUMNS], wish.named)
    return fit_rows(read, Data(COLUMNS, 6), wish, advance=advance), seen


@pytest.mark.parametrize("at", [2, 5, 8])
def test_ctrl_c_keeps_the_best_point_so_far(at: int) -> None:
    found, _ = interrupted("y ~ c*exp(-b*x) + 0*c^2", at, b=3.0, c=2.0)
    a, b = found.estimates["c"], found.estimates["b"]
    assert found.rss == pytest.approx(float(np.sum((a * np.exp(-b * COLUMNS["x"]) - COLUMNS["y"]) ** 2)))
    first = float(np.sum((2 * np.exp(-3 * COLUMNS["x"]) - COLUMNS["y"]) ** 2))
    assert found.rss == pytest.approx(first) if at == 2 else found.rss < first
    told = [line for line, _ in closing(found, 6)]
    assert (found.outcome, found.interrupted) == (Outcome.OPEN, True)
    assert told[-2] == "not converged: this is the best point so far"
    assert told[-1] == f"interrupted; to go on from the best point: c={a!r} b={b!r}"
    record = json.loads(render_json(found))
    jsonschema.validate(record, json.loads(schema_text("fit")))
    assert record["interrupted"]


def test_of_many_starts_those_that_ended_count() -> None:
    whole, seen = interrupted(DECAY, 10**6, b=(0.1, 10.0))
    found, _ = interrupted(DECAY, len(seen) * 3 // 4, b=(0.1, 10.0))
    assert 1 < found.agreed < found.starts < 20 == whole.starts
    assert found.estimates == pytest.approx(whole.estimates, rel=1e-6)
    assert (found.outcome, found.interrupted) == (Outcome.CONVERGED, True)


def test_of_many_rows_some_tell_where_to_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = interrupted(DECAY, 10**6, b=(0.1, 10.0))
    monkeypatch.setattr("backprop_cli.fitting.fit._MOST_FOR_STARTS", 4)
    found, seen = interrupted(DECAY, 10**6, b=(0.1, 10.0))
    assert found.estimates == pytest.approx(whole.estimates, rel=1e-12)
    assert found.rss == pytest.approx(whole.rss, rel=1e-12)
    assert (found.rows, found.tried, found.starts, found.dof) == (6, 4, 20, 4)
    assert any("over 4 of the rows; all rows were taken from there" in line for line, _ in closing(found, 6))
    for at in (len(seen) // 2, len(seen) - 2):
        early, _ = interrupted(DECAY, at, b=(0.1, 10.0))
        assert early.interrupted
        a, b = early.estimates["a"], early.estimates["b"]
        assert early.rss == pytest.approx(float(np.sum((a * np.exp(-b * COLUMNS["x"]) - COLUMNS["y"]) ** 2)))


def test_a_row_that_was_left_out_may_lack_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backprop_cli.fitting.fit._MOST_FOR_STARTS", 19)
    (left_out,) = {*range(20)} - {*np.random.default_rng(0).choice(20, 19, replace=False).tolist()}
    x = np.arange(1.0, 21.0)
    y = 3 * np.sqrt(x - 0.5)
    x[left_out], y[left_out] = 0.2, 0.0
    found = fit("y ~ a*sqrt(x - c)", {"x": x, "y": y}, c=(0.01, 0.9))
    assert (found.tried, found.estimates["c"] <= 0.2, found.rss < 1) == (20, True, True)


def test_rows_in_many_parts_are_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = {**COLUMNS, "s": np.array([0.2, 0.2, 0.1, 0.1, 0.1, 0.1])}
    whole = fit(f"{DECAY} + c", data, b=1.0, sigma="s")
    monkeypatch.setattr("backprop_cli.fitting.rows._BLOCK", 4)
    found = fit(f"{DECAY} + c", data, b=1.0, sigma="s")
    assert found.estimates == pytest.approx(whole.estimates, rel=1e-12)
    assert found.errors == pytest.approx(whole.errors, rel=1e-10)
    assert (found.row, found.largest) == (whole.row, pytest.approx(whole.largest))
    assert fit("y ~ a*abs(x - b)", data, a=1.0, b=5.0, bounds={"b": (5.0, 6.0)}).kink == 6


def test_nothing_is_kept_where_there_is_nothing() -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(DECAY, 1, b=1.0)


@pytest.fixture
def data(tmp_path: Path) -> str:
    path = tmp_path / "decay.csv"
    rows = (f"{x!r},{y!r}\n" for x, y in zip(*(column.tolist() for column in COLUMNS.values()), strict=True))
    path.write_text("x,y\n" + "".join(rows))
    return str(path)


def test_a_long_run_shows_how_far_it_is_and_ctrl_c_ends_it(data: str) -> None:
    parent, child = pty.openpty()
    words = ["fit", f"{DECAY} + c*exp(-d*x)", "--data", data, "--starts", "10000"]
    with subprocess.Popen(
        [str(BIN / "backprop"), *words], stdout=subprocess.PIPE, stderr=child, env=environment(TERM="xterm")
    ) as process:
        os.close(child)
        shown = b""
        while b"evaluations" not in shown:
            shown += os.read(parent, 4096)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=60)
        os.close(parent)
    assert (process.returncode, b"interrupted; to go on from the best point: a=" in told) == (130, True)


def test_a_saved_point_is_where_a_later_run_begins(backprop: Run, data: str, tmp_path: Path) -> None:
    saved = str(tmp_path / "found.json")
    words = ("fit", f"{DECAY} + c", "--data", data)
    first = json.loads(backprop(*words, "b=0.1..10", "--fix", "c=0", "--save", saved, "--json").stdout)
    point = json.loads(Path(saved).read_text())
    assert point == {name: first["parameters"][name]["estimate"] for name in "ab"}  # c was not looked for
    again = json.loads(backprop(*words, "--fix", "c=0", "--start", saved, "--json").stdout)
    assert {name: again["parameters"][name]["start"] for name in "ab"} == point
    assert again["evaluations"] < first["evaluations"] / 5
    # What is given on the line goes before it: a value, a range, and what is fixed.
    record = json.loads(backprop(*words, "--fix", "b=0.5", "a=3..3", "--start", saved, "--json").stdout)
    starts = {name: found["start"] for name, found in record["parameters"].items()}
    assert starts == {"a": pytest.approx(3), "b": None, "c": None}


def test_what_can_not_be_a_start_or_be_written(backprop: Run, data: str, tmp_path: Path) -> None:
    words = ("fit", DECAY, "--data", data)
    done = backprop(*words, "--start", str(tmp_path / "none.json"))
    assert (done.returncode, "none.json" in done.stderr) == (2, True)
    path = tmp_path / "other.json"
    path.write_text('{"q": 1}')
    done = backprop(*words, "--start", str(path))
    assert (done.returncode, "q is not in the formula" in done.stderr) == (2, True)
    done = backprop(*words, "b=1", "--save", "/nowhere/at/all.json")
    assert (done.returncode, done.stdout) == (2, "")
