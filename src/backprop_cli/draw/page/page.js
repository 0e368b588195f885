// The page: it shows one step of the story at a time, and computes anew when an input is edited.

const data = readData(document.getElementById("data").textContent);
const story = new Story(data);
const { forward, backward } = story.order;
const LAST = forward.length + backward.length;
const SMALLEST = 0.85; // of the picture: its texts have 11 pixels

const element = (id) => document.getElementById(id);
const pauseOfPlay = () => Number(element("speed").value); // ms between two steps
const all = (selector) => [...document.querySelectorAll(selector)];
const fields = all("input[data-node]");
const boxes = byNode("g.node:not(.part)");
const rows = byNode("tbody tr");
const arrows = all("g.arrow:not(.part)").map((g) => ({
  g,
  path: g.querySelector("path"),
  slope: g.querySelector("text"),
  source: Number(g.dataset.source),
  target: Number(g.dataset.target),
  argnum: Number(g.dataset.argnum),
}));
const LEVELS = [...Object.keys(data.levels), "all"];
const FIRST = element("level")?.querySelector("[selected]").value ?? "all"; // the level to begin with
let { parts, owners, stops, partBoxes, partArrows } = levelOf("all");
const rank = { forward: ranks(forward, 1), backward: ranks(backward, forward.length + 1) };
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

let point = startPoint();
let result = sweep(data, point);
let position = 0;
let explained; // the node that was asked for
let explainedPart; // or the array
let timer;
let asked = false; // for the number of the next step, which is to be predicted
let beforePrint; // the step that is shown again after a print
let told; // of a move: {sentence, reasons}, shown until the next step

function byNode(selector) {
  const found = [];
  for (const at of all(selector)) found[at.dataset.node] = at;
  return found;
}

function ranks(order, first) {
  const of = data.nodes.map(() => Infinity);
  order.forEach((node, k) => (of[node] = first + k));
  return of;
}

function startPoint() {
  return data.nodes.map((node) => (node.op === "input" ? node.value : undefined));
}

// ---- what is shown ----

const currentNode = () => nodeAt(position);
const isBackward = () => position > forward.length;
const hasValue = (i) => !data.nodes[i].operands.length || rank.forward[i] <= position;
// A node without a path to the output gets no step; it is known from the first one that its gradient is 0.
const hasGradient = (i) => (story.onPath.has(i) ? rank.backward[i] <= position : isBackward());

function show() {
  const current = currentNode();
  data.nodes.forEach((_, i) => showNode(i, i === current));
  for (const arrow of arrows) showArrow(arrow, current);
  showParts(current);
  showStep(current);
  showQuestion();
  showExplained();
  element("scrubber").value = position;
  element("scrubber").setAttribute("aria-valuetext", whereText());
  element("where").textContent = whereText();
  element("back").setAttribute("aria-disabled", position === 0);
  element("step").setAttribute("aria-disabled", position === LAST);
  if (current !== undefined) {
    if (parts.length) reveal(partBoxes[owners[current]], stepNeighbours(owners[current]));
    else reveal(boxes[current], neighboursOf(current));
  }
  keepState();
}

// The boxes that a step reads from.
function neighboursOf(i) {
  const uses = isBackward() ? story.consumers[i] : data.nodes[i].operands.filter((operand) => !isFixed(operand));
  return uses.map(({ node }) => boxes[node]).filter(Boolean);
}

function whereText() {
  if (position === 0) return "start";
  const steps = stops.filter((step) => step > 0 && step > forward.length === isBackward());
  const done = steps.filter((step) => step <= position).length;
  return `${isBackward() ? "backward" : "forward"} ${done} / ${steps.length}`;
}

function showNode(i, isCurrent) {
  const value = hasValue(i) ? result.primal[i] : undefined;
  const gradient = hasGradient(i) ? story.gradient(result, i) : undefined;
  const hasFailed = value !== undefined && result.failures[i] !== undefined;
  for (const at of [boxes[i], rows[i]]) {
    if (!at) continue;
    at.classList.toggle("current", isCurrent);
    at.classList.toggle("failed", hasFailed);
    at.classList.toggle("kink", gradient !== undefined && Boolean(result.kinks[i]));
    setNumber(at.querySelector(".value"), value);
    setNumber(at.querySelector(".gradient"), gradient);
  }
  if (isCurrent) rows[i].setAttribute("aria-current", "step");
  else rows[i].removeAttribute("aria-current");
  const { id, text } = data.nodes[i];
  const said = [text ? `${id} = ${text}` : `input ${id}`];
  if (value !== undefined) said.push(`value ${numberText(value)}`);
  if (gradient !== undefined) said.push(`gradient ${numberText(gradient)}`);
  boxes[i]?.setAttribute("aria-label", said.join(", "));
}

