"""Languages with braces: C, C++, JavaScript and Rust."""

from __future__ import annotations

from dataclasses import replace

from backprop_cli.export.forms import INFIX, PAIRS, UNARY, Language

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
static int differs(const char *name, double got, double right, double slack) {{
    if (fabs(got - right) <= 1e-12 * fabs(right) + slack) return 0;
    printf("%s is %.17g, not %.17g\\n", name, got, right);
    return 1;
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
        **INFIX,
        **{name: f"{name}({{0}})" for name in UNARY},
        **{name: f"{name}({{0}}, {{1}})" for name in PAIRS},
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
    case="    wrong += differs({label}, {function}({point}, g), {value});\n    {checks}",
    check="wrong += differs({label}, g[{place}], {numbers});",
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
        **INFIX,
        **{name: f"Math.{name}({{0}})" for name in UNARY if not name.startswith("erf")},
        **{name: f"Math.{name}({{0}}, {{1}})" for name in PAIRS},
        "eq": "{0} === {1}",
        "ne": "{0} !== {1}",
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
  const differs = (name, got, right, slack) => {{
    if (Math.abs(got - right) <= 1e-12 * Math.abs(right) + slack) return 0;
    console.log(`${{name}} is ${{got}}, not ${{right}}`);
    return 1;
  }};
  let wrong = 0;
  let value, g;
{cases}
  console.log(wrong ? "wrong" : "ok");
  process.exitCode = wrong ? 1 : 0;
}}
if (typeof module !== "undefined") module.exports = {{ {function} }};
""",
    case="  [value, g] = {function}({point});\n  wrong += differs({label}, value, {value});\n  {checks}",
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
    **{name: name for name in UNARY},
    "expm1": "exp_m1", "log": "ln", "log1p": "ln_1p",
}  # fmt: skip
_RUST_ERROR = """\
fn {name}(x: f64) -> f64 {{
    unsafe extern "C" {{
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
        **INFIX,
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
    head="#[allow(non_snake_case, clippy::approx_constant, clippy::eq_op)]\n"
    "#[allow(clippy::excessive_precision, clippy::neg_cmp_op_on_partial_ord, clippy::too_many_arguments)]\n"
    "pub fn {function}({parameters}) -> (f64, [f64; {size}]) {{\n",
    parameter="{name}: f64",
    local="    let {name} = {expression};{comment}",
    gradient="    let {gradient_name} = {expression};{comment}",
    result="    ({expression}, [{gradients}])\n}}\n",
    test="""
#[cfg(test)]
mod tests {{
    // slack: what rounding makes of terms that cancel.
    fn differs(name: &str, got: f64, right: f64, slack: f64) -> usize {{
        if (got - right).abs() <= 1e-12 * right.abs() + slack {{
            return 0;
        }}
        println!("{{name}} is {{got}}, not {{right}}");
        1
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
    "        wrong += differs({label}, value, {value});\n        {checks}",
    comment=" // {text}",
    truth=("true", "false"),
    infinity="f64::INFINITY",
    nan="f64::NAN",
    reserved=_RUST_WORDS,
    run=(("rustc", "--test", "-O", "--crate-type", "lib", "-o", "{program}", "{file}"), ("{program}", "-q")),
    unused="    let _ = {name};\n",
)
