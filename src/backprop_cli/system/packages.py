"""Packages that can't be imported, whatever the reason: which it is, what it said, and what to do."""

from __future__ import annotations

from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING

from backprop_cli.errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_DO_WITHOUT = {
    "sympy": "backprop grad --no-check does without it",
    "numpy": "CSV, TSV and JSON Lines do without it: --engine python",
    "pyarrow": "CSV, TSV and JSON Lines do without it: --engine python",
    "llvmlite": "--engine numpy does without it",
    "scipy": "only backprop fit and minimize --method bfgs need it",
    "resvg_py": "--format svg does without it",
    "mpmath": "",
    "rich": "",
    "typer": "",
}
"""The packages that are imported, and where there is one, the way around each."""


def explain_import(error: Exception) -> PackageError | None:
    """Return what to tell of an error that an import of a package ended with, None for any other error."""
    causes = list(_causes(error))
    package = next(filter(None, map(_find_package, causes)), None)
    if package is None:
        return None
    cause = causes[-1]  # NumPy's own error is a page of advice
    said = " ".join(str(cause).split())
    return PackageError(
        f"{package} can't be imported: {type(cause).__name__}{said and f': {said}'}",
        hint="; ".join(filter(None, (_DO_WITHOUT[package], _reinstall(package)))),
    )


def _reinstall(package: str) -> str:
    return f"if it is broken or missing: pip install --force-reinstall {package.replace('_', '-')}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, and what it was raised from: Typer wraps an EOFError, which half a file ends with."""
    while error is not None:
        yield error
        error = error.__cause__


def _find_package(error: BaseException) -> str | None:
    """Return the package in whose import an error arose, the innermost if one imports another."""
    # The code of a module runs only when it is imported.
    running = [
        str(frame.f_globals.get("__name__"))
        for frame, _ in walk_tb(error.__traceback__)
        if frame.f_code.co_name == "<module>"
    ]
    places = [name.partition(".")[0] for name in running]
    if isinstance(error, ImportError):
        places.append((error.name or "").partition(".")[0])
    elif isinstance(error, SyntaxError):
        places += [part.removesuffix(".py") for part in Path(error.filename or "").parts]
    elif isinstance(error, AttributeError) and getattr(error.obj, "__file__", "") is None:
        places.append(getattr(error.obj, "__name__", ""))  # a folder without files that was left behind
    return next((place for place in reversed(places) if place in _DO_WITHOUT), None)
