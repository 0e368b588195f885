"""The pages made from the code are fresh, and the manual page is one."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import tomllib
from collections.abc import Callable

import pytest

from console import ROOT

DOCS = ROOT / "docs"
GENERATE = runpy.run_path(str(DOCS / "generate.py"))
PAGES: dict[str, str] = GENERATE["pages"]()
MANUAL = str(DOCS / "backprop.1")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_fresh(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name], "run: python docs/generate.py"


def output_of(*command: str) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False)
    return done.stdout + done.stderr


def test_the_manual_page_has_no_mistakes() -> None:
    assert output_of("mandoc", "-T", "lint", "-W", "warning", MANUAL) == ""


@pytest.mark.parametrize(
    "command",
    [["groff", "-ww", "-man", "-Tascii", "-P-cbou"], ["mandoc", "-T", "ascii"]],
    ids=lambda command: command[0],
)
def test_the_manual_page_shows_what_is_to_be_typed(command: list[str]) -> None:
    shown = re.sub(".\b", "", output_of(*command, MANUAL))  # without overstrikes
    assert "warning" not in shown
    assert 'backprop grad "(a*b+c)*f" a=2 b=3 c=-10 f=5\n' in shown
    assert "--no-check" in shown


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (".dot and 'quote'", r"\&.dot and \(aqquote\(aq"),
        ("'tis \\n", r"\(aqtis \en"),
        ("cross-checked by --no-check -a*b a=-1", r"cross-checked by \-\-no\-check \-a*b a=\-1"),
        ("x^2 ~ `y` …", r"x\(ha2 \(ti \(gay\(ga \[u2026]"),
    ],
)
def test_text_is_written_as_roff_reads_it(text: str, written: str) -> None:
    roff: Callable[[str], str] = GENERATE["roff"]
    assert roff(text) == written


def test_what_is_installed_beside_the_package_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shared = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert all((ROOT / path).is_file() for path in shared)
    scripts = ROOT / "src" / "backprop_cli" / "completions"
    assert {ROOT / path for path in shared} == {*scripts.iterdir(), DOCS / "backprop.1"}


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_files_that_are_named_exist(page: str) -> None:
    """A name such as `sweep.py` or `batch/tally.py` is that of a file of the package or the repository."""
    package = [str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*") if path.is_file()]
    for name in re.findall(r"`([\w./]+\.(?:py|js|css|md|1))`", (ROOT / page).read_text(encoding="utf-8")):
        assert (ROOT / name).is_file() or any(path.endswith(f"/{name}") for path in package), name
