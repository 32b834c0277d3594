/* The review page: cases, slices, judgements, and correction of masks. Needs review_mask.js. */
"use strict";

const $ = name => document.getElementById(name);
const data = JSON.parse($("data").textContent);
const GRADES = [[4, "4 excellent"], [3, "3 good"], [2, "2 acceptable"], [1, "1 not acceptable"]];
const QUESTIONS = data.blinded
  ? [["preference", "I would rather use", [["left", "left"], ["right", "right"], ["equal", "no difference"]]], ["grade_left", "Left", GRADES], ["grade_right", "Right", GRADES]]
  : [["decision", "This outline is", [["accept", "accepted"], ["reject", "rejected"]]], ["grade", "Grade of the outline as it came", GRADES]];
const FIELDS = ["page", "reader", "case_id", "place", ...QUESTIONS.map(q => q[0]), "comment", "seconds"];
const SVG = "http://www.w3.org/2000/svg", MOST_STEPS = 200;
const STORE = "radtool-review-" + data.page;
let kept = { reader: "", answers: {}, masks: {} };
try { kept = JSON.parse(localStorage.getItem(STORE)) || kept; } catch (error) { /* no storage: choices last as long as the page */ }
let place = 0, at = 0, since = Date.now(), hidden = false, unsaved = false;
let panels = [], tool = "look", stroke = null, pointer = null, isSoft = false;
const SOFT = [-160, 240]; /* HU that are black and white when soft tissue is looked at */
const opened = new Map();

const one = () => data.cases[place];
const answer = () => (kept.answers[place] ||= { seconds: 0 });
const isDone = k => { const a = kept.answers[k]; return !!a && QUESTIONS.every(q => a[q[0]] !== undefined); };

/* What is kept of a case while the page is open: masks, history, sizes of each slice. */
function work() {
  if (!opened.has(place)) {
    const item = one(), read = runs => decodeRuns(runs, item.pictures.length, item.grid.width * item.grid.height);
    const original = item.masks.map(read), saved = kept.masks[place];
    const masks = saved ? [read(saved.runs)] : original.map(mask => mask.map(slice => slice.slice()));
    opened.set(place, { original, masks, done: [], undone: [], counts: [], diameters: [] });
  }
  return opened.get(place);
}

function keep() {
  unsaved = true;
  try { localStorage.setItem(STORE, JSON.stringify(kept)); tellTrouble(""); } catch (error) {
    tellTrouble("This browser cannot keep more: save now, and before you close the page.");
  }
  status();
}
function tellTrouble(words) { $("trouble").textContent = words; $("trouble").hidden = !words; }
function status() {
  const ready = data.cases.filter((_, k) => isDone(k)).length, changed = Object.keys(kept.masks).length;
  $("count").textContent = ready + " of " + data.cases.length + " judged" + (changed ? ", " + changed + " corrected" : "");
  [...$("done").children].forEach((mark, k) => {
    const words = (isDone(k) ? "judged" : "open") + (kept.masks[k] ? ", corrected" : "");
    mark.className = (isDone(k) ? "yes" : "") + (k === place ? " now" : "");
    mark.title = data.cases[k].id + ": " + words; mark.setAttribute("aria-label", "Case " + (k + 1) + ": " + words);
  });
}
function spend() { answer().seconds += Math.min(600, (Date.now() - since) / 1000); since = Date.now(); }
function element(kind, attributes, parent) { const made = document.createElementNS(SVG, kind); for (const k in attributes) made.setAttribute(k, attributes[k]); parent.append(made); return made; }

