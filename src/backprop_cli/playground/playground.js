"use strict";
// The page of the playground: it keeps its state in the address, and has a worker run the command.

const element = (id) => document.getElementById(id);
const WAIT = 300; // ms after the last key

let worker;
let count = 0; // of what was asked; older answers are dropped
let isBusy = false;
let timer;

function startWorker() {
  worker?.terminate();
  worker = new Worker("worker.js");
  worker.onmessage = ({ data }) => take(data);
  worker.onerror = (event) => fail(event.message || "the worker can't be started");
}

function take({ id, progress, loaded, answer, failure }) {
  if (progress) {
    element("progress").value = loaded;
    element("state").textContent = loaded < 1 ? `${progress} …` : isBusy ? "Computing …" : progress;
    element("progress").hidden = loaded === 1;
  } else if (failure !== undefined && (id === undefined || id === count)) fail(failure);
  else if (id === count) show(answer);
}

function fail(message) {
  setBusy(false);
  element("state").textContent = "Failed";
  element("errors").textContent = `The playground can't run this: ${message}`;
  element("errors").hidden = false;
}

function setBusy(busy) {
  isBusy = busy;
  element("stop").hidden = !busy;
  element("answer").setAttribute("aria-busy", busy);
}

// The command that is asked for: the pages of "steps" are those of graph --format html.
function asked() {
  const command = element("command").value;
  const isPage = command === "steps";
  const rest = element("values").value.replaceAll("\n", " ");
  return {
    isPage,
    words: {
      command: isPage ? "graph" : command,
      program: element("program").value,
      rest: isPage ? `${rest} --format html` : rest,
    },
  };
}

function run() {
  clearTimeout(timer);
  keepState();
  count += 1;
  setBusy(true);
  if (element("progress").hidden) element("state").textContent = "Computing …";
  worker.postMessage({ id: count, words: asked().words });
}

function show({ status, out, err }) {
  setBusy(false);
  const isPage = asked().isPage && status === 0;
  element("state").textContent = `Exit status ${status}`;
  element("errors").textContent = err;
  element("errors").hidden = !err;
  element("output").textContent = isPage ? "" : out;
  element("output").hidden = isPage || !out;
  element("steps").hidden = !isPage;
  if (isPage) element("steps").srcdoc = out;
  else element("steps").removeAttribute("srcdoc");
}

// A command that takes too long is ended with its worker; a new one loads.
function stop() {
  count += 1;
  setBusy(false);
  element("progress").hidden = false;
  startWorker();
  element("errors").textContent = "Stopped. Python is loaded anew.";
  element("errors").hidden = false;
}

const FIELDS = ["command", "program", "values"];

function keepState() {
  const state = new URLSearchParams(FIELDS.map((id) => [id, element(id).value]));
  if (`#${state}` !== location.hash) history.replaceState(null, "", `#${state}`);
}

function readState() {
  const state = new URLSearchParams(location.hash.slice(1));
  for (const id of FIELDS) {
    const text = state.get(id);
    if (text === null) continue;
    if (id !== "command" || [...element(id).options].some((option) => option.value === text)) element(id).value = text;
  }
}

function later() {
  clearTimeout(timer);
  element("answer").setAttribute("aria-busy", true);
  timer = setTimeout(run, WAIT);
}

element("form").addEventListener("submit", (event) => (event.preventDefault(), run()));
element("stop").addEventListener("click", stop);
element("command").addEventListener("change", run);
for (const id of ["program", "values"]) element(id).addEventListener("input", later);
window.addEventListener("hashchange", () => (readState(), run()));
readState();
startWorker();
run();
