"""The letters of pictures: DejaVu Sans 2.37, cut down to Latin, Greek, numbers and signs.

Made by ``pyftsubset`` of fonttools; CONTRIBUTING.md has the command. The licence stands beside them.
"""

from __future__ import annotations

import re
from pathlib import Path

REGULAR = Path(__file__).parent / "DejaVuSans.ttf"
BOLD = Path(__file__).parent / "DejaVuSans-Bold.ttf"

# What they lack. A test compares it with the files.
_LACKED = re.compile(
    "[^\n -~\u00a0-\u00ff\u0370-\u0377\u037a-\u037f\u0384-\u038a\u038c\u038e-\u03a1\u03a3-\u03ff"
    "–…⁰ⁱ⁴-₎ₐ-ₜ←↑→↓∂∈∋−√∞≈≠≤≥⋅□]"
)

# Advance widths of DejaVu Sans in hundredths of its size, from the space to the tilde.
_WIDTHS = (
    *(32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64),
    *(64, 34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79),
    *(69, 63, 61, 73, 68, 99, 69, 61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28),
    *(58, 28, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84),
)
_OTHERS = {**dict.fromkeys("²³¹⁰⁴⁵⁶⁷⁸⁹", 40), **dict.fromkeys("×−÷≤≥∞", 84), "·": 32, "∂": 52, "…": 100}
# Bold letters are 12 % wider.
_BOLDER = 1.13


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a text, in the unit of its size. Letters that the fonts lack count as wide ones."""
    hundredths = sum(_width(c) for c in text)
    return hundredths * size / 100 * (_BOLDER if bold else 1.0)


def _width(c: str) -> int:
    if " " <= c <= "~":
        return _WIDTHS[ord(c) - 32]
    return _OTHERS.get(c) or (100 if _LACKED.match(c) else 70)


def paintable(text: str) -> str:
    """Return a text with a box for each letter that the fonts lack, which would not be painted at all."""
    return _LACKED.sub("□", text)


def shorten(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """Return the text, cut in the middle where it takes more room than there is."""
    if text_width(text, size, bold=bold) <= room:
        return text
    keep = len(text)
    while keep > 2:
        keep -= 1
        short = f"{text[: (keep + 1) // 2]}…{text[len(text) - keep // 2 :]}"
        if text_width(short, size, bold=bold) <= room:
            return short
    return "…"
