"""``backprop graph``: forms, files, terminals, and what it refuses."""

from __future__ import annotations

import html
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from random import Random
from types import ModuleType

import pytest

from backprop_cli.__main__ import run
from backprop_cli.console.sheets import width
from backprop_cli.draw.diagram import Arrow, Box, Diagram
from backprop_cli.draw.dot import render_dot
from backprop_cli.draw.mermaid import render_mermaid
from backprop_cli.errors import FileError
from backprop_cli.notation.pretty import pretty
from backprop_cli.system.files import write_file
from conftest import Run
from console import BIN, in_terminal
from diagrams import random_diagram, uses

COMMAND = str(BIN / "backprop")
LESSON = ["(a*b+c)*f", "a=2", "b=3", "c=-10", "f=5"]
NEURON = ["u = w*x; z = u + b; p = sigmoid(z); L = (p - y)^2 + w^2", "w=0.5", "x=2", "b=-0.3", "y=1"]
NASTY = ['"', "\\", "}", "|", "<b>", "&amp;", "#35;", "`x`", "end", "a;b", "%%", "a]b", "π²", "x -- y"]
NASTY += ["i*j*k", "_u_", "x##y", "((", "1. a", "- b", "<br/>"]


def shown(args: list[str], columns: int, **variables: str) -> list[str]:
    text = in_terminal([COMMAND, "graph", *args], columns, TERM="xterm", NO_COLOR="1", **variables)
    return text.splitlines()


# ---- the terminal ----


def test_a_terminal_has_boxes_where_they_fit_and_a_pipe_rails(backprop: Run) -> None:
    assert shown(LESSON, 80)[0] == "┌─────────┐"
    piped = backprop("graph", *LESSON)
    assert piped.stdout.splitlines()[0].split()[:2] == ["node", "value"]
    assert (piped.returncode, piped.stderr) == (0, "")
    assert shown(LESSON, 60)[:8] == piped.stdout.splitlines()[:8]


@pytest.mark.parametrize("program", [LESSON, NEURON], ids=["lesson", "neuron"])
@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize("style", ["auto", "rails"])
def test_no_line_is_longer_than_the_terminal(program: list[str], columns: int, style: str) -> None:
    lines = shown([*program, "--style", style], columns)
    assert max(map(width, lines)) <= columns
    assert len(lines) > 8


def test_a_style_can_be_asked_for(backprop: Run) -> None:
    assert backprop("graph", *LESSON, "--style", "boxes").stdout.startswith("┌")
    assert shown([*LESSON, "--style", "rails"], 120)[0].split()[0] == "node"
    lines = shown([*NEURON, "--style", "boxes"], 80)
    assert "boxes can't be drawn clearly in 80 columns; these are rails" in lines


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "cp1252"},
    ],
    ids=str,
)
def test_a_stream_without_the_signs_gets_ascii(backprop: Run, variables: dict[str, str]) -> None:
    for form in ("text", "dot", "mermaid"):
        done = backprop("graph", "α^2*b", "α=2", "b=3", "--format", form, **variables)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.isascii()
    assert backprop("graph", "α^2*b", "α=2", "b=3", **variables).stdout.splitlines()[1].startswith("o  ")
    assert "│" not in "".join(shown(["a*b", "a=1", "b=2"], 80, **variables))


@pytest.mark.parametrize("form", ["text", "dot", "mermaid"])
def test_ascii_can_be_asked_for(backprop: Run, form: str) -> None:
    for style in ("boxes", "rails"):
        done = backprop("graph", "α²*b + exp(α)", "--ascii", "--format", form, "--style", style)
        assert done.stdout.isascii()
        assert {"text": "\\u03b1", "dot": "&#945;", "mermaid": "#945;"}[form] in done.stdout
        assert "^2" in done.stdout.replace("#94;", "^")