/* Building a case */
function build() {
  const { grid } = one(), [width, height] = [grid.width * grid.dx, grid.height * grid.dy];
  $("panels").replaceChildren(); pointer = null; stroke = null;
  panels = one().masks.map((_, side) => {
    const panel = document.createElement("div"); panel.className = "panel";
    const head = document.createElement("h2"), facts = document.createElement("span");
    head.append(data.blinded ? ["Left", "Right"][side] : one().id, facts); facts.setAttribute("role", "status"); panel.append(head);
    const svg = element("svg", { viewBox: "0 0 " + width + " " + height, role: "img", "aria-label": "Slice with outline" }, panel);
    const image = element("image", { width, height, preserveAspectRatio: "none" }, svg);
    const path = element("path", { fill: "none", stroke: "#ff3b30", "stroke-width": 1.6, "vector-effect": "non-scaling-stroke" }, svg);
    const line = element("path", { fill: "none", stroke: "#ffd60a", "stroke-width": 1.4, "vector-effect": "non-scaling-stroke" }, svg);
    const brush = element("circle", { fill: "none", stroke: "#ffd60a", "vector-effect": "non-scaling-stroke", r: 0 }, svg);
    $("panels").append(panel);
    panel.addEventListener("wheel", event => { event.preventDefault(); go(at + Math.sign(event.deltaY)); }, { passive: false });
    if (!data.blinded) listen(svg);
    return { svg, image, path, line, brush, facts };
  });
  $("slider").max = one().pictures.length - 1;
  $("name").textContent = "Case " + (place + 1) + " of " + data.cases.length + ": " + one().id; $("about").textContent = one().about;
  $("back").disabled = place === 0; $("next").disabled = place === data.cases.length - 1;
  $("answers").replaceChildren(...QUESTIONS.map(question), comment());
  go(Math.floor(one().pictures.length / 2)); measure(); choose(tool); shade(); status();
}
function boxed(title, content) {
  const box = document.createElement("fieldset"), legend = document.createElement("legend");
  legend.textContent = title; box.append(legend, content);
  return box;
}
function question([name, title, choices]) {
  const row = document.createElement("div"); row.className = "choices";
  for (const [value, words] of choices) {
    const button = document.createElement("button"); button.textContent = words; button.type = "button";
    button.setAttribute("aria-pressed", answer()[name] === value);
    button.addEventListener("click", () => { answer()[name] = value; for (const other of row.children) other.setAttribute("aria-pressed", other === button); spend(); keep(); });
    row.append(button);
  }
  return boxed(title, row);
}
function comment() {
  const text = document.createElement("textarea"); text.value = answer().comment || ""; text.setAttribute("aria-label", "Comment");
  text.addEventListener("input", () => { answer().comment = text.value; keep(); });
  return boxed("Comment", text);
}
function go(k) {
  if (stroke) return;
  at = Math.max(0, Math.min(one().pictures.length - 1, k));
  panels.forEach(panel => panel.image.setAttribute("href", "data:image/jpeg;base64," + one().pictures[at]));
  $("slider").value = at; $("slice").textContent = "slice " + one().numbers[at] + " of " + one().of;
  draw();
}
/* Show a part of the picture's range of HU from black to white: level * slope - shift. */
function shade() {
  const [low, high] = one().window, isWide = one().unit === "HU" && low < SOFT[0] && high > SOFT[1];
  const slope = (high - low) / (SOFT[1] - SOFT[0]), shift = (SOFT[0] - low) / (SOFT[1] - SOFT[0]);
  const contrast = 2 * shift + 1; /* CSS: contrast c and brightness b give c * b * level - (c - 1) / 2 */
  for (const { image } of panels) image.style.filter = isSoft && isWide ? "brightness(" + slope / contrast + ") contrast(" + contrast + ")" : "";
  $("soft").hidden = !isWide; $("soft").setAttribute("aria-pressed", isSoft);
}
function soften() { isSoft = !isSoft; shade(); }
function draw() {
  const { grid } = one(), masks = work().masks;
  panels.forEach((panel, side) => {
    panel.path.setAttribute("d", hidden ? "" : outlinePath(masks[side][at], grid));
    panel.line.setAttribute("d", stroke && tool === "lasso" ? "M" + stroke.points.map(p => p.join(" ")).join("L") : "");
    const isBrush = pointer && (tool === "add" || tool === "erase");
    panel.brush.setAttribute("r", isBrush ? radius() : 0);
    if (isBrush) { panel.brush.setAttribute("cx", pointer[0]); panel.brush.setAttribute("cy", pointer[1]); }
  });
}
function move(k) { if (k < 0 || k >= data.cases.length || stroke) return; spend(); place = k; build(); keep(); }

