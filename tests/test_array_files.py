"""Arrays from words and files: what is read, and what is said of what can't be."""

import gzip
import json

import numpy as np
import pytest

from test_arrays import run


def test_the_command_reads_arrays_from_words_and_files(tmp_path):
    np.save(tmp_path / "W.npy", np.array([[1, 2], [3, 4]]))
    (tmp_path / "d.csv").write_text("h,v\n1,10\n-1,20\n")
    (tmp_path / "b.json").write_text("[0.5, 0]")
    words = ["z = W@x + b; sum(z^2)", "W=@W.npy", "x=@d.csv:h", "b=@b.json"]
    found = run("grad", *words, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert "W (2, 2)" in found.stdout
    assert "[[-1, 1], [-2, 2]]" in found.stdout
    written = run("grad", words[0], "W=[[1, 2], [3, 4]]", "x=[1, -1]", "b=[1/2, 0]", cwd=tmp_path)
    assert written.stdout == found.stdout
    both = run("grad", "sum(X)", "X=@d.csv:h,v", "--json", cwd=tmp_path)
    assert json.loads(both.stdout)["inputs"] == {"X": [[1, 10], [-1, 20]]}


@pytest.mark.parametrize("name", ["d.csv.gz", "d.jsonl", "d.json", "d.npz"])
def test_columns_are_read_as_batch_reads_them(tmp_path, name):
    records = [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    (tmp_path / "d.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n3,4\n"))
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, records)))
    (tmp_path / "d.json").write_text(json.dumps(records))
    np.savez(tmp_path / "d.npz", a=[1.0, 3.0], b=[2.0, 4.0])
    for words, array in [(f"X=@{name}", [[1, 2], [3, 4]]), (f"X=@{name}:b", [2, 4])]:
        done = run("grad", "sum(X)", words, "--json", cwd=tmp_path)
        assert json.loads(done.stdout)["inputs"] == {"X": array}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("x=@nope.npy", "can't read nope.npy: No such file or directory"),
        ("x=@d.csv:w", "d.csv lacks the column w"),
        ("x=@twice.csv:h", "twice.csv has the column h twice"),
        ("x=@b.json:h", "b.json has no columns"),
        ("x=@d.txt", "d.txt is no file of arrays"),
        ("x=@bad.csv:h", "row 2 of bad.csv: h is 'no'"),
        ("x=@bad.npy", "can't read bad.npy"),
        ("x=@bad.json", "bad.json is no JSON"),
        ("x=@deep.json", "deep.json is no JSON that can be read"),
        ("x=" + "[" * 99 + "1" + "]" * 99, "x has more than 32 axes"),
        ("x=[1, 2", "a [ is never closed"),
        ("x=[1,,2]", "a number is missing before this comma"),
        ("x=[1] 2", "nothing stands behind a list"),
        ("x=[1, a]", "a value can't depend on the name a"),
        ("x=[]", "x has no elements"),
    ],
)
def test_a_bad_array_is_told(tmp_path, word, message):
    (tmp_path / "d.csv").write_text("h,v\n1,10\n")
    (tmp_path / "twice.csv").write_text("h,h\n1,10\n")
    (tmp_path / "b.json").write_text("[1, 2]")
    (tmp_path / "bad.csv").write_text("h\n1\nno\n")
    (tmp_path / "bad.npy").write_text("no")
    (tmp_path / "bad.json").write_text("[1,")
    (tmp_path / "deep.json").write_text("[" * 100_000 + "1" + "]" * 100_000)
    found = run("grad", "sum(x)", word, cwd=tmp_path)
    assert found.returncode == 2
    assert message in found.stderr
    assert "Traceback" not in found.stderr