def test_colour(backprop: Run) -> None:
    for style in ("boxes", "rails"):
        text = in_terminal([COMMAND, "graph", *LESSON, "--style", style], 80, TERM="xterm")
        assert "\x1b[" in text
        assert re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines() == shown([*LESSON, "--style", style], 80)
    assert "\x1b" not in backprop("graph", *LESSON).stdout
    assert "\x1b" in backprop("graph", *LESSON, "--color", "always").stdout


# ---- with and without numbers ----


def test_without_values_the_graph_is_bare(backprop: Run) -> None:
    done = backprop("graph", "(a*b+c)*f")
    assert done.returncode == 0
    assert "●─╯  v1 = a × b   ∂v1/∂a = b  ∂v1/∂b = a" in done.stdout.splitlines()


def test_with_some_values_the_others_are_missing(backprop: Run) -> None:
    done = backprop("graph", "a*b", "a=2")
    assert (done.returncode, done.stdout) == (2, "")
    assert "b has no value" in done.stderr


def test_the_values_of_the_program_count(backprop: Run) -> None:
    assert backprop("graph", "a = 2; b = 3; L = a*b").stdout.splitlines()[1].split()[1:] == ["a", "2", "3"]
    assert "b has no value" in backprop("graph", "a = 2; L = a*b", "a=1").stderr
    assert backprop("graph", "2*3").stdout.splitlines()[1].split()[0] == "◉"


def test_formulas_beside_numbers(backprop: Run) -> None:
    line = backprop("graph", "L = a*b", "a=2", "b=3", "--symbolic").stdout.splitlines()[3]
    assert line == "◉─╯  L = a × b      6         1  ∂L/∂a = b  ∂L/∂b = a"


def test_digits_and_upstream(backprop: Run) -> None:
    assert "0.3333333333333333" in backprop("graph", "a/3", "a=1", "--digits", "full").stdout
    lines = backprop("graph", "a*b", "a=2", "b=3", "--upstream", "10").stdout.splitlines()
    assert lines[0].split()[2] == "gradient"
    assert lines[1].split()[1:] == ["a", "2", "30"]


def test_kinks_warn(backprop: Run) -> None:
    done = backprop("graph", "relu(x)", "x=0")
    assert done.returncode == 0
    assert done.stderr.startswith("warning: relu(x) has a kink at x = 0")
    assert backprop("graph", "relu(x)", "x=0", "--quiet").stderr == ""


def test_what_does_not_exist(backprop: Run) -> None:
    done = backprop("graph", "log(x)", "x=-1")
    assert (done.returncode, done.stdout) == (3, "")
    assert "log needs an operand > 0" in done.stderr
    done = backprop("graph", "sqrt(x)*y", "x=0", "y=1")
    assert done.returncode == 3
    assert "infinity" in done.stdout
    assert "the gradient with respect to x is infinity" in done.stderr
    assert backprop("graph", "sqrt(x)*y", "x=0", "y=1", "--wrt", "y").returncode == 0


def test_a_large_graph_is_refused(backprop: Run, tmp_path: Path) -> None:
    program = tmp_path / "chain.txt"
    program.write_text("\n".join(f"x{i + 1} = sin(x{i})" for i in range(1000)))
    done = backprop("graph", "--file", str(program), "x0=1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "backprop: the graph has 1,001 nodes, and a drawing of more than 1,000 can hardly be read",
        "  hint: --force draws it all the same; backprop grad --json has every node",
    ]
    assert len(backprop("graph", "--file", str(program), "x0=1", "--force").stdout.splitlines()) > 1001


# ---- files ----


