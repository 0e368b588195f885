"""``--picture``: what was computed as a picture, beside the numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backprop_cli.errors import UsageError
from backprop_cli.system.files import write_file

if TYPE_CHECKING:
    from backprop_cli.console.output import Output
    from backprop_cli.console.sheets import Line
    from backprop_cli.draw.curves import Plane

Picture = Annotated[
    str | None,
    typer.Option("--picture", metavar="FILE", help="Draw it, too: .svg, .png or .txt, or - for here."),
]
_ENDINGS = (".svg", ".png", ".txt")


def check_picture(target: str | None, *, is_table: bool) -> None:
    """Raise UsageError, before any work, for a picture that can't be meant."""
    if target == "-" and not is_table:
        raise UsageError("--picture - draws below the table alone", hint="--picture FILE.svg goes with all")
    if target not in (None, "-") and Path(str(target)).suffix.lower() not in _ENDINGS:
        raise UsageError(
            f"the ending of {target or 'a file without a name'} tells no form",
            hint=f"one of {' '.join(_ENDINGS)}",
        )


def draw_planes(planes: list[tuple[Plane, str]], target: str, output: Output) -> None:
    """Draw planes, each with the name of its axis, below each other: here, or into a file."""
    ending = Path(target).suffix.lower()
    if target == "-":
        paper = output.paper("●○⣿┤└─")
        for plane, name in planes:
            output.write("\n")
            lines = _characters(plane, name, paper.columns, unicode=paper.unicode, colour=paper.colour)
            output.write_drawing(lines, colour=paper.colour)
        return
    if ending == ".txt":
        from backprop_cli.console.output import plain_lines

        drawn = (_characters(plane, name, None, unicode=True, colour=False) for plane, name in planes)
        write_file(target, "\n".join(map(plain_lines, drawn)).encode())
        return
    from backprop_cli.draw.curves_svg import render_curves, stack

    svg = stack([render_curves(plane, name) for plane, name in planes])
    if ending == ".svg":
        write_file(target, svg.encode())
        return
    from backprop_cli.draw.png import render_png

    write_file(target, render_png(svg))


def _characters(plane: Plane, name: str, columns: int | None, *, unicode: bool, colour: bool) -> list[Line]:
    from backprop_cli.draw.canvas import draw_plane

    lines = draw_plane(plane, columns=columns, unicode=unicode, colour=colour)
    return [*lines[:-1], [*lines[-1], (f"   by {name}", "idle")]]
