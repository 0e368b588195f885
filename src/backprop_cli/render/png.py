"""A picture as PNG, painted by resvg with the letters that ship with the package."""

from __future__ import annotations

from backprop_cli.errors import UsageError
from backprop_cli.fonts import BOLD, REGULAR

_ZOOM = 2


def render_png(svg: str) -> bytes:
    """Return an SVG as PNG, the same on every machine. Raises UsageError without resvg."""
    try:
        import resvg_py
    except ImportError:
        raise UsageError(
            "PNG needs the package resvg-py",
            hint="pip install 'backprop_cli[png]'; --format svg needs nothing",
        ) from None
    painted = resvg_py.svg_to_bytes(
        svg_string=svg, skip_system_fonts=True, font_files=[str(REGULAR), str(BOLD)], dpi=96, zoom=_ZOOM
    )
    return bytes(painted)
