"""A picture as PNG, painted by resvg with the letters that ship with the package."""

from __future__ import annotations

import re

from backprop_cli.draw.fonts import BOLD, REGULAR, paintable
from backprop_cli.errors import UsageError

_ZOOM = 2.0
# More pixels than this would take gigabytes and minutes.
_MOST_PIXELS = 60e6
_SIZE = re.compile(r'width="([0-9.e+]+)" height="([0-9.e+]+)"')


def render_png(svg: str) -> bytes:
    """Return an SVG as PNG, the same on every machine: twice its size, or as large as it may be.

    Raises UsageError without resvg, and for a picture whose letters could not be read any more.
    """
    try:
        import resvg_py
    except ModuleNotFoundError as error:
        if error.name != "resvg_py":
            raise  # it is there, but broken
        raise UsageError(
            "PNG needs the package resvg-py",
            hint="pip install 'backprop_cli[png]'; --format svg needs nothing",
        ) from None
    size = _SIZE.search(svg)
    area = float(size[1]) * float(size[2]) if size else 1.0
    zoom = min(_ZOOM, (_MOST_PIXELS / area) ** 0.5)
    if zoom < _ZOOM / 4:
        millions = f"{area / 1e6:,.0f} million pixels"
        raise UsageError(f"the picture is too large for PNG: {millions}", hint="--format svg has no limit")
    painted = resvg_py.svg_to_bytes(
        svg_string=paintable(svg),
        skip_system_fonts=True,
        font_files=[str(REGULAR), str(BOLD)],
        dpi=96,
        zoom=zoom,
    )
    return bytes(painted)
