"""The playground: the folder that is built, and the package in a real browser."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from backprop_cli.playground import _OF_PYODIDE, COMMANDS, LESSONS, Lesson, build_playground
from conftest import Run
from playground import ask, differences, programs, run_command, serve, wait

PYODIDE = Path(os.environ.get("BACKPROP_PYODIDE", "node_modules/pyodide"))


@pytest.fixture
def pyodide(tmp_path: Path) -> Path:
    """A folder that looks like the npm package."""
    folder = tmp_path / "pyodide"
    folder.mkdir()
    for name in _OF_PYODIDE:
        (folder / name).write_text(name, encoding="utf-8")
    return folder


def test_the_folder_has_all_that_it_needs(backprop: Run, tmp_path: Path, pyodide: Path) -> None:
    site = tmp_path / "a" / "site"
    done = backprop("playground", str(site), "--pyodide", str(pyodide))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{site / 'index.html'}\n"
    assert {path.name for path in (site / "pyodide").iterdir()} == set(_OF_PYODIDE)
    names = zipfile.ZipFile(site / "packages.zip").namelist()
    for name in (
        "backprop_cli/draw/page/page.js",
        "sympy/__init__.py",
        "mpmath/__init__.py",
        "rich/console.py",
    ):
        assert name in names
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name or ".." in name]
    first = (site / "packages.zip").read_bytes()
    assert backprop("playground", str(site), "--pyodide", str(pyodide)).returncode == 0
    assert (site / "packages.zip").read_bytes() == first


def test_nothing_in_the_folder_names_another_server(tmp_path: Path, pyodide: Path) -> None:
    build_playground(str(tmp_path / "site"), str(pyodide))
    for path in (tmp_path / "site").iterdir():
        if path.is_file() and path.suffix != ".zip":
            assert "://" not in path.read_text(encoding="utf-8")


def test_a_part_that_is_missing_is_named(backprop: Run, tmp_path: Path, pyodide: Path) -> None:
    (pyodide / "pyodide.asm.wasm").unlink()
    done = backprop("playground", str(tmp_path / "site"), "--pyodide", str(pyodide))
    assert done.returncode == 2
    assert "pyodide.asm.wasm: No such file" in done.stderr
    assert "npm install pyodide@" in done.stderr
    assert not (tmp_path / "site").exists()


def test_a_file_in_place_of_the_folder(backprop: Run, tmp_path: Path, pyodide: Path) -> None:
    (tmp_path / "site").write_text("x", encoding="utf-8")
    done = backprop("playground", str(tmp_path / "site"), "--pyodide", str(pyodide))
    assert done.returncode == 2
    assert "can't make the folder" in done.stderr


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.title)
def test_every_lesson_works_on_the_command_line(backprop: Run, lesson: Lesson) -> None:
    assert lesson.command in COMMANDS
    command = ["graph", "--format", "html"] if lesson.command == "steps" else [lesson.command]
    done = backprop(command[0], lesson.program, *lesson.values.split(), *command[1:])
    assert done.returncode == int("wrong" in lesson.title)
    assert done.stdout


# In the place of the worker: it answers with the words that it is asked, and late to what is slow.
ECHO = """\
let held;
onmessage = ({ data: { id, words } }) => {
  if (words.program === "slow") return void (held = id);
  if (words.program === "stuck") return void (onmessage = null);
  const isBad = words.program === "bad";
  const [out, err] = isBad ? ["", "it is bad"] : [JSON.stringify(words), ""];
  postMessage({ id, answer: { status: isBad ? 3 : 0, out, err } });
  if (held !== undefined) postMessage({ id: held, answer: { status: 0, out: "late", err: "" } });
};
postMessage({ progress: "Ready", loaded: 1 });
"""


def test_the_page_asks_what_is_typed_keeps_it_in_the_address_and_drops_late_answers(
    browser: Any, tmp_path: Path, pyodide: Path
) -> None:
    build_playground(str(tmp_path / "site"), str(pyodide))
    (tmp_path / "site" / "worker.js").write_text(ECHO, encoding="utf-8")
    with serve(str(tmp_path / "site")) as address:
        page = browser.new_page()
        page.goto(address)
        assert wait(page) == "Exit status 0"
        for lesson in LESSONS[1::3]:
            page.click(f"a >> text='{lesson.title}'")
            page.wait_for_function(
                "text => document.querySelector('#program').value === text", arg=lesson.program
            )
            assert wait(page) == "Exit status 0"
            assert page.input_value("#values") == lesson.values
            assert page.input_value("#command") == lesson.command
            is_page = lesson.command == "steps"
            told = page.get_attribute("#steps", "srcdoc") if is_page else page.text_content("#output")
            assert json.loads(told) == {
                "command": "graph" if is_page else lesson.command,
                "program": lesson.program,
                "rest": lesson.values + " --format html" * is_page,
            }
            assert page.is_visible("#steps") == is_page
        page.select_option("#command", "explain")
        page.fill("#program", "a*b # it's ∂ & <b>")
        page.fill("#values", "a=1\tb='2'")
        page.click("#run")
        wait(page)
        page.reload()
        wait(page)
        assert json.loads(page.text_content("#output")) == {
            "command": "explain",
            "program": "a*b # it's ∂ & <b>",
            "rest": "a=1\tb='2'",
        }
        page.fill("#program", "slow")
        page.click("#run")
        assert page.is_visible("#stop")
        page.fill("#program", "bad")
        page.click("#run")
        assert wait(page) == "Exit status 3"
        assert (page.text_content("#errors"), page.is_visible("#output")) == ("it is bad", False)
        assert page.is_hidden("#stop")
        page.fill("#program", "stuck")
        page.click("#run")
        page.click("#stop")
        assert "Stopped" in page.text_content("#errors")
        page.fill("#program", "x")
        assert wait(page) == "Exit status 0"
        assert json.loads(page.text_content("#output"))["program"] == "x"
        page.close()


@pytest.mark.skipif(not PYODIDE.is_dir(), reason="no npm package pyodide is there; BACKPROP_PYODIDE names it")
def test_the_package_in_a_browser(browser: Any, tmp_path: Path) -> None:
    build_playground(str(tmp_path), str(PYODIDE))
    with serve(str(tmp_path)) as address:
        context = browser.new_context(
            viewport={"width": 390, "height": 800}, color_scheme="dark", bypass_csp=True
        )
        page = context.new_page()
        told: list[str] = []
        requests: list[str] = []
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"{address}{LESSONS[3].link}")
        assert wait(page) == "Exit status 0"
        assert "all confirmed by sympy" in page.text_content("#output")
        assert Axe().run(page).response["violations"] == []
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.fill("#program", "log(x)")
        page.fill("#values", "x='-1")
        assert wait(page) == "Exit status 2"
        assert "can't be split" in page.text_content("#errors")
        page.fill("#values", "x=-1")
        assert wait(page) == "Exit status 3"
        page.reload()
        assert page.input_value("#program") == "log(x)"
        page.fill("#values", "x=1")
        page.select_option("#command", "steps")
        assert wait(page) == "Exit status 0"
        steps = page.frame_locator("#steps")
        steps.locator("#backward").click()
        assert "with respect to x is 1" in steps.locator("#sentence").text_content()
        for program, rest in programs(8):
            assert differences(run_command(program, rest), ask(page, program, rest)) == [], program
        context.close()
    assert told == []
    assert all(url.startswith((address, "data:", "blob:", "about:")) for url in requests)
