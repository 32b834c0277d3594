/* A reader's work on the review page, and what the page's own functions answer; see
   test_review_page.py. Runs inside the page, after its scripts. */
"use strict";
const say = [], shape = [30, 36], small = { width: 36, height: 30, dx: 1.2, dy: 0.8 };
const given = JSON.parse(document.getElementById("given").textContent);
const slice = runs => decodeRuns(runs, 1, 30 * 36)[0], told = one => encodeRuns([one]);
const made = edit => { const one = new Uint8Array(30 * 36); edit(one); return told(one); };
const pure = {
  again: given.map(runs => told(slice(runs))),
  diameters: given.map(runs => circleDiameter(slice(runs), small)),
  filled: given.map(runs => { const one = slice(runs); fillHoles(one, small); return told(one); }),
  between: given.slice(1).map((runs, k) => told(interpolateSlices(slice(given[k]), slice(runs), 0.25, small))),
  distances: given.map(runs => Array.from(distanceTo(slice(runs), small, 1))),
  edges: given.map(runs => outlinePath(slice(runs), small)),
  disc: made(one => paintDisc(one, small, 20.3, 11.1, 6.5, 1)),
  polygon: made(one => fillPolygon(one, small, [[4, 3], [38, 8], [20, 12], [30, 22], [6, 19]], 1)),
};
const key = (key, more) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...more }));
const screen_of = ([x, y]) => {
  const point = new DOMPoint(x, y).matrixTransform(panels[0].svg.getScreenCTM());
  return { clientX: point.x, clientY: point.y };
};
const event = (kind, point, more) => panels[0].svg.dispatchEvent(new PointerEvent(kind, { pointerId: 1, button: 0, bubbles: true, ...screen_of(point), ...more }));
const drag = (points, more) => {
  event("pointerdown", points[0], more);
  points.slice(1).forEach(p => event("pointermove", p, more));
  event("pointerup", points[points.length - 1], more);
};
const state = what => say.push({ what, runs: encodeRuns(work().masks[0]), slice: at, facts: panels[0].facts.textContent, kept: Object.keys(kept.masks).length });
const tap = name => document.getElementById(name).click();
const choice = words => [...document.querySelectorAll(".choices button")].find(b => b.textContent === words).click();
kept.reader = "AB";
const first = data.cases.findIndex(c => c.id === "one"); move(first); go(2 + 3);
state("as it came");
drag([[20, 8], [30, 8]]); state("looking");
key("b"); $("size").value = 3; drag([[20, 8], [30, 8]]); state("brush");
drag([[20, 8], [30, 8]], { shiftKey: true }); state("brush with shift");
key("z", { ctrlKey: true }); state("undone");
key("y", { ctrlKey: true }); key("z", { ctrlKey: true }); state("redone and undone");
key("l"); drag([[6, 4], [16, 4], [16, 14], [6, 14]]); state("lasso");
key("e"); drag([[11, 9]]); state("eraser");
key("h"); state("holes filled");
tap("original"); state("original");
key("ArrowDown"); key("Delete"); state("slice cleared");
key("i"); state("interpolated");
tap("original"); key("ArrowUp"); event("pointerleave", [0, 0]);
key("b"); for (let k = 0; k < 4; k += 1) key("d"); key("w", { shiftKey: true }); key("["); key("Enter"); state("keys");
const shown = () => [document.getElementById("soft").hidden, panels[0].image.style.filter];
const windows = { narrow: shown() };
one().window = [-1000, 400]; key("t"); windows.soft = shown(); key("t"); windows.wide = shown();
choice("accepted"); choice("2 acceptable");
move(data.cases.findIndex(c => c.id !== "one")); key("b"); drag([[5, 5]]); choice("rejected");
const out = document.createElement("pre"); out.id = "out"; out.textContent = JSON.stringify({ pure, say, windows, record: record(), count: $("count").textContent });
document.body.append(out);
