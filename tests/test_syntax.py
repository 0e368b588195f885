"""The language: what a text means, and what is said about one that means nothing."""

import keyword
import math

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from backprop_cli import BackpropError, DomainError, ParseError, gradient
from backprop_cli.graph.lower import lower_source
from backprop_cli.language.code import names_in
from backprop_cli.language.reader import normalise, read_value
from backprop_cli.language.source import read_source
from backprop_cli.operations.table import FUNCTIONS

_NAMES = """exp expm1 log log1p log2 log10 sqrt cbrt sin cos tan asin acos atan sinh cosh tanh asinh acosh
atanh erf erfc atan2 hypot pow"""
MATH = {name: getattr(math, name) for name in _NAMES.split()} | {
    "abs": math.fabs,
    "max": max,
    "min": min,
    "floor": lambda x: float(math.floor(x)),
    "ceil": lambda x: float(math.ceil(x)),
}


def value(text, **point):
    return gradient(text, point, check=False).value


def python_value(text, point):
    """Return Python's own value of an expression, None where it is not a finite real number."""
    try:
        y = eval(text, {"__builtins__": {}, **MATH, **point})
    except (ArithmeticError, ValueError, TypeError):  # TypeError: a function of a complex number
        return None
    return y if isinstance(y, float) and math.isfinite(y) else None


# ---- precedence, associativity and functions are Python's ----


def _operation(operands):
    operators = st.sampled_from(["+", "-", "*", "/", "**", " + ", " - ", " * ", " / ", " ** "])
    unary = st.sampled_from(["sin", "exp", "tanh", "sqrt", "log", "abs", "cbrt", "atan", "log1p", "floor"])
    binary = st.sampled_from(["max", "min", "hypot", "pow", "atan2"])
    return st.one_of(
        st.builds("{}{}{}".format, operands, operators, operands),
        st.builds("{}{}".format, st.sampled_from(["-", "+", "- "]), operands),
        st.builds("({})".format, operands),
        st.builds("{}({})".format, unary, operands),
        st.builds("{}({}, {})".format, binary, operands, operands),
    )


LEAVES = st.sampled_from(["a", "b", "x", "2.0", "0.5", "3.0", "0.1", "1e-3", ".25"])
EXPRESSIONS = st.recursive(LEAVES, _operation, max_leaves=12)
NUMBERS = st.floats(-4, 4)


@given(EXPRESSIONS, st.fixed_dictionaries({"a": NUMBERS, "b": NUMBERS, "x": NUMBERS}))
def test_a_value_is_bit_for_bit_pythons(text, point):
    expected = python_value(text, point)
    used = {name for name, _, _ in names_in(read_value(text))}
    try:
        found = value(text, **{name: point[name] for name in used})
    except DomainError:
        found = None
    assert (found if found is None else found.hex()) == (expected if expected is None else expected.hex())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-x**2", -9.0),
        ("(-x)**2", 9.0),
        ("2**-x", 0.125),
        ("2**-x**2", 2.0**-9),
        ("2**x**2", 512.0),
        ("(2**x)**2", 64.0),
        ("2^x^2", 512.0),
        ("-x^2", -9.0),
        ("x - 2 - 1", 0.0),
        ("x - (2 - 1)", 2.0),
        ("12/x/2", 2.0),
        ("12/(x/2)", 8.0),
        ("12/x*2", 8.0),
        ("2*x**2", 18.0),
        ("-x*-x", 9.0),
        ("x--x", 6.0),
        ("+-+x", -3.0),
        ("where(x > 2, 1, 0)", 1.0),
        ("where(x + 1 <= 2*2, 1, 0)", 1.0),
        ("where(x < 3, 1, 0)", 0.0),
        ("where(x ≥ 3, 1, 0) + where(x ≤ 2, 1, 0)", 1.0),
        ("where((x > 2), 1, 0)", 1.0),
    ],
)
def test_precedence(text, expected):
    assert value(text, x=3) == expected


@pytest.mark.parametrize("name", [name for name in MATH if FUNCTIONS[name].arity == 1])
@pytest.mark.parametrize("x", [0.7, -0.3, 1.9])
def test_a_function_is_the_one_of_math(name, x):
    expected = python_value(f"{name}(x)", {"x": x})
    if expected is None:
        with pytest.raises(DomainError):
            value(f"{name}(x)", x=x)
    else:
        assert value(f"{name}(x)", x=x).hex() == expected.hex()


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        *((f"arc{name}", f"a{name}") for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")),
        *(("ln", "log"), ("Abs", "abs"), ("σ", "sigmoid"), ("swish", "silu"), ("ceiling", "ceil")),
        *(("arctan2", "atan2"), ("Max", "max"), ("Min", "min"), ("clamp", "clip")),
    ],
)
def test_an_alias_is_the_same_operation(alias, name):
    assert FUNCTIONS[alias] is FUNCTIONS[name]


