"""Files of NumPy as others write them, and Feather of old."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conftest import Run


def test_arrays_beside_those_that_are_used_are_no_trouble(backprop: Run, tmp_path: Path) -> None:
    name = str(tmp_path / "data.npz")
    np.savez(name, a=np.array([1.5, 2]), test=np.zeros(3), o=np.array([None, "x"], object))
    done = backprop("batch", "2*a", "--data", name)
    assert (done.returncode, done.stdout.splitlines()[1:]) == (0, ["3.0,2.0,ok", "4.0,2.0,ok"])
    for options in (["--keep"], ["--map", "a=o"]):
        done = backprop("batch", "2*a", "--data", name, *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert "the column o " in done.stderr
        assert "holds object" in done.stderr


def test_text_in_arrays_is_read_as_numbers(backprop: Run, tmp_path: Path) -> None:
    for form, write in (("npy", np.save), ("npz", lambda path, data: np.savez(path, a=data["a"]))):
        for kind in ("U4", "S4"):
            write(tmp_path / f"data.{form}", np.array([("1.5",), ("1/4",), ("x",)], [("a", kind)]))
            done = backprop("batch", "2*a", "--data", str(tmp_path / f"data.{form}"))
            assert done.stdout.splitlines()[1:] == ["3.0,2.0,ok", "0.5,2.0,ok", ",,bad input"]
            assert "row 3: a is 'x', not a number" in done.stderr


@pytest.mark.filterwarnings("ignore:Stored array in format")
@pytest.mark.parametrize("count", [1, 2000])
def test_records_with_names_of_any_letters(backprop: Run, tmp_path: Path, count: int) -> None:
    """Beyond Latin-1, and more than NumPy reads by itself."""
    names = [f"θ{number}" for number in range(count)]
    np.save(tmp_path / "data.npy", np.full(3, 2, [(name, "f8") for name in names]))
    out = tmp_path / "out.npy"
    program = f"{names[0]}*{names[-1]}"
    done = backprop("batch", program, "--data", str(tmp_path / "data.npy"), "--keep", "--output", str(out))
    assert (done.returncode, done.stderr) == (0, "")
    loaded = np.load(out, max_header_size=1 << 24)
    assert loaded.dtype.names[:count] == tuple(names)
    assert loaded["value"].tolist() == [4, 4, 4]
    assert loaded.flags.aligned
    again = backprop("batch", "2*v", "--map", "v=grad_θ0", "--data", str(out))
    assert (again.returncode, again.stderr) == (0, "")


def test_feather_of_version_1_is_told(backprop: Run, tmp_path: Path) -> None:
    (tmp_path / "old.feather").write_bytes(b"FEA1" + bytes(40) + b"FEA1")
    done = backprop("batch", "a", "--data", str(tmp_path / "old.feather"))
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2, f"backprop: {tmp_path}/old.feather is Feather of version 1",
    )  # fmt: skip
