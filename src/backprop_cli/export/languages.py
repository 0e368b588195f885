"""Languages: a table of forms each, over the instructions that a row of the operation table may use."""

from __future__ import annotations

import keyword
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# fmt: off
_INFIX = {
    "add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "div": "{0} / {1}", "neg": "-{0}",
    "lt": "{0} < {1}", "le": "{0} <= {1}", "gt": "{0} > {1}", "ge": "{0} >= {1}", "eq": "{0} == {1}",
    "both": "{0} && {1}", "either": "{0} || {1}", "not": "!{0}", "where": "{0} ? {1} : {2}",
    # 1/0 is a slope of infinity, whichever sign the zero has.
    "ratio": "{0} / ({1} + 0.0)",
}
_UNARY = (
    "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "sin", "cos", "tan", "asin", "acos",
    "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "floor", "ceil", "erf", "erfc",
)
_PAIRS = ("atan2", "hypot", "pow")
# fmt: on


@dataclass(frozen=True)
class Language:
    """How a language writes a function and its test, as forms to be filled in.

    forms: instruction -> its expression, with {0}, {1} … for the operands.  helpers: name -> the text of a
    function that some forms call.  start, head: of the file and the function.
    local: how a result gets a name;
    kinds: what numbers and truth values are declared as.  gradient, result: how what is found is given back.
    parameter: one, of those between commas.  after_one: what stands behind a single gradient.
    test: the file's own test, of the points in ``case``, where ``check`` compares a gradient.
    truth: true and false.  reserved: names that are taken.
    unused: what keeps a compiler from warning of an input that no result needs.
    run: what compiles and runs a file with its test; the last command's status tells.
    """

    name: str
    ending: str
    forms: Mapping[str, str]
    helpers: Mapping[str, str]
    start: str
    head: str
    parameter: str
    local: str
    kinds: tuple[str, str]
    gradient: str
    result: str
    test: str
    case: str
    check: str
    comment: str
    truth: tuple[str, str]
    infinity: str
    nan: str
    reserved: frozenset[str]
    run: tuple[tuple[str, ...], ...]
    takes_unicode: bool = False
    unused: str = ""
    after_one: str = ""

    def number(self, x: float | bool) -> str:
        """Return a number, or a truth value, as it is written."""
        if isinstance(x, bool):
            return self.truth[not x]
        if not math.isfinite(x):
            return self.nan if math.isnan(x) else self.infinity if x > 0 else f"-{self.infinity}"
        text = repr(float(x))
        return text if "." in text or "e" in text else f"{text}.0"


# ---- C and C++ ----

_C_WORDS = frozenset(
    (
        "abs", "and", "asm", "auto", "bool", "break", "case", "catch", "char", "class", "const",
        "continue", "cos", "default", "delete", "differs", "div", "do", "double", "else", "enum", "exp",
        "explicit", "extern", "fabs", "false", "float", "for", "friend", "g", "gamma", "goto", "gradient",
        "if", "index", "inline", "int", "j0", "j1", "jn", "larger", "lgamma", "log", "long", "main",
        "mutable", "namespace", "new", "not", "operator", "or", "pow", "private", "protected", "public",
        "register", "remove", "rename", "restrict", "return", "select", "short", "signal", "signed",
        "signum", "sin", "sizeof", "smaller", "sqrt", "static", "struct", "switch", "tan", "template",
        "this", "throw", "time", "true", "try", "typedef", "typename", "union", "unsigned", "using",
        "virtual", "void", "volatile", "while", "wrong", "xor", "y0", "y1", "yn",
    )
)  # fmt: skip
_C_TEST = """
#ifdef BACKPROP_TEST
#include <stdio.h>

/* slack: what rounding makes of terms that cancel. */
static int differs(double got, double right, double slack) {{
    return !(got == right || fabs(got - right) <= 1e-12 * fabs(right) + slack);
}}

int main(void) {{
    double g[{size}];
    int wrong = 0;
{cases}
    printf("%s\\n", wrong ? "wrong" : "ok");
    return wrong != 0;
}}
#endif
"""
_C_COMMAND = ("-O2", "-Wall", "-Wextra", "-Wpedantic", "-DBACKPROP_TEST", "-o", "{program}", "{file}", "-lm")

