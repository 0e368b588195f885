// The steps of both passes, and each of them as a sentence and as formulas.

// Return {forward, backward}: the nodes in the order in which they get their value and their gradient.
// A node gets its gradient once all nodes that it feeds have theirs; breadth first from the output.
function orderOf({ nodes, output }, consumers) {
  const forward = [...nodes.keys()].filter((i) => nodes[i].operands.length);
  const onPath = [];
  onPath[output] = true;
  for (let i = nodes.length - 1; i >= 0; i--) {
    onPath[i] ||= consumers[i].some(({ node }) => onPath[node]);
  }
  const waits = consumers.map((uses) => uses.filter(({ node }) => onPath[node]).length);
  const backward = [output];
  for (const i of backward) {
    for (const { node } of nodes[i].operands) {
      if (node !== undefined && --waits[node] === 0) backward.push(node);
    }
  }
  return { forward, backward };
}

// Return for every node where it is used: [{node, argnum}].
function consumersOf(nodes) {
  const consumers = nodes.map(() => []);
  nodes.forEach((node, i) => {
    node.operands.forEach((operand, argnum) => {
      if (!isFixed(operand)) consumers[operand.node].push({ node: i, argnum });
    });
  });
  return consumers;
}

// Terms of a sum that are written out.
// The page has no series and no more digits than doubles.
const IN_DOUBT =
  "That is what doubles and the conventions at kinks give; the command backprop grad looks at both sides as well.";
const MOST_TERMS = 6;

function listing(names) {
  if (names.length > 8) return `${names.slice(0, 7).join(", ")} and ${names.length - 7} more`;
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : (names[0] ?? "");
}

// ---- MathML as trees: [tag, ...children], with strings as text, and ["slot", argnum, need] for operands ----

const MINUS = "\u2212";
const operator = (text) => ["mo", text];
const EQUALS = operator("=");

// A number; in parentheses where need tells: 1 if it is negative, 2 also if it has an exponent (as a base).
function numberTree(x, need = 0) {
  const text = numberText(x);
  const tree = text.startsWith("-") ? ["mrow", operator(MINUS), ["mn", text.slice(1)]] : ["mn", text];
  const inside = (need >= 1 && text.startsWith("-")) || (need >= 2 && text.includes("e"));
  return inside ? ["mrow", operator("("), tree, operator(")")] : tree;
}

const nameTree = (name) => ["mi", name];

// Return the tree with fill(argnum, need) in place of its slots.
function filled(tree, fill) {
  if (typeof tree === "string") return tree;
  if (tree[0] === "slot") return fill(tree[1], tree[2]);
  return tree.map((child) => filled(child, fill));
}

// held: what stays as it is though it moves with by; see held_mark in text.py.
function derivativeTree(of, by, held = "") {
  const fraction = ["mfrac", ["mrow", operator("∂"), nameTree(of)], ["mrow", operator("∂"), nameTree(by)]];
  return held ? ["mrow", fraction, ["msub", operator("|"), ["mtext", held]]] : fraction;
}

class Story {
  constructor(data) {
    this.data = data;
    this.consumers = consumersOf(data.nodes);
    this.order = orderOf(data, this.consumers);
    this.onPath = new Set(this.order.backward);
  }

  gradient(result, i) {
    return this.found(result, i)?.number ?? (result.blame === undefined ? (result.adjoint[i] ?? 0) : NaN);
  }

  // At the point that the page was made for: the gradient of an input that is not what the backward pass gives.
  found(result, i) {
    return result.isGiven ? this.data.nodes[i].found : undefined;
  }

  // With another gradient than 1 arriving, gradients are no derivatives of the output alone.
  gradientTree(i) {
    const { nodes, output, upstream } = this.data;
    const { id } = nodes[i];
    return upstream === 1 ? derivativeTree(nodes[output].id, id) : ["msub", ["mi", "g"], nameTree(id)];
  }

  gradientWords(i) {
    const { nodes, output, upstream } = this.data;
    if (upstream !== 1) return `the gradient that arrives at ${nodes[i].id}`;
    const by = i === output ? "itself" : nodes[i].id;
    return `the gradient of ${nodes[output].id} with respect to ${by}`;
  }

  // ---- sentences ----

  startSentence(result) {
    const inputs = [...this.data.nodes.entries()].filter(([, node]) => node.op === "input");
    const given = inputs.map(([i, node]) => `${node.id} = ${numberText(result.primal[i])}`);
    return given.length ? `The inputs are given: ${listing(given)}.` : "There is no input.";
  }

  forwardSentence(result, i) {
    const node = this.data.nodes[i];
    if (result.failures[i]) return `${node.id} has no value: ${failureText(this.data, result, i)}.`;
    return `${node.id} = ${node.text} = ${numberText(result.primal[i])}.`;
  }

