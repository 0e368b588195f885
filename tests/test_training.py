"""Training: batches that a seed shuffles, numbers that it draws, arrays as parameters."""

from __future__ import annotations

import json
import math
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from backprop_cli.descent.starts import Init, drawn
from backprop_cli.schemas import schema_text
from conftest import Run

NETWORK = "h = tanh(W@[p, q] + b); z = v@h + c; softplus(z) - t*z"
XOR = "p,q,t\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n"


@pytest.fixture
def xor(tmp_path: Path) -> str:
    path = tmp_path / "xor.csv"
    path.write_text(XOR)
    return str(path)


def test_a_batch_is_a_step(backprop: Run, tmp_path: Path) -> None:
    numbers = np.random.default_rng(5)
    x, y = numbers.normal(size=10), numbers.normal(size=10)
    path = tmp_path / "rows.csv"
    path.write_text("x,y\n" + "".join(f"{float(a)!r},{float(b)!r}\n" for a, b in zip(x, y, strict=True)))
    words = (
        "minimize",
        "(w*x + b - y)^2",
        "w=0.5",
        "b=0",
        "--data",
        str(path),
        "--method",
        "gd",
        "--rate",
        "0.1",
    )
    done = backprop(*words, "--batch-size", "4", "--epochs", "3", "--seed", "9", "--format", "json")
    record = json.loads(done.stdout)
    jsonschema.validate(record, json.loads(schema_text("minimize")))
    assert (done.returncode, record["batch_size"], record["seed"]) == (0, 4, 9)
    w, b = 0.5, 0.0
    for epoch, step in enumerate(record["steps"]):  # by hand
        assert step["point"] == pytest.approx({"w": w, "b": b}, rel=1e-12)
        assert step["value"] == pytest.approx(np.mean((w * x + b - y) ** 2), rel=1e-12)
        order = np.random.default_rng([9, epoch]).permutation(10)
        assert sorted(order) == list(range(10))
        for rows in (order[:4], order[4:8], order[8:]):
            error = w * x[rows] + b - y[rows]
            w, b = w - 0.1 * np.mean(2 * error * x[rows]), b - 0.1 * np.mean(2 * error)
    assert len(record["steps"]) == 4
    again = backprop(*words, "--batch-size", "4", "--epochs", "3", "--seed", "8", "--format", "json")
    assert json.loads(again.stdout)["point"] != record["point"]
    table = backprop(*words, "--batch-size", "4", "--epochs", "3", "--seed", "9").stdout
    assert table.splitlines()[0].split()[:2] == ["epoch", "mean"]  # and no board, of one step
    assert "3 epochs of gd in batches of 4 shuffled by seed 9: mean = " in table


def test_one_batch_of_all_rows_is_a_step_of_all(backprop: Run, xor: str) -> None:
    words = (
        "minimize",
        NETWORK,
        "W:3x2",
        "b:3",
        "v:3",
        "c=0",
        "--init",
        "normal",
        "--data",
        xor,
        "--format",
        "json",
    )
    whole = json.loads(backprop(*words, "--epochs", "5", "--method", "adam").stdout)
    batch = json.loads(backprop(*words, "--epochs", "5", "--method", "adam", "--batch-size", "4").stdout)
    for one, other in zip(whole["steps"], batch["steps"], strict=True):
        assert one["point"] == pytest.approx(other["point"], rel=1e-12)
    assert "batch_size" not in whole


def test_xor_is_learnt_from_drawn_numbers(backprop: Run, xor: str, tmp_path: Path) -> None:
    saved = str(tmp_path / "found.json")
    words = ("minimize", NETWORK, "W:4x2", "b:4", "v:4", "c=0", "--data", xor, "--method", "adam")
    done = backprop(*words, "--init", "normal", "--seed", "3", "--epochs", "150", "--save", saved)
    assert done.returncode == 0
    # The saved point stands for the shapes, which need no --init then.
    later = backprop(
        *(word for word in words if word != "c=0"), "--start", saved, "--epochs", "1", "--format", "json"
    )
    record = json.loads(later.stdout)
    assert record["steps"][0]["point"] == json.loads(Path(saved).read_text())
    assert record["value"] < 0.02


def test_numbers_are_drawn_by_seed_and_name() -> None:
    many = drawn(Init.NORMAL, "W", (200, 50), 1)
    assert np.std(many) == pytest.approx(1, abs=0.02)
    assert np.std(drawn(Init.XAVIER, "W", (200, 50), 1)) == pytest.approx(math.sqrt(2 / 250), rel=0.02)
    assert drawn(Init.XAVIER, "b", (3,), 1) == drawn(Init.ZEROS, "W", (3, 1), 1) == [0.0] * 3
    assert drawn(Init.NORMAL, "W", (200, 50), 1) == many
    assert drawn(Init.NORMAL, "V", (200, 50), 1) != many
    assert drawn(Init.NORMAL, "W", (200, 50), 2) != many


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["w=1", "--batch-size", "2", "--steps", "3"], "with --batch-size it is --epochs N"),
        (["w=1", "--epochs", "2", "--steps", "3"], "--epochs and --steps both say how long"),
        (["w=1", "--init", "normal"], "--init draws the numbers of arrays, and none has a shape alone"),
        (["w=1", "--batch-size", "0"], "'--batch-size'"),
        (["w=1", "b:2"], "b has a shape and no values"),
        (["w=1", "--seed", "3"], "--seed changes nothing: no number is drawn and no row shuffled"),
        (["w:1", "--init", "zeros", "--seed", "3"], "--seed changes nothing"),
        (["w=1", "--method", "bfgs", "--rate", "1"], "bfgs goes by no rate"),
    ],
)
def test_what_is_refused(backprop: Run, xor: str, words: list[str], told: str) -> None:
    done = backprop("minimize", "(w*p - t)^2", *words, "--data", xor)
    assert done.returncode == 2
    assert told in done.stderr


def test_nothing_is_missing_where_what_is_free_is_flat(backprop: Run, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("x\n1\n2\n")
    words = ("minimize", "(w - x)^2*0 + v", "w=0", "v=5", "--data", str(path), "--bounds", "v=5..6")
    told = backprop(*words, "--steps", "3").stdout
    assert "the gradient of what no bound holds is 0 there in doubles" in told
    assert "bounds hold v = 5" in told
    assert "not there yet" not in told


def test_epochs_are_of_data(backprop: Run) -> None:
    done = backprop("minimize", "(w - 1)^2", "w=0", "--epochs", "3")
    assert done.returncode == 2
    assert "--batch-size and --epochs go with --data" in done.stderr


def test_a_batch_without_a_value_ends_at_the_last_epoch(backprop: Run, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("x\n1\n2\n3\n")
    done = backprop("minimize", "log(w*x) + 1e3*w", "w=1", "--data", str(path), "--batch-size", "1",
                    "--epochs", "2", "--format", "json")  # fmt: skip
    record = json.loads(done.stdout)
    assert (done.returncode, record["end"], record["point"]) == (1, "undefined", {"w": 1.0})
    assert "no step that was tried has a value: row " in " ".join(record["verdict"]["told"])


def test_a_picture_is_by_epochs(backprop: Run, xor: str) -> None:
    words = ("minimize", "(w*p - t)^2", "w=0", "--data", xor, "--picture", "-", "--epochs", "3")
    assert "by epoch" in backprop(*words, "--batch-size", "2").stdout
    assert "by step" in backprop(*words).stdout