C = Language(
    name="c",
    ending=".c",
    forms={
        **_INFIX,
        **{name: f"{name}({{0}})" for name in _UNARY},
        **{name: f"{name}({{0}}, {{1}})" for name in _PAIRS},
        "abs": "fabs({0})",
        "sign": "signum({0})",
        "max": "larger({0}, {1})",
        "min": "smaller({0}, {1})",
    },
    helpers={
        "signum": "static double signum(double x) { return (x > 0.0) - (x < 0.0); }",
        "larger": "static double larger(double x, double y) { return y > x || y != y ? y : x; }",
        "smaller": "static double smaller(double x, double y) { return y < x || y != y ? y : x; }",
    },
    start="{comments}\n#include <math.h>\n\n{helpers}",
    head="double {function}({parameters}, double gradient[{size}]) {{\n",
    parameter="double {name}",
    local="    const {kind} {name} = {expression};{comment}",
    kinds=("double", "int"),
    gradient="    gradient[{place}] = {expression};{comment}",
    result="    return {expression};\n}}\n",
    test=_C_TEST,
    case="    wrong += differs({function}({point}, g), {value});\n    {checks}",
    check="wrong += differs(g[{place}], {numbers});",
    comment=" /* {text} */",
    truth=("1", "0"),
    infinity="INFINITY",
    nan="NAN",
    reserved=_C_WORDS,
    run=(("gcc", "-std=c99", *_C_COMMAND), ("{program}",)),
    unused="    (void){name};\n",
)
CPP = replace(
    C,
    name="cpp",
    ending=".cpp",
    kinds=("double", "bool"),
    truth=("true", "false"),
    run=(("g++", "-std=c++17", *_C_COMMAND), ("{program}",)),
)

# ---- Python and NumPy ----

