"use strict";
// The operations in doubles: what ops.py and the FLOAT namespace compute, row by row. A test compares every row.
//
// value(...xs) is NaN where the operation has no value.  partials: one function (y, ...xs) per operand, or one
// (y, argnum, xs, fixed) for all where the convention at a tie depends on which operands are constants.
// domain(...xs): where there is a value, if not everywhere.  kink(xs, fixed): where there is no derivative.
// overflows: an infinite result of finite operands is an error, as in Python's math.

const zero = () => 0;
const one = () => 1;
const finite = (x) => Number.isFinite(x);
const sign = (x) => (x > 0 ? 1 : x < 0 ? -1 : 0);
// As Python's: the first of equal operands, so that zero keeps its sign.
const largest = (...xs) => xs.reduce((best, x) => (x > best ? x : best));
const smallest = (...xs) => xs.reduce((best, x) => (x < best ? x : best));

// Return a·b as the sum of two doubles, exactly (Dekker 1971).
function twoProduct(a, b) {
  const split = (x) => {
    const shifted = x * 134217729; // 2**27 + 1
    const high = shifted - (shifted - x);
    return [high, x - high];
  };
  const product = a * b;
  const [a1, a2] = split(a);
  const [b1, b2] = split(b);
  return [product, a2 * b2 - (product - a1 * b1 - a2 * b1 - a1 * b2)];
}

// exp(-scale·x²). The rounding of x² alone would cost 512 ulp at x = 27; its rest puts that right.
function gaussian(x, scale) {
  if (Math.abs(x) > 1e3) return 0;
  const [square, rest] = twoProduct(x, x);
  return Math.exp(-square * scale) * (1 - rest * scale);
}

// ECMAScript has no erf. Against mpmath at 28,000 points the relative error of erf stays below 7e-16, that of erfc
// below 4e-15 (just under x = 1, where 1 - erf cancels), that of gelu below 3e-15.
const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);

// DLMF 7.6.2: erf x = 2/√π · exp(-x²) · Σ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n + 1)); all terms have one sign.
function erfSeries(x) {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return TWO_OVER_SQRT_PI * gaussian(x, 1) * sum;
}

