"""The tables as a LaTeX document of its own, in ASCII: pdflatex, xelatex and lualatex typeset it as it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.notation.latex import (
    escape,
    expression_latex,
    mark_latex,
    name_latex,
    node_latex,
    number_latex,
)
from backprop_cli.render.table import check_sheet, choose_nodes, closing, node_sheet
from backprop_cli.report import ArrayRecord
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.report import NodeRecord, Report

# For tables.
_DEFINITIONS = r"""\usepackage{array,booktabs,graphicx,longtable}
\newcolumntype{L}[1]{>{\raggedright\arraybackslash}p{#1\textwidth}}
\newcolumntype{R}[1]{>{\raggedleft\arraybackslash}p{#1\textwidth}}
% Maths, made smaller where it is wider than its column.
\newsavebox{\formula}
\newcommand{\fit}[1]{\sbox{\formula}{$\displaystyle #1$}%
  \ifdim\wd\formula>\linewidth\resizebox{\linewidth}{!}{\usebox{\formula}}\else\usebox{\formula}\fi}
\raggedright
\renewcommand{\arraystretch}{1.3}
"""


def document(body: str, *, size: str, page: str, definitions: str = "") -> str:
    """Return a document. size: of its letters.  page: options of geometry.  definitions: for the preamble."""
    return (
        "% Made by backprop. Typeset it with pdflatex, xelatex or lualatex.\n"
        f"\\documentclass[{size}]{{article}}\n"
        f"\\usepackage[a4paper,{page}]{{geometry}}\n"
        f"\\usepackage{{amsmath}}\n{definitions}"
        f"\\begin{{document}}\n{body}\n\\end{{document}}\n"
    )


class _Column(NamedTuple):
    """A column: its letter in the preamble, and its part of the width of the page."""

    kind: str
    width: float

    @property
    def most_characters(self) -> int:
        """How long a formula may be to stay legible in one line of this column."""
        return int(400 * self.width)


_NODE_COLUMNS = (
    _Column("L", 0.10), _Column("L", 0.26), _Column("R", 0.13), _Column("L", 0.31), _Column("R", 0.13)
)  # fmt: skip
_CHECK_COLUMNS = (
    _Column("L", 0.10), _Column("R", 0.12), _Column("L", 0.34), _Column("R", 0.12), _Column("R", 0.05),
    _Column("L", 0.19),
)  # fmt: skip


def render_report(report: Report, *, digits: int | None, everything: bool) -> str:
    """Return the document: the nodes, the gradients, the summary."""
    parts = [_node_table(report, digits, everything)]
    if report.gradients:
        parts.append(_check_table(report, digits, everything))
    last = "\\par\n".join(_breakable_line(line) for line, _ in closing(report, digits))
    body = "".join([*parts, last])
    return document(body, size="10pt", page="landscape,margin=15mm", definitions=_DEFINITIONS)


def _breakable_line(line: str) -> str:
    return " ".join(_breakable(word) if len(word) > 60 else escape(word) for word in line.split(" "))


def _node_table(report: Report, digits: int | None, everything: bool) -> str:
    sheet = node_sheet(report, digits=digits, everything=everything, stacked=True)
    name, formula, value, partials, gradient = _NODE_COLUMNS
    last = sheet.header[-1]
    if report.upstream == 1:
        last = _maths(f"\\partial {name_latex(report.output)}/\\partial\\,\\text{{node}}", last, gradient)
    header = ("node", "formula", "value", "local derivatives", last)
    rows = []
    for node, row in zip(choose_nodes(report, everything)[0], sheet.rows, strict=True):
        texts = [cell[0] for cell in row.cells]
        if node is None or isinstance(node, ArrayRecord):
            rows.append([escape(text) for text in texts])
            continue
        rows.append(
            [
                _maths(name_latex(node.id), node.id, name),
                "input" if node.op == "input" else _maths(node_latex(node), node.expr, formula),
                _maths(number_latex(texts[2]), texts[2], value),
                r"\quad ".join(
                    _maths(maths, text, partials)
                    for maths, text in zip(_partials(node, digits), row.cells[3], strict=False)
                ),
                _maths(number_latex(texts[4]), texts[4], gradient),
            ]
        )
    return _table(_NODE_COLUMNS, header, rows)


def _partials(node: NodeRecord, digits: int | None) -> list[str]:
    mark = rf"\ \text{{({node.kink.word})}}" if node.kink else ""
    return [
        f"\\partial {name_latex(node.id)}/\\partial {name_latex(str(operand))}"
        f"{mark_latex(node.mark(argnum))} = "
        f"{number_latex(number_text(partial, digits))}{mark if node.is_at_kink(argnum) else ''}"
        for argnum, (operand, partial) in enumerate(zip(node.operands, node.partials, strict=True))
        if partial is not None
    ]


def _check_table(report: Report, digits: int | None, everything: bool) -> str:
    sheet = check_sheet(report, digits=digits, everything=everything)
    rows = []
    for row in sheet.rows:
        texts = [cell[0] for cell in row.cells]
        if texts[0] not in report.gradients:  # the row that tells of hidden ones
            rows.append([escape(text) for text in texts])
            continue
        name, gradient, formula, value, right, verdict = texts
        rows.append(
            [
                _maths(name_latex(name), name, _CHECK_COLUMNS[0]),
                _maths(number_latex(gradient), gradient, _CHECK_COLUMNS[1]),
                _maths(expression_latex(formula), formula, _CHECK_COLUMNS[2]),
                _maths(number_latex(value), value, _CHECK_COLUMNS[3]),
                right,
                escape(verdict),
            ]
        )
    return _table(_CHECK_COLUMNS, sheet.header, rows)


def _maths(maths: str | None, text: str, column: _Column) -> str:
    r"""Return a cell of maths. Without maths, or where it is too long, the text is set, in several lines."""
    if not text:
        return ""
    if maths is not None and len(text) <= column.most_characters:
        return f"\\fit{{{maths}}}"
    return f"\\texttt{{{_breakable(text)}}}"


def _breakable(text: str) -> str:
    """Return a text that may go on in the next line behind signs, and within long words."""
    pieces = re.findall(r"\w{1,8}[!-/:-@[-^`{-~ ]{0,4}|.", text, re.ASCII | re.DOTALL)
    return r"\allowbreak{}".join(map(escape, pieces))


def _table(columns: Sequence[_Column], header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    kinds = "".join(f"{column.kind}{{{column.width}}}" for column in columns)
    return (
        f"\\begin{{longtable}}{{@{{}}{kinds}@{{}}}}\n"
        f"\\toprule\n{' & '.join(header)} \\\\\n\\midrule\n\\endhead\n\\bottomrule\n\\endfoot\n"
        + "".join(f"{' & '.join(row)} \\\\\n" for row in rows)
        + "\\end{longtable}\n"
    )