def test_pow_is_the_operator():
    assert [node.op for node in gradient("pow(x, y) - x**y", x=2, y=3).nodes] == [
        "input",
        "input",
        "pow",
        "sub",
    ]


# ---- text as it is pasted ----


@pytest.mark.parametrize(
    ("pasted", "plain"),
    [
        ("(a × b + c) × f", "(a*b + c)*f"),
        ("a · b ⋅ c ∙ f", "a*b*c*f"),
        ("a ÷ b ∕ c", "a/b/c"),
        ("a − b – c", "a - b - c"),
        ("a² + b³", "a**2 + b**3"),
        ("a⁻¹", "a**-1"),
        ("a⁺²", "a**2"),
        ("-a²", "-a**2"),
        ("b/a²", "b/a**2"),
        ("a**b²", "a**(b**2)"),
        ("a²³", "a**23"),
        ("a² ³", "(a**2)**3"),
        ("(a + b)²", "(a + b)**2"),
        ("sin(a)²", "sin(a)**2"),
        ("2⁻²", "2**-2"),
        ("2·π·a", "2*pi*a"),
        ("σ(a)", "sigmoid(a)"),
        ("sin（a）", "sin(a)"),
        ("a\u00a0+\u2009b", "a + b"),
        ("\ufeffa\u200b*\u2060b", "a*b"),
        ("a + b\r\n", "a + b"),
    ],
)
def test_pasted_text_means_what_it_looks_like(pasted, plain):
    point = {"a": 1.7, "b": 2.3, "c": 0.6, "f": 5.1}
    reports = [
        gradient(text, {name: point[name] for name in read_source(text).inputs}, check=False)
        for text in (pasted, plain)
    ]
    assert reports[0].value.hex() == reports[1].value.hex()
    assert reports[0].gradients == reports[1].gradients


def test_letters_that_look_equal_are_equal():
    composed, decomposed = "\u00e9", "e\u0301"
    assert gradient(f"{composed} + {decomposed}", {composed: 2.0}).gradients == {composed: 2.0}


@pytest.mark.parametrize(
    "name",
    [
        *keyword.kwlist,
        *(
            "E",
            "I",
            "N",
            "O",
            "Q",
            "S",
            "C",
            "e",
            "j",
            "beta",
            "gamma",
            "zeta",
            "sum",
            "len",
            "x1",
            "x_1",
            "_",
        ),
        *(
            "Symbol",
            "Integer",
            "Function",
            "Mul",
            "diff",
            "eval",
            "__import__",
            "nan",
            "inf",
            "pi",
            "tau",
            "π",
        ),
        *("v1", "v2", "α", "θ", "Δt", "w₁", "x₁₀", "ℏ", "été", "変数"),
        *FUNCTIONS,
    ],
)
def test_every_identifier_is_a_name(name):
    report = gradient(f"{name}*{name} + 1", {"pi" if name == "π" else name: 3.0})
    assert report.value == 10
    assert list(report.gradients.values()) == [6.0]
    assert report.check.status == "pass"
    assert gradient(f"{name} = q + 1; {name}*2", q=1).nodes[1].id == ("pi" if name == "π" else name)


@example("x\u0302")  # x with a hat, of which there is no composed letter
@given(st.text(st.characters(categories=["L", "Nd", "Nl", "Mn", "Mc", "Pc"]), min_size=1, max_size=4))
def test_what_python_calls_an_identifier_is_a_name(name):
    name = normalise(name)
    assume(name.isidentifier() and name not in ("π", "pi"))
    assert list(read_source(f"2*{name}").inputs) == [name]


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_and_a_variable_can_have_one_name(name):
    operands = {"where": "a > 0, a, a"}.get(name, ", ".join("a" * FUNCTIONS[name].arity))
    source = read_source(f"{name}({operands}) + {name}")
    assert list(source.inputs) == ["a", name]


# ---- numbers ----


@given(st.floats(min_value=0, allow_nan=False, allow_infinity=False))
def test_a_number_is_the_one_that_python_reads(x):
    assert value(repr(x)).hex() == x.hex()


