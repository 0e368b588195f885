"""Python as it is pasted: what it computes is what is read, or it is refused."""

import itertools
import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from backprop_cli import gradient
from backprop_cli.errors import BackpropError, ParseError
from backprop_cli.language.source import read_source
from effort import lines_of

MICROGRAD = """\
from micrograd.engine import Value

a = Value(-4.0)
b = Value(2.0)
c = a + b
d = a * b + b**3
c += c + 1
c += 1 + c + (-a)
d += d * 2 + (b + a).relu()
d += 3 * d + (b - a).relu()
e = c - d
f = e**2
g = f / 2.0
g += 10.0 / f
print(f'{g.data:.4f}') # prints 24.7041, the outcome of this forward pass
g.backward()
print(f'{a.grad:.4f}') # prints 138.8338, i.e. the numerical value of dg/da
print(f'{b.grad:.4f}') # prints 645.5773, i.e. the numerical value of dg/db
"""
NEURON = """\
# inputs x1,x2
x1 = Value(2.0, label='x1')
x2 = Value(0.0, label='x2')
# weights w1,w2
w1 = Value(-3.0, label='w1')
w2 = Value(1.0, label='w2')
b = Value(6.8813735870195432, label='b')
# x1*w1 + x2*w2 + b
x1w1 = x1*w1; x1w1.label = 'x1*w1'
x2w2 = x2*w2; x2w2.label = 'x2*w2'
x1w1x2w2 = x1w1 + x2w2; x1w1x2w2.label = 'x1*w1 + x2*w2'
n = x1w1x2w2 + b; n.label = 'n'
o = n.tanh(); o.label = 'o'
o.backward()
draw_dot(o)
"""
TENSORS = """\
import torch

x1 = torch.Tensor([2.0]).double()                ; x1.requires_grad = True
x2 = torch.Tensor([0.0]).double()                ; x2.requires_grad = True
w1 = torch.Tensor([-3.0]).double()               ; w1.requires_grad = True
w2 = torch.Tensor([1.0]).double()                ; w2.requires_grad = True
b = torch.Tensor([6.8813735870195432]).double()  ; b.requires_grad = True
n = x1*w1 + x2*w2 + b
o = torch.tanh(n)

print(o.data.item())
o.backward()

print('---')
print('x2', x2.grad.item())
print('w2', w2.grad.item())
print('x1', x1.grad.item())
print('w1', w1.grad.item())
"""


def test_the_program_of_microgracs_first_page_has_the_numbers_it_prints():
    report = gradient(MICROGRAD)
    assert f"{report.value:.4f}" == "24.7041"
    assert {name: f"{x:.4f}" for name, x in report.gradients.items()} == {"a": "138.8338", "b": "645.5773"}


@pytest.mark.parametrize("program", [NEURON, TENSORS])
def test_the_neuron_of_the_lecture_has_its_gradients(program):
    report = gradient(program)
    found = {name: round(x, 4) for name, x in report.gradients.items()}
    assert found == {"x1": -1.5, "w1": 1.0, "x2": 0.5, "w2": 0.0, "b": 0.5}
    assert round(report.value, 4) == 0.7071