_PYTHON_FORMS = {
    **_INFIX,
    **{name: f"_{name}({{0}})" for name in _UNARY},
    "both": "{0} and {1}",
    "either": "{0} or {1}",
    "not": "not {0}",
    "where": "{1} if {0} else {2}",
    "abs": "abs({0})",
    "sign": "_sign({0})",
    "max": "_max({0}, {1})",
    "min": "_min({0}, {1})",
    "div": "_div({0}, {1})",
    "ratio": "_div({0}, {1} + 0.0)",
    "pow": "_pow({0}, {1})",
    "atan2": "math.atan2({0}, {1})",
    "hypot": "math.hypot({0}, {1})",
}
_QUIET = '''\
def _quiet(function):
    """Return a function that is not a number, or infinite, where Python's raises."""

    def quiet(*xs):
        try:
            return function(*xs)
        except OverflowError:
            return math.inf
        except ValueError:
            return math.nan

    return quiet
'''
_PYTHON_TEST = """

if __name__ == "__main__":
    def _differs(got, right, slack):  # of rounding, where terms cancel
        return not (got == right or abs(got - right) <= 1e-12 * abs(right) + slack)

    wrong = 0
{cases}
    print("wrong" if wrong else "ok")
    raise SystemExit(wrong != 0)
"""
PYTHON = Language(
    name="python",
    ending=".py",
    forms=_PYTHON_FORMS,
    helpers={
        "_quiet": _QUIET,
        **{f"_{name}": f"_{name} = _quiet(math.{name})" for name in _UNARY if name != "cbrt"},
        "_cbrt": "def _cbrt(x):\n    return math.cbrt(x)\n",
        "_pow": "_pow = _quiet(math.pow)",
        "_div": "def _div(x, y):\n    return x / y if y else math.copysign(math.inf, x) if x else math.nan\n",
        "_sign": "def _sign(x):\n    return float((x > 0) - (x < 0))\n",
        "_max": "def _max(x, y):\n    return y if y > x or y != y else x\n",
        "_min": "def _min(x, y):\n    return y if y < x or y != y else x\n",
    },
    start="{comments}\nimport math\n\n{helpers}\n",
    head="def {function}({parameters}):\n    {doc}\n",
    parameter="{name}",
    local="    {name} = {expression}{comment}",
    kinds=("", ""),
    gradient="    {gradient_name} = {expression}{comment}",
    result="    return {expression}, ({gradients})\n",
    test=_PYTHON_TEST,
    case="    value, g = {function}({point})\n    wrong += _differs(value, {value})\n    {checks}",
    check="wrong += _differs(g[{place}], {numbers})",
    after_one=",",
    comment="  # {text}",
    truth=("True", "False"),
    infinity="math.inf",
    nan="math.nan",
    reserved=frozenset((*keyword.kwlist, "math", "np", "abs", "print", "float", "wrong", "value", "g")),
    run=(("python3", "{file}"),),
    takes_unicode=True,
)
_NUMPY_NAMES = {
    **{name: name for name in _UNARY},
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh",
}  # fmt: skip
NUMPY = replace(
    PYTHON,
    name="numpy",
    forms={
        **_INFIX,
        **{name: f"np.{of}({{0}})" for name, of in _NUMPY_NAMES.items()},
        "erf": "_erf({0})",
        "erfc": "_erfc({0})",
        "both": "np.logical_and({0}, {1})",
        "either": "np.logical_or({0}, {1})",
        "not": "np.logical_not({0})",
        "where": "np.where({0}, {1}, {2})",
        "abs": "np.abs({0})",
        "sign": "np.sign({0})",
        "max": "np.maximum({0}, {1})",
        "min": "np.minimum({0}, {1})",
        "pow": "np.power({0}, {1})",
        "div": "np.divide({0}, {1})",
        "ratio": "np.divide({0}, {1} + 0.0)",
        "atan2": "np.arctan2({0}, {1})",
        "hypot": "np.hypot({0}, {1})",
    },
    helpers={
        "_erf": "_erf = np.vectorize(math.erf, otypes=[float])",
        "_erfc": "_erfc = np.vectorize(math.erfc, otypes=[float])",
    },
    start="{comments}\nimport math\n\nimport numpy as np\n\n{helpers}\n",
    head='@np.errstate(all="ignore")\ndef {function}({parameters}):\n    {doc}\n',
)

# ---- JavaScript ----

_JS_WORDS = frozenset(
    (
        "Infinity", "Math", "NaN", "arguments", "async", "await", "break", "case", "catch", "class",
        "const", "continue", "debugger", "default", "delete", "differs", "do", "else", "enum", "eval",
        "export", "extends", "false", "finally", "for", "function", "g", "if", "import", "in",
        "instanceof", "larger", "let", "module", "new", "null", "of", "require", "return", "signum",
        "smaller", "static", "super", "switch", "this", "throw", "true", "try", "typeof", "undefined",
        "value", "var", "void", "while", "with", "wrong", "yield",
    )
)  # fmt: skip
JAVASCRIPT = replace(
    C,
    name="javascript",
    ending=".js",
    forms={
        **_INFIX,
        **{name: f"Math.{name}({{0}})" for name in _UNARY if not name.startswith("erf")},
        **{name: f"Math.{name}({{0}}, {{1}})" for name in _PAIRS},
        "eq": "{0} === {1}",
        "abs": "Math.abs({0})",
        "sign": "Math.sign({0})",
        "max": "Math.max({0}, {1})",
        "min": "Math.min({0}, {1})",
    },
    helpers={},
    start="{comments}\n{helpers}",
    head="function {function}({parameters}) {{\n",
    parameter="{name}",
    local="  const {name} = {expression};{comment}",
    gradient="  const {gradient_name} = {expression};{comment}",
    result="  return [{expression}, [{gradients}]];\n}}\n",
    test="""
if (typeof require !== "undefined" && require.main === module) {{
  // slack: what rounding makes of terms that cancel.
  const differs = (got, right, slack) =>
    !(got === right || Math.abs(got - right) <= 1e-12 * Math.abs(right) + slack);
  let wrong = 0;
  let value, g;
{cases}
  console.log(wrong ? "wrong" : "ok");
  process.exitCode = wrong ? 1 : 0;
}}
if (typeof module !== "undefined") module.exports = {{ {function} }};
""",
    case="  [value, g] = {function}({point});\n  wrong += differs(value, {value});\n  {checks}",
    comment=" // {text}",
    truth=("true", "false"),
    infinity="Infinity",
    nan="NaN",
    reserved=_JS_WORDS,
    run=(("node", "{file}"),),
    takes_unicode=True,
    unused="",
)

