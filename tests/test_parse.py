"""Text to sympy expressions and on to the graph: nothing is lost, and sympy's own reader agrees."""

import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sympy.parsing.sympy_parser import parse_expr, rationalize, standard_transformations

from backprop_cli.check.expressions import parse_source
from backprop_cli.check.formulas import Elementary, define, walk
from backprop_cli.graph.lower import lower_source
from backprop_cli.language.source import read_source

SYMBOLS = {name: sympy.Symbol(name, real=True) for name in "abxy"}


def program_of(text):
    return parse_source(read_source(text))


# ---- sympy's own reader ----


def _operation(operands):
    operators = st.sampled_from(["+", "-", "*", "/", " + ", " - "])
    # Real wherever the operand is real.
    unary = ["sin({})", "cos({})", "tanh({})", "atan({})", "asinh({})", "erf({})", "exp(-({})**2)", "abs({})"]
    unary += ["log(1 + ({})**2)", "sqrt(2 + ({})**2)", "(1 + ({})**2)**0.75", "2**(-({})**2)"]
    unary += ["({})**2", "({})**3", "-({})**2", "({})**-1", "-({})", "({})"]
    return st.one_of(
        st.builds("{}{}{}".format, operands, operators, operands),
        st.builds(str.format, st.sampled_from(unary), operands),
        st.builds("atan2({}, 1 + ({})**2)".format, operands, operands),
    )


# What parse_expr reads right: no name that sympy has, numbers that are exact in binary64 (as fractions), and
# no tower of numbers, which it would compute.
_LEAVES = [
    "a",
    "b",
    "x",
    "y",
    "2",
    "3",
    "0.5",
    "1.25",
    "x**2",
    "a**-2",
    "b**0.5",
    "x**y**2",
    "a**-b",
    "-x**2",
]
EXPRESSIONS = st.recursive(st.sampled_from(_LEAVES), _operation, max_leaves=7)
POINTS = st.fixed_dictionaries({name: st.fractions("1/4", 2, max_denominator=64) for name in SYMBOLS})


def rebuilt(expr):
    """Return what our reader built as an evaluated expression of sympy's own functions."""
    done = {}
    for part in walk(expr):
        number = sympy.Rational(float(part)) if part.is_Float else part
        done[id(part)] = (
            define(type(part), tuple(done[id(arg)] for arg in part.args)) if part.args else number
        )
    return done[id(expr)]


def elementary(text):
    formula = Elementary(program_of(text))
    return formula.expr.xreplace({symbol: rebuilt(x) for symbol, x in formula.placeholders.items()})


@pytest.mark.parametrize("evaluate", [True, False])
@given(text=EXPRESSIONS, point=POINTS)
def test_sympys_parser_agrees(evaluate, text, point):
    transformations = (*standard_transformations, rationalize)
    theirs = parse_expr(text, dict(SYMBOLS), transformations=transformations, evaluate=evaluate)
    at = {SYMBOLS[name]: sympy.Rational(x.numerator, x.denominator) for name, x in point.items()}
    expected = theirs.subs(at).evalf(40)
    assume(expected.is_finite)
    for ours in (elementary(text), rebuilt(program_of(text).output)):
        assert abs(ours.subs(at).evalf(40) - expected) <= 1e-30 * max(1, abs(expected))


@pytest.mark.parametrize(
    "text", ["Max(a, b*x, 2)", "Min(a - b, x)", "floor(a)*b", "sign(a - b)*x", "ln(a)", "pi*a", "acos(a/9)"]
)
@settings(max_examples=20)
@given(point=POINTS)
def test_sympys_parser_agrees_on_functions(text, point):
    theirs = parse_expr(text, SYMBOLS | {"pi": sympy.pi})
    at = {SYMBOLS[name]: sympy.Rational(x.numerator, x.denominator) for name, x in point.items()}
    if text.startswith("floor"):
        assume(point["a"].denominator > 1)  # floor's definition has no value at the integers
    assert abs((elementary(text) - theirs).subs(at).evalf(40)) < 1e-30


# ---- to the graph and back ----