def test_the_ending_tells_the_form(backprop: Run, tmp_path: Path) -> None:
    for name, start in [
        ("a.txt", "     node"),
        ("a.dot", "digraph"),
        ("a.GV", "digraph"),
        ("a.mmd", "flowchart LR"),
    ]:
        done = backprop("graph", *LESSON, "--output", str(tmp_path / name), PYTHONIOENCODING="ascii")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert text.startswith(start)
        assert "×" in text
    backprop(
        "graph", *LESSON, "--output", str(tmp_path / "a.dot"), "--format", "mermaid", "--direction", "TB"
    )
    assert (tmp_path / "a.dot").read_text().startswith("flowchart TB")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.GV", "a.dot", "a.mmd", "a.txt"]
    assert backprop("graph", *LESSON, "--output", "-").stdout == (tmp_path / "a.txt").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "graph.jpg"], "the ending of graph.jpg tells no form"),
        (["--output", "graph"], "graph has no ending that tells a form"),
        (["--output", ""], "--output names no file"),
        (["--output", "a.svg", "--open"], "--open shows the HTML page, not svg"),
        (["--format", "dot", "--open"], "--open shows the HTML page, not dot"),
        (["--output", "/nowhere/a.dot"], "can't write /nowhere/a.dot: No such file or directory"),
        (["--output", "/", "--format", "dot"], "can't write /: it is a folder"),
        (["--digits", "0"], "--digits can't be '0'"),
        (["--upstream", ""], "--upstream is given no value"),
        (["--wrt", "z"], "z is not in the program"),
    ],
)
def test_mistakes(backprop: Run, arguments: list[str], message: str) -> None:
    done = backprop("graph", *LESSON, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"backprop: {message}")