READINGS = [
    # methods, modules, names with dots
    ("-x.exp()", "-exp(x)"),
    ("2**x.exp()", "2^exp(x)"),
    ("torch.special.expit(x)", "sigmoid(x)"),
    ("import numpy as xp\nxp.exp(x)", "exp(x)"),
    ("from math import exp as E, pi\nE(x)*pi", "exp(x)*pi"),
    ("layer1.w*x.tanh() + layer2.w", "layer1_w*tanh(x) + layer2_w"),
    ('params["w"]*np.exp(x) + params["b"]', "w*exp(x) + b"),
    ("self.a*self.b.data", "a*b"),
    ("np.e**x", "exp(1)^x"),
    ("math.tau*x", "2*pi*x"),
    ("nn.Tanh()(w*x + b)", "tanh(w*x + b)"),
    ("nn.LeakyReLU(0.2)(x)", "leaky_relu(x, 0.2)"),
    # keywords, and what differs between libraries
    ("F.leaky_relu(x, negative_slope=0.1)", "leaky_relu(x, 0.1)"),
    ("tf.nn.leaky_relu(x)", "leaky_relu(x, 0.2)"),
    ("jax.nn.leaky_relu(x)", "leaky_relu(x, 0.01)"),
    ("F.gelu(x)", "gelu(x)"),
    ("F.gelu(x, approximate='tanh')", "0.5*x*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x^3)))"),
    ("jax.nn.gelu(x)", "0.5*x*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x^3)))"),
    ("F.softplus(x, beta=2)", "softplus(2*x)/2"),
    ("np.clip(x, None, 1)", "min(x, 1)"),
    ("np.clip(x, 0, np.inf)", "max(x, 0)"),
    ("x.clamp(min=0)", "max(x, 0)"),
    ("np.sinc(x)", "sinc(pi*x)"),
    ("np.exp(x, dtype=np.float64)", "exp(x)"),
    ("x.where(x > 0, y)", "where(x > 0, x, y)"),
    ("Math.max(x, y) + Math.round(x)", "max(x, y) + floor(x + 0.5)"),
    # decisions
    ("x.exp() if not x > 0 else 2", "where(x > 0, 2, exp(x))"),
    ("np.where((x > 0) | (y > 0), 1, 2)", "where(x > 0, 1, where(y > 0, 1, 2))"),
    ("np.where((x > 0) & ((x < 1) | (x > 3)), 1, 2)", "where(x > 0, where(x < 1, 1, where(x > 3, 1, 2)), 2)"),
    # the lines of a program
    ("y = x*x; y.backward(); y = y + 1", "y = x*x"),
    ("y = x**2\ny.backward()\nx.data -= 0.1*x.grad", "y = x^2"),
    ("(a*b).tanh().backward()", "tanh(a*b)"),
    ("y = x.exp()\ny\nz = y*2", "y = exp(x); z = y*2"),
    ("x = 2.0\ny = x**2 + np.sin(x)\nprint(y)", "x = 2; y = x^2 + sin(x); y"),
    ("x = 2.0; y = 3.0; print(x*y)", "x = 2; y = 3; x*y"),
    ('x = 2.0\ny = x.exp()\nprint("y", y)', "x = 2; y = exp(x)"),
    ("f = lambda x, w=2: w*x**2", "w = 2; w*x^2"),
    ("def f(x, w=None, *, v: float = 3) -> float:\n    '''2\n    lines'''\n    return v*w*x", "v = 3; v*w*x"),
    (">>> a = Value(2.0)\n>>> b = a*3\n>>> b\nValue(data=6.0)", "a = 2; b = a*3; b"),
    ("with tf.GradientTape() as tape:\n    y = x**2\n    z = y*3\ndy = tape.gradient(y, x)", "y = x^2"),
    ("y = (x\n     + 1)\ny.tanh()", "y = x + 1; tanh(y)"),
    ("x: float = 3.0\ny = x.exp()", "x = 3; y = exp(x)"),
    # C and its kin
    ("double f(double x) { return std::exp(-x*x/2.0); }", "exp(-x*x/2)"),
    ("/* g */ double g = expf(-x*x) + 1.0f; // done 1", "g = exp(-x*x) + 1"),
    ("const sigmoid = x => 1/(1 + Math.exp(-x))", "1/(1 + exp(-x))"),
    ("function f(x) { return Math.sqrt(x*x + 1); }", "sqrt(x*x + 1)"),
    ("let y = x > 0 ? x : 0;", "y = where(x > 0, x, 0)"),
    # remainders
    ("x % y", "x - y*floor(x/y)"),
    ("2*x % -y**2 + 1", "2*x - -y^2*floor(2*x/-y^2) + 1"),
    ("(x % 3)*y % z", "(x - 3*floor(x/3))*y - z*floor((x - 3*floor(x/3))*y/z)"),
    ("-x % 2 if x % 2 > 1 else x", "where(x - 2*floor(x/2) > 1, -x - 2*floor(-x/2), x)"),
    ("np.exp(x % 2, ) - x%y*z", "exp(x - 2*floor(x/2)) - (x - y*floor(x/y))*z"),
    # lists that a function takes
    ("np.max([x, 0, y])", "max(x, 0, y)"),
    ("np.linalg.norm([x, y, z])", "hypot(hypot(x, y), z)"),
    ("sum([x.exp(), -y, 2])/np.mean([x, y])", "(exp(x) + -y + 2)/((x + y)/2)"),
    ("np.prod([x + 1, y])", "(x + 1)*y"),
    ("sympy.root(x, 3)*sympy.root(y, n)", "cbrt(x)*y^(1/n)"),
    ("nn.Mish()(x) + F.celu(x, alpha=2) + F.hardtanh(x, -2, 2)",
     "x*tanh(softplus(x)) + where(x > 0, x, 2*expm1(x/2)) + clip(x, -2, 2)"),
    ("math.hypot(x, y, z) + np.logaddexp(x, y) + np.heaviside(x, 0.5)",
     "hypot(hypot(x, y), z) + logaddexp(x, y) + where(x < 0, 0, where(x > 0, 1, 0.5))"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "plain"), READINGS)
