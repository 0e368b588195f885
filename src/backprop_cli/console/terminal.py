"""Drawing for a terminal, with rich. Text is never read as markup."""

from __future__ import annotations

from io import StringIO
from textwrap import wrap
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backprop_cli.console.sheets import Block, drawn_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backprop_cli.console.sheets import Line, Role, Sheet

# Of the 256 colours of terminals those that are read on white and on black alike: 4.5 : 1 on both, which
# leaves a luminance of 0.175 to 0.183 (WCAG 2.2, contrast ratio). Where there are 16, the nearest is shown.
_STYLES: dict[str, str] = {
    "": "",
    "input": "color(63)",
    "output": "bold color(98)",
    "idle": "color(243)",
    "pass": "color(29)",
    "fail": "bold color(131)",
    "note": "color(163)",
    "header": "bold",
    "legend": "color(243)",
    **{f"lane{i}": f"color({colour})" for i, colour in enumerate((63, 29, 98, 163, 131, 243))},
}


class Painter:
    """Collects what is drawn as text."""

    def __init__(self, columns: int, *, colour: bool, unicode: bool) -> None:
        self.file = StringIO()
        self.box = box.SIMPLE_HEAD if unicode else box.ASCII2
        self.console = Console(
            file=self.file,
            width=columns,
            force_terminal=colour,
            color_system="standard" if colour else None,
            no_color=not colour,
            highlight=False,
            emoji=False,
            markup=False,
            legacy_windows=False,
        )

    def table(self, sheet: Sheet) -> None:
        """Draw a sheet. Only the column that wraps goes on in the next line."""
        table = Table(box=self.box, show_edge=False, pad_edge=False, header_style="bold")
        for i, name in enumerate(sheet.header):
            table.add_column(
                Text(name),
                justify="right" if i in sheet.right else "left",
                overflow="fold",
                no_wrap=i != sheet.wraps,
            )
        for row in sheet.rows:
            table.add_row(*(Text("\n".join(cell)) for cell in row.cells), style=_STYLES[row.role])
        self.console.print(table)

    def lines(self, lines: Iterable[tuple[str, Role]]) -> None:
        """Draw lines of text, wrapped between words and indented where they go on."""
        for line, role in lines:
            indent = " " * (len(line) - len(line.lstrip()) + 4)
            wrapped = wrap(line, self.console.width, subsequent_indent=indent, break_on_hyphens=False)
            for part in wrapped or [""]:
                self.console.print(Text(part, style=_STYLES[role]), no_wrap=True, overflow="ignore")

    def pieces(self, lines: Iterable[Line]) -> None:
        """Draw lines of any width, as they are."""
        for line in lines:
            text = Text.assemble(*((piece, _STYLES.get(role, "")) for piece, role in line))
            self.console.print(text, no_wrap=True, overflow="ignore", crop=False)

    def text(self) -> str:
        """Return what was drawn, without trailing blanks."""
        drawn = self.file.getvalue()
        return "".join(line.rstrip() + "\n" for line in drawn.splitlines())


def render_terminal(blocks: Iterable[Block], *, columns: int, colour: bool, unicode: bool) -> Iterator[str]:
    """Yield blocks drawn for a terminal of so many columns, each as soon as it is there."""
    for number, block in enumerate(blocks):
        painter = Painter(columns, colour=colour, unicode=unicode)
        if number:
            painter.lines([("", "")])
        sheets = (make() for make in block.sheets)
        fitting = next((sheet for sheet in sheets if drawn_width(sheet) <= columns), None)
        if fitting is not None:
            painter.table(fitting)
        else:
            painter.lines(block.lines())
        yield painter.text()
