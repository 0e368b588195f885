"""LaTeX of books and papers: what is read, what is refused, and that what is typeset here is read back."""

import math
from contextlib import suppress

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop_cli import gradient
from backprop_cli.errors import BackpropError, ParseError
from backprop_cli.language.source import read_source
from backprop_cli.notation.latex import expression_latex
from effort import lines_of

READINGS = [
    (r"\frac{1}{\sqrt{2\pi\sigma^2}} e^{-\frac{(x-\mu)^2}{2\sigma^2}}", "x mu sigma",
     "1/sqrt(2*pi*sigma^2)*exp(-((x - mu)^2/(2*sigma^2)))"),
    (r"-\left[y\log\hat{y} + (1-y)\log(1-\hat{y})\right]", "y y_hat",
     "-(y*log(y_hat) + (1 - y)*log(1 - y_hat))"),
    (r"m_t = \beta_1 m_{t-1} + (1-\beta_1) g_t", "beta_1 m_tm1 g_t", "m_t = beta_1*m_tm1 + (1 - beta_1)*g_t"),
    (r"k = A e^{-E_a/RT}", "A E_a R T", "k = A*exp(-E_a/(R*T))"),
    (r"f_t = \sigma(W_f x_t + b_f)", "W_f x_t b_f", "f_t = sigmoid(W_f*x_t + b_f)"),
    (r"\frac12 mv^2 + mgh", "m v g h", "1/2*m*v^2 + m*g*h"),
    (r"\sin^2\theta + \cos^2 2\theta", "theta", "sin(theta)^2 + cos(2*theta)^2"),
    (r"v_0 \cos\theta \cdot t", "v_0 theta t", "v_0*cos(theta)*t"),
    (r"\gamma (a-b)^2", "gamma a b", "gamma*(a - b)^2"),
    (r"\sin^{-1} x + \log_{10}(x) + \log_2 x + \log_b x", "x b",
     "asin(x) + log10(x) + log2(x) + log(x)/log(b)"),
    (r"\sqrt[3]{x} + \sqrt[n]{x} + \sqrt2", "x n", "cbrt(x) + x^(1/n) + sqrt(2)"),
    (r"\max\{0, 1 - ty\} + |x - y|^p", "t x y p", "max(0, 1 - t*y) + abs(x - y)^p"),
    (r"\exp \frac{hc}{\lambda kT} - \exp\{-x\}", "h c lambda k T x", "exp(h*c/(lambda*k*T)) - exp(-x)"),
    (r"f(x) = \begin{cases} x & x > 0 \\ \alpha(e^x - 1) & x \le 0 \end{cases}", "x alpha",
     "where(x > 0, x, alpha*(exp(x) - 1))"),
    (r"\begin{cases} 0 & \text{if } x < 0 \\ x & 0 \le x < 1 \\ 1 & \text{otherwise} \end{cases}", "x",
     "where(x < 0, 0, where(0 <= x, where(x < 1, x, 1), 1))"),
    (r"\begin{cases} 1 & x > 0 \text{ and } x < 2, \\ 0, & \text{otherwise.} \end{cases}", "x",
     "where(x > 0, where(x < 2, 1, 0), 0)"),
    (r"\begin{cases} 1 & \text{if } x > 0, \max(x, y) \le 2 \\ 0 & \text{else} \end{cases}", "x y",
     "where(x > 0, where(max(x, y) <= 2, 1, 0), 0)"),
    (r"\begin{cases} 1 & (x > 0) \land (y < 1) \lor y > 2 \\ 0 & \text{otherwise} \end{cases}", "x y",
     "where(x > 0, where(y < 1, 1, where(y > 2, 1, 0)), where(y > 2, 1, 0))"),
    (r"\begin{cases} 1 & x = 0 \\ \frac{\sin x}{x} & x \neq 0 \end{cases}", "x",
     "where(x <= 0, where(x >= 0, 1, sin(x)/x), sin(x)/x)"),
    (r"$$\operatorname{ReLU}(x) + \text{net}_{h1}\,x'.$$", "x net_h1 x_prime", "relu(x) + net_h1*x_prime"),
    (r"\begin{aligned} z &= wx + b \\ a &= \sigma(z) \end{aligned}", "w x b", "z = w*x + b; a = sigmoid(z)"),
    (r"x=\frac{log(1-U)}{-\lambda}", "U lambda", "x = log(1 - U)/-lambda"),
    (r"\underbrace{\frac{1}{2} w^2}_\text{penalty} + \varepsilon", "w epsilon", "1/2*w^2 + epsilon"),
    (r"w^* \hat{y}^{(i)} + \Delta x", "w_star y_hat_i Delta_x", "w_star*y_hat_i + Delta_x"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "names", "plain"), READINGS)
def test_latex_is_read_as(text, names, plain):
    source = read_source(text, names.split())
    assert source.notation == "latex"
    assert source.read_as == plain
    assert set(source.inputs) == set(names.split())


