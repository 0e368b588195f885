"""Rows drawn from all parts of a data set and computed once more: the same whenever the parts are done."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import jsonschema
import pytest

from backprop_cli.datasets.drawn import draw_of_all
from backprop_cli.schemas import schema_text
from conftest import Run
from datasets import HERE, manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of files of 40, 1, 0 and 9 rows; one can't be read, one has no value."""
    rows = 0
    for number, count in enumerate((40, 1, 0, 9)):
        lines = "".join(f"{rows + row}\n" for row in range(count))
        (tmp_path / f"p{number}.csv").write_text(f"x\n{lines}")
        rows += count
    (tmp_path / "p3.csv").write_text("x\n-1\n?\n0.0\n1e300\n5\n6\n7\n8\n9\n")
    return tmp_path


def checked(done: object) -> str:
    lines = str(getattr(done, "stderr", "")).splitlines()
    return "\n".join(line for line in lines if line.startswith(("checked", "  row")))


def test_the_same_rows_are_drawn_when_the_run_goes_on(backprop: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    data = ("--data", f"{folder}/p*.csv", "--output", f"{out}/", *HERE)
    command = ("batch", "log(x)^5000", *data, "--check", "20")
    first = backprop(*command)
    assert first.returncode == 3
    assert "of 50 rows with sympy (--seed " in checked(first)
    samples = {path.name: path.read_text() for path in (tmp_path / "out.backprop/done").iterdir()}
    (out / "p0.csv").unlink()
    again = backprop(*command)
    assert "1 part written, 3 there before" in again.stderr
    assert (again.returncode, checked(again)) == (3, checked(first))
    assert samples == {path.name: path.read_text() for path in (tmp_path / "out.backprop/done").iterdir()}
    told = manifest(out)
    jsonschema.validate(told, json.loads(schema_text("dataset")))
    assert "sample" not in json.dumps(told)
    assert "another check: 20, now 21" in backprop(*command[:-1], "21").stderr
    assert "another seed" in backprop(*command, "--seed", "1").stderr


def test_what_differs_is_told_by_its_file(backprop: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    data = ("--data", f"{folder}/p[01].csv", "--output", f"{out}/", *HERE)
    command = ("batch", "x^2", *data, "--check", "100")
    done = backprop(*command, "--strict")
    assert (done.returncode, done.stderr.splitlines()[-1][:28]) == (0, "checked 41 of 41 rows with s")
    record = tmp_path / "out.backprop/done/p1.csv.json"
    record.write_text(record.read_text().replace("80.0", "80.5"))
    done = backprop(*command)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        f"{checked(done).partition(': ')[0]}: 1 differs",
        "  row 1 of p1.csv: the gradient with respect to x is 80.5, by itself 80.0",
    ]
    record.write_text(record.read_text().replace('"sample"', '"simple"'))
    done = backprop(*command)
    assert done.returncode == 2
    assert "done/p1.csv.json is damaged" in done.stderr


def test_each_row_has_the_same_chance() -> None:
    """However the rows are divided into parts."""
    told = {"point": {}, "value": None, "gradients": [], "values": [], "status": "bad input"}
    sizes = (1, 0, 30, 9)
    records = [{"name": f"{size}", "rows": size} for size in sizes]
    seen: Counter[int] = Counter()
    for seed in range(3000):
        sample, starts = draw_of_all(
            records, lambda one: [{**told, "row": row + 1} for row in range(one["rows"])], 10, seed
        )
        assert [start.before for start in starts] == [0, 1, 1, 31]
        numbers = [row.number for row in sample.rows]
        assert len(set(numbers)) == 10
        seen.update(numbers)
    assert set(seen) == set(range(1, 41))
    assert 600 < min(seen.values()) < max(seen.values()) < 900  # 750 each, by chance 24 more or less
