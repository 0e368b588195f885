// Both sweeps over the nodes of the page, with the rules of sweep.py, and what went wrong in words.
//
// A node: {id, op, use, operands, value}.  An operand is {node: index} or {number: x}.  use: the key of OPERATIONS.
// facts: what Python's table says of an operation: {backward, infix, needs, cuts, convention, breaks}.

// A number that is not finite is a string in JSON.
function readData(text) {
  return JSON.parse(text, (key, x) => (key === "value" || key === "number" ? Number(x) : x));
}

const isFixed = (operand) => operand.node === undefined;

// Return {primal, failures, adjoint, partials, kinks, jumps}, lists with an entry per node, and {isGiven, blame}.
// point: the values of the inputs by node.  failures: why a node has no value: "domain", "overflow",
// "indeterminate" or "operand".  adjoint: undefined where there is no path to the output, or no gradient.
// jumps: whether the value may break there, also where no gradient arrives.
// isGiven: whether the inputs are those that the page was made for.
// blame: the first node without a finite value on the way to the output, or undefined.
function sweep(data, point) {
  const { nodes, output, upstream, facts } = data;
  const primal = [];
  const failures = [];
  nodes.forEach((node, i) => {
    if (!node.operands.length) {
      primal[i] = node.op === "input" ? point[i] : node.value;
      return;
    }
    const xs = operandsOf(node, primal);
    primal[i] = NaN;
    if (isRead(node, xs).some((read, argnum) => read && lacking(node, argnum, xs, failures))) failures[i] = "operand";
    else {
      try {
        primal[i] = OPERATIONS[node.use].value(...xs);
        if (Number.isNaN(primal[i])) failures[i] = "indeterminate";
      } catch (failure) {
        if (!(failure instanceof NoValue)) throw failure;
        failures[i] = failure.why;
      }
    }
  });
  const isGiven = nodes.every((node, i) => node.op !== "input" || primal[i] === node.value);
  const result = { primal, failures, adjoint: [], partials: [], kinks: [], jumps: [], isGiven };
  if (!finite(primal[output])) {
    result.blame = findBlame(data, result);
    failures[output] ??= "overflow";
    return result;
  }
  result.adjoint[output] = upstream;
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    const bar = result.adjoint[i];
    const xs = operandsOf(node, primal);
    const fixed = node.operands.map(isFixed);
    const exists = finite(primal[i]) && xs.every(finite);
    result.partials[i] =
      xs.length && (exists || bar !== undefined)
        ? OPERATIONS[node.use].partials(primal[i], ...xs)
        : fixed.map((isConstant) => (isConstant ? undefined : NaN));
    const isKink = Boolean(xs.length && xs.every(finite) && OPERATIONS[node.use].kink?.(...xs));
    result.jumps[i] = isKink && facts[node.op].breaks;
    if (bar === undefined) continue;
    result.kinks[i] = isKink;
    node.operands.forEach((operand, argnum) => {
      if (fixed[argnum]) return;
      const partial = result.partials[i][argnum];
      // A path ends at an operand that was not taken, so nothing infinite beyond it can matter.
      if (cutsOff(facts[node.op], partial, fixed) && !facts[nodes[operand.node].op]?.condition) return;
      result.adjoint[operand.node] = (result.adjoint[operand.node] ?? 0) + bar * partial;
    });
  }
  return result;
}

function operandsOf(node, primal) {
  return node.operands.map((operand) => (isFixed(operand) ? operand.number : primal[operand.node]));
}

// Return for each operand whether the value is made of it.
function isRead(node, xs) {
  return OPERATIONS[node.use]?.reads?.(...xs) ?? xs.map(() => true);
}

function lacking(node, argnum, xs, failures) {
  const operand = node.operands[argnum];
  return isFixed(operand) ? Number.isNaN(xs[argnum]) : failures[operand.node] !== undefined;
}

function cutsOff({ cuts }, partial, fixed) {
  const besideConstants = fixed.filter(Boolean).length === fixed.length - 1;
  return partial === 0 && (cuts === "always" || (cuts === "beside constants" && besideConstants));
}

function findBlame({ nodes, output }, { primal, failures }) {
  const needed = [];
  needed[output] = true;
  for (let i = output; i >= 0; i--) {
    if (!needed[i]) continue;
    const read = isRead(nodes[i], operandsOf(nodes[i], primal));
    nodes[i].operands.forEach((operand, argnum) => {
      if (!isFixed(operand) && read[argnum]) needed[operand.node] = true;
    });
  }
  const blamed = nodes.findIndex(
    (_, i) => needed[i] && ((failures[i] ?? "operand") !== "operand" || Math.abs(primal[i]) === Infinity),
  );
  return blamed < 0 ? output : blamed;
}

// Return why a node has no value, as a sentence without its point.
function failureText(data, result, i) {
  const node = data.nodes[i];
  const got = node.operands
    .map((operand, argnum) => [operand, node.terms[argnum]])
    .filter(([operand]) => !isFixed(operand) || node.operands.every(isFixed))
    .map(([operand, term]) => (isFixed(operand) ? term : `${term} = ${numberText(result.primal[operand.node])}`));
  const seen = [...new Set(got)].join(" and ");
  switch (result.failures[i]) {
    case "domain": {
      const { infix, needs } = data.facts[node.op];
      return `${infix ? node.text : node.op} needs ${needs}, got ${seen}`;
    }
    case "indeterminate":
      return `${node.text} is indeterminate, got ${seen}`;
    case "operand":
      return `${node.id} is made of a node that has no value`;
    default:
      return `${node.text} overflows: it is beyond 1.79769e308, got ${seen}`;
  }
}

// Return a number for people, as naming.py does: 6 significant digits, 1e-7 and not 1e-07.
function numberText(x, digits = 6) {
  if (Number.isNaN(x)) return "undefined";
  if (!finite(x)) return x > 0 ? "infinity" : "-infinity";
  if (x === 0) return "0";
  const [mantissa, exponent] = halfToEven(x, digits).toExponential(digits - 1).split("e");
  const short = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (exponent < -4 || exponent >= digits) return `${short(mantissa)}e${Number(exponent)}`;
  return short(Number(`${mantissa}e${exponent}`).toPrecision(digits));
}

// Return x moved to its last digit where it lies in the middle of two: ECMAScript would round it away from zero.
function halfToEven(x, digits) {
  const [mantissa, exponent] = x.toExponential(60).split("e");
  const kept = mantissa.slice(0, mantissa.indexOf(".") + digits);
  const isTie = /^50*$/.test(mantissa.slice(kept.length));
  return isTie && Number(kept.at(-1)) % 2 === 0 ? Number(`${kept}e${exponent}`) : x;
}
