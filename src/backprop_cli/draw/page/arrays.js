// Arrays: a box for each, whose numbers are those of its elements; one step of the page is then one of these.
//
// A part: {id, text, rule, shape, nodes}; a number that is no array has one node and no shape. Each level has
// its own: "arrays", "open NAME" with the elements of one array instead of it, or "named" steps.

const MOST_SHOWN = 6; // elements; of more the range is told
const MOST_TOLD = 12; // elements in the panel
const SIGNS = 6.5; // pixels a sign is wide

const level = () => element("level")?.value ?? "all";

// What is shown at a level; nothing of it where each node has its own box.
function levelOf(name) {
  const parts = data.levels[name] ?? [];
  const at = all("#picture [data-level]").find((each) => each.dataset.level === name);
  const found = (selector) => (parts.length ? [...at.querySelectorAll(selector)] : []);
  const ends = (g) => ({ g, source: Number(g.dataset.source), target: Number(g.dataset.target), argnum: Number(g.dataset.argnum) });
  const home = [];
  parts.forEach((part, k) => part.nodes.forEach((i) => (home[i] ??= k)));
  return {
    parts,
    owners: ownersOf(home, story.consumers),
    stops: parts.length ? stopsOf(home) : [...Array(LAST + 1).keys()],
    partBoxes: found("g.node.part"),
    partArrows: found("g.arrow.part").map(ends),
  };
}

function showLevel() {
  ({ parts, owners, stops, partBoxes, partArrows } = levelOf(level()));
  for (const at of all("#picture [data-level]")) at.hidden = at.dataset.level !== level();
  for (const [k, box] of partBoxes.entries()) {
    box.onclick = () => explainPart(k);
    box.onkeydown = (event) => onPartKey(event, k);
  }
  explainedPart = undefined;
  fit();
}

function openLevel(name) {
  element("level").value = name;
  showLevel();
  goTo(stopAt(position));
}

// Return the part that each node is in, or leads to; undefined for what leads to none.
function ownersOf(home, consumers) {
  const owners = [...home];
  for (let i = data.nodes.length - 1; i >= 0; i--) owners[i] ??= owners[consumers[i][0]?.node];
  return owners;
}

const titleOf = ({ id, shape }) => (shape.length ? `${id} (${shape.join(", ")}${shape.length === 1 ? "," : ""})` : id);

// Return numbers in their shape; of more than six, and where there is no room, the range, as the table of grad has.
function arrayText(numbers, shape, most = Infinity) {
  const text = (x) => numberText(x, 4);
  const whole = numbers.length > MOST_SHOWN ? undefined : nestedText(numbers.map(text), shape);
  if (whole !== undefined && (whole.length <= most || numbers.length === 1)) return whole;
  if (numbers.some(Number.isNaN)) return "undefined";
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)].map(text);
  return low === high ? `all ${low}` : `${low} to ${high}`;
}

function nestedText(texts, shape) {
  if (!shape.length) return texts[0];
  const size = texts.length / shape[0];
  const rows = Array.from({ length: shape[0] }, (_, k) => nestedText(texts.slice(k * size, (k + 1) * size), shape.slice(1)));
  return `[${rows.join(", ")}]`;
}

// What a part comes to so far: texts of its values and gradients, undefined where they are still to come.
function partNumbers({ nodes, shape }, most) {
  const text = (isThere, number) => (nodes.every(isThere) ? arrayText(nodes.map(number), shape, most) : undefined);
  return [text(hasValue, (i) => result.primal[i]), text(hasGradient, (i) => story.gradient(result, i))];
}

function showParts(current) {
  const owner = current === undefined ? undefined : owners[current];
  partBoxes.forEach((box, k) => {
    const part = parts[k];
    const most = Math.floor((box.querySelector(".frame").width.baseVal.value - 80) / SIGNS);
    const [value, gradient] = partNumbers(part, most);
    box.classList.toggle("current", k === owner);
    box.classList.toggle("failed", part.nodes.some((i) => hasValue(i) && result.failures[i] !== undefined));
    box.querySelector(".value").textContent = value ?? "·";
    box.querySelector(".gradient").textContent = gradient ?? "·";
    const said = [part.text ? `${titleOf(part)} = ${part.text}` : `input ${titleOf(part)}`];
    if (value !== undefined) said.push(`value ${value}`);
    if (gradient !== undefined) said.push(`gradient ${gradient}`);
    box.setAttribute("aria-label", said.join(", "));
  });
  for (const { g, source, target, argnum } of partArrows) {
    const passes = owner !== undefined && (isBackward() ? source === owner : target === owner);
    g.classList.toggle("forward", passes && !isBackward());
    g.classList.toggle("backward", passes && isBackward());
    const isBack = passes && isBackward();
    const path = g.querySelector("path");
    path.setAttribute("marker-end", isBack ? "none" : passes ? "url(#tip-forward)" : "url(#tip)");
    path.setAttribute("marker-start", isBack ? "url(#tip-backward)" : "none");
    g.querySelector("text").textContent = slopeOnArrow(parts[source].nodes[0], parts[target], argnum);
  }
}

