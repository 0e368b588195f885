"""Python, and NumPy for whole arrays."""

from __future__ import annotations

import keyword
from dataclasses import replace

from backprop_cli.export.forms import INFIX, UNARY, Language

_PYTHON_FORMS = {
    **INFIX,
    **{name: f"_{name}({{0}})" for name in UNARY},
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
    def _differs(name, got, right, slack):  # slack: what rounding makes of terms that cancel
        if abs(got - right) <= 1e-12 * abs(right) + slack:
            return 0
        print(f"{{name}} is {{float(got)!r}}, not {{right!r}}")
        return 1

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
        **{f"_{name}": f"_{name} = _quiet(math.{name})" for name in UNARY if name != "cbrt"},
        "_cbrt": "def _cbrt(x):\n    return math.cbrt(x)\n",
        "_pow": "_pow = _quiet(math.pow)",
        "_div": "def _div(x, y):\n    return x / y if y else math.copysign(math.inf, x) if x else math.nan\n",
        "_sign": "def _sign(x):\n    return float((x > 0) - (x < 0))\n",
        "_max": "def _max(x, y):\n    return y if y > x or math.isnan(y) else x\n",
        "_min": "def _min(x, y):\n    return y if y < x or math.isnan(y) else x\n",
    },
    start="{comments}\n\n{imports}\n\n{helpers}\n",
    head="def {function}({parameters}):\n    {doc}\n",
    parameter="{name}",
    local="    {name} = {expression}{comment}",
    kinds=("", ""),
    gradient="    {gradient_name} = {expression}{comment}",
    result="    return {expression}, ({gradients})\n",
    test=_PYTHON_TEST,
    case="    value, g = {function}({point})\n    wrong += _differs({label}, value, {value})\n    {checks}",
    check="wrong += _differs({label}, g[{place}], {numbers})",
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
    **{name: name for name in UNARY},
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh",
}  # fmt: skip
NUMPY = replace(
    PYTHON,
    name="numpy",
    forms={
        **INFIX,
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
    start="{comments}\n\n{imports}\nimport numpy as np\n\n{helpers}",
    head='@np.errstate(all="ignore")\ndef {function}({parameters}):\n    {doc}\n',
)
