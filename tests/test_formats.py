"""CSV, Markdown and LaTeX: nothing lost, nothing typed by a user taken as a command."""

from __future__ import annotations

import csv
import html
import io
import math
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from backprop_cli import gradient
from backprop_cli.notation.latex import (
    Piece,
    derivative_latex,
    escape,
    expression_latex,
    fill,
    name_latex,
    number_latex,
)
from backprop_cli.operations.op import Op
from backprop_cli.operations.table import TABLE
from backprop_cli.render import csv as csv_form
from backprop_cli.render import latex as latex_form
from backprop_cli.render import markdown as markdown_form
from backprop_cli.render.table import check_sheet, closing, node_sheet
from backprop_cli.report import Report
from conftest import Run
from console import ROOT

# A comment within a constant is part of its text.
NASTY = '(2 # |`*_<b>&amp;\\$x$ ~^{}% "q" [l](u) \\end{document} \\input{x} é ж 字 \x1b\n*3)*w_1'
PROGRAMS = [
    ("(a*b+c)*f", {"a": 2, "b": 3, "c": -10, "f": 5}),
    ("2 + 3", {}),
    ("x", {"x": 1}),
    ("relu(x)", {"x": 0}),
    ("relu(x) - relu(-x)", {"x": 0}),
    ("x^n", {"x": -2, "n": 2}),
    ("sqrt(x)", {"x": 0}),
    ("where(x > 0, log(x), 2*x)", {"x": -1}),
    ("c = 1; c += x; c *= x; y = c; y + 0*z", {"x": 3, "z": 1}),
    ("(1 - cos(x))/x^2", {"x": 1e-7}),
    ("1/(x*x) + y", {"x": 1e200, "y": 1}),
    ("max(a, b, 1, -3)", {"a": 1, "b": 1}),
    ("w1 + alpha_2*λ - жук/café + 字^_ + loss_max*lambda + E", dict.fromkeys(
        ("w1", "alpha_2", "λ", "жук", "café", "字", "_", "loss_max", "lambda", "E"), 2.0)),
    ("z = w*x + b; a = sigmoid(z); C = (a - y)^2", {"w": 0.5, "x": 2, "b": -0.3, "y": 1}),
    ("sqrt(2)*x + (1/3)*x + (2*pi)*x - 1e-7/x + x^-2", {"x": 1}),
    ("floor(x)*max(x, y)", {"x": 1.5, "y": 3}),
    (NASTY, {"w_1": 1}),
    (" + ".join(f"sin(x*{i})" for i in range(60)), {"x": 1}),
    (f"{'y' * 3000} = {'n' * 3000}*x", {"n" * 3000: 1, "x": 2}),
    (f"x*({'+'.join(['2'] * 3000)})", {"x": 2}),
]  # fmt: skip


@pytest.fixture(scope="module", params=range(len(PROGRAMS)), ids=[program[:25] for program, _ in PROGRAMS])
def report(request: pytest.FixtureRequest) -> Report:
    program, point = PROGRAMS[request.param]
    return gradient(program, point)


# ---- CSV ----


def number(text: str) -> float:
    return float(text) if text else math.nan


def same(x: float | None, y: float) -> bool:
    return x == y or (math.isnan(y) and (x is None or math.isnan(x)))


def test_csv_reads_back_as_the_report(report: Report) -> None:
    text = csv_form.render_report(report)
    assert "\r" not in text
    rows = list(csv.DictReader(io.StringIO(text), strict=True))
    assert len(rows) == len(report.nodes)
    for row, node in zip(rows, report.nodes, strict=True):
        assert list(row) == ["id", "op", "expr", "operands", "value", "partials", "gradient", "kink"]
        assert (row["id"], row["op"], row["expr"]) == (node.id, node.op, node.expr)
        operands = row["operands"].split(";") if row["operands"] else []
        partials = row["partials"].split(";") if operands else []
        for told, operand in zip(operands, node.operands, strict=True):
            assert told == operand if isinstance(operand, str) else number(told) == operand
        assert all(same(partial, number(told)) for told, partial in zip(partials, node.partials, strict=True))
        assert same(node.value, number(row["value"]))
        assert same(node.gradient, number(row["gradient"]))
        assert row["kink"] == ("" if node.kink is None else node.kink.convention)