REFUSALS = [
    (r"\sum_{i=1}^n x_i", "", "\\sum"),
    (r"\begin{cases} 1 & x \text{ is odd} \\ 0 & \text{otherwise} \end{cases}", "x", "a condition"),
    (r"\begin{cases} 1 & x \text{ and } y > 0 \\ 0 & \text{otherwise} \end{cases}", "x y", "a condition"),
    (r"\frac{\partial L}{\partial w}", "L w", "\\partial"),
    (r"\frac{dy}{dx}", "x y", "derivative"),
    (r"w^\top x", "w x", "transpose"),
    (r"x^{T} \cdot A", "x A", "transpose"),
    (r"\mathbf{x} + 1", "x", "\\mathbf"),
    (r"a \odot b", "a b", "\\odot"),
    (r"\|w\|^2", "w", "not read"),
    (r"x \in \mathbb{R}", "x", "\\in"),
    (r"100\text{m}^2", "", "unit"),
    (r"f(\alpha) + 1", "alpha", "function"),
    (r"\alpha(1 + x)", "x", "function"),
    (r"s^2+c^2=\alpha", "s c alpha", "equation"),
    (r"P(x|y) = \alpha", "alpha", "equation"),
    (r"\cos\omega t", "omega t", "further on"),
    (r"\sin x / y", "x y", "further on"),
    (r"1/2\sigma", "sigma", "two ways"),
    (r"a/(bc)\alpha", "a b c alpha", "two ways"),
    (r"\sin^{-2} x", "x", "two ways"),
    (r"e^{(k)} + \alpha", "k alpha", "index"),
    (r"w_{1,1}^{(1)} x_1", "x_1", "subscript"),
    (r"\begin{cases} x & x > 0 \\ 1 & x < 0 \end{cases}", "x", "other cases"),
    (r"\begin{matrix} a & b \end{matrix}", "a b", "environment"),
    (r"y = \alpha x \Rightarrow x = y", "alpha x", "not read"),
    (r"\frac{a}{b", "a b", "never closed"),
    (r"\foobar x", "x", "not known"),
    (r"\frac{a}{}", "a", "value is expected"),
    ("\x0crac{a}{b}", "a b", "backslash"),
    ("2\theta + 1", "", "backslash"),
    (r"x1 + \alpha", "x alpha", "behind a name"),
    (r"{a + b \over c}", "a b c", "\\over"),
    (r"n \choose k", "n k", "\\choose"),
    (r"\sin x \div y", "x y", "further on"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "names", "words"), REFUSALS)
def test_latex_that_is_not_clear_is_refused(text, names, words):
    with pytest.raises(ParseError) as caught:
        read_source(text, names.split())
    assert words in caught.value.message
    assert 0 <= caught.value.start <= caught.value.end <= len(text)


LONG = {
    "letters": ("x", 1, ""), "exponents": ("x^{", 1, "}"), "digits of fractions": (r"\frac12+", 1, ""),
    "underbraces": (r"\underbrace{x}_{y}+", 1, ""), "factors of a function": (r"x ", 1, ""),
    "bars": (r"(\sin|x|+", 1, ")"), "fractions": (r"\frac{", 1, "}{2}"), "marks": ("x^{(1)}+", 1, ""),
    "columns": (r"x \quad ", "", ""), "environments": (r"\begin x ", "", ""), "stops": (".", "", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_a_text_twice_as_long_takes_twice_the_steps(name):
    before, middle, after = LONG[name]
    start = r"\sin 2 " if name == "factors of a function" else "1"

    def read(length):
        with suppress(ParseError):
            read_source(f"{start} {before * length}{middle}{after * length}", ["x", "y"], "latex")

    def steps(length):
        return lines_of(read, length)

    steps(10)  # what is imported and compiled once
    assert steps(400) < 2.2 * steps(200)


POINT = {"a": 0.3, "b": 0.7, "x": 0.9, "x1": 0.4, "alpha": 0.2, "y_hat": 0.6, "w_ij": 0.8}
_LEAVES = st.sampled_from([*POINT, "2", "0.5", "pi"])


def _joined(inner):
    binary = st.builds("({}){}({})".format, inner, st.sampled_from(["+", "-", "*", "/", "^"]), inner)
    names = [
        "sin",
        "exp",
        "log",
        "tanh",
        "sqrt",
        "abs",
        "relu",
        "sigmoid",
        "asin",
        "log2",
        "cbrt",
        "erf",
        "-",
    ]
    return st.one_of(binary, st.builds("{}({})".format, st.sampled_from(names), inner))


@settings(max_examples=150, deadline=None)
@given(st.recursive(_LEAVES, _joined, max_leaves=8))
def test_what_is_typeset_here_is_read_back(text):
    names = list(read_source(text).inputs)
    latex = expression_latex(text)
    try:
        value = gradient(text, {name: POINT[name] for name in names}, check=False).value
    except BackpropError:
        return
    found = gradient(latex, {name: POINT[name] for name in names}, check=False, notation="latex").value
    assert math.isclose(found, value, rel_tol=1e-9, abs_tol=1e-300)


@settings(max_examples=100, deadline=None)
@given(st.recursive(st.sampled_from(["a", "b", "x_1", "theta", "3"]), _joined, max_leaves=6))
def test_what_sympy_typesets_is_read_right_or_refused(text):
    names = {name: sympy.Symbol(name, positive=True) for name in ("a", "b", "x_1", "theta")}
    functions = {
        "relu": lambda x: sympy.Max(x, 0),
        "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
        "log2": sympy.log,
    }
    expression = sympy.sympify(
        text.replace("^", "**"), locals={**names, **functions, "abs": sympy.Abs, "log2": sympy.log}
    )
    point = {name: 0.3 + 0.1 * i for i, name in enumerate(names) if names[name] in expression.free_symbols}
    try:
        value = complex(expression.subs({names[name]: x for name, x in point.items()}))
        found = gradient(sympy.latex(expression), point, check=False, notation="latex").value
    except (BackpropError, TypeError, OverflowError, ZeroDivisionError):
        return
    assert math.isclose(found, value.real, rel_tol=1e-9, abs_tol=1e-12)
