"""Foreign notations: scanners that turn what people paste into tokens of the plain language.

A notation is a module of this folder, named in ``NOTATIONS``. It has

- ``MARKS``, a pattern that is found in its texts and leaves no doubt that they are in it;
- ``scan(text, given)``, which returns a ``Scan``, or None for a text that is not in this notation after all,
  or raises ParseError. ``given`` are the names that values are given for: they decide where a text has two
  readings, and without them nothing is guessed.

The tokens are those of the *plain* language, each with the span of the piece of the pasted text that it
stands for, so that carets point into what was pasted; the one grammar of ``reader.py`` reads them. A scanner
keeps to these rules:

- It is asked only for what the plain language refuses, so that no text changes its meaning.
- It takes time linear in the text, recurses nowhere, and executes nothing.
- Where two readings are both usual it refuses, and its hint spells out both.
- A sign that only the plain language needs has an empty span, where it would stand. A function whose operand
  comes first (``x.tanh()``) spans both, since a result starts where the name of its function does.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.errors import ParseError
from backprop_cli.language.foreign.letters import KnownNames
from backprop_cli.language.reader import read_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from backprop_cli.language.code import Statement
    from backprop_cli.language.foreign.scan import Scan

NOTATIONS = ("latex", "spreadsheet", "wolfram", "sympy", "python", "algebra")
"""In the order in which their marks are looked for."""
WITH_ARRAYS = ("latex", "python")
"""Those that are read where arrays are given."""


class Reading(NamedTuple):
    """A text read in a foreign notation. notation: which one; the others as in ``Scan``."""

    notation: str
    statements: list[Statement]
    skipped: tuple[tuple[int, int], ...]


def read_foreign(
    text: str, given: Collection[str] | Mapping[str, object], notation: str | None = None
) -> Reading | None:
    """Return the reading of a text in the notation that is named, or whose marks it has; None if it has none.

    text: normalised.  given: the names that values are given for, with these where some are arrays.
    Raises ParseError.
    """
    names = KnownNames(given)
    notations = WITH_ARRAYS if names.shapes else NOTATIONS
    for name in notations if notation is None else (notation,):
        scanner = import_module(f"backprop_cli.language.foreign.{name}")
        if notation or re.search(scanner.MARKS, text):
            return _read(name, scanner.scan, text, names, is_certain=bool(notation or scanner.MARKS))
    return None


def _read(
    name: str,
    scan: Callable[[str, KnownNames], Scan | None],
    text: str,
    given: KnownNames,
    *,
    is_certain: bool,
) -> Reading | None:
    """Return the reading by one scanner. is_certain: whether what is wrong in its terms is to be told."""
    try:
        found = scan(text, given)
        if found is None:
            return None
        statements = list(read_statements(text, tokens=found.tokens))
        if given.shapes and name == "latex":
            from backprop_cli.language.foreign.mathematics import resolve  # hardly ever needed

            statements = resolve(statements, text, given.shapes)
        return Reading(name, _ending_in(found.output, statements, text), found.skipped)
    except ParseError as error:
        if is_certain or error.is_certain:
            raise
        return None


def _ending_in(output: str | None, statements: list[Statement], text: str) -> list[Statement]:
    """Return the statements up to the last one that gives the output its value."""
    if output is None:
        return statements
    for last in range(len(statements) - 1, -1, -1):
        if statements[last].name == output:
            return statements[: last + 1]
    raise ParseError(f"{output} is the output, but no statement names it", text, 0, len(text))