def test_csv_to_the_letter() -> None:
    report = gradient("y = where(a > 0, log(a), 1/3); y + max(a, 0)", a=0)
    assert csv_form.render_report(gradient("max(x, 1)*(2*pi) + sqrt(y)", x=0.1, y=0)) == (
        "id,op,expr,operands,value,partials,gradient,kink\n"
        "x,input,x,,0.1,,0.0,\n"
        "y,input,y,,0.0,,inf,\n"
        'v1,max,"max(x, 1)",x;1.0,1.0,0.0;,6.283185307179586,\n'
        "v2,mul,v1*(2*pi),v1;6.283185307179586,6.283185307179586,6.283185307179586;,1.0,\n"
        "v3,sqrt,sqrt(y),y,0.0,inf,1.0,the slope is infinite\n"
        "v4,add,v2 + v3,v2;v3,6.283185307179586,1.0;1.0,1.0,\n"
    )
    rows = {row["expr"]: row for row in csv.DictReader(io.StringIO(csv_form.render_report(report)))}
    assert (rows["log(a)"]["value"], rows["log(a)"]["gradient"]) == ("", "0.0")
    assert rows["max(a, 0)"]["kink"].startswith("equal shares")


def test_csv_has_every_node_of_a_large_graph() -> None:
    report = gradient("\n".join(f"x{k + 1} = x{k}*a" for k in range(20_000)), x0=3, a=1, check=False)
    rows = list(csv.reader(io.StringIO(csv_form.render_report(report))))
    assert [row[0] for row in rows[1:]] == [node.id for node in report.nodes]
    assert len(rows) == 20_003


# ---- Markdown ----


def cells_of(line: str) -> list[str]:
    """Split a row of a table as GitHub does: at bars without a backslash."""
    assert line.startswith("| ")
    assert line.endswith(" |")
    return [part.strip() for part in re.split(r"(?<!\\)\|", line[2:-2])]


def shown(cell: str) -> str:
    """Return what a cell shows; code is marked by ‹ and ›."""
    out, rest = [], cell
    while rest:
        if match := re.match(r"`([^`]*)`", rest):
            out.append(f"‹{match[1].replace(chr(92) + '|', '|')}›")
        elif match := re.match(r"<code>([^<]*)</code>", rest):
            assert not re.search(r"[\\`*_|~<>\[\]$\"]", match[1])
            out.append(f"‹{html.unescape(match[1])}›")
        elif match := re.match(r"\\([!-/:-@\[-`{-~])", rest):
            out.append(match[1])
        else:
            match = re.match(r".", rest, re.DOTALL)
            assert match is not None
            assert match[0] not in "`<>*_|\\[]$&~#", f"bare {match[0]!r} in {cell!r}"
            out.append(match[0])
        rest = rest[match.end() :]
    return "".join(out)


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("digits", [6, None])
def test_markdown_shows_the_cells_of_the_table(report: Report, everything: bool, digits: int | None) -> None:
    text = markdown_form.render_report(report, digits=digits, everything=everything)
    told = [line for line, _ in closing(report, digits)]
    parts = text.rstrip("\n").split("\n\n")
    tables = parts[: -len(told)]
    assert [shown(line) for line in parts[-len(told) :]] == told
    sheets = [node_sheet(report, digits=digits, everything=everything, stacked=True)]
    if report.gradients:
        sheets.append(check_sheet(report, digits=digits, everything=everything))
    assert len(tables) == len(sheets)
    for table, sheet, code in zip(tables, sheets, ((0, 1, 3), (0, 2)), strict=False):
        header, rule, *rows = table.split("\n")
        assert tuple(map(shown, cells_of(header))) == sheet.header
        assert [cell == "---:" for cell in cells_of(rule)] == [
            i in sheet.right for i in range(len(sheet.header))
        ]
        for line, row in zip(rows, sheet.rows, strict=True):
            told = [shown(cell) for cell in cells_of(line)]
            plain = [", ".join(cell) for cell in row.cells]
            assert [re.sub("[‹›]", "", cell) for cell in told] == plain
            if plain[0] != "…":
                assert all(told[i] in ("", "input") or told[i][0] + told[i][-1] == "‹›" for i in code)


