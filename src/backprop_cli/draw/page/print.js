// On paper stands the whole derivation.

// Write all steps of the level that is chosen, and show the last, whose picture and table have all numbers.
function prepareForPrint() {
  pause();
  beforePrint ??= position;
  const steps = stops.slice(1).map((step) => {
    position = step;
    return tellStep(currentNode());
  });
  const lines = steps.flatMap(({ sentence, formula }) => {
    const words = withText(document.createElement("p"), sentence);
    return formula ? [words, mathml(formula)] : [words];
  });
  element("derivation").replaceChildren(withText(document.createElement("h2"), "All steps"), ...lines);
  asked = false;
  told = undefined;
  position = LAST;
  show();
}

function goOnAfterPrint() {
  goTo(beforePrint ?? position);
  beforePrint = undefined;
}