  backwardSentence(result, i) {
    const { nodes, output, facts } = this.data;
    if (result.blame !== undefined) return `there is no gradient: ${nodes[output].id} has no value.`;
    const { id } = nodes[i];
    const words = this.gradientWords(i);
    if (!this.isReached(result, i)) return `no gradient arrives at ${id}: nothing passes through what it feeds.`;
    const said = [`${words} is ${numberText(this.gradient(result, i))}.`];
    const uses = this.consumers[i].filter((use) => this.onPath.has(use.node));
    if (uses.length > 1) {
      const feeds = [...new Set(uses.map((use) => nodes[use.node].id))];
      const times = feeds.length === 1 ? ` ${uses.length} times` : "";
      said.push(`${id} feeds ${listing(feeds)}${times}: the contributions add up.`);
    }
    for (const at of new Set(uses.map((use) => use.node).filter((node) => result.kinks[node]))) {
      said.push(`${nodes[at].text} has no derivative here; used: ${facts[nodes[at].op].convention}.`);
    }
    const found = this.found(result, i);
    if (found) said.push(found.said);
    else if (nodes[i].op === "input" && !result.isGiven && this.isInDoubt(result, i)) said.push(IN_DOUBT);
    return said.join(" ");
  }

  isInDoubt(result, i) {
    return result.kinks.some(Boolean) || result.jumps.some(Boolean) || !finite(this.gradient(result, i));
  }

  // What the operations that a node feeds do to the gradient: [sentence].
  reasons(result, i) {
    const used = this.contributions(result, i).slice(0, MOST_TERMS);
    return [...new Set(used.map((use) => this.reason(result, use)))];
  }

  reason(result, { node, argnum }) {
    const { nodes, facts } = this.data;
    const { id, text, op, operands, reasons } = nodes[node];
    const slope = result.partials[node][argnum];
    const isCut = cutsOff(facts[op], slope, operands.map(isFixed));
    const passes = facts[op].gate && slope === 1 ? "; here it passes unchanged" : "";
    return `${id} = ${text}: ${reasons?.[argnum] ?? facts[op].backward}${isCut ? "; here nothing passes" : passes}.`;
  }

  // Whether there is a gradient to be told: also where it ends, at a closed gate, but not behind one.
  isReached(result, i) {
    return result.blame === undefined && (i === this.data.output || this.contributions(result, i).length > 0);
  }

  contributions(result, i) {
    return this.consumers[i].filter((use) => this.onPath.has(use.node) && result.adjoint[use.node] !== undefined);
  }

  // ---- formulas: lists of lines, each a list of trees that begins with the sign of equality ----

  forwardFormula(result, i) {
    const { formula, id, operands } = this.data.nodes[i];
    const symbol = (argnum) => nameTree(this.data.nodes[operands[argnum].node].id);
    const number = (argnum, need) => numberTree(result.primal[operands[argnum].node], need);
    const lines = [[EQUALS, filled(formula, symbol)]];
    if (!result.failures[i]) {
      lines.push([EQUALS, filled(formula, number)]);
      lines.push([EQUALS, numberTree(result.primal[i])]);
    }
    return { left: nameTree(id), lines };
  }

  backwardFormula(result, i) {
    const { nodes, output } = this.data;
    const left = this.gradientTree(i);
    if (i === output) return { left, lines: [[EQUALS, numberTree(this.gradient(result, i))]] };
    if (this.found(result, i)) return { left, lines: [[EQUALS, numberTree(this.gradient(result, i))]] };
    const uses = this.contributions(result, i);
    const shown = uses.slice(0, MOST_TERMS);
    const sum = (term) => {
      const terms = shown.flatMap((use, k) => (k ? [operator("+"), ...term(use)] : term(use)));
      const more = uses.length - shown.length;
      return [EQUALS, ...terms, ...(more ? [operator("+"), ["mtext", `… (${more} more)`]] : [])];
    };
    const dot = operator("·");
    const bar = ({ node }) => numberTree(result.adjoint[node], 1);
    const slope = ({ node, argnum }, fill) => filled(nodes[node].slopes[argnum], fill);
    const symbol = ({ node }) => (k) => nameTree(nodes[nodes[node].operands[k].node].id);
    const lines = [sum((use) => [this.gradientTree(use.node), dot, derivativeTree(nodes[use.node].id, nodes[i].id, nodes[use.node].held[use.argnum])])];
    const symbols = sum((use) => [bar(use), dot, slope(use, symbol(use))]);
    const numbers = sum((use) => [bar(use), dot, numberTree(result.partials[use.node][use.argnum], 1)]);
    if (JSON.stringify(symbols) !== JSON.stringify(numbers)) lines.push(symbols);
    lines.push(numbers);
    const product = ({ node, argnum }, k) => numberTree(result.adjoint[node] * result.partials[node][argnum], k ? 1 : 0);
    if (uses.length > 1) lines.push(sum((use) => [product(use, use !== shown[0])]));
    lines.push([EQUALS, numberTree(this.gradient(result, i))]);
    return { left, lines };
  }
}