// The array that a step is about at this level, or undefined where it is about a single number.
function arrayAt(i) {
  const part = i === undefined ? undefined : parts[owners[i]];
  return part?.shape.length ? part : undefined;
}

function arraySentence(part) {
  const [value, gradient] = partNumbers(part);
  if (!isBackward()) return `Forward: ${titleOf(part)} = ${part.text}: ${value ?? "not yet whole"}`;
  return `Backward: the gradient of ${titleOf(part)}: ${gradient ?? "not yet whole"}`;
}

// An operation on arrays: what it comes to, and one element in full.
function tellArrayStep(part) {
  const sentence = arraySentence(part);
  const reached = part.nodes.find((i) => (isBackward() ? story.isReached(result, i) : data.nodes[i].operands.length));
  if (reached === undefined) return { sentence, reasons: [] };
  const formula = isBackward() ? story.backwardFormula(result, reached) : story.forwardFormula(result, reached);
  return { sentence, formula, reasons: arrayReasons(part, reached) };
}

// The element that is told in full, and what stands for the others.
function arrayReasons(part, told) {
  const others = part.nodes.length - 1;
  const said = others > 0 ? [`One element in full, ${data.nodes[told].id}; likewise for ${others} other${others === 1 ? "" : "s"}.`] : [];
  return isBackward() && part.rule ? [...said, `${part.text || part.id}: ${part.rule}.`] : said;
}

function explainPart(k) {
  const part = parts[k];
  if (part.nodes.length === 1) return explain(part.nodes[0]);
  explained = undefined;
  explainedPart = k;
  show();
}

function showExplainedPart() {
  const part = parts[explainedPart];
  element("explained").hidden = false;
  element("explained-title").textContent = part.text ? `The array ${titleOf(part)} = ${part.text}` : `The input ${titleOf(part)}`;
  const said = part.nodes.slice(0, MOST_TOLD).map((i) => {
    const value = hasValue(i) ? numberText(result.primal[i]) : "·";
    const gradient = hasGradient(i) ? `, gradient ${numberText(story.gradient(result, i))}` : "";
    return `${data.nodes[i].id} = ${value}${gradient}`;
  });
  if (part.nodes.length > MOST_TOLD) said.push(`${part.nodes.length - MOST_TOLD} more are in the table.`);
  listOf(element("explained-said"), part.rule ? [`Backward: ${part.rule}.`, ...said] : said);
  element("explained-formula").replaceChildren(...openButtons(part.id));
}

// What opens an array in the picture, where there is room for its elements.
function openButtons(name) {
  if (!LEVELS.includes(`open ${name}`)) return [];
  const button = withText(document.createElement("button"), "Open in the picture");
  button.type = "button";
  button.onclick = () => (openLevel(`open ${name}`), element("level").focus());
  return [button];
}

// Where a part is whole, on the way forward and on the way back: where steps stop at the level of parts.
function stopsOf(home) {
  const last = new Map([["start", 0], ["end", LAST]]);
  const note = (i, step) => {
    const k = home[i];
    if (k !== undefined) last.set(`${step > forward.length} ${k}`, step);
  };
  forward.forEach((i, k) => note(i, k + 1));
  backward.forEach((i, k) => note(i, forward.length + k + 1));
  return [...new Set(last.values())].sort((a, b) => a - b);
}

// Where a step from here leads.
function stopFrom(from, way) {
  const found = way > 0 ? stops.find((step) => step > from) : stops.findLast((step) => step < from);
  return found ?? (way > 0 ? LAST : 0);
}

// The step at this level that is meant by one of all: on the way back from here the one before it.
const stopAt = (step) => (step < position ? stops.findLast((at) => at <= step) : stops.find((at) => at >= step));

function onPartKey(event, k) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const to = partBoxes[partNeighbour(k, event.key)];
  if (event.key === "Enter" || event.key === " ") explainPart(k);
  else if (to) {
    to.focus({ preventScroll: true });
    reveal(to);
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

// Along the edges, as in the picture of all nodes; across them to the box before or behind.
function partNeighbour(k, key) {
  const isDown = element("picture").dataset.direction === "TB";
  const [before, behind] = isDown ? ["ArrowUp", "ArrowDown"] : ["ArrowLeft", "ArrowRight"];
  const [above, below] = isDown ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
  if (key === before) return partArrows.find((arrow) => arrow.target === k)?.source;
  if (key === behind) return partArrows.find((arrow) => arrow.source === k)?.target;
  return { [above]: k - 1, [below]: k + 1 }[key];
}