// DLMF 7.9.1: √π·exp(x²)·erfc x = x/(x² + ½/(1 + 1/(x² + (3/2)/(1 + 2/(x² + …); converged to a double from x = 1.
function erfcFraction(x) {
  let rest = 0;
  for (let n = 200; n >= 1; n--) rest = n / 2 / ((n % 2 ? 1 : x * x) + rest);
  return ((TWO_OVER_SQRT_PI / 2) * gaussian(x, 1) * x) / (x * x + rest);
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

// As in gaussian: the rounding of x/√2 would cost 700 ulp of the tail at x = -37.
function normalCdf(x) {
  if (Math.abs(x) > 1e3) return x > 0 ? 1 : 0;
  let [z, rest] = twoProduct(x, -Math.SQRT1_2);
  rest -= x * -4.833646656726457e-17; // √½ less the double nearest to it
  return 0.5 * (erfc(z) - TWO_OVER_SQRT_PI * gaussian(z, 1) * rest);
}

function sigmoid(x) {
  const e = Math.exp(-Math.abs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}

// 1/(e^x + e^-x)²
function bell(x) {
  const e = Math.exp(-2 * Math.abs(x));
  return e / (1 + e * (e + 2));
}

function siluSlope(x) {
  const e = Math.exp(-Math.abs(x));
  return (x >= 0 ? 1 + e + x * e : e * (1 + e + x)) / ((1 + e) * (1 + e));
}

// (cos x - sinc x)/x; below 1, where that cancels, its series.
function sincSlope(x) {
  if (Math.abs(x) === Infinity) return 0;
  if (Math.abs(x) >= 1) return (Math.cos(x) - Math.sin(x) / x) / x;
  let series = 1;
  for (let k = 9; k >= 1; k--) series = 1 - ((x * x) / (2 * k * (2 * k + 3))) * series;
  return (x * series) / -3;
}

// C and Python give 1 where ECMAScript gives NaN.
const power = (x, y) => (Math.abs(x) === 1 && Math.abs(y) === Infinity ? 1 : x ** y);

function powerByBase(_y, x, n) {
  if (x === 0) return n > 0 && n < 1 ? Infinity : n === 1 ? 1 : 0;
  const size = Math.abs(x) ** (n - 1);
  return n * (x < 0 && n % 2 === 0 ? -size : size);
}

function powerByExponent(y, x, n) {
  if (x > 0) return y * Math.log(x);
  return x === 0 && n > 0 ? 0 : NaN;
}

// ∂best/∂xs[argnum] where best is the max or the min of xs: equal shares for operands that tie, 0 beside a constant.
function share(xs, fixed, argnum, best) {
  const tied = xs.map((x) => x === best);
  const count = tied.filter(Boolean).length;
  if (!tied[argnum] || (count > 1 && tied.some((tie, i) => tie && fixed[i]))) return 0;
  return 1 / count;
}

function clipPartial(_y, argnum, [x, low, high], fixed) {
  const raised = largest(x, low);
  const outer = [x > low ? fixed[0] : fixed[1], fixed[2]];
  if (argnum === 2) return share([raised, high], outer, 1, smallest(raised, high));
  const inner = share([x, low], fixed.slice(0, 2), argnum, raised);
  return inner * share([raised, high], outer, 0, smallest(raised, high));
}

function tie(xs, fixed, best) {
  const tied = fixed.filter((_, i) => xs[i] === best);
  return tied.length > 1 && !tied.every(Boolean);
}

const atZero = ([x]) => x === 0;
const atUnit = ([x]) => Math.abs(x) === 1;
const atInteger = ([x]) => x === Math.floor(x);

function comparison(holds) {
  return {
    value: (x, y) => (holds(x, y) ? 1 : 0),
    partials: [zero, zero],
    kink: ([x, y], fixed) => x === y && !fixed.every(Boolean),
  };
}

const OPERATIONS = {
  add: { value: (x, y) => x + y, partials: [one, one] },
  sub: { value: (x, y) => x - y, partials: [one, () => -1] },
  mul: { value: (x, y) => x * y, partials: [(z, x, y) => y, (z, x) => x] },
  div: {
    value: (x, y) => x / y,
    partials: [(z, x, y) => 1 / y, (z, x, y) => -(z / y)],
    domain: (x, y) => y !== 0,
  },
  neg: { value: (x) => -x, partials: [() => -1] },
  pow: {
    value: power,
    partials: [powerByBase, powerByExponent],
    domain: (x, y) => !Number.isNaN(power(x, y)) && !(x === 0 && y < 0 && finite(y)),
    overflows: true,
    kink: ([x, n], fixed) =>
      x < 0
        ? !fixed[1]
        : x === 0 && ((!fixed[0] && n > 0 && n !== Math.floor(n)) || (!fixed[1] && n === 0)),
  },
  exp: { value: Math.exp, partials: [(y) => y], overflows: true },
  expm1: { value: Math.expm1, partials: [(y, x) => Math.exp(x)], overflows: true },
  log: { value: Math.log, partials: [(y, x) => 1 / x], domain: (x) => x > 0 },
  log1p: { value: Math.log1p, partials: [(y, x) => 1 / (1 + x)], domain: (x) => x > -1 },
  log2: { value: Math.log2, partials: [(y, x) => 1 / x / Math.LN2], domain: (x) => x > 0 },
  log10: { value: Math.log10, partials: [(y, x) => 1 / x / Math.LN10], domain: (x) => x > 0 },
  sqrt: { value: Math.sqrt, partials: [(y) => 1 / (y + y)], domain: (x) => x >= 0, kink: atZero },
  cbrt: {
    value: Math.cbrt,
    partials: [(y, x) => (x === 0 ? Infinity : 1 / Math.abs(y) / Math.abs(y) / 3)],
    kink: atZero,
  },
  hypot: {
    value: Math.hypot,
    partials: [(h, x) => (h === 0 ? 0 : x / h), (h, x, y) => (h === 0 ? 0 : y / h)],
    kink: ([x, y]) => x === 0 && y === 0,
  },
  sin: { value: Math.sin, partials: [(y, x) => Math.cos(x)], domain: finite },
  cos: { value: Math.cos, partials: [(y, x) => -Math.sin(x)], domain: finite },
  tan: { value: Math.tan, partials: [(y) => 1 + y * y], domain: finite },
  sinc: {
    value: (x) => (x === 0 ? 1 : Math.abs(x) === Infinity ? 0 : Math.sin(x) / x),
    partials: [(y, x) => sincSlope(x)],
  },
  asin: {
    value: Math.asin,
    partials: [(y, x) => 1 / Math.sqrt((1 - x) * (1 + x))],
    domain: (x) => Math.abs(x) <= 1,
    kink: atUnit,
  },
  acos: {
    value: Math.acos,
    partials: [(y, x) => -1 / Math.sqrt((1 - x) * (1 + x))],
    domain: (x) => Math.abs(x) <= 1,
    kink: atUnit,
  },
  atan: { value: Math.atan, partials: [(y, x) => 1 / (1 + x * x)] },
  // By the distance twice: x² + y² would overflow at 1e154.
  atan2: {
    value: Math.atan2,
    partials: [
      (z, y, x) => (x === 0 && y === 0 ? 0 : x / Math.hypot(x, y) / Math.hypot(x, y)),
      (z, y, x) => (x === 0 && y === 0 ? 0 : -y / Math.hypot(x, y) / Math.hypot(x, y)),
    ],
    kink: ([y, x]) => y === 0 && x <= 0,
  },
  sinh: { value: Math.sinh, partials: [(y, x) => Math.cosh(x)], overflows: true },
  cosh: { value: Math.cosh, partials: [(y, x) => Math.sinh(x)], overflows: true },
  tanh: { value: Math.tanh, partials: [(y, x) => 4 * bell(x)] },
  asinh: { value: Math.asinh, partials: [(y, x) => 1 / Math.hypot(x, 1)] },
  acosh: {
    value: Math.acosh,
    partials: [(y, x) => 1 / (Math.sqrt(x - 1) * Math.sqrt(x + 1))],
    domain: (x) => x >= 1,
    kink: ([x]) => x === 1,
  },
  atanh: {
    value: Math.atanh,
    partials: [(y, x) => 1 / ((1 - x) * (1 + x))],
    domain: (x) => Math.abs(x) < 1,
  },
  sigmoid: { value: sigmoid, partials: [(y, x) => bell(x / 2)] },
  softplus: {
    value: (x) => largest(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    partials: [(y, x) => sigmoid(x)],
  },
  relu: { value: (x) => largest(x, 0), partials: [(y, x) => (x > 0 ? 1 : 0)], kink: atZero },
  leaky_relu: {
    value: (x, slope) => (x > 0 ? x : slope * x),
    partials: [
      (y, x, slope) => (x > 0 ? 1 : x === 0 ? largest(0, smallest(slope, 1)) : slope),
      (y, x) => (x > 0 ? 0 : x),
    ],
    kink: ([x, slope]) => x === 0 && slope !== 1,
  },
  elu: {
    value: (x) => (x > 0 ? x : Math.expm1(x)),
    partials: [(y, x) => Math.exp(smallest(x, 0))],
  },
  gelu: {
    value: (x) => x * normalCdf(x),
    partials: [(y, x) => normalCdf(x) + (x * gaussian(x, 0.5)) / Math.sqrt(Math.PI + Math.PI)],
  },
  silu: { value: (x) => x * sigmoid(x), partials: [(y, x) => siluSlope(x)] },
  erf: { value: erf, partials: [(y, x) => gaussian(x, 1) * TWO_OVER_SQRT_PI] },
  erfc: { value: erfc, partials: [(y, x) => -gaussian(x, 1) * TWO_OVER_SQRT_PI] },
  abs: { value: Math.abs, partials: [(y, x) => sign(x)], kink: atZero },
  sign: { value: sign, partials: [zero], kink: atZero },
  // Adding 0 makes -0 a plain zero, as Python's integers do.
  floor: { value: (x) => Math.floor(x) + 0, partials: [zero], domain: finite, kink: atInteger },
  ceil: { value: (x) => Math.ceil(x) + 0, partials: [zero], domain: finite, kink: atInteger },
  max: {
    value: largest,
    partials: (y, argnum, xs, fixed) => share(xs, fixed, argnum, y),
    kink: (xs, fixed) => tie(xs, fixed, largest(...xs)),
  },
  min: {
    value: smallest,
    partials: (y, argnum, xs, fixed) => share(xs, fixed, argnum, y),
    kink: (xs, fixed) => tie(xs, fixed, smallest(...xs)),
  },
  clip: {
    value: (x, low, high) => smallest(largest(x, low), high),
    partials: clipPartial,
    kink: ([x, low, high], fixed) => {
      const raised = largest(x, low);
      const at = tie([x, low], fixed.slice(0, 2), raised) || tie([raised, high], [false, fixed[2]], high);
      return at && !fixed.every(Boolean);
    },
  },
  where: {
    value: (condition, a, b) => (condition ? a : b),
    partials: [zero, (y, condition) => (condition ? 1 : 0), (y, condition) => (condition ? 0 : 1)],
  },
  lt: comparison((x, y) => x < y),
  le: comparison((x, y) => x <= y),
  gt: comparison((x, y) => x > y),
  ge: comparison((x, y) => x >= y),
};

function partial(operation, argnum, y, xs, fixed) {
  const { partials } = OPERATIONS[operation];
  return Array.isArray(partials) ? partials[argnum](y, ...xs) : partials(y, argnum, xs, fixed);
}