def test_python_is_read_as(text, plain):
    source = read_source(text)
    assert (source.notation, source.read_as) == ("python", plain)
    again = read_source(source.read_as)
    assert again.notation == ""
    assert [s.name for s in again.statements] == [s.name for s in source.statements]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("sum([x, y]*2 + x.exp())", "sum([x, y]*2 + exp(x))"),
        ("np.max([x, y], axis=0)", "max([x, y], axis=0)"),
        ("x[0].exp()*x_0", "exp(x[0])*x_0"),
        ("torch.sum(torch.tensor([1.0, 2.0])*x)", "sum([1, 2]*x)"),
        ("torch.softmax(z, dim=0)", "softmax(z, axis=0)"),
        ("np.sqrt(np.sum((x - y)**2))", "sqrt(sum((x - y)^2))"),
        ("x.T.exp()", "exp(x.T)"),
        ("-np.dot(w, x).tanh()", "-tanh(dot(w, x))"),
    ],
)
def test_what_only_arrays_can_be_is_read_as_such_without_values(text, plain):
    assert read_source(text, needs_shapes=False).read_as == plain


REFUSALS = [
    ("Math.exp(x % y)", "'%' is not read"),
    ("np.exp(x % )", "value is expected"),
    ("y = " + "x.exp() if x > 0 and x < 1 else (" * 20 + "x" + ")" * 20, "repeat too much"),
    # two things that would be one
    ("w*self.w", "would both be w"),
    # gradients that stop, add up or begin with another number
    ("x.detach()*y", "stops the gradient"),
    ("tf.stop_gradient(x)*y", "stops the gradient"),
    ("y = x*2; z = y*x; z.backward(); y.backward()", "gradients add up"),
    ("y = x*x\ny.backward(torch.tensor(2.0))", "given a gradient"),
    ("x = Value(2.0)\nx.data = 3.0\nx*x", "another value"),
    ("y = w*x; y.clamp_(min=0); z = y*y.exp()", "in its place"),
    ("y = x.sigmoid_()", "in its place"),
    ("y = x*x.exp()\nw -= lr*w.grad\nz = w*y", ".grad is not read"),
    # what means something else elsewhere
    ("np.max(0, x)", "axis"),
    ("np.log(x, y)", "no base"),
    ("np.round(x, 2)", "one number"),
    ("math.remainder(x, y)", "nearest quotient"),
    ("double y = 1/2*x*x;", "whole number in C"),
    ("nn.gelu(x)", "exact in some libraries"),
    ("x.leaky_relu()", "libraries differ"),
    ("np.where(x > 0 & x < 1, 1, 2)", "binds before"),
    ("torch.add(a, b, alpha=2)", "takes no alpha="),
    ("x.exp(out=y)", "takes no out="),
    ("y = x.exp()\n+ z", "begins with '+'"),
    # what no number is
    ("np.inf*x", "∞"),
    ("[x for x in y]", "a loop within an expression is not read"),
    ("return a, b", "several results"),
    # programs that need to be run
    ("for i in range(3): x = x*2", "'for' is not read"),
    ("if x > 0: y = x", "'if' is not read"),
    ("with torch.no_grad():\n    y = x*2", "'with' is not read"),
    ("class Neuron: w = 2", "'class' is not read"),
    ("f = lambda x: x**2; f(3)", "behind the function"),
    ("def f(x): return x.exp()\ny = f(2)", "behind the line that returns"),
    ("def f(x): return x\ndef g(x): return x", "behind the line that returns"),
    ("a, b = b, a", "beside its new value"),
    ("a, b = 1, 2, 3", "2 names are given 3 values"),
    ("y = self.act(w*x)", "not a function"),
    # what is not complete
    ("np.exp(", "never closed"),
    ("np.exp(x))", "closes nothing"),
    ("y = np.exp(x)*", "ends where a value is expected"),
    ("np.exp()", "exp"),
    ("x..exp()", "operator is missing"),
    ("y = x.tanh() y", "operator is missing"),
    ("Value()", "one number"),
    ("x.backward()", "no statement names it"),
]


