"""The playground: a folder of static files in which the package itself runs in a browser, by Pyodide.

There is no second reader: the worker calls the command line with the words of the page. The folder has all
that it needs: Pyodide, copied from its npm package, and the packages of this environment, in one archive.
"""

from __future__ import annotations

import io
import re
import zipfile
from html import escape
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from backprop_cli import __version__
from backprop_cli.draw import page
from backprop_cli.errors import FileError
from backprop_cli.system.files import write_file

if TYPE_CHECKING:
    from collections.abc import Iterator

PYODIDE = "0.28.3"
"""The version of Pyodide that the playground is tested with."""

_OF_PYODIDE = (
    "pyodide.js",
    "pyodide.asm.js",
    "pyodide.asm.wasm",
    "pyodide-lock.json",
    "python_stdlib.zip",
)
_COLORS = "colors.css"  # those of the page
_OWN = ("playground.css", "playground.js", "worker.js", "run.txt")
_LEFT_OUT = (".so", ".pyd", ".pyc", ".dylib", "direct_url.json")
# A zip has no time zone and begins in 1980: so the same packages make the same archive.
_DATE = (1980, 1, 1, 0, 0, 0)

COMMANDS = {
    "steps": "the steps, drawn",
    "grad": "the gradient",
    "explain": "the steps, told",
    "check": "a check of what you expect",
    "quiz": "an exercise of it, with blanks",
    "graph": "the graph, as text",
    "read": "how it is read",
    "hessian": "second derivatives",
    "plot": "a plot",
    "export": "source code",
}
"""What the playground shows: a command each, and "steps", the page of ``graph``."""


class Lesson(NamedTuple):
    """A link with its state."""

    title: str
    command: str
    program: str
    values: str

    @property
    def link(self) -> str:
        """The state as the end of an address."""
        return "#" + urlencode({"command": self.command, "program": self.program, "values": self.values})


_NEURON = "z = w*x + b; a = sigmoid(z); C = (a - y)^2"
_AT = "w=0.5 x=2 b=-0.3 y=1"
LESSONS = (
    Lesson("The chain rule on a graph", "steps", "e = a*b; d = e + c; L = d*f", "a=2 b=3 c=-10 f=5"),
    Lesson("The same, told", "explain", "e = a*b; d = e + c; L = d*f", "a=2 b=3 c=-10 f=5"),
    Lesson("A neuron with its cost", "steps", _NEURON, _AT),
    Lesson("A neuron, differentiated and checked", "grad", _NEURON, _AT),
    Lesson(
        "Check what you worked out", "check", "(a*b+c)*f", "a=2 b=3 c=-10 f=5 --expect a=15 --expect b=a*f"
    ),
    Lesson("A wrong answer, explained", "check", "(a*b+c)*f", "a=2 b=3 c=-10 f=5 --expect a=3"),
    Lesson("Fill in the blanks", "quiz", "e = a*b; d = e + c; L = d*f", "a=2 b=3 c=-10 f=5"),
    Lesson("A branch point: contributions add up", "explain", "x*x + x", "x=3"),
    Lesson("A gate that is closed", "steps", "relu(w*x + b)", "w=0.5 x=2 b=-3"),
    Lesson("A kink", "grad", "abs(x - 1)", "x=1"),
    Lesson("What a gradient means: nudges", "explain", "(a*b+c)*f", "a=2 b=3 c=-10 f=5 --nudge 0.001"),
)


def build_playground(folder: str, pyodide: str) -> Path:
    """Write the playground into a folder, index.html last, and return that. Raises FileError."""
    target, source = Path(folder), Path(pyodide)
    parts = {name: _read_part(source, name) for name in _OF_PYODIDE}
    archive = _archive()
    try:
        (target / "pyodide").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"can't make the folder {folder}: {error.strerror}") from None
    for name, data in parts.items():
        write_file(str(target / "pyodide" / name), data)
    write_file(str(target / "packages.zip"), archive)
    write_file(str(target / _COLORS), (files(page) / _COLORS).read_bytes())
    for name in _OWN:
        write_file(str(target / name), (files(__name__) / name).read_bytes())
    return write_file(str(target / "index.html"), _index().encode())


def _read_part(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise FileError(
            f"can't read {folder / name}: {error.strerror}",
            hint=f"npm install pyodide@{PYODIDE}, then --pyodide node_modules/pyodide",
        ) from None


def _index() -> str:
    index = Template((files(__name__) / "index.html").read_text(encoding="utf-8"))
    commands = [f'<option value="{name}">{escape(said)}</option>' for name, said in COMMANDS.items()]
    lessons = [f'<li><a href="{escape(each.link)}">{escape(each.title)}</a></li>' for each in LESSONS]
    about = f"backprop {__version__}: the package itself computes, in this browser."
    return index.substitute(commands="\n".join(commands), lessons="\n".join(lessons), about=about)


def _archive() -> bytes:
    """Return the package and those that it needs, of this environment, as a zip."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted({**dict(_of_itself()), **dict(_of_others())}.items()):
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, path.read_bytes())
    return whole.getvalue()


def _of_itself() -> Iterator[tuple[str, Path]]:
    root = Path(__file__).parents[1]
    for path in root.rglob("*"):
        name = path.relative_to(root.parent).as_posix()
        if path.is_file() and _is_needed(name):
            yield name, path


def _of_others() -> Iterator[tuple[str, Path]]:
    for name in _needed("backprop_cli", set()):
        if name == "backprop_cli":
            continue
        for file in distribution(name).files or ():
            if _is_needed(file.as_posix()):
                yield file.as_posix(), Path(str(file.locate()))


def _is_needed(name: str) -> bool:
    parts = name.split("/")
    return not name.endswith(_LEFT_OUT) and not {"..", "tests", "__pycache__"} & set(parts)


def _needed(name: str, known: set[str]) -> set[str]:
    """Return a package and all that it needs, extras aside; known: those found already, added to."""
    try:
        requirements = distribution(name).requires or []
    except PackageNotFoundError:  # for another platform
        return known
    known.add(name)
    for requirement in requirements:
        other = re.match(r"[\w.-]+", requirement)
        if other and "extra ==" not in requirement and other[0] not in known:
            _needed(other[0], known)
    return known