@given(
    st.from_regex(
        r"[0-9]{0,3}\.[0-9]{14,18}(e[+-]?[0-9]{1,2})?", fullmatch=True, alphabet=st.characters(codec="ascii")
    )
)
def test_a_number_of_many_digits_is_rounded_once(text):
    assert value(text).hex() == float(text).hex()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1_000.000_5", 1000.0005),
        ("1_0e1_0", 1e11),
        (".5", 0.5),
        ("5.", 5.0),
        ("1.e5", 1e5),
        ("1E+2", 100.0),
        ("007", 7.0),
        ("0.1234567890123456", 0.1234567890123456),
        ("9007199254740993", 9007199254740992.0),
        ("2.2250738585072011e-308", 2.2250738585072011e-308),
        ("5e-324", 5e-324),
        ("1e-400", 0.0),
        ("1.7976931348623157e308", 1.7976931348623157e308),
    ],
)
def test_numbers(text, expected):
    assert value(text).hex() == expected.hex()


# ---- statements ----


@pytest.mark.parametrize(
    "text",
    [
        "d = a*b\nd + c",
        "d = a*b; d + c",
        "d = a*b;\n\n ; d + c;\n",
        "# the product\nd = a*b  # here; not a statement\nd + c # end",
        "d = a*b\r\nd + c\r\n",
        "d = (a\n*\nb)\nd + c",
        "d = (a  # first\n  *b)\nd + c",
        "d = a \\\n *b\nd + c",
        "d = a; d *= b; d += c",
        "d = c; d += a*b; d",
        "d = a*b\ny = d + c",
        "\n\td\t=\ta*b\n\td + c",
    ],
)
def test_statements(text):
    report = gradient(text, a=2, b=3, c=-10)
    assert report.value == -4
    assert report.gradients == {"a": 3.0, "b": 2.0, "c": 1.0}


@pytest.mark.parametrize(
    ("augmented", "expected"),
    [
        ("c += a", 10.0),
        ("c -= a", 6.0),
        ("c *= a + 1", 24.0),
        ("c /= a", 4.0),
        ("c **= a", 64.0),
        ("c ^= a", 64.0),
    ],
)
def test_augmented_assignment(augmented, expected):
    assert value(f"c = b + 1; {augmented}; c", a=2, b=7) == expected


# ---- bad texts: what is said, where the caret stands, what would be accepted ----

_CONDITION = ("a condition can only be the first operand of where", "write where(x > 0, a, b)")
_ASSIGNMENT = (
    "'=' stands behind a single name, at the start of a statement",
    "statements are separated by ; or a new line",
)
_UNNAMED = (
    "only the last statement can be without a name",
    "name it (y = …), or join the lines within parentheses",
)
_CLOSE = "this ( is never closed"
_END = "the expression ends where a value is expected"
_UNKNOWN = "a name before a parenthesis must be one of the known functions"
_ROUND = "only round parentheses group"
_COMMA = "a comma only separates the operands of a function"
_POINT = "statements are separated by ; and decimals have a point: 1.5"