// All digits stand in the value of a data element, six are shown.
function setNumber(at, x) {
  at.textContent = x === undefined ? "·" : numberText(x);
  if (at.tagName === "DATA") at.value = x === undefined ? "" : String(x);
}

function showArrow({ g, path, slope, source, target, argnum }, current) {
  const passes = isBackward() ? source === current && result.adjoint[target] !== undefined : target === current;
  const isBack = passes && isBackward();
  g.classList.toggle("forward", passes && !isBack);
  g.classList.toggle("backward", isBack);
  path.setAttribute("marker-end", isBack ? "none" : passes ? "url(#tip-forward)" : "url(#tip)");
  path.setAttribute("marker-start", isBack ? "url(#tip-backward)" : "none");
  const x = result.partials[target]?.[argnum];
  slope.textContent = isBackward() && hasGradient(source) && x !== undefined ? `×${numberText(x, 4)}` : "";
}

// What is told of a step: {sentence, formula, reasons}; formula is undefined where there is none.
function tellStep(i) {
  if (i === undefined) return { sentence: story.startSentence(result), reasons: [] };
  if (arrayAt(i)) return tellArrayStep(arrayAt(i));
  if (stepAt(i)) return tellNamedStep(stepAt(i));
  if (!isBackward()) return { sentence: `Forward: ${story.forwardSentence(result, i)}`, formula: story.forwardFormula(result, i), reasons: [] };
  return {
    sentence: `Backward: ${story.backwardSentence(result, i)}`,
    formula: story.isReached(result, i) ? story.backwardFormula(result, i) : undefined,
    reasons: story.reasons(result, i),
  };
}

function showStep(current) {
  const { sentence, formula, reasons } = told ?? tellStep(current);
  element("sentence").textContent = sentence;
  element("formula").replaceChildren(...(formula ? [mathml(formula)] : []));
  listOf(element("reasons"), reasons);
}

function listOf(list, texts) {
  list.replaceChildren(...texts.map((text) => withText(document.createElement("li"), text)));
  list.hidden = !texts.length;
}

function withText(at, text) {
  at.textContent = text;
  return at;
}

function showExplained() {
  if (explainedPart !== undefined) return showExplainedPart();
  element("explained").hidden = explained === undefined;
  if (explained === undefined) return;
  const node = data.nodes[explained];
  element("explained-title").textContent = node.text ? `The node ${node.id} = ${node.text}` : `The input ${node.id}`;
  const said = [];
  const formulas = [];
  const isSecret = element("predict").checked;
  if (isSecret && !hasValue(explained)) said.push("Its value is still to be predicted.");
  else if (node.operands.length) {
    said.push(`Forward: ${story.forwardSentence(result, explained)}`);
    formulas.push(mathml(story.forwardFormula(result, explained)));
  } else said.push(`Forward: ${node.id} = ${numberText(result.primal[explained])} is given.`);
  if (isSecret && !hasGradient(explained)) {
    listOf(element("explained-said"), [...said, "Its gradient is still to be predicted."]);
    element("explained-formula").replaceChildren(...formulas);
    return;
  }
  if (story.onPath.has(explained)) said.push(`Backward: ${story.backwardSentence(result, explained)}`);
  else said.push(`Backward: ${data.nodes[data.output].id} does not depend on ${node.id}, so its gradient is 0.`);
  if (story.isReached(result, explained)) formulas.push(mathml(story.backwardFormula(result, explained)));
  listOf(element("explained-said"), [...said, ...story.reasons(result, explained)]);
  element("explained-formula").replaceChildren(...formulas);
}

// ---- MathML ----

function mathml({ left, lines }) {
  const cell = (...trees) => ["mtd", ...trees];
  const table = ["mtable", ...lines.map((line, k) => ["mtr", cell(...(k ? [] : [left])), cell(...line)])];
  return build(["math", table]);
}

function build(tree) {
  if (typeof tree === "string") return document.createTextNode(tree);
  const at = document.createElementNS("http://www.w3.org/1998/Math/MathML", tree[0]);
  at.append(...tree.slice(1).map(build));
  if (tree[0] === "mo" && "()|⌊⌋⌈⌉".includes(tree[1])) {
    at.setAttribute("lspace", "0");
    at.setAttribute("rspace", "0");
    at.setAttribute("stretchy", "false");
  }
  return at;
}

