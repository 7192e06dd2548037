// What scrolls sideways can be reached by the keyboard: a wide table, and a long line of code or of a formula.
function reachable() {
  const kinds = ".pst-scrollable-table-container, div.cell_output > *, div.math, pre";
  for (const part of document.querySelectorAll(kinds)) {
    if (part.scrollWidth > part.clientWidth && getComputedStyle(part).overflowX !== "visible") {
      part.tabIndex = 0;
    }
  }
}

addEventListener("load", () => {
  reachable();
  window.MathJax?.startup?.promise?.then(reachable);
});
addEventListener("resize", reachable);