def test_a_picture_is_not_shown_as_text() -> None:
    script = f"{COMMAND} graph {LESSON[0]!r} --format png; test $? = 2"
    text = in_terminal(["bash", "-c", script], 80)
    assert text.splitlines() == ["backprop: a PNG can't be shown in a terminal", "  hint: --output graph.png"]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "graph.dot"
    path.write_text("old")
    path.chmod(0o640)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(FileError, match=r"can't write .*: No space left on device"):
            write_file(str(path), b"new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["graph.dot"]
    write_file(str(path), b"new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["graph.dot"]


def test_permissions_links_and_devices(tmp_path: Path) -> None:
    umask = os.umask(0o027)
    try:
        write_file(str(tmp_path / "new"), b"1")
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    (tmp_path / "link").symlink_to("new")
    write_file(str(tmp_path / "link"), b"2")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "new").read_bytes() == b"2"
    write_file("/dev/null", b"3")
    assert not Path("/dev/null").is_file()


def test_quiet_prints_nothing_but_writes_the_file(backprop: Run, tmp_path: Path) -> None:
    assert backprop("graph", *LESSON, "--quiet").stdout == ""
    backprop("graph", *LESSON, "--quiet", "--output", str(tmp_path / "a.txt"))
    assert (tmp_path / "a.txt").exists()


# ---- pictures and the page, which have tests of their own ----


@pytest.fixture
def stubs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the renderers and the browser by ones that tell what they are asked for."""
    opened: list[str] = []
    for name, render in {
        "svg": lambda diagram, direction, theme, plays: (
            f"<svg {diagram.output} {direction} {theme}>" + "!" * plays
        ),
        "png": lambda svg: b"PNG" + svg.encode(),
        "page": lambda report, direction, steps: f"<html {report.output} {direction} {steps}>",
    }.items():
        module = ModuleType(f"backprop_cli.draw.{name}")
        setattr(module, f"render_{name}", render)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr("webbrowser.open", lambda url: not opened.append(url))
    return opened


def test_pictures(stubs: list[str], tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    options = ["--direction", "TB", "--theme", "dark"]
    for ending, content in [
        ("svg", b"<svg v3 TB dark>"),
        ("png", b"PNG<svg v3 TB dark>"),
        ("html", b"<html v3 TB None>"),
    ]:
        path = tmp_path / f"a.{ending}"
        assert run(["graph", *LESSON, "--output", str(path), *options]) == 0
        assert path.read_bytes() == content
        assert capfdbinary.readouterr() == (b"", b"")
        assert run(["graph", *LESSON, "--format", ending, *options]) == 0
        assert capfdbinary.readouterr() == (content, b"")
    assert stubs == []


def test_the_page_needs_values(stubs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["graph", "a*b", "--open"]) == 2
    assert "a and b have no value" in capsys.readouterr().err
    assert stubs == []


def test_the_page_is_opened(
    stubs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a page.html"
    assert run(["graph", *LESSON, "--output", str(path), "--open"]) == 0
    assert stubs == [path.as_uri()]
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run(["graph", *LESSON, "--open"]) == 0
    page = next(tmp_path.glob("backprop-*/graph.html"))
    assert stubs[1:] == [page.as_uri()]
    assert page.read_text() == "<html v3 LR None>"
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    assert run(["graph", *LESSON, "--output", str(path), "--open"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "backprop: no browser can be opened",
        f"  hint: the page is {path}",
    ]


# ---- DOT and Mermaid ----


def nasty() -> Diagram:
    boxes = [Box(name, "", "1", "1", "input") for name in NASTY]
    boxes.append(Box("L", " + ".join(NASTY), "1", "1", "output", kink="kink"))
    last = len(NASTY)
    arrows = [Arrow(i, last, i, text) for i, text in enumerate(NASTY)]
    return Diagram("", "L", tuple(boxes), tuple(arrows), has_numbers=True)


def test_dot() -> None:
    lines = render_dot(random_diagram(Random(3))).splitlines()
    assert lines[:2] == ["digraph backprop {", "  rankdir=LR;"]
    assert lines[-1] == "}"


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_graphviz_accepts_dot(direction: str) -> None:
    if shutil.which("dot") is None:
        pytest.skip("Graphviz is not installed")
    for diagram in (nasty(), *(random_diagram(Random(seed)) for seed in range(5))):
        for unicode in (True, False):
            text = render_dot(diagram, direction=direction, unicode=unicode)
            done = subprocess.run(["dot", "-Tplain"], input=text.encode(), capture_output=True, check=True)
            assert done.stderr == b""
            found = re.findall(r"^edge n(\d+) n(\d+)", done.stdout.decode(), re.MULTILINE)
            boxes = diagram.boxes
            assert sorted((boxes[int(a)].id, boxes[int(b)].id) for a, b in found) == uses(diagram)


def test_graphviz_shows_every_name_as_it_is() -> None:
    if shutil.which("dot") is None:
        pytest.skip("Graphviz is not installed")
    for direction in ("LR", "TB"):
        text = render_dot(nasty(), direction=direction)
        done = subprocess.run(["dot", "-Tsvg"], input=text.encode(), capture_output=True, check=True)
        drawn = [
            html.unescape(t).replace("\xa0", " ").strip()
            for t in re.findall(r"<text.*?>(.*?)</text>", done.stdout.decode())
        ]
        assert {pretty(name).strip() for name in NASTY} <= set(drawn)


def test_mermaid_accepts_it() -> None:
    mermaidx = pytest.importorskip("mermaidx")
    text = render_mermaid(nasty())
    assert render_mermaid(nasty(), direction="TB") == text.replace("flowchart LR", "flowchart TB", 1)
    svg = mermaidx.render(text).svg()
    assert svg.startswith("<svg")
    assert "Syntax error" not in svg
    drawn = [html.unescape(text).strip() for text in re.findall(r">([^<>]+)<", svg)]
    assert {pretty(name).strip() for name in NASTY} <= set(drawn)
    assert len(re.findall(r'id="[^"]*flowchart-n\d+-\d+"', svg)) == len(NASTY) + 1


def test_mermaid_round_trip() -> None:
    for seed in range(100):
        diagram = random_diagram(Random(seed))
        text = render_mermaid(diagram)
        found = re.findall(r'^  n(\d+) -- ".*" --> n(\d+)$', text, re.MULTILINE)
        boxes = diagram.boxes
        assert sorted((boxes[int(a)].id, boxes[int(b)].id) for a, b in found) == uses(diagram)