def test_markdown_to_the_letter() -> None:
    report = gradient("L_1 = relu(w_1) + 2*b", w_1=0, b=1)
    assert markdown_form.render_report(report, digits=6, everything=False) == (
        "| node | expression | value | local derivatives | ∂L\\_1/∂node |\n"
        "| --- | --- | ---: | --- | ---: |\n"
        "| `w_1` | input | 0 |  | 0 |\n"
        "| `b` | input | 1 |  | 2 |\n"
        "| `v1` | `relu(w_1)` | 0 | `∂v1/∂w_1 = 0 (kink)` | 1 |\n"
        "| `v2` | `2*b` | 2 | `∂v2/∂b = 2` | 1 |\n"
        "| `L_1` | `v1 + v2` | 2 | `∂L_1/∂v1 = 1`, `∂L_1/∂v2 = 1` | 1 |\n"
        "\n"
        "| input | gradient | sympy's formula | its value | digits | check |\n"
        "| --- | ---: | --- | ---: | ---: | --- |\n"
        "| `w_1` | 0 |  |  |  | kink: left 0, right 1 |\n"
        "| `b` | 2 | `2` | 2 | 16 | ok |\n"
        "\n"
        "L\\_1 = 2; 2 gradients, 1 confirmed by sympy, all digits right\n"
    )


@pytest.mark.parametrize("text", ["a|b", "`a|b`", "\\|", "<script>", "*a* _b_ [c](d) &lt; $e$ ~f~", ""])
def test_every_character_shows_as_it_is(text: str) -> None:
    assert cells_of(f"| {markdown_form.code_span(text)} |") == [markdown_form.code_span(text)]
    assert shown(markdown_form.code_span(text)) == (f"‹{text}›" if text else "")
    assert cells_of(f"| {markdown_form.escape(text)} |") == [markdown_form.escape(text)]
    assert shown(markdown_form.escape(text)) == text


# ---- LaTeX: expressions ----

