"""Which names are inputs, what they default to, and the values given for them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_cli import BackpropError, InputError, ParseError, gradient
from backprop_cli.language.source import choose_point, evaluate_constant, read_assignments, read_source


def result(text, **point):
    """Return the value and the gradients, without the check."""
    report = gradient(text, point, check=False)
    return report.value, report.gradients


def error_of(function, *args, **point):
    with pytest.raises(BackpropError) as caught:
        function(*args, **point)
    return caught.value


# ---- inputs and their defaults ----


@pytest.mark.parametrize(
    ("text", "inputs", "defaults"),
    [
        ("(a*b + c)*f", "abcf", ""),
        ("f*(c + b*a)", "fcba", ""),
        ("a = 2; a*b", "ab", "a"),
        ("b = 3; a = 2; a*b", "ab", "ab"),
        ("a = 2; b = a + 1; a*b", "a", "a"),
        ("a = b; b = 2; a*b", "b", "b"),
        ("a = 2; a = a*a; a", "a", "a"),
        ("a = a + 1; a", "a", ""),
        ("a = 2", "a", "a"),
        ("a += 1; a", "a", ""),
        ("a = 2; a += b; a", "ab", "a"),
        ("a = 2; c = 3; a*x", "axc", "ac"),
    ],
)
def test_inputs_in_order_of_first_use(text, inputs, defaults):
    source = read_source(text)
    assert "".join(source.inputs) == inputs
    assert "".join(sorted(source.defaults)) == defaults


@pytest.mark.parametrize(
    ("text", "point", "value", "gradients"),
    [
        ("a = 2; b = 3; a*b", {}, 6.0, {"a": 3.0, "b": 2.0}),
        ("a = 2; b = 3; a*b", {"a": 5}, 15.0, {"a": 3.0, "b": 5.0}),
        ("a = 2; b = 3; a*b", {"a": 5, "b": 7}, 35.0, {"a": 7.0, "b": 5.0}),
        ("a = -(1 + 2)**2/4; a", {}, -2.25, {"a": 1.0}),
        ("a = sqrt(2)*pi; a*a", {}, (math.sqrt(2) * math.pi) ** 2, {"a": 2 * (math.sqrt(2) * math.pi)}),
        ("a = 2", {}, 2.0, {"a": 1.0}),
        ("a = 2", {"a": 7}, 7.0, {"a": 1.0}),
        ("a = 2; a = a*a; a*3", {}, 12.0, {"a": 12.0}),
        ("a = 2; a = 3; a*b", {"b": 5}, 15.0, {"a": 0.0, "b": 3.0}),
        ("y = a*a; a = 3; y", {}, 9.0, {"a": 6.0}),
        ("unused = 1; x*2", {"x": 4}, 8.0, {"x": 2.0, "unused": 0.0}),
        ("2 + 3", {}, 5.0, {}),
    ],
)
def test_a_default_can_be_overridden(text, point, value, gradients):
    assert result(text, **point) == (pytest.approx(value, rel=1e-15), pytest.approx(gradients, rel=1e-15))


@pytest.mark.parametrize(
    ("text", "point", "value", "gradients"),
    [
        ("pi*x", {"x": 2}, 2 * math.pi, {"x": math.pi}),
        ("π*x", {"x": 2}, 2 * math.pi, {"x": math.pi}),
        ("pi*x", {"x": 2, "pi": 3}, 6.0, {"pi": 2.0, "x": 3.0}),
        ("π*x", {"x": 2, "pi": 3}, 6.0, {"pi": 2.0, "x": 3.0}),
        ("π*x", {"x": 2, "π": 3}, 6.0, {"pi": 2.0, "x": 3.0}),
        ("tau*x", {"x": 2, "tau": 6}, 12.0, {"tau": 2.0, "x": 6.0}),
        ("pi = 3; pi*x", {"x": 2}, 6.0, {"pi": 2.0, "x": 3.0}),
        ("π = 3; pi*x", {"x": 2}, 6.0, {"pi": 2.0, "x": 3.0}),
        ("pi = 3*x; pi*x", {"x": 2}, 12.0, {"x": 12.0}),
        ("a = 2*pi; a*x", {"x": 1}, 2 * math.pi, {"a": 1.0, "x": 2 * math.pi}),
        ("a = 2*pi; a*x", {"x": 1, "pi": 3}, 6.0, {"x": 6.0, "pi": 2.0}),
    ],
)
def test_pi_and_tau(text, point, value, gradients):
    assert result(text, **point) == (value, gradients)


def test_each_assignment_of_a_name_is_a_node_of_its_own():
    report = gradient("c = a*b; c = c + a; c = c*c; c - 1", a=2, b=3)
    nodes = {node.id: (node.expr, node.value, node.gradient) for node in report.nodes}
    assert nodes["c#1"] == ("a*b", 6.0, 16.0)
    assert nodes["c#2"] == ("c#1 + a", 8.0, 16.0)
    assert nodes["c"] == ("c#2*c#2", 64.0, 1.0)
    assert report.gradients == {"a": 64.0, "b": 32.0}


def test_augmented_assignments_are_versions_too():
    report = gradient("c = a*b; c += a; c -= b; c *= 2; c /= a; c **= 2", a=2, b=3)
    named = [node for node in report.nodes if node.id.startswith("c")]
    assert [node.id for node in named] == ["c#1", "c#2", "c#3", "c#4", "c#5", "c"]
    assert [node.value for node in named] == [6.0, 8.0, 5.0, 10.0, 5.0, 25.0]


def test_an_input_that_is_assigned_again_is_the_first_version():
    report = gradient("x = 3; x = x*x; x", {})
    assert [node.id for node in report.nodes] == ["x#1", "x"]
    assert report.gradients == {"x": 6.0}
    assert [(notice.kind, notice.node) for notice in report.warnings] == [("shadowed", "x#1")]


# ---- NAME=VALUE ----


@pytest.mark.parametrize(
    ("argument", "name", "value"),
    [
        ("a=-10", "a", -10.0),
        ("a=1e-3", "a", 1e-3),
        ("a=1/3", "a", 1 / 3),
        ("a=pi/4", "a", math.pi / 4),
        ("a=sqrt(2)", "a", math.sqrt(2)),
        ("a=-2**2", "a", -4.0),
        ("a=where(1 < 2, 3, 1/0)", "a", 3.0),
        (" a = 2 ", "a", 2.0),
        ("a=−1·2", "a", -2.0),
        ("a=2²", "a", 4.0),
        ("π=3", "pi", 3.0),
        ("lambda=1_000", "lambda", 1000.0),
        ("w₁=1 # the first weight", "w₁", 1.0),
        ("e\u0301=1", "\u00e9", 1.0),
        ("a=0.1234567890123456", "a", 0.1234567890123456),
    ],
)
def test_a_value_is_a_constant_expression(argument, name, value):
    assert read_assignments([argument]) == {name: value}


_NAME = "write NAME=VALUE, such as a=2"
_CONSTANT = "a value is a constant expression: -10, 1e-3, 1/3, pi/4, sqrt(2)"


@pytest.mark.parametrize(
    ("marked", "kind", "message", "hint"),
    [
        ("«a»", InputError, "'a' is not of the form NAME=VALUE", "write a=2"),
        ("«a: 1/2»", InputError, "'a: 1/2' is not of the form NAME=VALUE", "write a=1/2"),
        ("«a + b»", InputError, "'a + b' is not of the form NAME=VALUE", ""),
        ("«»=2", InputError, "'' is not a name", _NAME),
        ("«2»=a", InputError, "'2' is not a name", _NAME),
        ("«a b»=2", InputError, "'a b' is not a name", _NAME),
        ("«a.b»=2", InputError, "'a.b' is not a name", _NAME),
        ("«a·b»=2", InputError, "'a·b' is not a name", _NAME),
        ("«a=»", InputError, "a is given no value", "write a=2"),
        ("«a=  »", InputError, "a is given no value", "write a=2"),
        ("a=«b»", InputError, "a value can't depend on the name b", _CONSTANT),
        ("a=2*«a»", InputError, "a value can't depend on the name a", _CONSTANT),
        (
            "a=«e»**2",
            InputError,
            "a value can't depend on the name e",
            "Euler's number is exp(1); e is a variable like any other, given as e=VALUE",
        ),
        (
            "a=-«inf»",
            InputError,
            "a value can't depend on the name inf",
            "there is no infinity; the largest number is 1.79769e308",
        ),
        ("a=«nan»", InputError, "a value can't depend on the name nan", "a value is a number"),
        ("a=2 + «1/0»", InputError, "1/0 has no finite value", "1/0 needs a divisor other than 0"),
        ("a=2*«sqrt(-1)»", InputError, "sqrt(-1) has no finite value", "sqrt needs an operand >= 0"),
        ("a=«2^1024»", InputError, "2^1024 has no finite value", "it is beyond 1.79769e308"),
        ("a=«1/1e-310»", InputError, "1/1e-310 has no finite value", "it is beyond 1.79769e308"),
        ("a=«exp(1000)»", InputError, "exp(1000) has no finite value", "it is beyond 1.79769e308"),
        ("a=«1e999»", ParseError, "1e999 is too large", "numbers end at 1.79769e308"),
        ("a=«2x»", ParseError, "an operator is missing in '2x'", "did you mean 2*x?"),
        (
            "a=1«,»5",
            ParseError,
            "a comma only separates the operands of a function",
            "statements are separated by ; and decimals have a point: 1.5",
        ),
        ("a=«=»2", ParseError, "a value is expected before '='", ""),
        ("a=«(»1", ParseError, "this ( is never closed", ""),
        ("«a=b=2»", ParseError, "one expression is expected here", ""),
    ],
)
def test_a_bad_assignment_is_explained(marked, kind, message, hint):
    argument = marked.replace("«", "").replace("»", "")
    error = error_of(read_assignments, [argument])
    assert (type(error), error.message, error.hint) == (kind, message, hint)
    assert (error.text, error.start, error.end) == (argument, marked.index("«"), marked.index("»") - 1)


def test_a_name_is_given_once():
    error = error_of(read_assignments, ["a=1", "b=2", "a=1"])
    assert (error.message, error.text) == ("a is given twice", "a=1")
    assert error_of(read_assignments, ["π=3", "pi=3"]).message == "pi is given twice"


def test_no_value_is_executed(tmp_path):
    path = tmp_path / "executed"
    for text in (f"open('{path}','w')", f"__import__('os').system('touch {path}')"):
        assert isinstance(error_of(read_assignments, [f"a={text}"]), ParseError)
        assert isinstance(error_of(read_assignments, [f"{text}=1"]), InputError)
    assert not path.exists()


def read(argument):
    try:
        return read_assignments([argument])
    except BackpropError as error:
        return error


@given(st.sampled_from(["", "a="]), st.text(st.characters(codec=None, exclude_categories=())))
def test_any_argument_reads_or_is_explained(start, rest):
    found = read(start + rest)
    if isinstance(found, BackpropError):
        assert 0 <= found.start <= found.end <= len(found.text)
    else:
        assert all(math.isfinite(value) for value in found.values())


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_value_is_the_float_that_python_reads(x):
    assert evaluate_constant(repr(x)).hex() == x.hex()


# ---- the point ----


@pytest.mark.parametrize(
    ("marked", "point", "message", "hint"),
    [
        ("«a»*b", {"b": 1}, "a has no value", "add a=VALUE"),
        ("b*«a»*c", {"b": 1}, "a and c have no value", "add a=VALUE c=VALUE"),
        ("«a» + b + c + b", {}, "a, b and c have no value", "add a=VALUE b=VALUE c=VALUE"),
        (
            "«a»+b+c+d+f+g+h+k+l",
            {},
            "a, b, c, d, f, g, h and 2 more have no value",
            "add a=VALUE b=VALUE c=VALUE d=VALUE f=VALUE g=VALUE h=VALUE k=VALUE",
        ),
        (
            "«e»*x",
            {"x": 1},
            "e has no value",
            "Euler's number is exp(1); e is a variable like any other, given as e=VALUE",
        ),
        (
            "2*«sin»",
            {},
            "sin has no value",
            "the function is sin(…); sin is a variable like any other, given as sin=VALUE",
        ),
        ("«c» += 1", {}, "c has no value", "add c=VALUE"),
        ("a = 1; b = «c»*a; b", {}, "c has no value", "add c=VALUE"),
        ("a = 1 + «1/0»; a*2", {}, "1/0 has no finite value", "1/0 needs a divisor other than 0"),
        ("a*b«»", {"a": 1, "b": 2, "bb": 3}, "bb is not in the program", "did you mean b?"),
        ("weight*x«»", {"wieght": 1}, "wieght is not in the program", "did you mean weight?"),
        ("X*y«»", {"x": 1}, "x is not in the program", "did you mean X?"),
        ("a*b«»", {"q": 1}, "q is not in the program", "the inputs are a and b"),
        ("2 + 3«»", {"q": 1}, "q is not in the program", "the program has no inputs"),
        (
            "d = «a*b»; d*2",
            {"d": 1},
            "d is computed by the program, it is not an input",
            "the inputs are a and b",
        ),
        ("a«»", {"a": math.inf}, "a is not finite", "the value of an input is a number up to 1.79769e308"),
        ("a«»", {"a": math.nan}, "a is not finite", "the value of an input is a number up to 1.79769e308"),
    ],
)
def test_a_bad_point_is_explained(marked, point, message, hint):
    text = marked.replace("«", "").replace("»", "")
    error = error_of(gradient, text, **point)
    assert isinstance(error, InputError)
    assert (error.message, error.hint) == (message, hint)
    if "«»" not in marked:
        assert (error.text, error.start, error.end) == (text, marked.index("«"), marked.index("»") - 1)


def test_inputs_can_be_called_as_the_parameters_of_gradient():
    point = {"program": 2, "inputs": 3, "wrt": 5, "check": 7, "upstream": 11}
    report = gradient("program*inputs*wrt*check*upstream", point, check=False)
    assert report.value == 2310
    assert report.gradients == {name: 2310 / x for name, x in point.items()}


@pytest.mark.parametrize("name", ["e\u0301", "\u00e9"])
def test_a_name_is_the_same_in_a_program_and_in_a_point(name):
    assert result("\u00e9*2", **{name: 3.0}) == (6.0, {"\u00e9": 2.0})


def test_wrt_chooses_inputs():
    assert gradient("pi*a*b", a=2, b=3, wrt=["b"], check=False).gradients == {"b": 2 * math.pi}
    assert gradient("π*a", a=2, pi=3, wrt=["π"]).gradients == {"pi": 2.0}
    error = error_of(gradient, "d = a*b; d*2", a=1, b=2, wrt=["d"])
    assert error.message == "d is computed by the program, it is not an input"
    assert error_of(gradient, "a*b", a=1, b=2, wrt=["bb"]).hint == "did you mean b?"


def test_a_point_has_every_input_in_order():
    source = read_source("b = 3; a*b*c")
    assert list(choose_point(source, {"c": 1, "a": 2}).items()) == [("a", 2.0), ("b", 3.0), ("c", 1.0)]