/* Sizes, live. Volume in mL; diameter in mm, only where slices are axial. */
function sizes() {
  const { counts, diameters, masks } = work(), { grid, thick, axial } = one();
  masks[0].forEach((slice, k) => {
    counts[k] ??= countInside(slice);
    if (axial) diameters[k] ??= counts[k] ? circleDiameter(slice, grid) : 0;
  });
  const voxels = counts.reduce((sum, count) => sum + count, 0);
  return { volume_ml: (voxels * grid.dx * grid.dy * thick) / 1000, diameter_mm: axial ? Math.max(...diameters) : null };
}
function measure() {
  if (data.blinded) return;
  const { original, masks, done, undone } = work(), before = one().facts, now = sizes();
  const changed = original[0].reduce((sum, slice, k) => sum + countChanged(slice, masks[0][k]), 0);
  const both = (old, value, unit, places) => (changed ? old.toFixed(places) + " → " : "") + (changed ? value : old).toFixed(places) + " " + unit;
  const words = [both(before.volume_ml, now.volume_ml, "mL", 2)];
  if (before.diameter_mm !== null) words.push("RECIST " + both(before.diameter_mm, now.diameter_mm, "mm", 1));
  if (changed) words.push(changed + " voxels changed");
  panels[0].facts.textContent = words.join(" · ");
  $("undo").disabled = !done.length; $("redo").disabled = !undone.length; $("original").disabled = !changed;
}

/* Correcting: a step is a list of [slice, before, after]. */
function apply(step, which) {
  const item = work();
  for (const [k, ...states] of step) { item.masks[0][k] = states[which].slice(); item.counts[k] = item.diameters[k] = undefined; }
  const isChanged = item.masks[0].some((slice, k) => countChanged(slice, item.original[0][k]));
  if (isChanged) kept.masks[place] = { runs: encodeRuns(item.masks[0]), when: new Date().toISOString() };
  else delete kept.masks[place];
  draw(); measure(); keep(); warnOfBorder();
}
function change(edit, slices = [at]) {
  const { masks, done, undone } = work();
  const step = slices.map(k => { const after = masks[0][k].slice(); edit(after, k); return [k, masks[0][k], after]; });
  commit(step.filter(([, before, after]) => countChanged(before, after)), done, undone);
}
function commit(step, done, undone) {
  if (!step.length) { draw(); return; }
  done.push(step); undone.length = 0;
  if (done.length > MOST_STEPS) done.shift();
  apply(step, 1);
}
function undo() { const { done, undone } = work(); if (stroke || !done.length) return; const step = done.pop(); undone.push(step); apply(step, 0); go(step[0][0]); }
function redo() { const { done, undone } = work(); if (stroke || !undone.length) return; const step = undone.pop(); done.push(step); apply(step, 1); go(step[0][0]); }
function warnOfBorder() {
  const { width, height } = one().grid, slice = work().masks[0][at];
  const isOut = slice.some((voxel, k) => voxel && (k < width || k >= width * (height - 1) || k % width === 0 || k % width === width - 1));
  if (isOut && kept.masks[place]) tellTrouble("The outline reaches the edge of what is shown here; what lies beyond cannot be corrected on this page.");
}
function interpolate() {
  const masks = work().masks[0], isFull = k => masks[k].includes(1);
  let low = at - 1, high = at + 1;
  while (low >= 0 && !isFull(low)) low -= 1;
  while (high < masks.length && !isFull(high)) high += 1;
  if (low < 0 || high >= masks.length) { tellTrouble("Interpolation needs an outline on a slice above and on one below."); return; }
  const between = masks.map((_, k) => k).filter(k => k > low && k < high), { numbers, grid } = one();
  const part = k => (numbers[k] - numbers[low]) / (numbers[high] - numbers[low]);
  change((after, k) => after.set(interpolateSlices(masks[low], masks[high], part(k), grid)), between);
}
function restore() { const { original, masks } = work(); change((after, k) => after.set(original[0][k]), masks[0].map((_, k) => k)); }