# The piece under the caret is between « and ».
BAD = [
    ("«»", "the program is empty", 'an expression is expected: "(a*b+c)*f"'),
    ("« # only a comment»", "the program is empty", 'an expression is expected: "(a*b+c)*f"'),
    ("a +«»", _END, ""),
    ("a = «»", _END, ""),
    ("a +«»\nb", _END, ""),
    ("a ** «»; b", _END, ""),
    ("«*» a", "a value is expected before '*'", ""),
    ("a * «/» b", "a value is expected before '/'", ""),
    ("a ^«^» b", "a value is expected before '^'", ""),
    ("«=» a", "a value is expected before '='", ""),
    ("(«)»", "a value is expected before ')'", ""),
    ("sin(a,«)»", "a value is expected before ')'", ""),
    ("sin(«,»)", "a value is expected before ','", ""),
    ("a - «>» b", "a value is expected before '>'", ""),
    ("«(»a", _CLOSE, ""),
    ("«(»(a)", _CLOSE, ""),
    ("a + «(»b * (c + d)", _CLOSE, ""),
    ("max«(»a; b)", _CLOSE, ""),
    ("a + max«(»b, c\n", _CLOSE, ""),
    ("«（»a + (b)", _CLOSE, ""),
    ("(sin # (\n«(»a", _CLOSE, ""),
    ("a«)»", "this ) closes nothing", ""),
    ("(a + b * c)«)» + d", "this ) closes nothing", ""),
    ("«2a»", "an operator is missing in '2a'", "did you mean 2*a?"),
    ("b + «2 a»", "an operator is missing in '2 a'", "did you mean 2*a?"),
    ("«a b»", "an operator is missing in 'a b'", "did you mean a*b?"),
    ("«2(»a)", "an operator is missing in '2('", "did you mean 2*(a)?"),
    ("«(a)(»b)", "an operator is missing in '(a)('", "did you mean (a)*(b)?"),
    ("«(a + b) c»", "an operator is missing in '(a + b) c'", "did you mean (a + b)*c?"),
    ("«log(a)(»b)", "an operator is missing in 'log(a)('", "did you mean log(a)*(b)?"),
    ("«a²b»", "an operator is missing in 'a²b'", "did you mean a²*b?"),
    ("max(«a b»)", "an operator is missing in 'a b'", "did you mean a*b?"),
    ("«0.0x»", "an operator is missing in '0.0x'", "did you mean 0.0*x?"),
    ("«(0)x»", "an operator is missing in '(0)x'", "did you mean (0)*x?"),
    ("(a + 1000000*b + 1000000*c) «d»", "an operator is missing before 'd'", "did you mean *d?"),
    ("«a»(b)", "a is not a function", "did you mean a*b?"),
    ("«ab»(2)", "ab is not a function", "did you mean ab*2?"),
    ("«a»(b + c)", "a is not a function", "did you mean a*(…)?"),
    ("1 + «sinn»(a)", "sinn is not a function", "did you mean sin, sinh or sinc?"),
    ("«foo»(a)", "foo is not a function", "did you mean floor?"),
    ("«Sin»(a)", "Sin is not a function", "write sin(a)"),
    ("«sqr»(a)", "sqr is not a function", "write (a^2)"),
    ("«sin a»", "sin is a function: its operand stands in parentheses", "write sin(a)"),
    ("2*«exp 2»", "exp is a function: its operand stands in parentheses", "write exp(2)"),
    ("«sin()»", "sin has no operand", "write sin(x)"),
    ("«max()»", "max has no operand", "write max(x, y, …)"),
    ("«sin(a, b)»", "sin needs 1 operand, got 2", "write sin(x)"),
    ("1 - «clip(a, b)»", "clip needs 3 operands, got 2", "write clip(x, lo, hi)"),
    ("«where(a > 0, b)»", "where needs 3 operands, got 2", "write where(cond, a, b)"),
    (
        "where(«a», b, c)",
        "the first operand of where is a condition",
        "write where(x > 0, a, b), with < <= > or >=",
    ),
    ("«a > 0»", *_CONDITION),
    ("y = «a > 0»; where(y, 1, 2)", *_CONDITION),
    ("where(«a < b» < c, 1, 2)", *_CONDITION),
    ("max(«a > 0», 1)", *_CONDITION),
    ("where(a > 0, «b > 0», 1)", *_CONDITION),
    ("-«(a > 0)»", *_CONDITION),
    ("1 + «(a > 0)»", *_CONDITION),
    ("«(a > 0)»²", *_CONDITION),
    ("a«,» b", _COMMA, _POINT),
    ("1«,»5*a", _COMMA, _POINT),
    ("sin((a«,» b))", _COMMA, _POINT),
    ("«1.2.3»", "a number has one decimal point", ""),
    ("«1__0»", "'1__0' is not a number", "a single _ may group digits: 1_000"),
    ("«1_»", "'1_' is not a number", "a single _ may group digits: 1_000"),
    ("«0x10»", "0x10 is not a number", "numbers are decimal"),
    ("«1e400»*a", "1e400 is too large", "numbers end at 1.79769e308"),
    ("a = b «=» c", *_ASSIGNMENT),
    ("a + b «=» c", *_ASSIGNMENT),
    ("2 «=» a", *_ASSIGNMENT),
    ("(a) «=» 2", *_ASSIGNMENT),
    ("a + b «+=» c", "'+=' stands behind a single name, at the start of a statement", _ASSIGNMENT[1]),
    ("«a + 1»; b + 1", *_UNNAMED),
    ("«a»\n+ b", *_UNNAMED),
    ("a «%» b", "'%' is not in the language", "mod(x, y) is the remainder, with the sign of y"),
    ("a «//» b", "'//' is not in the language", "floor(a/b) is the quotient rounded down"),
    (
        "a «==» b",
        "'==' is not in the language",
        "a single = names a value; conditions are < <= > >= in where(cond, a, b)",
    ),
    ("a «!=» b", "'!=' is not in the language", "conditions are < <= > >= in where(cond, a, b)"),
    ("a«!»", "'!' is not in the language", "x! is gamma(x + 1); there is no negation of conditions"),
    ("«∫»a", "'∫' is not in the language", "there are no integrals"),
    ("a «&» b", "'&' is not in the language", "nest where(cond, a, b) to combine conditions"),
    ("«|»a|", "'|' is not in the language", "abs(x) is the absolute value"),
    ("«√»a", "'√' is not in the language", "write sqrt(x)"),
    ("2*«∞»", "'∞' is not in the language", "there is no infinity"),
    ("a«[»0", "this [ is never closed", ""),
    (
        "a«[»b[0]]",
        "this is no index",
        "an index is written out, in whole numbers and slices: x[0], W[1, 0:3]",
    ),
    ("a«[b]»", "'b' is no index", "an index is written out, in whole numbers and slices: x[0], W[1, 0:3]"),
    ("a«]»", "this ] closes nothing", ""),
    ("«{»a}", "'{' is not in the language", _ROUND),
    ('«"»a"', "'\"' is not in the language", "there is no text in the language"),
    ("«$»a", "'$' is not in the language", "give a value as NAME=VALUE behind the program"),
    ("a«.»b", "'.' is not in the language", "a name has no dot"),
    ("«²»", "'²' is not in the language", ""),
    ("a + «☃»", "'☃' is not in the language", ""),
    ("a«½»", "unexpected character '½'", "write 1/2"),
    ("«__import__»('os').system('id')", "__import__ is not a function", _UNKNOWN),
    ("«eval»(a)", "eval is not a function", _UNKNOWN),
    ("«exec»('1')", "exec is not a function", _UNKNOWN),
    ("(«)».__class__.__bases__", "a value is expected before ')'", ""),
    ("a«.»__class__", "'.' is not in the language", "a name has no dot"),
    ("«import os»", "an operator is missing in 'import os'", "did you mean import*os?"),
    ("«lambda x»: x", "an operator is missing in 'lambda x'", "did you mean lambda*x?"),
]


