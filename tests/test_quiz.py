"""``quiz``: problems for the hand, the same from one seed everywhere, with nothing given away."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import jsonschema
import pytest

from backprop_cli import gradient
from backprop_cli.draw.exercise import draw_exercise, picture_of_exercise
from backprop_cli.errors import UsageError
from backprop_cli.quiz.make import FORMS, Recipe, make_problems, read_operations
from backprop_cli.render.quiz import render_key, render_text
from backprop_cli.schemas import schema_text
from conftest import Run

RECIPES = [
    Recipe(("+", "*", "relu"), 3, 7),
    Recipe(tuple(FORMS), 8, 1),
    Recipe(("relu",), 1, 0),
    Recipe(("max", "abs", "+"), 3, 2, kinks=True),
]


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_problems_are_for_the_hand_and_their_answers_right(recipe: Recipe) -> None:
    for problem in make_problems(recipe, 4):
        report = gradient(problem.report.program, problem.report.inputs)
        assert {check.status for check in report.check.gradients.values()} <= {"pass", "skipped"}
        assert report.check.status == "pass" or recipe.kinks
        answers = {q.name: q.answer for q in problem.questions}
        assert {name: answers[name] for name in report.gradients} == report.gradients
        assert answers["value:L"] == report.value
        halves = 2 if recipe.kinks else 1  # a tie of max gives ½ to each
        numbers = (*answers.values(), *report.inputs.values())
        assert all(halves**3 * x == int(halves**3 * x) and abs(x) <= 100 for x in numbers)
        assert any(node.kink is not None for node in report.nodes) == recipe.kinks
        sizes = [abs(x) for x in report.inputs.values()]
        assert len({*sizes}) == min(len(sizes), 5) or recipe.kinks  # so that swapped ones are seen
        assert sum(node.op not in ("input", "constant") for node in report.nodes) == recipe.steps


def test_a_seed_gives_the_same_problems_everywhere() -> None:
    made = [(p.report.program, p.report.inputs) for p in make_problems(RECIPES[0], 2)]
    assert made == [
        ("p = b + a; q = p*c; L = relu(q)", {"a": 5.0, "b": -3.0, "c": 4.0}),
        ("p = a*b; q = p + c; L = relu(q)", {"a": 5.0, "b": 2.0, "c": 4.0}),
    ]


def test_problems_differ_and_more_of_them_begin_alike() -> None:
    keys = [render_key([p]) for p in make_problems(RECIPES[0], 30)]
    assert len({re.sub(r'"number": \d+', "", key) for key in keys}) == 30
    assert [render_key([p]) for p in make_problems(RECIPES[0], 5)] == keys[:5]


@pytest.mark.parametrize("form", ["text", "markdown", "latex", "html"])
def test_sheets_have_blanks_and_give_nothing_away(backprop: Run, form: str) -> None:
    words = ("quiz", "u = 11*w; L = u*w + 13", "w=17", "--format", form)
    blank, filled = backprop(*words), backprop(*words, "--answers")
    assert (blank.returncode, blank.stderr) == (0, "")
    for number in ("187", "3179", "3192", "374"):  # u, u*w, L, the gradient
        assert number not in blank.stdout
        assert number in filled.stdout
    assert ("underline" if form == "latex" else "____") in blank.stdout
    if form == "latex":
        assert blank.stdout.isascii()


@pytest.mark.parametrize("form", ["latex", "html"])
def test_every_sheet_of_paper_says_what_to_do_and_has_room_for_a_name(backprop: Run, form: str) -> None:
    made = backprop("quiz", "--count", "3", "--steps", "8", "--format", form).stdout
    assert made.count("Fill in the blanks") == made.count("Name") == 3


def test_a_graph_is_no_wider_than_the_paper(backprop: Run) -> None:
    made = backprop("quiz", "--count", "3", "--steps", "8", "--format", "latex").stdout
    graphs = re.findall(r"begin\{verbatim\}(.*?)\\end", made, re.DOTALL)
    assert len(graphs) == 3
    assert max(len(line) for graph in graphs for line in graph.splitlines()) <= 135
    drawn = backprop("quiz", "--count", "9", "--steps", "8", "--format", "html").stdout
    widths = [float(width) for width in re.findall(r"<svg[^>]* width=\"([\d.]+)\"", drawn)]
    assert len(widths) == 9
    assert max(widths) < 900


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_a_sheet_that_is_filled_in_is_right_in_table_rules_and_graph(recipe: Recipe) -> None:
    for problem in make_problems(recipe, 3):
        nodes = {node.id: node for node in gradient(problem.report.program, problem.report.inputs).nodes}
        partials = {
            (node.id, operand, node.mark(argnum)): node.partials[argnum]
            for node in nodes.values()
            for argnum, operand in enumerate(node.operands)
            if isinstance(operand, str)
        }
        text = render_text([problem], partial(draw_exercise, unicode=True), filled=True)
        table, rules = text.split("Chain rule")[0], text.split("Chain rule")[1].split("\n\n")[0]
        told = re.findall(r"∂(\w+)/∂(\w+)(\|\w+)? = (\S+)", table)
        assert {(of, by, mark): float(number) for of, by, mark, number in told} == partials
        for name, *_, numbers, last in (
            re.split(r" = ", line) for line in re.findall(r"^  ∂L/∂(.*)", rules, re.MULTILINE)
        ):
            products = [term.split(" · ") for term in numbers.split(" + ")]
            assert sum(float(a.strip("()")) * float(b.strip("()")) for a, b in products) == float(last)
            assert float(last) == nodes[name].gradient
        picture = picture_of_exercise(problem.report, lambda x: f"{x:g}").replace("−", "-")
        arrows = re.findall(
            r'data-source="(\w+)" data-target="(\w+)" data-argnum="(\d)".*?←×(\S+?)</text>', picture
        )
        assert len(arrows) == len(partials)
        assert all(float(x.strip("()")) == nodes[target].partials[int(k)] for _, target, k, x in arrows)
        for name, value, slope in re.findall(
            r'data-id="(\w+)".*?>([-.\d]+)</text>.*?>grad ([-.\d]+)<', picture
        ):
            assert (float(value), float(slope)) == (nodes[name].value, nodes[name].gradient)


def test_a_total_and_a_local_derivative_share_no_symbol() -> None:
    problem = next(make_problems(Recipe(("*",), 2, 0), 1))
    text = render_text([problem], partial(draw_exercise, unicode=True), filled=True)
    for line in re.findall(r"^  (∂.*)$", text, re.MULTILINE):
        left, _, right = line.partition(" = ")
        assert left not in right.split(" = ")[0].split(" · ")[1:] or right.startswith("∂L/∂L · ")


def test_the_key_fits_its_schema(backprop: Run, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    done = backprop("quiz", "--count", "3", "--key", str(path), "--format", "json")
    assert path.read_text(encoding="utf-8") == done.stdout
    jsonschema.validate(json.loads(done.stdout), json.loads(schema_text("quiz")))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--ops", "sin"], "'sin' can't be in --ops"),
        (["--ops", " "], "--ops names no operation"),
        (["--steps", "9"], "--steps can't be '9'"),
        (["--count", "0"], "--count can't be '0'"),
        (["--seed", "-1"], "--seed can't be '-1'"),
        (["--seed", "²"], "--seed can't be '²'"),
        (["--ops", "+", "--kinks"], "none of --ops has a kink"),
        (["a*b", "a=2", "b=3", "--seed", "3"], "a program is a problem of its own"),
        (["a", "a=2"], "there is nothing to ask"),
        (["--key", ""], "--key names no file"),
    ],
)
def test_mistakes_are_told(backprop: Run, words: list[str], told: str) -> None:
    done = backprop("quiz", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_no_problem_is_made_up_where_none_is_small() -> None:
    with pytest.raises(UsageError, match="no such problem is found"):
        next(make_problems(Recipe(("neg", "relu"), 8, 1, kinks=True), 1))


def test_operations_are_read_as_they_are_written() -> None:
    assert read_operations("+,× relu **  +") == ("+", "*", "relu", "^")