/* Drawing with a pointer or with keys */
const radius = () => Number($("size").value);
function choose(name) {
  if (data.blinded || stroke) return;
  tool = name;
  for (const button of document.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", button.dataset.tool === tool);
  panels[0].svg.classList.toggle("drawing", tool !== "look");
  $("millimetres").textContent = radius() + " mm"; draw();
}
function whereIs(svg, event) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  return [point.x, point.y];
}
const valueOf = isOpposite => ((tool === "erase") !== isOpposite ? 0 : 1);
function listen(svg) {
  svg.addEventListener("pointerdown", event => {
    if (tool === "look" || event.button !== 0 || stroke) return;
    event.preventDefault(); document.activeElement?.blur();
    try { svg.setPointerCapture(event.pointerId); } catch (error) { /* a pointer that is already gone */ }
    pointer = whereIs(svg, event);
    stroke = { id: event.pointerId, value: valueOf(event.shiftKey), points: [pointer], before: work().masks[0][at] };
    work().masks[0][at] = stroke.before.slice();
    if (tool !== "lasso") paintDisc(work().masks[0][at], one().grid, ...pointer, radius(), stroke.value);
    draw();
  });
  const follow = event => {
    const from = pointer;
    pointer = whereIs(svg, event);
    if (stroke && event.pointerId === stroke.id) {
      stroke.points.push(pointer);
      if (tool !== "lasso") paintStroke(work().masks[0][at], one().grid, from, pointer, radius(), stroke.value);
    }
    if (tool !== "look") draw();
  };
  svg.addEventListener("pointermove", follow);
  svg.addEventListener("pointerup", event => { if (stroke && event.pointerId === stroke.id) { follow(event); endStroke(true); } });
  svg.addEventListener("pointercancel", () => { if (stroke) endStroke(false); });
  svg.addEventListener("pointerleave", () => { if (!stroke) { pointer = null; draw(); } });
}
function endStroke(isKept) {
  const { masks, done, undone } = work(), { before, points, value } = stroke, after = masks[0][at];
  if (tool === "lasso" && isKept) fillPolygon(after, one().grid, points, value);
  masks[0][at] = before; stroke = null;
  commit(isKept && countChanged(before, after) ? [[at, before, after]] : [], done, undone);
}
function nudge(right, down, far) {
  const { grid } = one(), [x, y] = pointer || [(grid.width / 2) * grid.dx, (grid.height / 2) * grid.dy];
  const within = (value, most) => Math.max(0, Math.min(most, value));
  pointer = [within(x + right * far * grid.dx, grid.width * grid.dx), within(y + down * far * grid.dy, grid.height * grid.dy)];
  if (tool !== "add" && tool !== "erase") choose("add");
  draw();
}
function stamp(isOpposite) { if (pointer && (tool === "add" || tool === "erase")) change(after => paintDisc(after, one().grid, ...pointer, radius(), valueOf(isOpposite))); }
function resize(by) { $("size").value = radius() + by; choose(tool); }