EXPRESSIONS = [
    ("(a+b)*c", r"\left(a + b\right) \cdot c"),
    ("a*(b+c)", r"a \cdot \left(b + c\right)"),
    ("a*b+c", r"a \cdot b + c"),
    ("a-(b-c)", r"a - \left(b - c\right)"),
    ("a-b-c", r"a - b - c"),
    ("a+(b+c)", r"a + \left(b + c\right)"),
    ("(a*b)*c", r"a \cdot b \cdot c"),
    ("a*(b*c)", r"a \cdot \left(b \cdot c\right)"),
    ("(-a)^b", r"{\left(-a\right)}^{b}"),
    ("-a^b", r"-{a}^{b}"),
    ("a^-b", r"{a}^{-b}"),
    ("(a/b)^c", r"{\left(\frac{a}{b}\right)}^{c}"),
    ("(a+b)/(c-d)", r"\frac{a + b}{c - d}"),
    ("a/b/c", r"\frac{\frac{a}{b}}{c}"),
    ("a/b*c", r"\frac{a}{b} \cdot c"),
    ("-(-a)", r"-\left(-a\right)"),
    ("-(a+b)", r"-\left(a + b\right)"),
    ("-(a*b)", r"-\left(a \cdot b\right)"),
    ("-a*b", r"-a \cdot b"),
    ("a*-b", r"a \cdot \left(-b\right)"),
    ("a+-b*c", r"a + \left(-b \cdot c\right)"),
    ("a^b^c", r"{a}^{{b}^{c}}"),
    ("(a^b)^c", r"{\left({a}^{b}\right)}^{c}"),
    ("2**(1/3)", r"{2}^{\frac{1}{3}}"),
    ("exp(x)^2", r"{\left(\mathrm{e}^{x}\right)}^{2}"),
    ("exp(x)*y", r"\mathrm{e}^{x} \cdot y"),
    ("expm1(x)*y", r"\left(\mathrm{e}^{x} - 1\right) \cdot y"),
    ("sin(x)^2", r"{\left(\sin(x)\right)}^{2}"),
    ("ln(a+b)*c", r"\ln(a + b) \cdot c"),
    ("log1p(-x)", r"\ln(1 + \left(-x\right))"),
    ("log1p(x*y)", r"\ln(1 + x \cdot y)"),
    ("abs(x+y)^2", r"{\left|x + y\right|}^{2}"),
    ("sqrt(a+b)^c", r"{\sqrt{a + b}}^{c}"),
    ("hypot(a+b, -c)", r"\sqrt{\left(a + b\right)^2 + \left(-c\right)^2}"),
    ("silu(a+b)*c", r"\left(a + b\right)\,\sigma(a + b) \cdot c"),
    ("c*silu(x)", r"c \cdot \left(x\,\sigma(x)\right)"),
    ("max(a, b+c, -d)", r"\max(a, b + c, -d)"),
    ("where(x-y < -1, a+b, -c)", r"\begin{cases} a + b & x - y < -1 \\ -c & \text{otherwise} \end{cases}"),
    ("1e-7*x", r"1 \times 10^{-7} \cdot x"),
    ("(1.5e20)^2", r"{\left(1.5 \times 10^{20}\right)}^{2}"),
    ("-1e-7", r"-1 \times 10^{-7}"),
    ("(2*pi)", r"2 \cdot \pi"),
    ("w₁*alpha_2 + λ", r"w_{1} \cdot \alpha_{2} + \lambda"),
    ("2*x*exp(-x**2)/(exp(-b - w*x) + 1)**2",
     r"\frac{2 \cdot x \cdot \mathrm{e}^{-{x}^{2}}}{{\left(\mathrm{e}^{-b - w \cdot x} + 1\right)}^{2}}"),
    ("where(x > 0, a, b)*2",
     r"\left(\begin{cases} a & x > 0 \\ b & \text{otherwise} \end{cases}\right) \cdot 2"),
    ("Piecewise((1, x > 0), (0, True))", None),
    ("x > 0", None),
    ("k += 2", None),
    ("+".join("x" * 200), None),
    ("cbrt(" * 9 + "x" + ")" * 9, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "maths"), EXPRESSIONS, ids=lambda x: str(x)[:30])
def test_expressions_have_the_parentheses_they_need(text: str, maths: str | None) -> None:
    assert expression_latex(text) == maths


OPERANDS = (("a + b", 2), ("d/f", 5), ("g", 6), ("h^2", 5))


@pytest.mark.parametrize("turn", range(len(OPERANDS)))
@pytest.mark.parametrize("op", TABLE, ids=lambda op: op.name)
def test_derivatives_keep_their_meaning_whatever_is_filled_in(op: Op, turn: int) -> None:
    chosen = [OPERANDS[(turn + place) % len(OPERANDS)] for place in range(op.arity)]
    if op.takes_condition:
        chosen[0] = ("a < b", 1)
    texts = {
        name: text if op.takes_condition else f"({text})"
        for name, (text, _) in zip(op.args, chosen, strict=True)
    }
    pieces = [Piece(typeset(text), binding) for text, binding in chosen]
    for argnum, derivative in enumerate(op.derivatives):
        written = re.sub(r"[a-z]+\b(?!\()", lambda name: texts.get(name[0], name[0]), derivative)
        assert fill(derivative_latex(op, argnum), pieces) == expression_latex(written)


