"""The pages: what their commands print is what stands there."""

from __future__ import annotations

import re
import shutil

import pytest

from backprop_cli import gradient
from backprop_cli.operations.table import FUNCTIONS
from console import ROOT, Example, examples, run_example

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    README,
    *(
        (ROOT / "docs" / name).read_text(encoding="utf-8")
        for name in (
            "arrays.md",
            "budget.md",
            "data.md",
            "export.md",
            "fit.md",
            "hessian.md",
            "jacobian.md",
            "language.md",
            "minimize.md",
            "training.md",
            "notebook.md",
            "plot.md",
            "quiz.md",
            "shell.md",
            "teachers.md",
            "teaching.md",
        )
    ),
]


@pytest.mark.parametrize(
    "example", [e for page in PAGES for e in examples(page)], ids=lambda e: e.command[:60]
)
def test_console_example(example: Example) -> None:
    if "jq" in example.command and shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    assert run_example(example.command).strip("\n") == example.output


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_python_examples(block: str) -> None:
    names: dict[str, object] = {}
    exec(block, names)
    told = re.findall(r"^(re\w+\.\S+) +# (.*)$", block, re.MULTILINE)
    assert told
    for expression, expected in told:
        assert repr(eval(expression, names)) == expected


def test_set_up_lines_begin_as_promised() -> None:
    lines = [
        line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()
    ]
    assert len(lines) == 2
    assert all(line.startswith("python3 -m venv .venv && ") for line in lines)


def test_doctest_of_the_library() -> None:
    assert gradient("(a*b + c)*f", a=2, b=3, c=-10, f=5).gradients["a"] == 15.0


def test_the_table_names_every_function() -> None:
    table = README.split("| | functions |")[1].split("\n\n")[0]
    named = set(re.findall(r"[a-z_]\w*", table))
    assert [op.name for op in FUNCTIONS.values() if op.name not in named] == []