// ---- moving about ----

function goTo(step) {
  asked = false;
  told = undefined;
  position = Math.min(Math.max(step, 0), LAST);
  show();
}

function play() {
  if (timer !== undefined) return pause();
  if (position === LAST) goTo(0);
  element("play").textContent = "Pause";
  timer = setInterval(() => {
    goTo(stopFrom(position, 1));
    if (position === LAST) pause();
  }, pauseOfPlay());
}

function pause() {
  clearInterval(timer);
  timer = undefined;
  element("play").textContent = "Play";
}

function reset() {
  pause();
  point = startPoint();
  for (const field of fields) {
    field.value = field.defaultValue;
    accept(field);
  }
  explained = explainedPart = undefined;
  recompute();
  goTo(0);
}

function explain(i) {
  explained = i;
  explainedPart = undefined;
  show();
}

// Make the picture smaller where it then fits, both ways; its texts stay readable.
function fit() {
  const view = element("picture");
  if (!view?.clientWidth) return;
  const drawing = view.querySelector("[data-level]:not([hidden]) svg, :scope > svg:not(.tips)");
  if (!drawing) return; // of too many nodes
  const { width, height } = drawing.viewBox.baseVal;
  const stage = view.closest(".stage");
  stage.classList.remove("stacked");
  const isCut = width * SMALLEST > view.clientWidth;
  stage.classList.add("stacked");
  const fits = width * SMALLEST <= view.clientWidth && height * SMALLEST <= view.clientHeight;
  stage.classList.toggle("stacked", isCut && fits);
  const scale = Math.min(1, Math.max(Math.min(view.clientWidth / width, roomBelow(view) / height), SMALLEST));
  drawing.setAttribute("width", width * scale);
  drawing.setAttribute("height", height * scale);
}

// The height that a picture may have without being scrolled.
function roomBelow(view) {
  const most = parseFloat(getComputedStyle(view).maxHeight);
  return Number.isFinite(most) ? most : view.clientHeight || Infinity;
}

// Scroll the picture, and not the page, to a box, with its neighbours where all of them have room.
function reveal(box, neighbours = []) {
  const view = element("picture");
  if (!box || !view) return;
  const outer = view.getBoundingClientRect();
  const whole = around([box, ...neighbours]);
  const hasRoom = whole.right - whole.left <= outer.width && whole.bottom - whole.top <= outer.height;
  const inner = hasRoom ? whole : around([box]);
  const move = (low, high, from, to) => {
    const margin = Math.max(0, Math.min(24, (to - from - (high - low)) / 2));
    return low < from ? low - from - margin : high > to ? high - to + margin : 0;
  };
  view.scrollBy({
    left: move(inner.left, inner.right, outer.left, outer.right),
    top: move(inner.top, inner.bottom, outer.top, outer.bottom),
    behavior: reducedMotion.matches ? "instant" : "smooth",
  });
}

function around(parts) {
  const all = parts.map((part) => part.getBoundingClientRect());
  const [left, top] = ["left", "top"].map((side) => Math.min(...all.map((each) => each[side])));
  const [right, bottom] = ["right", "bottom"].map((side) => Math.max(...all.map((each) => each[side])));
  return { left, top, right, bottom };
}

// ---- the state in the address, for a reload or a link: #a=2&step=7 ----

function keepState() {
  if (location.protocol === "about:") return; // a page within a page has no address of its own
  const edits = fields.filter((field) => point[field.dataset.node] !== data.nodes[field.dataset.node].value);
  const state = edits.map((field) => [data.nodes[field.dataset.node].id, String(point[field.dataset.node])]);
  if (position) state.push(["", String(position)]);
  if (level() !== FIRST) state.push([" level", level()]);
  const hash = state.length ? `#${new URLSearchParams(state)}` : "";
  if (hash !== location.hash) history.replaceState(null, "", hash || location.pathname + location.search);
}

// What is not an input, or not a number, is left out.
function readState() {
  const state = new URLSearchParams(location.hash.slice(1));
  for (const field of fields) {
    const text = state.get(data.nodes[field.dataset.node].id);
    if (text === null || !finite(readNumber(text))) continue;
    field.value = text;
    point[field.dataset.node] = readNumber(text);
  }
  const wanted = state.get(" level");
  if (element("level")) element("level").value = LEVELS.includes(wanted) ? wanted : FIRST;
  const step = Number(state.get(""));
  if (Number.isInteger(step)) position = Math.min(Math.max(step, 0), LAST);
}