@pytest.mark.parametrize(("text", "words"), REFUSALS)
def test_python_is_refused_with_the_reason(text, words):
    with pytest.raises(BackpropError) as caught:
        read_source(text)
    assert words in caught.value.message
    assert caught.value.status == 2
    start, end = caught.value.start, caught.value.end
    assert 0 <= start <= end <= len(text)


class Number(float):
    """A float with the methods of an autograd library, which Python itself computes with."""


def _method(compute):
    return lambda self, *operands: Number(compute(self, *operands))


for _name, _compute in {
    "exp": math.exp, "tanh": math.tanh, "sin": math.sin, "pow": pow, "relu": lambda x: max(x, 0.0),
    "__add__": float.__add__, "__radd__": float.__radd__, "__sub__": float.__sub__, "__neg__": float.__neg__,
    "__rsub__": float.__rsub__, "__mul__": float.__mul__, "__rmul__": float.__rmul__,
    "__mod__": lambda x, y: x - y * float(math.floor(x / y)),
    "__truediv__": float.__truediv__, "__rtruediv__": float.__rtruediv__, "__pow__": float.__pow__,
}.items():  # fmt: skip
    setattr(Number, _name, _method(_compute))


class Library:
    """What ``np`` is to the programs: its functions, on numbers."""

    exp = staticmethod(lambda x: Number(math.exp(x)))
    tanh = staticmethod(lambda x: Number(math.tanh(x)))
    maximum = staticmethod(lambda x, y: Number(max(x, y)))
    square = staticmethod(lambda x: Number(x * x))
    where = staticmethod(lambda cond, x, y: Number(x if cond else y))


def _expressions():
    leaves = st.sampled_from(["a", "b", "self.w", "Value(0.5)", "Value(3.0, label='c')", "v[0]"])

    def grow(inner):
        return st.one_of(
            st.builds("{} {} {}".format, inner, st.sampled_from(["+", "-", "*", "/"]), inner),
            st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "/"]), inner),
            st.builds("({}).{}()".format, inner, st.sampled_from(["exp", "tanh", "sin", "relu"])),
            st.builds("np.{}({})".format, st.sampled_from(["exp", "tanh", "square"]), inner),
            st.builds("np.maximum({}, {})".format, inner, inner),
            st.builds("-{}.tanh()".format, st.sampled_from(["a", "b"])),
            st.builds("({})**2".format, inner),
            st.builds("{} % ({})".format, inner, inner),
            st.builds("({} if {} > {} else {})".format, inner, inner, inner, inner),
            st.builds("({} if {} > 0 and not {} < {} else {})".format, inner, inner, inner, inner, inner),
            st.builds("np.where(({} < {}) & ({} >= 1), {}, {})".format, inner, inner, inner, inner, inner),
        )

    return st.recursive(leaves, grow, max_leaves=8)