@pytest.mark.parametrize(("marked", "message", "hint"), BAD, ids=[row[0] for row in BAD])
def test_a_bad_text_is_explained(marked, message, hint):
    text = marked.replace("«", "").replace("»", "")
    with pytest.raises(ParseError) as caught:
        read_source(text, notation="plain")
    error = caught.value
    assert (error.message, error.hint) == (message, hint)
    assert (error.text, error.start, error.end) == (text, marked.index("«"), marked.index("»") - 1)


@pytest.mark.parametrize("text", ["sin²(x)", "sin^2(x)", "sin**2(x)"])
def test_a_power_on_a_function_name_is_told_to_stand_behind_the_call(text):
    with pytest.raises(ParseError) as caught:
        read_source(text, notation="plain")
    assert "sin(x)" in caught.value.hint


# ---- nothing is executed, nothing else is raised ----


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch {path}')",
        'open("{path}", "w")',
        "exec(open('{path}','w'))",
        "x.__class__.__init__.__globals__",
        "[open('{path}', 'w')]",
        "lambda: open('{path}', 'w')",
        'f\'{{open("{path}", "w")}}\'',
    ],
)
def test_no_text_is_executed(text, tmp_path):
    path = tmp_path / "executed"
    with pytest.raises(ParseError):
        gradient(text.format(path=path))
    assert not path.exists()


_PIECES = st.sampled_from(
    [
        *(
            "a",
            "b",
            "x1",
            "pi",
            "π",
            "2",
            ".5",
            "1e5",
            "1_0",
            "0x1",
            "1e999",
            "²",
            "⁻¹",
            "½",
            "w₁",
            "é",
            "e\u0301",
        ),
        *(
            "+",
            "-",
            "*",
            "/",
            "**",
            "^",
            "//",
            "%",
            "<",
            ">=",
            "≤",
            "=",
            "==",
            "+=",
            "×",
            "−",
            "÷",
            "!",
            "|",
            "√",
        ),
        *(
            "(",
            ")",
            "（",
            "）",
            "[",
            ",",
            ";",
            "\n",
            "\\\n",
            "\r",
            "\t",
            " ",
            "#",
            ".",
            "'",
            '"',
            "$",
            "\0",
            "\ud800",
        ),
        *("sin", "sin(", "max(", "where(", "where(a>0,", "where", "foo(", "a(", *keyword.kwlist[:6]),
    ]
)
_ANY_CHARACTER = st.characters(codec=None, exclude_categories=())


def read(text):
    try:
        return read_source(text)
    except BackpropError as error:
        return error


@given(st.one_of(st.text(_ANY_CHARACTER), st.lists(_PIECES, max_size=14).map("".join)))
def test_any_text_reads_or_is_explained(text):
    found = read(text)
    if isinstance(found, BackpropError):
        assert found.text == normalise(text)
        assert 0 <= found.start <= found.end <= len(found.text)
        assert found.message
    else:
        graph = lower_source(found)
        assert all(0 <= start <= end <= len(found.text) for start, end in graph.spans)
