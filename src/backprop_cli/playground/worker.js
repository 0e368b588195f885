// The package itself, in a worker: words of a command line come in, what the command writes goes out.

const SITE = "/site";

const tell = (progress, loaded) => postMessage({ progress, loaded });

// Return what a file of the folder holds, telling how much of it is there.
async function fetchBytes(name, progress, from, to) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name} is not there (${response.status})`);
  const size = Number(response.headers.get("Content-Length")) || 0;
  const reader = response.body.getReader();
  const parts = [];
  let count = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    count += part.value.length;
    tell(progress, from + (to - from) * (size ? Math.min(count / size, 1) : 0.5));
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function start() {
  tell("Loading Python", 0.02);
  importScripts("pyodide/pyodide.js");
  const python = await loadPyodide({ indexURL: new URL("pyodide/", self.location.href).href });
  const packages = await fetchBytes("packages.zip", "Loading the packages", 0.4, 0.7);
  tell("Unpacking the packages", 0.75);
  python.unpackArchive(packages, "zip", { extractDir: SITE });
  tell("Starting backprop", 0.85);
  python.runPython(await (await fetch("run.txt")).text());
  return python.globals.get("run_words");
}

const ready = start();
ready.then(
  () => tell("Ready", 1),
  (error) => postMessage({ failure: String(error.message ?? error) }),
);

onmessage = async ({ data: { id, words } }) => {
  try {
    const run = await ready;
    postMessage({ id, answer: JSON.parse(run(JSON.stringify(words))) });
  } catch (error) {
    postMessage({ id, failure: String(error.message ?? error) });
  }
};