@settings(max_examples=150, deadline=None)
@given(_expressions(), _expressions())
def test_a_program_has_the_value_that_python_computes(first, second):
    program = f"y = {first}\nz = y*a + ({second})\nz.backward()"
    names = {
        "np": Library, "Value": lambda x, **_: Number(x), "a": Number(0.75), "b": Number(-1.25),
        "self": type("Holder", (), {"w": Number(0.4)}), "v": [Number(1.5)], "__builtins__": {},
    }  # fmt: skip
    try:
        exec(program.rpartition("\n")[0], names)
    except (OverflowError, ZeroDivisionError):
        assume(False)
    assume(math.isfinite(names["z"]))
    given_names = {"a": 0.75, "b": -1.25, "w": 0.4, "v_0": 1.5}
    source = read_source(program, given_names)
    used = {name: x for name, x in given_names.items() if name in source.inputs}
    assert gradient(program, used, check=False).value == names["z"]


def _conditions():
    number, sign = (
        st.sampled_from(["a", "b", "1", "(a + b)"]),
        st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    )
    joint = st.sampled_from(["and", "or"])
    comparisons = st.one_of(
        st.builds("{} {} {}".format, number, sign, number),
        st.builds("{} {} {} {} {}".format, number, sign, number, sign, number),
    )
    return st.recursive(comparisons, lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, joint, inner),
        st.builds("({} {} {})".format, inner, joint, inner),
        st.builds("not {}".format, inner), st.builds("not ({})".format, inner),
    ), max_leaves=5)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(_conditions())
def test_a_condition_holds_where_it_does_in_python(condition):
    for program in (f"where({condition}, a, 3*b)", f"a if {condition} else 3*b"):
        source = read_source(program)
        for a, b in itertools.product((0.0, 1.0, 2.0), repeat=2):
            point = {name: x for name, x in {"a": a, "b": b}.items() if name in source.inputs}
            expected = a if eval(condition, {}, {"a": a, "b": b}) else 3 * b
            assert gradient(source.read_as or program, point, check=False).value == expected


def test_conditions_are_read_in_time_in_proportion_to_them():
    many = " and ".join(f"x{i} > {i}" for i in range(300))
    assert read_source(f"where({many}, 1, 2)").read_as.count("where") == 300
    with pytest.raises(ParseError, match="repeat too much"):
        read_source("where(" + " and ".join(f"(x{i} > 1 or y < {i})" for i in range(20)) + ", 1, 2)")
    deep = "not (" * 3000 + "x > 1" + ")" * 3000
    assert read_source(f"where({deep}, 1, 2)").read_as == "where(x > 1, 1, 2)"


@pytest.mark.parametrize(
    "program",
    [
        lambda n: "y = " + " + ".join(["x.tanh()"] * n),
        lambda n: "\n".join(["x = Value(1.0)", *["x = (x*w).relu()"] * n]),
        lambda n: "y = " + "np.exp(-" * n + "x" + ")" * n,
        lambda n: "y = x" + ".tanh()" * n,
        lambda n: "y = " + "a if x > 0 else " * n + "b",
    ],
    ids=["terms", "lines", "calls", "methods", "decisions"],
)
def test_a_text_twice_as_long_takes_twice_the_steps(program):
    read_source(program(10))  # what is imported and compiled once
    few, many = (lines_of(read_source, program(count)) for count in (100, 200))
    assert many < 2.2 * few


def test_a_line_takes_few_steps():
    """Some 0.2 ms each."""
    lines = [
        "n.tanh()",
        "y = np.where(x > 0, x, self.alpha*(np.exp(x) - 1))",
        "F.gelu(x, approximate='tanh')",
    ]
    for line in lines:
        read_source(line)
        assert lines_of(read_source, line) < 10_000
