"""Errors and warnings as lines: the sentence, and the piece of the program that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.console.sheets import width
from backprop_cli.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backprop_cli.diagnostic import Diagnostic, Span

# A longer line is cut to so many characters on both sides of the first so many of the piece.
_LONG, _AROUND = 100, 40


def diagnostic_lines(head: str, told: Diagnostic) -> Iterator[str]:
    """Yield the lines of an error or a warning. head: what stands before the message."""
    yield f"{head}: {told.message}"
    if told.text.strip():
        yield from _excerpts(told.text, told.spans)
    if told.hint:
        yield f"  hint: {told.hint}"


def _excerpts(text: str, spans: Sequence[Span]) -> Iterator[str]:
    """Yield every line that a span starts in, and under it ^ for the first span, ~ for others."""
    signs = "^" + "~" * len(spans)
    lines: dict[int, list[tuple[Span, str]]] = {}
    for span, sign in zip(spans, signs, strict=False):
        lines.setdefault(text.rfind("\n", 0, span[0]) + 1, []).append((span, sign))
    for line_start in sorted(lines):
        yield from _excerpt(text, line_start, lines[line_start])


def _excerpt(text: str, line_start: int, marked: Sequence[tuple[Span, str]]) -> tuple[str, str]:
    line_end = text.find("\n", line_start)
    line_end = len(text) if line_end < 0 else line_end
    begin, end = _window(line_start, line_end, marked[0][0])
    before = f"line {text.count(chr(10), 0, line_start) + 1}: " if "\n" in text.strip() else ""
    before += "…" * (begin > line_start)
    marks: list[str] = []
    for span, sign in reversed(marked):  # the first is written over the others
        _mark(marks, text, (begin, end), span, sign)
    shown = printable(text[begin:end]) + "…" * (end < line_end)
    return f"  {before}{shown}", f"  {' ' * len(before)}{''.join(marks)}"


def _window(start: int, end: int, piece: Span) -> Span:
    """Return the part of a line that is shown: all of it, or the surroundings of a piece."""
    if end - start <= _LONG:
        return start, end
    piece_end = min(max(piece[1], piece[0] + 1), piece[0] + _AROUND, end)
    return max(start, piece[0] - _AROUND), min(end, piece_end + _AROUND)


def _mark(marks: list[str], text: str, window: Span, span: Span, sign: str) -> None:
    """Write marks under a piece, under what of it is in the window. At the end of a line it is one mark."""
    begin, end = window
    start, stop = max(span[0], begin), min(span[1], end)
    if stop <= start and sign != "^":
        return
    at, size = width(printable(text[begin:start])), max(width(printable(text[start:stop])), 1)
    marks += " " * (at + size - len(marks))
    marks[at : at + size] = sign * size