def typeset(text: str) -> str:
    return "a < b" if "<" in text else expression_latex(text) or ""


NAMES = [
    ("x", "x"),
    ("w1", "w_{1}"),
    ("w_1", "w_{1}"),
    ("w₁", "w_{1}"),
    ("w12", "w_{12}"),
    ("α", r"\alpha"),
    ("alpha", r"\alpha"),
    ("lambda", r"\lambda"),
    ("λ_2", r"\lambda_{2}"),
    ("Ω", r"\Omega"),
    ("Β", r"\mathrm{B}"),
    ("loss", r"\mathit{loss}"),
    ("loss_max", r"\mathit{loss\_max}"),
    ("loss_2", r"\mathit{loss}_{2}"),
    ("_", r"\mathit{\_}"),
    ("c#1", r"{c\#1}"),
    ("w_1#2", r"{w_{1}\#2}"),
    ("Δx", r"\textit{\ensuremath{\Delta}x}"),
    ("café", r"\textit{caf\'{e}}"),
    ("ж", r"\textit{\texttt{U+0436}}"),
]


@pytest.mark.parametrize(("name", "maths"), NAMES)
def test_names(name: str, maths: str) -> None:
    assert name_latex(name) == maths


@pytest.mark.parametrize(
    ("text", "maths"),
    [
        ("15", "15"),
        ("-0.5", "-0.5"),
        ("1e-7", r"1 \times 10^{-7}"),
        ("-2.5e300", r"-2.5 \times 10^{300}"),
        ("infinity", r"\infty"),
        ("-infinity", r"-\infty"),
        ("undefined", r"\text{undefined}"),
    ],
)
def test_numbers(text: str, maths: str) -> None:
    assert number_latex(text) == maths


def test_nothing_typed_is_a_command() -> None:
    everything = "".join(map(chr, range(0x250))) + "ж字\u0301\u202e"
    text = escape(everything)
    assert text.isascii()
    assert text.isprintable()
    plain = re.sub(
        r"\\(?:ensuremath|texttt|textsuperscript|textsubscript)\{(?:[^{}\\]|\\[a-z]+(?:\{\\ \})?|\\[{}])*\}",
        "",
        text,
    )
    plain = re.sub(r"\\(?:[a-zA-Z]+\{\}|[`'^~=u.\"rHvdcb]\{[a-zA-Z]\}|[#%&_])", "", plain)
    assert not set(plain) & set("\\{}$&#^_~%")


def test_terms_are_the_operands_as_written() -> None:
    nodes = gradient("(2*pi)*x - 1/3*y + x*x", x=1, y=2, check=False).nodes
    assert [node.terms for node in nodes] == [
        *((), (), ("(2*pi)", "x"), ("(1/3)", "y"), ("v1", "v2"), ("x", "x"), ("v3", "v4"))
    ]


# ---- LaTeX: documents ----


def render(report: Report, *, everything: bool = False, digits: int | None = 6) -> str:
    return latex_form.render_report(report, digits=digits, everything=everything)


def balanced(text: str) -> bool:
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def test_latex_has_every_row(report: Report) -> None:
    text = render(report, everything=True)
    assert text.isascii()
    assert balanced(text)
    assert text.count(r"\end{document}") == 1
    assert r"\input" not in text
    body = text.split(r"\endfoot")[1:]
    assert len(body) == (2 if report.gradients else 1)
    rows = [line for line in body[0].partition(r"\end{longtable}")[0].splitlines() if line.endswith(r" \\")]
    assert len(rows) == len(report.nodes)
    for row in rows:
        assert len(re.findall(r"(?<!\\)&", re.sub(r"\\begin\{cases\}.*?\\end\{cases\}", "", row))) == 4
    assert text.count(r"\partial") >= sum(p is not None for node in report.nodes for p in node.partials)


