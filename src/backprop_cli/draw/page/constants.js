// What is typed into a field: constants as the shell reads them, such as -10, 1e-3, 1/3, 2*pi or sqrt(2).

const LONGEST = 200; // characters; so deep can parentheses be
const NAMED = { abs: Math.abs, cbrt: Math.cbrt, asinh: Math.asinh, atan: Math.atan, tanh: Math.tanh, ...checked };
NAMED.ln = checked.log;
const FUNCTIONS = new Set(["abs", "cbrt", "asinh", "atan", "tanh", "ln", ...plain, ...withPoles]);
const TOKEN = /\s*(?:((?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[-+]?\d+)?)|(\*\*|[-+*/^()])|([a-zπ][a-z0-9]*))/iuy;
const SAME = { "−": "-", "×": "*", "·": "*", "⋅": "*", "∙": "*", "÷": "/" };

// Return the number that a text means, or NaN.
function readNumber(text) {
  const tokens = tokensOf(text.replace(/[−×·⋅∙÷]/gu, (sign) => SAME[sign]));
  if (!tokens.length) return NaN;
  try {
    const x = sum(tokens);
    return tokens.length ? NaN : x;
  } catch (failure) {
    if (!(failure instanceof NoValue)) throw failure;
    return NaN;
  }
}

// Return the tokens in order; none where a text has something else.
function tokensOf(text) {
  const tokens = [];
  const end = text.trimEnd();
  if (end.length > LONGEST) return [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end.length) {
    const match = TOKEN.exec(end);
    if (!match) return [];
    const [, number, sign, name] = match;
    tokens.push(number === undefined ? (sign ?? name) : Number(number.replaceAll("_", "")));
  }
  return tokens;
}

function sum(tokens) {
  let x = product(tokens);
  while (tokens[0] === "+" || tokens[0] === "-") {
    const sign = tokens.shift();
    const y = product(tokens);
    x = sign === "+" ? x + y : x - y;
  }
  return x;
}

function product(tokens) {
  let x = signed(tokens);
  while (tokens[0] === "*" || tokens[0] === "/") {
    x = tokens.shift() === "*" ? x * signed(tokens) : checked.div(x, signed(tokens));
  }
  return x;
}

function signed(tokens) {
  if (tokens[0] === "-") return tokens.shift() && -signed(tokens);
  if (tokens[0] === "+") return tokens.shift() && signed(tokens);
  return power(tokens);
}

function power(tokens) {
  const base = atom(tokens);
  if (tokens[0] !== "^" && tokens[0] !== "**") return base;
  tokens.shift();
  return checked.pow(base, signed(tokens));
}

function atom(tokens) {
  const token = tokens.shift();
  if (typeof token === "number") return token;
  if (token === "pi" || token === "π") return Math.PI;
  if (FUNCTIONS.has(token) && tokens[0] === "(") return NAMED[token](atom(tokens));
  if (token !== "(") throw new NoValue("domain");
  const x = sum(tokens);
  if (tokens.shift() !== ")") throw new NoValue("domain");
  return x;
}