// ---- inputs ----

function edit(field) {
  const x = readNumber(field.value);
  if (!finite(x)) return refuse(field);
  accept(field);
  told = undefined;
  point[field.dataset.node] = x;
  recompute();
  show();
}

function refuse(field) {
  const { id } = data.nodes[field.dataset.node];
  field.setAttribute("aria-invalid", "true");
  const message = `${id} is not a number; write it as -10, 0.5, 1e-3, 1/3, 2*pi or sqrt(2). The numbers shown are those before.`;
  element(field.getAttribute("aria-describedby")).textContent = message;
}

function accept(field) {
  field.removeAttribute("aria-invalid");
  element(field.getAttribute("aria-describedby")).textContent = "";
}

// ---- predict, then reveal ----

const nodeAt = (step) => (step > forward.length ? backward[step - forward.length - 1] : forward[step - 1]);

const next = () => stopFrom(position, 1);

// The number that the next step shows.
function coming() {
  const i = nodeAt(next());
  return next() > forward.length ? story.gradient(result, i) : result.primal[i];
}

// What is not a number can't be predicted as one.
function isQuestion() {
  const i = nodeAt(next());
  if (position === LAST || arrayAt(i)) return false;
  return finite(coming()) && (next() <= forward.length || story.isReached(result, i));
}

function ask() {
  asked = true;
  told = undefined;
  element("guess").value = "";
  show();
  element("guess").focus();
}

function showQuestion() {
  element("question").hidden = !asked;
  if (!asked) return;
  const i = nodeAt(next());
  const { id, text } = parts.length ? parts[owners[i]] : data.nodes[i];
  const wanted = next() > forward.length ? story.gradientWords(i) : `${id} = ${text}`;
  element("sentence").textContent = `Predict: what is ${wanted}?`;
  element("formula").replaceChildren();
  listOf(element("reasons"), []);
}

function revealStep() {
  const text = element("guess").value;
  const x = coming();
  const isNumber = finite(readNumber(text));
  const verdict = !isNumber ? "" : isWithin(text, x) ? "Right. " : `You wrote ${text.trim()}; here it is ${numberText(x)}. `;
  goTo(next());
  element("sentence").textContent = verdict + element("sentence").textContent;
  element("step").focus();
}

function onGuess(event) {
  if (event.key !== "Enter") return;
  event.preventDefault(); // else the key presses Step, which gets the focus
  revealStep();
}

// ---- moves of the point ----

const isMovable = Boolean(element("moves"));

// Show what a move did, or why there is none.
function move({ point: moved, refusal, sentence, reasons }) {
  pause();
  asked = false;
  told = refusal ? { sentence: refusal, reasons: [] } : { sentence, reasons };
  if (moved) {
    point = moved;
    for (const field of fields) {
      if (readNumber(field.value) !== point[field.dataset.node]) field.value = String(point[field.dataset.node]);
      accept(field);
    }
    recompute();
  }
  show();
}

// A size that is typed into a field of the moves, or undefined where it is none; which is said.
function sizeOf(id) {
  const size = readNumber(element(id).value);
  if (finite(size) && size !== 0) return size;
  move({ refusal: "The size of a move is a number other than 0, such as 0.001 or 1/8." });
  return undefined;
}

function nudgeInput(i, way = 1) {
  const size = sizeOf("nudge-size");
  if (size !== undefined) move(nudge(data, story, point, i, way * size));
}

function update() {
  const rate = sizeOf("rate");
  const chosen = all("#moves input[type=checkbox][data-moves]:checked").map((box) => Number(box.dataset.moves));
  if (rate !== undefined) move(descend(data, story, point, chosen, rate));
}

// A slider reaches as far again as its input is large, at least from -2 to 2 about it.
function setSlider(slider) {
  const x = data.nodes[slider.dataset.slides].value;
  const reach = 2 * Math.max(Math.abs(x), 1);
  const step = 10 ** Math.floor(Math.log10(reach / 50));
  slider.min = x - reach;
  slider.max = x + reach;
  slider.step = step;
  slider.value = x;
}

function slide(slider) {
  const i = Number(slider.dataset.slides);
  const field = fields.find((each) => Number(each.dataset.node) === i);
  field.value = String(Number(Number(slider.value).toPrecision(12)));
  edit(field);
}