def test_latex_to_the_letter() -> None:
    text = render(gradient("L = relu(w_1)*(1/3) + b", w_1=0, b=1e-7))
    assert text[text.index(r"\begin{document}") :] == "\n".join([
        r"\begin{document}",
        r"\begin{longtable}{@{}L{0.1}L{0.26}R{0.13}L{0.31}R{0.13}@{}}",
        r"\toprule",
        r"node & formula & value & local derivatives & \fit{\partial L/\partial\,\text{node}} \\",
        r"\midrule", r"\endhead", r"\bottomrule", r"\endfoot",
        r"\fit{w_{1}} & input & \fit{0} &  & \fit{0} \\",
        r"\fit{b} & input & \fit{1 \times 10^{-7}} &  & \fit{1} \\",
        (r"\fit{v_{1}} & \fit{\max(0, w_{1})} & \fit{0} & "
        r"\fit{\partial v_{1}/\partial w_{1} = 0\ \text{(kink)}} & \fit{0.333333} \\"),
        (r"\fit{v_{2}} & \fit{v_{1} \cdot \frac{1}{3}} & \fit{0} & "
        r"\fit{\partial v_{2}/\partial v_{1} = 0.333333} & \fit{1} \\"),
        (r"\fit{L} & \fit{v_{2} + b} & \fit{1 \times 10^{-7}} & "
        r"\fit{\partial L/\partial v_{2} = 1}\quad \fit{\partial L/\partial b = 1} & \fit{1} \\"),
        r"\end{longtable}",
        r"\begin{longtable}{@{}L{0.1}R{0.12}L{0.34}R{0.12}R{0.05}L{0.19}@{}}",
        r"\toprule",
        r"input & gradient & sympy's formula & its value & digits & check \\",
        r"\midrule", r"\endhead", r"\bottomrule", r"\endfoot",
        r"\fit{w_{1}} & \fit{0} &  &  &  & kink: left 0, right 0.333333 \\",
        r"\fit{b} & \fit{1} & \fit{1} & \fit{1} & 16 & ok \\",
        r"\end{longtable}",
        r"L = 1e-7; 2 gradients, 1 confirmed by sympy, all digits right",
        r"\end{document}", "",
    ])  # fmt: skip


needs_tex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")


def compile_document(text: str, folder: Path) -> None:
    """Typeset a document; what does not fit on its page is an error too."""
    (folder / "page.tex").write_text(text, encoding="ascii")
    done = subprocess.run(
        ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=folder,
        capture_output=True,
        timeout=120,
        check=False,
    )
    told = done.stdout.decode("latin-1")
    assert done.returncode == 0, told[-2000:]
    assert "Overfull \\hbox" not in told
    assert "undefined" not in told


@needs_tex
def test_documents_compile(report: Report, tmp_path: Path) -> None:
    compile_document(render(report, everything=True, digits=None), tmp_path)


def templates(op: Op) -> list[str]:
    return [op.latex, *(derivative_latex(op, argnum) for argnum in range(op.arity))]


@needs_tex
def test_all_templates_and_expressions_compile(tmp_path: Path) -> None:
    operands = [Piece("a + b", 2), Piece("-c", 4), Piece(r"\frac{d}{f}", 5)]
    lines = [fill(template, operands) for op in TABLE for template in templates(op)]
    lines += [maths for _, maths in EXPRESSIONS if maths is not None] + [maths for _, maths in NAMES]
    # As deep as TeX will have it.
    for inside in ("sqrt(", "-(", "2^(", "1/(", "1+(", "abs(", "exp("):
        depth = 199 // (len(inside) + 1)
        maths = expression_latex(f"{inside * depth}x{')' * depth}")
        assert maths is not None
        lines.append(maths)
    lines.append(expression_latex("cbrt(" * 5 + "x" + ")" * 5) or "")
    preamble = render(gradient("x", x=1)).partition(r"\begin{longtable}")[0]
    body = "\n\n".join(f"\\fit{{{line}}}" for line in lines)
    letters = " ".join(escape(c) for c in map(chr, range(0x21, 0x530)) if c.isprintable())
    compile_document(f"{preamble}\\raggedright\n{body}\n\n{letters}\n\\end{{document}}\n", tmp_path)


