// Moves of the point: a nudge of one input, and a step of descent; and what is to be said of them.
// They speak of doubles alone: where rounding could hide or make what is seen, that is what is said.

const EPSILON = 2 ** -52;
const ROUNDED = "That is what doubles tell; their rounding may be as large.";

// About how far the rounding of all operations may have moved the output, to first order.
function roundingOf(data, { primal, adjoint }) {
  const terms = data.nodes.map((_, i) => Math.abs((adjoint[i] ?? 0) * primal[i])).filter(finite);
  return 4 * EPSILON * terms.reduce((x, y) => x + y, Math.abs(primal[data.output]));
}

// Whether a sweep has a gradient that no kink and no jump puts in doubt.
const isPlain = (result) => result.blame === undefined && !result.kinks.some(Boolean) && !result.jumps.some(Boolean);

function fromTo(before, after) {
  const [first, last] = [numberText(before), numberText(after)];
  return first === last ? `from ${first} by ${numberText(after - before)}` : `from ${first} to ${last}`;
}

// Return how the output went: "L goes from -20 to -19.985: it rises by 0.015."
function outcome(data, before, after) {
  const { id } = data.nodes[data.output];
  const [first, last] = [before.primal[data.output], after.primal[data.output]];
  if (after.blame !== undefined) return `${id} has no value there.`;
  if (first === last) return `${id} stays ${numberText(first)}, in doubles.`;
  const moved = last - first;
  const said = `${id} goes ${fromTo(first, last)}: it ${moved < 0 ? "falls" : "rises"} by ${numberText(Math.abs(moved))}, in doubles.`;
  const rounding = roundingOf(data, before) + roundingOf(data, after);
  return Math.abs(moved) > 4 * rounding ? said : `${said} ${ROUNDED}`;
}

// Return {point, sentence, reasons}: the input i moved by a step; or {refusal}.
function nudge(data, story, point, i, step) {
  const before = sweep(data, point);
  const moved = point.with(i, point[i] + step);
  const { id } = data.nodes[i];
  if (!finite(moved[i])) return { refusal: `${id} can't be moved so far.` };
  if (moved[i] === point[i]) return { refusal: `${id} stays ${numberText(point[i])}: no double is so near.` };
  if (before.blame !== undefined) return { point: moved, sentence: `${id} goes ${fromTo(point[i], moved[i])}.`, reasons: [] };
  const sentence = `Nudge: ${id} goes ${fromTo(point[i], moved[i])}. ${outcome(data, before, sweep(data, moved))}`;
  const slope = story.gradient(before, i);
  if (!isPlain(before) || !finite(slope)) return { point: moved, sentence, reasons: [IN_DOUBT] };
  const by = moved[i] - point[i];
  const product = `the gradient times the nudge is ${factor(slope)} · ${factor(by)} = ${numberText(slope * by)}.`;
  return { point: moved, sentence, reasons: [`Before the nudge, ${product}`] };
}

// Return {point, sentence, reasons}: the inputs moved against their gradients; or {refusal}.
function descend(data, story, point, inputs, rate) {
  const before = sweep(data, point);
  if (!inputs.length) return { refusal: "No input is chosen." };
  if (before.blame !== undefined) return { refusal: "There is no gradient here." };
  const slopes = inputs.map((i) => story.gradient(before, i));
  const wrong = inputs.find((i, k) => !finite(slopes[k]) || !finite(point[i] - rate * slopes[k]));
  if (wrong !== undefined) return { refusal: `There is no step along the gradient of ${data.nodes[wrong].id}.` };
  const moved = [...point];
  inputs.forEach((i, k) => (moved[i] = point[i] - rate * slopes[k]));
  const reasons = inputs.map((i, k) => {
    const change = `${factor(point[i], 0)} − ${factor(rate)} · ${factor(slopes[k])}`;
    return `${data.nodes[i].id} = ${change} = ${numberText(moved[i])}`;
  });
  const sentence = `Update: a step against the gradient. ${outcome(data, before, sweep(data, moved))}`;
  return { point: moved, sentence, reasons: isPlain(before) ? reasons : [...reasons, IN_DOUBT] };
}

const factor = (x, need = 1) => (need && x < 0 ? `(${numberText(x)})` : numberText(x));

// Return whether what was guessed is a number to within the digits that were written: 0.33 is 1/3, 0 is not.
function isWithin(text, x) {
  const guess = readNumber(text);
  const decimals = text.trim().match(/^[-+−]?\d*\.(\d+)$/u);
  if (decimals) return Math.abs(guess - x) <= 0.5000001 * 10 ** -decimals[1].length;
  return Math.abs(guess - x) <= 1e-9 * Math.abs(x);
}
