"""Languages of numerical work: Fortran and Julia."""

from __future__ import annotations

from backprop_cli.export.forms import INFIX, PAIRS, UNARY, Language

# ---- Fortran ----

# What Fortran lacks, or makes an integer of; and ** is not for negative bases.
_OF_C = {
    **{name: f"real_{name}" for name in ("expm1", "log1p", "log2", "cbrt", "floor", "ceil")},
    "pow": "real_power",
}
_OF_C_TEXT = """\
  function {name}({dummies}) result(y)
    double precision, intent(in) :: {dummies}
    double precision :: y
    interface
      pure function from_c({dummies}) bind(c, name="{of}") result(y)
        use, intrinsic :: iso_c_binding, only: c_double
        real(c_double), value :: {dummies}
        real(c_double) :: y
      end function from_c
    end interface
    y = from_c({dummies})
  end function {name}
"""
_CHOICE_TEXT = """\
  function {name}(x, y) result(z)
    double precision, intent(in) :: x, y
    double precision :: z
    z = merge(y, x, y {sign} x .or. .not. (y >= y))
  end function {name}
"""
_FORTRAN_WORDS = frozenset((
    "abs", "allocate", "asinh", "acosh", "atanh", "asin", "acos", "atan", "atan2", "block", "call", "case",
    "close", "contains", "cos", "cosh", "cycle", "data", "deallocate", "differs", "do", "double", "else",
    "elseif", "end", "enddo", "endif", "entry", "erf", "erfc", "error", "exit", "exp", "extends", "external",
    "format", "from_c", "function", "g", "go", "goto", "gradient", "huge", "hypot", "if", "implicit",
    "include", "integer", "interface", "intrinsic", "is_same", "log", "log10", "logical", "merge", "module",
    "namelist", "none", "nullify", "open", "parameter", "precision", "print", "private", "procedure",
    "program", "public", "pure", "read", "real", "result", "return", "rewind", "save", "select", "sign",
    "sin", "sinh", "sqrt", "stop", "subroutine", "tan", "tanh", "test", "then", "trim", "type", "use", "v",
    "value", "where", "while", "write", "wrong",
))  # fmt: skip

FORTRAN = Language(
    name="fortran",
    ending=".F90",
    forms={
        **INFIX,
        **{name: f"{_OF_C.get(name, name)}({{0}})" for name in UNARY},
        "pow": "real_power({0}, {1})",
        "atan2": "atan2({0}, {1})",
        "hypot": "hypot({0}, {1})",
        "eq": "is_same({0}, {1})",
        "ne": ".not. is_same({0}, {1})",
        "both": "{0} .and. {1}",
        "either": "{0} .or. {1}",
        "not": ".not. {0}",
        "where": "merge({1}, {2}, {0})",
        "abs": "abs({0})",
        "sign": "signum({0})",
        "max": "larger({0}, {1})",
        "min": "smaller({0}, {1})",
        "ratio": "{0} / ({1} + 0.0d0)",
    },
    helpers={
        **{
            name: _OF_C_TEXT.format(name=name, of=of, dummies="a, b" if of == "pow" else "x")
            for of, name in _OF_C.items()
        },
        "signum": """\
  function signum(x) result(y)
    double precision, intent(in) :: x
    double precision :: y
    y = merge(1.0d0, 0.0d0, x > 0.0d0) - merge(1.0d0, 0.0d0, x < 0.0d0)
  end function signum
""",
        "is_same": """\
  function is_same(x, y) result(same)
    double precision, intent(in) :: x, y
    logical :: same
    same = x <= y .and. x >= y
  end function is_same
""",
        "larger": _CHOICE_TEXT.format(name="larger", sign=">"),
        "smaller": _CHOICE_TEXT.format(name="smaller", sign="<"),
        "infinity": """\
  function infinity() result(y)
    use, intrinsic :: ieee_arithmetic, only: ieee_value, ieee_positive_inf
    double precision :: y
    y = ieee_value(1.0d0, ieee_positive_inf)
  end function infinity
""",
        "not_a_number": """\
  function not_a_number() result(y)
    use, intrinsic :: ieee_arithmetic, only: ieee_value, ieee_quiet_nan
    double precision :: y
    y = ieee_value(1.0d0, ieee_quiet_nan)
  end function not_a_number
""",
    },
    start="{comments}\nmodule {module}\n  implicit none\n  private\n  public :: {function}\n"
    "contains\n{helpers}",
    head="  subroutine {function}({parameters}, value, gradient)\n"
    "    double precision, intent(in) :: {parameters}\n"
    "    double precision, intent(out) :: value, gradient({size})\n"
    "{declarations}",
    parameter="{name}",
    declaration="    {kind} :: {names}\n",
    local="    {name} = {expression}{comment}",
    kinds=("double precision", "logical"),
    gradient="    gradient({place}) = {expression}{comment}",
    result="    value = {expression}\n  end subroutine {function}\nend module {module}\n",
    test="""
#ifdef BACKPROP_TEST
program test
  use {module}, only: {function}
  implicit none
  double precision :: v, g({size})
  integer :: wrong
  wrong = 0
{cases}
  print "(a)", trim(merge("wrong", "ok   ", wrong > 0))
  if (wrong > 0) stop 1
contains
  ! slack: what rounding makes of terms that cancel.
  integer function differs(name, got, right, slack)
    character(*), intent(in) :: name
    double precision, intent(in) :: got, right, slack
    differs = 0
    if (abs(got - right) <= 1d-12 * abs(right) + slack) return
    differs = 1
    print "(2a, es24.16e3, a, es24.16e3)", name, " is ", got, ", not ", right
  end function differs
end program test
#endif
""",
    case="  call {function}({point}, v, g)\n  wrong = wrong + differs({label}, v, {value})\n  {checks}",
    check="wrong = wrong + differs({label}, g({place}), {numbers})",
    first=1,
    comment="  ! {text}",
    truth=(".true.", ".false."),
    infinity="infinity()",
    nan="not_a_number()",
    spell="{0}d{1}",
    reserved=_FORTRAN_WORDS,
    ignores_case=True,
    longest=60,
    width=132,
    continued=" &",
    run=(
        (
            "gfortran", "-std=f2008", "-O2", "-Wall", "-Wextra", "-DBACKPROP_TEST", "-o", "{program}",
            "{file}",
        ),
        ("{program}",),
    ),
    unused="    associate (unused => {name})\n    end associate\n",
)  # fmt: skip