/* Saving */
function rows() {
  return data.cases.map((c, k) => { const a = kept.answers[k] || {}; return Object.fromEntries(FIELDS.map(f => [f, { page: data.page, reader: kept.reader, case_id: c.id, place: k + 1, seconds: Math.round(a.seconds || 0) }[f] ?? a[f] ?? null])); });
}
function record() {
  const corrected = data.cases.map((c, k) => [c, kept.masks[k]]).filter(([, mask]) => mask);
  return {
    format: "radtool-review", version: 1, page: data.page, reader: kept.reader, saved: new Date().toISOString(), choices: rows(),
    corrections: corrected.map(([c, mask]) => ({ case_id: c.id, when: mask.when, grid_sha256: c.grid_sha256, mask_sha256: c.mask_sha256, start: c.start, shape: [c.pictures.length, c.grid.height, c.grid.width], runs: mask.runs })),
  };
}
function table() {
  const cell = value => { const text = value === null ? "" : String(value); return /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text; };
  return [FIELDS.join(","), ...rows().map(row => FIELDS.map(f => cell(row[f])).join(","))].join("\n") + "\n";
}
function save() {
  spend(); keep(); unsaved = false;
  const reader = kept.reader.replace(/[^A-Za-z0-9]+/g, "_") || "reader", link = document.createElement("a");
  const [words, type, name] = data.blinded ? [table(), "text/csv", "choices-" + reader + ".csv"] : [JSON.stringify(record()), "application/json", "review-" + reader + ".json"];
  link.href = URL.createObjectURL(new Blob([words], { type })); link.download = name; link.click();
}

/* Keys and buttons */
const KEYS = { ArrowUp: () => go(at - 1), ArrowDown: () => go(at + 1), ArrowLeft: () => move(place - 1), ArrowRight: () => move(place + 1), " ": () => { hidden = true; draw(); }, t: soften };
const EDITING = {
  v: () => choose("look"), escape: () => choose("look"), b: () => choose("add"), e: () => choose("erase"), l: () => choose("lasso"), "[": () => resize(-0.5), "]": () => resize(0.5),
  i: interpolate, h: () => change(after => fillHoles(after, one().grid)), delete: () => change(after => after.fill(0)), enter: event => stamp(event.shiftKey),
  w: event => nudge(0, -1, event.shiftKey ? 10 : 1), s: event => nudge(0, 1, event.shiftKey ? 10 : 1), a: event => nudge(-1, 0, event.shiftKey ? 10 : 1), d: event => nudge(1, 0, event.shiftKey ? 10 : 1),
};
const CONTROL = { z: event => (event.shiftKey ? redo() : undo()), y: redo };
document.addEventListener("keydown", event => {
  const { tagName } = event.target, key = event.key.toLowerCase(), isControl = event.ctrlKey || event.metaKey;
  if (tagName === "TEXTAREA" || event.target.id === "reader" || event.altKey) return;
  if (tagName === "INPUT" && event.key.startsWith("Arrow")) return;
  if (["BUTTON", "SUMMARY"].includes(tagName) && [" ", "Enter"].includes(event.key)) return;
  const act = isControl ? !data.blinded && CONTROL[key] : KEYS[event.key] || (!data.blinded && EDITING[key]);
  if (!act) return;
  event.preventDefault();
  if (!stroke) act(event);
});
document.addEventListener("keyup", event => { if (event.key === " " && hidden) { hidden = false; draw(); } });
document.addEventListener("click", event => { if (event.detail && event.target.tagName === "BUTTON") event.target.blur(); });
window.addEventListener("beforeunload", event => { if (unsaved && Object.keys(kept.masks).length) event.preventDefault(); });
data.cases.forEach((_, k) => { const mark = document.createElement("button"); mark.addEventListener("click", () => move(k)); $("done").append(mark); });
$("reader").value = kept.reader; $("reader").addEventListener("input", event => { kept.reader = event.target.value; keep(); });
$("save").addEventListener("click", save); $("back").addEventListener("click", () => move(place - 1)); $("next").addEventListener("click", () => move(place + 1));
$("soft").addEventListener("click", soften); $("slider").addEventListener("input", event => go(Number(event.target.value)));
if (!data.blinded) {
  for (const button of document.querySelectorAll("[data-tool]")) button.addEventListener("click", () => choose(button.dataset.tool));
  const acts = { between: interpolate, holes: EDITING.h, clear: EDITING.delete, undo, redo, original: restore };
  for (const [name, act] of Object.entries(acts)) $(name).addEventListener("click", act);
  $("size").addEventListener("input", () => choose(tool));
}
build();
