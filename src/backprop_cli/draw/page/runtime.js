"use strict";
// What JavaScript's Math lacks, or does otherwise than Python. The operations themselves are written from the
// table, by compile/javascript.py; a test compares every row.

const finite = (x) => Number.isFinite(x);
const sign = (x) => (x > 0 ? 1 : x < 0 ? -1 : 0);
// Of equal operands the first, so that zero keeps its sign.
const max = (x, y) => (y > x ? y : x);
const min = (x, y) => (y < x ? y : x);
// C and Python give 1 where ECMAScript gives NaN.
const pow = (x, y) => (x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y);

// Why an operation has no value: "domain" or "overflow".
class NoValue {
  constructor(why) {
    this.why = why;
  }
}

// As Python's math: no number of numbers, or infinity at a pole, is outside the domain; infinity of finite
// operands is too large.
function strict(f, isPole = () => false) {
  return (...xs) => {
    const y = f(...xs);
    if (Number.isNaN(y) && !xs.some(Number.isNaN)) throw new NoValue("domain");
    if (Math.abs(y) === Infinity && xs.every(finite)) throw new NoValue(isPole(...xs) ? "domain" : "overflow");
    return y;
  };
}

// Python's are integers: infinity is too large, and there is one zero.
function whole(f) {
  return (x) => {
    if (Math.abs(x) === Infinity) throw new NoValue("overflow");
    return f(x) + 0;
  };
}

const always = () => true;
const plain = ["exp", "expm1", "sqrt", "sin", "cos", "tan", "asin", "acos", "sinh", "cosh", "acosh"];
const withPoles = ["log", "log1p", "log2", "log10", "atanh"];
const checked = {
  ...Object.fromEntries(plain.map((name) => [name, strict(Math[name])])),
  ...Object.fromEntries(withPoles.map((name) => [name, strict(Math[name], always)])),
  floor: whole(Math.floor),
  ceil: whole(Math.ceil),
  pow: strict(pow, (x) => x === 0),
  div(x, y) {
    if (y === 0) throw new NoValue("domain");
    return x / y;
  },
};

// ECMAScript has no erf. Against mpmath at 28,000 points the relative error of erf stays below 7e-16, that of erfc
// below 4e-15 (just under x = 1, where 1 - erf cancels).
const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);

// DLMF 7.6.2: erf x = 2/√π · exp(-x²) · Σ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n + 1)); all terms have one sign.
function erfSeries(x) {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return TWO_OVER_SQRT_PI * gaussian(x) * sum;
}

// DLMF 7.9.1: √π·exp(x²)·erfc x = x/(x² + ½/(1 + 1/(x² + (3/2)/(1 + 2/(x² + …); converged to a double from x = 1.
function erfcFraction(x) {
  let rest = 0;
  for (let n = 200; n >= 1; n--) rest = n / 2 / ((n % 2 ? 1 : x * x) + rest);
  return ((TWO_OVER_SQRT_PI / 2) * gaussian(x) * x) / (x * x + rest);
}

function erf(x) {
  if (Math.abs(x) < 1) return x === 0 ? x : erfSeries(x);
  return x > 0 ? 1 - erfc(x) : erfc(-x) - 1;
}

function erfc(x) {
  if (x > 30) return 0;
  if (x < -7) return 2;
  if (x >= 1) return erfcFraction(x);
  return x <= -1 ? 2 - erfcFraction(-x) : 1 - erfSeries(x);
}
