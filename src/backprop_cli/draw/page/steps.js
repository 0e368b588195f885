// Named steps: what has no name is part of the step that uses it, as in "explain --steps named".
//
// A part that is a step has {inner, operands} besides: its operations from the last to the first, and the steps
// it is made of; where others are folded into it also {held, formula, slopes}, as a node has them.

const NEAR = 1e-12; // as in tell/steps.py

const isFolded = ({ slopes }) => slopes !== undefined;

// The step that the page is at, where it can be told as a whole; else its nodes are told.
function stepAt(i) {
  if (i === undefined || level() !== "named") return undefined;
  const part = parts[owners[i]];
  if (part.nodes[0] !== i) return undefined;
  if (!isBackward()) return isFolded(part) && part.inner.every((k) => !result.failures[k]) ? part : undefined;
  const uses = stepUses(i);
  const canTell = uses.some((use) => isFolded(use.part)) && uses.every(hasFormulas) && !story.found(result, i);
  const sum = uses.reduce((total, { bar, slope }) => total + bar * slope, 0);
  const gradient = story.gradient(result, i);
  return canTell && Math.abs(sum - gradient) <= NEAR * Math.abs(gradient) ? part : undefined;
}

// What a step is used by: [{part, argnum, bar, slope}].
function stepUses(i) {
  return parts.flatMap((part) => {
    const at = part.nodes[0];
    if (!story.onPath.has(at) || result.adjoint[at] === undefined) return [];
    return part.operands.flatMap((operand, argnum) =>
      operand === i ? [{ part, argnum, bar: result.adjoint[at], slope: slopeWithin(part, i) }] : [],
    );
  });
}

// At a kink, or where something is not finite, formulas of whole steps may not hold.
function hasFormulas({ part, bar, slope }) {
  const isOnce = new Set(part.operands).size === part.operands.length;
  return isOnce && finite(bar) && finite(slope) && part.inner.every((k) => !result.kinks[k] && !result.failures[k]);
}

// The derivative of a step by one that it is made of: the reverse sweep within it.
function slopeWithin({ inner }, by) {
  const ways = new Map([[inner[0], 1]]);
  for (const k of inner) {
    data.nodes[k].operands.forEach((operand, argnum) => {
      if (isFixed(operand)) return;
      ways.set(operand.node, (ways.get(operand.node) ?? 0) + ways.get(k) * result.partials[k][argnum]);
    });
  }
  return ways.get(by);
}

// The local derivative of a step by one of its operands, once that one has its gradient.
function slopeOnArrow(i, part, argnum) {
  if (level() !== "named" || !isBackward() || !hasGradient(i) || result.blame !== undefined) return "";
  const isOnce = part.operands.filter((operand) => operand === i).length === 1;
  const x = isFolded(part) ? isOnce && slopeWithin(part, i) : result.partials[part.nodes[0]]?.[argnum];
  return finite(x) ? `×${numberText(x, 4)}` : "";
}

function tellNamedStep(part) {
  const i = part.nodes[0];
  if (!isBackward()) {
    return { sentence: `Forward: ${part.id} = ${part.text} = ${numberText(result.primal[i])}.`, formula: stepForward(part), reasons: [] };
  }
  const uses = stepUses(i);
  const feeds = uses.map((use) => use.part.id);
  const sum = feeds.length > 1 ? ` ${part.id} feeds ${listing(feeds)}: the contributions add up.` : "";
  const single = uses.filter((use) => !isFolded(use.part));
  return {
    sentence: `Backward: ${story.gradientWords(i)} is ${numberText(story.gradient(result, i))}.${sum}`,
    formula: stepBackward(i, uses),
    reasons: single.map((use) => story.reason(result, { node: use.part.nodes[0], argnum: argnumOf(use.part, i) })),
  };
}

const argnumOf = (part, i) => data.nodes[part.nodes[0]].operands.findIndex((operand) => operand.node === i);

// What fills the slots of a step: its operands, and behind them itself.
const namesIn = (part) => (k) => nameTree(data.nodes[[...part.operands, part.nodes[0]][k]].id);
const numbersIn = (part) => (k, need) => numberTree(result.primal[[...part.operands, part.nodes[0]][k]], need);

function distinct(lines) {
  return lines.filter((line, k) => k === 0 || JSON.stringify(line) !== JSON.stringify(lines[k - 1]));
}

function stepForward(part) {
  const lines = [namesIn, numbersIn].map((fill) => [EQUALS, filled(part.formula, fill(part))]);
  lines.push([EQUALS, numberTree(result.primal[part.nodes[0]])]);
  return { left: nameTree(part.id), lines: distinct(lines) };
}

function stepBackward(i, uses) {
  const dot = operator("·");
  const shown = uses.slice(0, MOST_TERMS);
  const more = uses.length - shown.length;
  const rest = more ? [operator("+"), ["mtext", `… (${more} more)`]] : [];
  const sum = (term) => [EQUALS, ...shown.flatMap((use, k) => (k ? [operator("+"), ...term(use, k)] : term(use, k))), ...rest];
  const symbol = ({ part, argnum }) => {
    const held = isFolded(part) ? part.held[argnum] : data.nodes[part.nodes[0]].held[argnumOf(part, i)];
    return [story.gradientTree(part.nodes[0]), dot, derivativeTree(part.id, data.nodes[i].id, held)];
  };
  const formula = ({ part, argnum, bar, slope }) => {
    const { slopes, operands } = data.nodes[part.nodes[0]];
    const operandName = (k) => nameTree(data.nodes[operands[k].node].id);
    const tree = isFolded(part) ? part.slopes[argnum] : slopes[argnumOf(part, i)];
    const fill = isFolded(part) ? namesIn(part) : operandName;
    return [numberTree(bar, 1), dot, tree ? filled(tree, fill) : numberTree(slope, 1)];
  };
  const number = ({ bar, slope }) => [numberTree(bar, 1), dot, numberTree(slope, 1)];
  const product = ({ bar, slope }, k) => [numberTree(bar * slope, k ? 1 : 0)];
  const lines = [sum(symbol), sum(formula), sum(number)];
  if (uses.length > 1) lines.push(sum(product));
  lines.push([EQUALS, numberTree(story.gradient(result, i))]);
  return { left: story.gradientTree(i), lines: distinct(lines) };
}

// The boxes that a step reads from.
function stepNeighbours(k) {
  const [from, to] = isBackward() ? ["source", "target"] : ["target", "source"];
  return partArrows.filter((arrow) => arrow[from] === k).map((arrow) => partBoxes[arrow[to]]);
}