# ---- Julia ----

_RAISING = frozenset((
    "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "asin", "acos", "acosh", "atanh",
))  # fmt: skip
_JULIA_WORDS = frozenset((
    *UNARY, *PAIRS, "Base", "DomainError", "Float64", "Inf", "NaN", "abs", "abspath", "abstract", "ans",
    "baremodule", "begin", "break", "catch", "const", "continue", "do", "else", "elseif", "end", "error",
    "exit", "export", "false", "finally", "for", "function", "g", "global", "if", "im", "import", "in", "isa",
    "let", "local", "macro", "max", "min", "module", "mutable", "new", "pi", "primitive", "println",
    "quote", "rethrow", "return", "sign", "struct", "true", "try", "type", "using", "value", "where",
    "while", "wrong", "π", "ℯ", "_differs",
))  # fmt: skip
JULIA = Language(
    name="julia",
    ending=".jl",
    forms={
        **INFIX,
        **{
            name: f"_quiet({name}, {{0}})" if name in _RAISING else f"{name}({{0}})"
            for name in UNARY
            if not name.startswith("erf")
        },
        "abs": "abs({0})",
        "sign": "sign({0})",
        "max": "max({0}, {1})",
        "min": "min({0}, {1})",
        "pow": "_quiet(^, {0}, {1})",
        "atan2": "atan({0}, {1})",
        "hypot": "hypot({0}, {1})",
    },
    helpers={
        "_quiet": """\
# A function that is not a number where Julia's raises.
function _quiet(f, xs::Float64...)
    try
        return f(xs...)
    catch error
        error isa DomainError || rethrow()
        return NaN
    end
end
"""
    },
    start="{comments}\n\n{helpers}",
    head="function {function}({parameters})\n",
    parameter="{name}::Float64",
    local="    {name} = {expression}{comment}",
    kinds=("", ""),
    gradient="    {gradient_name} = {expression}{comment}",
    result="    return {expression}, ({gradients})\nend\n",
    test="""
if abspath(PROGRAM_FILE) == @__FILE__
    # slack: what rounding makes of terms that cancel.
    function _differs(name, got, right, slack)
        abs(got - right) <= 1e-12 * abs(right) + slack && return false
        println(name, " is ", got, ", not ", right)
        return true
    end

    wrong = 0
{cases}
    println(wrong > 0 ? "wrong" : "ok")
    exit(wrong > 0 ? 1 : 0)
end
""",
    case="    value, g = {function}({point})\n    wrong += _differs({label}, value, {value})\n    {checks}",
    check="wrong += _differs({label}, g[{place}], {numbers})",
    first=1,
    after_one=",",
    comment="  # {text}",
    truth=("true", "false"),
    infinity="Inf",
    nan="NaN",
    reserved=_JULIA_WORDS,
    run=(("julia", "{file}"),),
    takes_unicode=True,
)  # fmt: skip
