"""The tables as Markdown, in GitHub's form: the cells of the plain table, each shown to the letter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backprop_cli.render.table import check_sheet, closing, node_sheet

if TYPE_CHECKING:
    from collections.abc import Collection

    from backprop_cli.console.sheets import Row, Sheet
    from backprop_cli.report import Report

# The columns of names and formulas.
_NODE_CODE, _CHECK_CODE = (0, 1, 3), (0, 2)


def render_report(report: Report, *, digits: int | None, everything: bool) -> str:
    """Return the table of nodes, the table of gradients and the summary."""
    nodes = node_sheet(report, digits=digits, everything=everything, stacked=True)
    parts = [table(nodes, _NODE_CODE)]
    if report.gradients:
        checks = check_sheet(report, digits=digits, everything=everything)
        parts.append(table(checks, _CHECK_CODE))
    return "\n\n".join([*parts, *(escape(line) for line, _ in closing(report, digits))]) + "\n"


def table(sheet: Sheet, code: Collection[int]) -> str:
    """Return a sheet as a table. code: the columns of names and formulas."""
    rule = ["---:" if i in sheet.right else "---" for i in range(len(sheet.header))]
    lines = [[escape(name) for name in sheet.header], rule, *(_cells(row, code) for row in sheet.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row, code: Collection[int]) -> list[str]:
    in_words = row.cells[0] == ("…",)  # the row that tells of hidden ones
    return [
        ", ".join(
            code_span(line) if i in code and not in_words and line != "input" else escape(line)
            for line in cell
        )
        for i, cell in enumerate(row.cells)
    ]


def code_span(text: str) -> str:
    """Return a text as code within a table, where it shows as it is."""
    if "`" in text or "\\" in text:
        # Both have rules of their own within backticks and bars. Character references have none.
        return f"<code>{re.sub(r'[!-/:-@[-`{-~]', lambda match: f'&#{ord(match[0])};', text)}</code>"
    return f"`{text}`".replace("|", r"\|") if text else ""


def escape(text: str) -> str:
    """Return a text that shows as it is, in a table too."""
    return re.sub(r"[\\`*_\[\]<>|~&$#]", r"\\\g<0>", text)