def tree_of(text):
    """Return the graph of a program as nested tuples (operation, *operands), and the count of its nodes."""
    graph = lower_source(read_source(text))
    trees = [None] * len(graph.ops)
    for name, node in graph.inputs.items():
        trees[node] = name
    for node, number in graph.numbers.items():
        trees[node] = number
    for node, op in enumerate(graph.ops):
        if op is not None:
            trees[node] = (op.name, *(trees[operand] for operand in graph.operands[node]))
    return trees[graph.output], len(graph.ops)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a - b", ("sub", "a", "b")),
        ("a + -b", ("add", "a", ("neg", "b"))),
        ("a + -1*b", ("add", "a", ("mul", ("neg", 1.0), "b"))),
        ("a + b*-1", ("add", "a", ("mul", "b", ("neg", 1.0)))),
        ("a + b*(0 - 1)", ("add", "a", ("mul", "b", ("sub", 0.0, 1.0)))),
        ("-1*b", ("mul", ("neg", 1.0), "b")),
        ("b*-1", ("mul", "b", ("neg", 1.0))),
        ("-b", ("neg", "b")),
        ("--b", ("neg", ("neg", "b"))),
        ("+b", "b"),
        ("-2", ("neg", 2.0)),
        ("0 - b", ("sub", 0.0, "b")),
        ("a - -b", ("sub", "a", ("neg", "b"))),
        ("a - b*1", ("sub", "a", ("mul", "b", 1.0))),
        ("a/b", ("div", "a", "b")),
        ("a*b**-1", ("mul", "a", ("pow", "b", ("neg", 1.0)))),
        ("a*(1/b)", ("mul", "a", ("div", 1.0, "b"))),
        ("1/b", ("div", 1.0, "b")),
        ("b**-1", ("pow", "b", ("neg", 1.0))),
        ("a/b/x", ("div", ("div", "a", "b"), "x")),
        ("a/(b/x)", ("div", "a", ("div", "b", "x"))),
        ("sqrt(x)", ("sqrt", "x")),
        ("x**0.5", ("pow", "x", 0.5)),
        ("x**(1/2)", ("pow", "x", ("div", 1.0, 2.0))),
        ("1/sqrt(x)", ("div", 1.0, ("sqrt", "x"))),
        ("sqrt(x)**-1", ("pow", ("sqrt", "x"), ("neg", 1.0))),
        ("sqrt(x)**0.5", ("pow", ("sqrt", "x"), 0.5)),
        ("-(a - b)", ("neg", ("sub", "a", "b"))),
        ("-(a/b)", ("neg", ("div", "a", "b"))),
        ("-a/b", ("div", ("neg", "a"), "b")),
        ("(a + b) + x", ("add", ("add", "a", "b"), "x")),
        ("a + (b + x)", ("add", "a", ("add", "b", "x"))),
        ("a*(b*x)", ("mul", "a", ("mul", "b", "x"))),
        ("b + a", ("add", "b", "a")),
        ("x*1 + 0", ("add", ("mul", "x", 1.0), 0.0)),
        ("x**1", ("pow", "x", 1.0)),
        ("2 + 3", ("add", 2.0, 3.0)),
        ("exp(log(x))", ("exp", ("log", "x"))),
        ("abs(-x)", ("abs", ("neg", "x"))),
        ("max(x, x, a)", ("max", "x", "x", "a")),
        ("max(max(x, a), b)", ("max", ("max", "x", "a"), "b")),
        ("Max(a, 1) - Min(a, 1)", ("sub", ("max", "a", 1.0), ("min", "a", 1.0))),
        ("where(a < b, a, b)", ("where", ("lt", "a", "b"), "a", "b")),
        ("where(a >= b, a, b)", ("where", ("ge", "a", "b"), "a", "b")),
        ("pi*x", ("mul", "pi", "x")),
        ("tau*x", ("mul", "tau", "x")),
        ("1e300*x", ("mul", 1e300, "x")),
        ("9007199254740993*x", ("mul", 9007199254740992.0, "x")),
        ("a = b*b; a/a", ("div", ("mul", "b", "b"), ("mul", "b", "b"))),
        ("c = a; c -= b; c /= a; c", ("div", ("sub", "a", "b"), "a")),
    ],
)  # fmt: skip
def test_what_was_written_is_the_graph(text, tree):
    assert tree_of(text)[0] == tree


_OPERATIONS = {"add": "({} + {})", "sub": "({} - {})", "mul": "({}*{})", "div": "({}/{})", "pow": "({}**{})"}
_OPERATIONS |= {
    "neg": "(-{})",
    "sqrt": "sqrt({})",
    "exp": "exp({})",
    "max": "max({}, {})",
    "hypot": "hypot({}, {})",
}
_OPERATIONS |= {"relu": "relu({})", "sigmoid": "sigmoid({})", "clip": "clip({}, {}, {})"}
_NUMBERS = st.one_of(
    st.sampled_from([0.0, 0.5, 1.0, 2.0]), st.floats(0, allow_infinity=False, allow_nan=False)
)


def _node(operands):
    return st.one_of(
        st.tuples(st.just(name), *[operands] * form.count("{}")) for name, form in _OPERATIONS.items()
    )


TREES = st.recursive(st.one_of(st.sampled_from(["a", "b", "pi"]), _NUMBERS), _node, max_leaves=12)


def write(tree):
    if isinstance(tree, tuple):
        return _OPERATIONS[tree[0]].format(*map(write, tree[1:]))
    return tree if isinstance(tree, str) else repr(tree)


def parts_of(tree):
    parts = {tree}
    if isinstance(tree, tuple):
        parts.update(*map(parts_of, tree[1:]))
    return parts


@given(TREES)
def test_a_tree_comes_back_with_one_node_per_distinct_part(tree):
    assert tree_of(write(tree)) == (tree, len(parts_of(tree)))


@pytest.mark.parametrize(
    ("text", "operations"),
    [
        ("(a + b)*(a + b)", ["add", "mul"]),
        ("(a + b)*(b + a)", ["add", "add", "mul"]),
        ("sin(a*b) + cos(a*b)", ["mul", "sin", "cos", "add"]),
        ("d = a*b; e = a*b; d + e", ["mul", "add"]),
        ("d = a*b; a*b + d", ["mul", "add"]),
        ("d = a*b; a = a + 1; a*b + d", ["mul", "add", "mul", "add"]),
        ("ln(a) + log(a)", ["log", "add"]),
        ("a² + a**2 + a^2.0", ["pow", "add", "add"]),
        ("(a - b)/(a - b)", ["sub", "div"]),
        ("tau*a + tau*b", ["mul", "mul", "add"]),
    ],
)
def test_equal_subexpressions_are_one_node(text, operations):
    graph = lower_source(read_source(text))
    assert [op.name for op in graph.ops if op is not None] == operations


def test_a_piece_knows_where_it_stands():
    text = "d = (a + b)*2; sin(d) - (a + b)"
    graph = lower_source(read_source(text))
    pieces = [graph.source(node) for node in range(len(graph.ops))]
    assert pieces == ["a", "b", "a + b", "2", "(a + b)*2", "sin(d)", "sin(d) - (a + b)"]