# ---- Rust ----

_RUST_NAMES = {
    **{name: name for name in _UNARY},
    "expm1": "exp_m1", "log": "ln", "log1p": "ln_1p",
}  # fmt: skip
_RUST_ERROR = """\
fn {name}(x: f64) -> f64 {{
    extern "C" {{
        fn {of}(x: f64) -> f64;
    }}
    unsafe {{ {of}(x) }}
}}
"""
_RUST_WORDS = frozenset((
    "abstract", "as", "async", "await", "become", "box", "break", "complementary", "const", "continue",
    "crate", "do", "dyn", "else", "enum", "error_function", "extern", "f64", "false", "final", "fn",
    "for", "g", "i8", "if", "impl", "in", "larger", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "self", "signum", "smaller", "static", "struct",
    "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "value", "virtual",
    "where", "while", "wrong", "yield",
))  # fmt: skip
RUST = replace(
    C,
    name="rust",
    ending=".rs",
    forms={
        **_INFIX,
        **{name: f"f64::{of}({{0}})" for name, of in _RUST_NAMES.items() if not name.startswith("erf")},
        "erf": "error_function({0})",
        "erfc": "complementary({0})",
        "where": "if {0} {{ {1} }} else {{ {2} }}",
        "abs": "f64::abs({0})",
        "sign": "signum({0})",
        "max": "larger({0}, {1})",
        "min": "smaller({0}, {1})",
        "pow": "f64::powf({0}, {1})",
        "atan2": "f64::atan2({0}, {1})",
        "hypot": "f64::hypot({0}, {1})",
    },
    helpers={
        "signum": "fn signum(x: f64) -> f64 {\n    f64::from(i8::from(x > 0.0) - i8::from(x < 0.0))\n}\n",
        "larger": "fn larger(x: f64, y: f64) -> f64 {\n    if y > x || y.is_nan() { y } else { x }\n}\n",
        "smaller": "fn smaller(x: f64, y: f64) -> f64 {\n    if y < x || y.is_nan() { y } else { x }\n}\n",
        "error_function": _RUST_ERROR.format(name="error_function", of="erf"),
        "complementary": _RUST_ERROR.format(name="complementary", of="erfc"),
    },
    start="{comments}\n{helpers}",
    head="#[allow(clippy::all)]\npub fn {function}({parameters}) -> (f64, [f64; {size}]) {{\n",
    parameter="{name}: f64",
    local="    let {name} = {expression};{comment}",
    gradient="    let {gradient_name} = {expression};{comment}",
    result="    ({expression}, [{gradients}])\n}}\n",
    test="""
#[cfg(test)]
mod tests {{
    // slack: what rounding makes of terms that cancel.
    fn differs(got: f64, right: f64, slack: f64) -> usize {{
        usize::from(!(got == right || (got - right).abs() <= 1e-12 * right.abs() + slack))
    }}

    #[test]
    fn points() {{
        let mut wrong = 0;
{cases}
        assert!(wrong == 0);
    }}
}}
""",
    case="        let (value, g) = super::{function}({point});\n"
    "        wrong += differs(value, {value});\n        {checks}",
    comment=" // {text}",
    truth=("true", "false"),
    infinity="f64::INFINITY",
    nan="f64::NAN",
    reserved=_RUST_WORDS,
    run=(("rustc", "--test", "-O", "--crate-type", "lib", "-o", "{program}", "{file}"), ("{program}", "-q")),
    unused="    let _ = {name};\n",
)

LANGUAGES = {language.name: language for language in (C, CPP, PYTHON, NUMPY, JAVASCRIPT, RUST)}