@needs_tex
def test_every_operation_in_a_program_compiles(tmp_path: Path) -> None:
    calls = []
    for op in TABLE:
        if op.condition:
            calls.append(f"where(x{op.infix}y, x, y)")
        elif op.name != "where":
            operands = ["x", "y", "z"][: op.arity]
            calls.append(op.write(operands))
    report = gradient("; ".join(f"r{i} = {call}" for i, call in enumerate(calls)), x=1.25, y=1, z=2)
    assert {node.op for node in report.nodes} >= {op.name for op in TABLE}
    compile_document(render(report, everything=True), tmp_path)


@needs_tex
def test_the_examples_of_the_readme_compile(backprop: Run, tmp_path: Path) -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r'^\$ backprop grad ("[^"]+"[^|&\n]*)', page, re.MULTILINE)
    assert len(commands) > 5
    for count, command in enumerate(commands):
        words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', command)]
        words = [word for word in words if word not in ("--json", "--quiet")]
        done = backprop("grad", *words, "--format", "latex")
        if done.stdout:
            folder = tmp_path / str(count)
            folder.mkdir()
            compile_document(done.stdout, folder)


# ---- the command ----

EXAMPLE = ("grad", "relu(a)*b", "a=0", "b=3")
WARNING = "warning: relu(a) has a kink at a = 0"


def test_csv_by_the_command(backprop: Run) -> None:
    done = backprop(*EXAMPLE, "--format", "csv", "--digits", "2")
    assert done.returncode == 0
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["gradient"] for row in rows] == ["0.0", "0.0", "3.0", "1.0"]
    assert done.stderr.startswith(WARNING)


def test_markdown_by_the_command(backprop: Run) -> None:
    done = backprop(*EXAMPLE, "--format=markdown")
    assert done.returncode == 0
    assert done.stdout.splitlines()[4] == "| `v1` | `relu(a)` | 0 | `∂v1/∂a = 0 (kink)` | 3 |"
    assert done.stderr.startswith(WARNING)


def test_latex_by_the_command(backprop: Run) -> None:
    done = backprop("grad", "x/3", "x=1", "--format", "latex", "--digits", "full", "--upstream", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert r"local derivatives & gradient \\" in done.stdout
    assert r"\fit{\frac{x}{3}} & \fit{0.3333333333333333}" in done.stdout
    assert done.stdout.endswith("\\end{document}\n")


def test_large_graphs_are_cut_where_the_table_is(backprop: Run) -> None:
    program = "; ".join(f"x{i + 1} = sin(x{i})*1.01" for i in range(500))
    for form, rows in (("markdown", 60), ("latex", 80), ("csv", 2000)):
        short = backprop("grad", program, "x0=0.5", "--no-check", "--format", form).stdout
        full = backprop("grad", program, "x0=0.5", "--no-check", "--format", form, "--all").stdout
        assert short.count("\n") < rows
        assert full.count("\n") >= 1002
        assert ("more nodes (-" in short) is (form != "csv")


@pytest.mark.parametrize("form", ["table", "csv", "markdown", "latex"])
def test_json_and_another_format_contradict(backprop: Run, form: str) -> None:
    done = backprop("grad", "a*b", "a=2", "b=3", "--json", "--format", form)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--json and --format {form} contradict each other" in done.stderr


def test_json_twice_is_no_contradiction(backprop: Run) -> None:
    assert backprop("grad", "a", "a=2", "--json", "--format", "json").stdout.startswith("{")


@pytest.mark.parametrize("form", ["csv", "markdown", "latex"])
def test_the_exit_status_stays(backprop: Run, form: str) -> None:
    done = backprop("grad", "sqrt(x)", "x=0", "--format", form)
    assert done.returncode == 3
    assert done.stdout
    assert backprop("grad", "x", "x=1", "--format", form, "--quiet").stdout == ""