function onFieldKey(event, field) {
  const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  if (!isMovable || way === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  nudgeInput(Number(field.dataset.node), way);
}

function recompute() {
  result = sweep(data, point);
  for (const slider of all("input[data-slides]")) slider.value = point[slider.dataset.slides];
  const { blame } = result;
  const at = element("trouble");
  at.hidden = blame === undefined;
  at.textContent =
    blame === undefined
      ? ""
      : `${data.nodes[data.output].id} has no value here: ${failureText(data, result, blame)}. Edit an input, or press Reset.`;
}

// ---- the picture: one stop of the Tab key, arrows along the edges ----

function neighbour(i, key) {
  const sources = data.nodes[i].operands.filter((operand) => !isFixed(operand)).map((operand) => operand.node);
  const targets = story.consumers[i].map((use) => use.node);
  const isDown = element("picture").dataset.direction === "TB";
  const along = isDown ? ["ArrowUp", "ArrowDown"] : ["ArrowLeft", "ArrowRight"];
  const across = isDown ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
  if (key === along[0]) return sources[0];
  if (key === along[1]) return targets[0];
  if (key === "Home") return 0;
  if (key === "End") return data.output;
  if (!across.includes(key)) return undefined;
  return i + (key === across[0] ? -1 : 1);
}

function moveFocus(from, to) {
  if (!boxes[to]) return;
  boxes[from].setAttribute("tabindex", "-1");
  boxes[to].setAttribute("tabindex", "0");
  boxes[to].focus({ preventScroll: true });
  reveal(boxes[to]);
}

function onBoxKey(event, i) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "Enter" || event.key === " ") explain(i);
  else if (neighbour(i, event.key) === undefined) return;
  else moveFocus(i, neighbour(i, event.key));
  event.preventDefault();
  event.stopPropagation();
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, #picture, .scrolls")) return;
  if (event.key === "ArrowRight" || event.key === "PageDown") stepBy(1);
  else if (event.key === "ArrowLeft" || event.key === "PageUp") stepBy(-1);
  else if (event.key === "Home") stepBy(-LAST);
  else if (event.key === "End") stepBy(LAST);
  else return;
  event.preventDefault();
}

function stepBy(count) {
  pause();
  if (count === 1 && element("predict").checked && !asked && isQuestion()) return ask();
  goTo(Math.abs(count) === 1 ? stopFrom(position, count) : position + count);
}

function listen() {
  const press = (id, action) => element(id).addEventListener("click", action);
  press("forward", () => (pause(), goTo(forward.length)));
  press("backward", () => (pause(), goTo(LAST)));
  press("back", () => stepBy(-1));
  press("step", () => stepBy(1));
  press("play", play);
  press("reveal", revealStep);
  element("guess").addEventListener("keydown", onGuess);
  element("predict").addEventListener("change", () => ((asked = false), show()));
  press("reset", reset);
  element("scrubber").addEventListener("input", (event) => (pause(), goTo(stopAt(Number(event.target.value)))));
  document.addEventListener("keydown", onKey);
  window.addEventListener("resize", fit);
  window.addEventListener("beforeprint", prepareForPrint);
  window.addEventListener("afterprint", goOnAfterPrint);
  element("picture")?.closest("details")?.addEventListener("toggle", fit);
  for (const field of fields) {
    field.addEventListener("input", () => edit(field));
    field.addEventListener("keydown", (event) => onFieldKey(event, field));
  }
  for (const slider of all("input[data-slides]")) {
    setSlider(slider);
    slider.addEventListener("input", () => slide(slider));
  }
  if (isMovable) {
    press("nudge", () => nudgeInput(Number(element("nudged").value)));
    press("update", update);
  }
  for (const [i, row] of rows.entries()) row.querySelector("button").addEventListener("click", () => explain(i));
  for (const [i, box] of boxes.entries()) {
    box.addEventListener("click", () => (moveFocus(boxes.findIndex((b) => b.tabIndex === 0), i), explain(i)));
    box.addEventListener("keydown", (event) => onBoxKey(event, i));
  }
  boxes[0]?.setAttribute("tabindex", "0");
  element("level")?.addEventListener("change", () => openLevel(level()));
}

element("scrubber").max = LAST;
for (const field of fields) field.value = field.defaultValue; // a browser may have kept an edit over a reload
readState();
listen();
recompute();
showLevel();
position = stopAt(position);
show();
