"use strict";
// Shows, step by step, what was recorded. Nothing is computed here: every number is a text that the
// recording made, and gets into the page by textContent, attributes and createElement alone.

const story = JSON.parse(document.getElementById("data").textContent);
const { nodes, edges, steps, scenes } = story;
const SVG = "http://www.w3.org/2000/svg", MATHML = "http://www.w3.org/1998/Math/MathML";
const LAST = steps.length - 1, NEVER = Infinity;

// ── elements

function fill(element, attributes, parts) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...parts.filter(part => part !== null && part !== undefined));
  return element;
}
const el = (tag, attributes = {}, ...parts) => fill(document.createElement(tag), attributes, parts);
const svg = (tag, attributes = {}, ...parts) =>
  fill(document.createElementNS(SVG, tag), attributes, parts);
const button = (text, title, act) => el("button", { type: "button", title, click: act,
  "aria-label": /^[A-Z]/.test(text) ? undefined : title }, text); // a word speaks for itself
const cut = (text, most) => [...text].length > most ? [...text].slice(0, most - 1).join("") + "…"
  : text;

// A formula is a nested list [tag, part, …], of these tags only.
const MATH_TAGS = new Set(["mrow", "mi", "mn", "mo", "msub", "msup", "mfrac", "msqrt", "mspace"]);
function math(tree) {
  if (!MATH_TAGS.has(tree[0])) return document.createTextNode("");
  const parts = tree.slice(1).map(part => typeof part === "string" ? part : math(part));
  const attributes = tree[0] === "mspace" ? { width: "0.25em" } : {};
  return fill(document.createElementNS(MATHML, tree[0]), attributes, parts);
}
const formula = (...trees) => fill(document.createElementNS(MATHML, "math"),
  { displaystyle: "true" }, trees.map(math));
const kept = number => story.maths[number];
const equals = ["mo", "="];
const chain = trees => el("div", { class: "equations" }, // a = b = c, which may go over lines
  ...trees.map((tree, i) => i ? formula(equals, tree) : formula(tree)));
const fraction = (of, by) => ["mfrac", ["mrow", ["mo", "∂"], kept(of)],
  ["mrow", ["mo", "∂"], kept(by)]];
const slopeOf = (node, parent) => fraction(nodes[node].m, nodes[parent].m);
const gradientBy = node => fraction(story.whole, nodes[node].m); // ∂ of the whole by a node
const terms = texts => ["mrow", ...texts.flatMap((text, i) => [
  ...(i ? [["mo", "+"]] : []), ["mn", i && text.startsWith("−") ? `(${text})` : text]])];

function picture(number, alt) {
  const [src, width, height] = story.pictures[number];
  const scale = Math.max(2, Math.min(12, Math.floor(110 / width), Math.floor(90 / height)));
  return el("img", { class: "pixels", src, width: width * scale, height: height * scale, alt });
}

// ── when what happens

const computedAt = nodes.map(node => node.kind === "leaf" ? -1 : NEVER);
const completeAt = nodes.map(() => NEVER);
const sentAt = edges.map(() => NEVER);
const arrivals = nodes.map(() => []); // [step, the sum then, the contribution]
const silent = new Set();
steps.forEach((step, i) => {
  if (step.e !== undefined) {
    step.p = edges[step.e].a;
    sentAt[step.e] = i;
    if (!step.none) arrivals[step.p].push([i, step.to || step.c, step.c]);
  } else if (step.k === "forward") computedAt[step.n] = i;
  else {
    completeAt[step.n] = i;
    if (step.k === "silent") silent.add(step.n);
  }
});
const forward = steps.filter(step => step.k === "forward").length;
const isBack = step => step.k !== "forward";
const insideOf = scenes.map(scene => { // by item: the nodes that a closed group hides
  const inside = new Map();
  for (const [node, item] of scene.in) inside.set(item, [...(inside.get(item) || []), node]);
  return inside;
});
const itemOf = scenes.map(scene => { // by node: its item, or the group that it is in
  const found = new Map(scene.in);
  scene.items.forEach((item, k) => { if (item.n !== undefined && !found.has(item.n))
    found.set(item.n, k); });
  return found;
});

let at = 0, scene = 0, picked = null, timer = null, revealed = false, view = [0, 0, 1];
const predicting = () => $.predict.checked && !revealed;

// ── the places of the page

const $ = {};
const KEYS = [["→ ←", "one step on, back"], ["↓ ↑", "one node on, back"],
  ["Home End", "to the start, to the end"], ["space", "play or pause"],
  ["Tab", "in the graph: from box to box"],
  ["Enter", "on a box: to its step; on a module: into it"], ["Esc", "out of a module"],
  ["+ − 0", "larger, smaller, all of it"],
  ["p", "predict: the result is hidden until it is asked for"]];

function build() {
  $.nav = el("nav", { "aria-label": "Where in the graph" });
  $.graph = el("div", { class: "graph" },
    el("div", { class: "zoom" },
      button("−", "Smaller (−)", () => zoom(0.8)),
      button("Fit", "The whole graph (0)", () => fit(true)),
      button("+", "Larger (+)", () => zoom(1.25))),
    el("div", { class: "legend", "aria-hidden": "true" },
      el("span", { class: "f" }, "→ values"),
      el("span", { class: "b" }, "← gradients × slopes")));
  $.panel = el("aside", { "aria-label": "This step", tabindex: -1 });
  $.play = button("▸ Play", "Play or pause (space)", play);
  $.range = el("input", { type: "range", min: 0, max: LAST, value: 0, step: 1,
    "aria-label": "Step", style: `--split:${100 * forward / steps.length}%`,
    input: event => go(+event.target.value) });
  $.count = el("span", { class: "count" });
  $.grain = el("select", { change: draw }, el("option", { value: "arrow" }, "every arrow"),
    el("option", { value: "node" }, "every node"));
  $.predict = el("input", { type: "checkbox", change: () => { revealed = false; draw(); } });
  $.predict.checked = Boolean(story.predict);
  $.live = el("div", { class: "unseen", "aria-live": "polite" });
  $.help = el("dialog", { "aria-label": "Keys and colours" }, el("h2", {}, "Keys"),
    el("table", {}, ...KEYS.map(([key, does]) =>
      el("tr", {}, el("th", {}, el("kbd", {}, key)), el("td", {}, does)))),
    el("p", {}, "A picture of an array is red above 0, blue below, white at 0 and purple where " +
      "it is nan; each has a scale of its own, which stands beside it."),
    button("Close", "Close (Esc)", () => $.help.close()));
  document.getElementById("app").append(
    el("header", {}, el("h1", {}, story.title), $.nav,
      button("◐", "Light or dark", switchTheme),
      button("?", "Keys and colours", () => $.help.showModal())),
    $.graph, $.panel,
    el("footer", {}, button("|◂", "To the start (Home)", () => go(0)),
      button("◂", "One step back (←)", () => move(-1)), $.play,
      button("▸", "One step on (→)", () => move(1)),
      button("▸|", "To the end (End)", () => go(LAST)), $.range, $.count,
      el("label", {}, "stop at", $.grain), el("label", {}, $.predict, "predict")),
    $.live, $.help);
}

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
}

// ── the graph of one scene

let boxes = [], links = [], canvas = null, layer = null, crossing = new Set();

function tip(id, kind) {
  return svg("marker", { id, viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 9,
    markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" },
  svg("path", { d: "M0 0L10 5L0 10z", class: kind }));
}

function open(number) {
  scene = number;
  const shown = scenes[scene];
  const focused = canvas && canvas.contains(document.activeElement);
  if (canvas) canvas.remove();
  layer = svg("g");
  canvas = svg("svg", { role: "group", tabindex: 0,
    "aria-label": `The graph: ${shown.title || "all of it"}; Tab goes from box to box` },
  svg("defs", {}, tip("there", "tip-there"), tip("back", "tip-back")), layer);
  crossing = new Set();
  links = shown.links.map(drawLink);
  boxes = shown.items.map(drawBox);
  $.graph.prepend(canvas);
  const path = [...shown.path, number];
  const inPath = $.nav.contains(document.activeElement);
  $.nav.replaceChildren(...(scenes.length < 2 ? [] : path.map((k, i) => el("button", {
    type: "button", "aria-current": i === path.length - 1 ? "page" : undefined,
    click: () => open(k) }, (i ? "› " : "") + (k ? scenes[k].title : "whole graph")))));
  canvas.addEventListener("focusin", () => tabbable(true));
  canvas.addEventListener("focusout", event => {
    if (!canvas.contains(event.relatedTarget)) tabbable(false);
  });
  dragging();
  fit();
  draw();
  if (focused || inPath) canvas.focus({ preventScroll: true });
}

function tabbable(yes) {
  for (const { group } of boxes) group.setAttribute("tabindex", yes ? 0 : -1);
}

function drawLink(link) {
  const items = scenes[scene].items;
  const back = svg("path", { class: "back", d: link.d });
  const group = svg("g", { class: "link" },
    svg("path", { class: "there", d: link.d, "marker-end": "url(#there)" }), back,
    link.label ? svg("text", { x: link.x, y: link.y + 3 }, link.label) : null);
  if (items[link.a].g !== undefined || items[link.b].g !== undefined)
    for (const edge of link.es) crossing.add(edges[edge].a);
  layer.append(group);
  return { link, group, back };
}

function drawBox(item, number) {
  const node = nodes[item.n], inside = item.w - 18;
  const group = svg("g", { class: `box ${node ? node.kind : "group"}${item.ghost ? " ghost" : ""}`,
    transform: `translate(${item.x - item.w / 2},${item.y - item.h / 2})`,
    role: "button", tabindex: -1,
    click: () => pick(number),
    keydown: event => {
      if (event.key !== "Enter" && event.key !== " ") return;
      pick(number);
      event.preventDefault();
      event.stopPropagation();
    } },
  svg("rect", { class: "around", x: -4, y: -4, width: item.w + 8, height: item.h + 8, rx: 11 }),
  svg("rect", { class: "frame", width: item.w, height: item.h, rx: 8 }));
  const line = (kind, y, text) => {
    const made = svg("text", { class: kind, x: 9, y }, text);
    group.append(made);
    return made;
  };
  const box = { item, group };
  if (node) {
    const name = line("name", 19, item.name);
    const note = (item.expr ? ` = ${item.expr}` : "") + (item.copy ? ` ×${item.copy[1]}` : "");
    if (note) name.append(svg("tspan", { class: "dim" }, note));
    box.value = line(`value${node.bad ? " bad" : ""}`, 36, node.value);
    box.gradient = line(`gradient${node.gbad ? " bad" : ""}`, 53, "");
    box.picture = thumbnail(node.px, 9);
    box.slope = thumbnail(node.gpx, node.px === undefined ? 9 : 18 + story.pictures[node.px][3]);
    group.append(...[box.picture, box.slope].filter(Boolean));
  } else {
    line("name", 19, `▸ ${item.name}`);
    line("dim", 36, item.sub);
    const bar = (kind, y, width) =>
      svg("rect", { class: `bar ${kind}`, x: 9, y, width, height: 3 });
    box.computed = bar("f", 46, 0);
    box.complete = bar("b", 53, 0);
    group.append(bar("", 46, inside), box.computed, bar("", 53, inside), box.complete);
  }
  layer.append(group);
  return box;
}

function thumbnail(number, x) {
  if (number === undefined) return null;
  const [href, , , width, height] = story.pictures[number];
  return svg("image", { x, y: 62, width, height, href, preserveAspectRatio: "none" });
}

// ── from step to step

function isSeen(i) { // whether a step shows in this scene
  const step = steps[i], items = scenes[scene].items, from = itemOf[scene].get(step.n);
  if (from === undefined) return false;
  if (step.e === undefined)
    return !items[from].ghost && (items[from].n !== undefined || crossing.has(step.n));
  if ($.grain.value === "node") return false;
  const to = itemOf[scene].get(step.p);
  return to !== undefined && (from !== to || items[from].n !== undefined)
    && !(items[from].ghost && items[to].ghost);
}
function seek(direction, wanted) {
  let i = at + direction;
  while (i > 0 && i < LAST && !wanted(i)) i += direction;
  go(i);
}
const move = direction => seek(direction, isSeen);
const moveByNode = direction => seek(direction, i => steps[i].e === undefined && isSeen(i));
function go(i) {
  at = Math.max(0, Math.min(LAST, i));
  revealed = false;
  draw();
  follow();
}
function play() {
  if (timer) {
    clearInterval(timer);
    timer = null;
  } else {
    if (at >= LAST) go(0);
    timer = setInterval(() => at >= LAST ? play() : move(1), 1100);
  }
  $.play.textContent = timer ? "❚❚ Pause" : "▸ Play";
}
function pick(number) { // a box is chosen: to its step, into it, or to where it is at home
  const item = scenes[scene].items[number];
  if (item.g !== undefined) return open(item.g);
  if (item.ghost) return open(nodes[item.n].home);
  picked = item.n;
  const back = at >= forward && completeAt[item.n] < NEVER;
  const target = back ? completeAt[item.n] : computedAt[item.n];
  go(target < 0 || target === NEVER ? at : target);
  boxes[number].group.focus({ preventScroll: true });
}

// ── what is shown at a step

function gradientOf(node) { // [text or null, whether contributions are missing]
  if (at >= completeAt[node]) return [nodes[node].grad, false];
  const so = arrivals[node].filter(([step]) => step <= at);
  return [so.length ? so[so.length - 1][1] : null, true];
}

const isQuestion = step => step.k !== "silent" && step.k !== "seed" && !step.none;

function draw() {
  const step = steps[at], hide = predicting() && isQuestion(step);
  boxes.forEach((box, number) => box.item.n === undefined ? drawGroupState(box, number, step)
    : drawNodeState(box, step, hide));
  for (const { link, group, back } of links) {
    const now = step.e !== undefined && link.es.includes(step.e);
    const sent = link.es.some(edge => at >= sentAt[edge] && !steps[sentAt[edge]].none);
    const flags = { now, sent, none: now && !!step.none,
      on: link.es.some(edge => at >= computedAt[edges[edge].a]),
      arriving: !isBack(step) && link.es.some(edge => edges[edge].b === step.n) };
    for (const [name, on] of Object.entries(flags)) group.classList.toggle(name, on);
    if (sent) back.setAttribute("marker-start", "url(#back)");
    else back.removeAttribute("marker-start");
  }
  const said = sentence(step, hide);
  $.range.value = at;
  $.range.setAttribute("aria-valuetext", said);
  $.live.textContent = document.activeElement === $.range ? "" : said; // which says it itself
  $.count.textContent = `step ${at + 1} of ${steps.length}`;
  drawPanel(step, hide);
  try { history.replaceState(null, "", `#${at + 1}`); } catch { /* a sandboxed frame has none */ }
}

function drawNodeState({ item, group, value, gradient, picture: image, slope }, step, hide) {
  const n = item.n, node = nodes[n], back = isBack(step);
  const current = step.n === n, receives = step.p === n, hidden = hide && (
    step.e === undefined ? current : receives);
  const [shown, missing] = gradientOf(n), computed = at >= computedAt[n];
  const isSilent = at >= completeAt[n] && silent.has(n);
  const flags = { current, f: current && !back, b: current && back, receives,
    todo: !computed, silent: isSilent, done: at >= completeAt[n] && !isSilent,
    "is-bad": !!(node.bad && computed || node.gbad && at >= completeAt[n]) };
  for (const [name, on] of Object.entries(flags)) group.classList.toggle(name, on);
  const more = missing && arrivals[n].length > 1 ? " …" : "";
  const told = shown === null || shown === undefined || !back ? "" : hidden ? "?" : shown;
  gradient.textContent = told && `∂ ${told}${more}`;
  gradient.classList.toggle("partial", missing);
  const number = !computed ? "" : hidden && !back ? "?" : node.value;
  value.textContent = number;
  if (image) image.style.opacity = computed && !(hidden && !back) ? 1 : 0.08;
  if (slope) slope.style.display = at >= completeAt[n] && !hidden ? "" : "none";
  group.setAttribute("aria-label", `${node.name}${node.expr ? ` = ${node.expr}` : ""}` +
    (computed ? `, value ${number}` : ", not yet computed") +
    (told ? `, gradient ${missing && more ? "so far " : ""}${told}` : "") +
    (item.copy ? `, use ${item.copy[0]} of ${item.copy[1]}` : ""));
}

function drawGroupState({ item, group, computed, complete }, number, step) {
  const inside = insideOf[scene].get(number) || [], width = item.w - 18;
  const share = (members, when) =>
    members.filter(node => at >= when[node]).length / (members.length || 1);
  const operations = inside.filter(node => nodes[node].kind !== "leaf");
  computed.setAttribute("width", width * share(operations, computedAt));
  complete.setAttribute("width", width * share(inside, completeAt));
  const current = itemOf[scene].get(step.n) === number;
  const receives = !current && step.p !== undefined && itemOf[scene].get(step.p) === number;
  const flags = { current, f: current && !isBack(step), b: current && isBack(step), receives };
  for (const [name, on] of Object.entries(flags)) group.classList.toggle(name, on);
  group.setAttribute("aria-label", `${item.name}: ${item.sub}; Enter opens it`);
}

// ── sentences

const BORN = { nan: "nan is born here: no operand was nan.",
  inf: "An infinity is born here: every operand was finite." };
function opening(step, hide) { // what happens, without its result
  const name = nodes[step.n].full || nodes[step.n].name;
  if (step.k === "forward") return hide ? `What is ${name}?` : `${name} is computed.`;
  if (step.k === "silent") return `Nothing arrives at ${name}: what came after did not choose ` +
    "it. Its gradient is 0, and it sends nothing on.";
  if (step.k === "seed" && story.seeded)
    return `It starts at ${name}, with the gradient that was given.`;
  if (step.k === "seed")
    return `It starts at ${name}: if ${name} changes, ${name} changes by as much.`;
  if (step.k === "complete") {
    if (hide) return `What is the gradient of ${name}?`;
    const count = arrivals[step.n].length;
    return `The gradient of ${name} is complete` +
      (count > 1 ? `: ${count} contributions have arrived, and are added up.` : ".") +
      (nodes[step.n].kind === "leaf" ? "" : " Now it is passed on.");
  }
  const parent = nodes[step.p].full || nodes[step.p].name;
  if (step.none) return `${name} did not choose ${parent}: nothing is sent.`;
  return `${name} passes its gradient on to ${parent}, times the slope of ${name} in ${parent}.`;
}
function sentence(step, hide) { // for a screen reader: with the result, unless it is to be guessed
  const node = nodes[step.n], said = opening(step, hide);
  if (hide || step.k === "silent" || step.none) return said;
  const result = step.k === "forward" ? `${node.name} = ${node.expr} = ${node.value}`
    : step.e === undefined ? `It is ${node.grad}`
      : `It sends ${step.c}` + (step.from ? `; the sum is now ${step.to}` : "");
  return `${said} ${result}.${step.born ? ` ${BORN[step.born]}` : ""}`;
}

// ── the panel

function drawPanel(step, hide) {
  const [kind, word] = isBack(step) ? ["b", "backward"] : ["f", "forward"];
  const parts = [el("div", {}, el("span", { class: `chip ${kind}` }, word),
    el("p", { class: "say" }, opening(step, hide)))];
  if (hide) parts.push(question(step));
  const item = scenes[scene].items[itemOf[scene].get(step.n)];
  if (!item || item.n === undefined || item.ghost)
    parts.push(el("div", {}, button("Go to where this happens", "Open the part of this step",
      () => open(nodes[step.n].home))));
  if (step.e !== undefined && !step.none) parts.push(...sending(step, hide));
  else if (!hide) parts.push(equation(step));
  if (step.born && !hide) parts.push(el("div", { class: "born" }, BORN[step.born]));
  const looked = picked === null ? step.n : picked;
  if (nodes[looked].place) parts.push(el("p", { class: "place" }, nodes[looked].place));
  parts.push(...numbersOf(looked, step, hide), variables(step, hide));
  const inPanel = $.panel.contains(document.activeElement);
  $.panel.replaceChildren(...parts.filter(Boolean));
  if (inPanel) $.panel.focus({ preventScroll: true });
  picked = null;
}

function equation(step) { // of a node: how it was computed, or what its gradient is the sum of
  const node = nodes[step.n];
  if (step.k === "forward") return chain([kept(node.m), ...step.eq.map(kept), ["mn", node.value]]);
  const parts = arrivals[step.n].map(([, , sent]) => sent);
  const sums = parts.length > 1 && node.px === undefined ? [terms(parts)] : [];
  return chain([gradientBy(step.n), ...sums, ["mn", node.grad ?? "0"]]);
}

function sending(step, hide) {
  const from = nodes[step.n], to = nodes[step.p], number = (text, kind = "") =>
    el("span", { class: `number ${kind}` }, text);
  const left = step.whole ? gradientBy(step.p) : slopeOf(step.n, step.p);
  const parts = [], slope = step.eq.length ? [chain([left, ...step.eq.map(kept)])] : [];
  if (from.gpx === undefined && step.cpx === undefined) {
    const caption = text => el("span", { class: "caption" }, text);
    parts.push(el("div", { class: "rule" },
      caption("arrives"), el("span"), caption("local slope"), el("span"), caption("is sent on"),
      formula(gradientBy(step.n)), "×", formula(slopeOf(step.n, step.p)), "=", el("span"),
      number(from.grad, "b"), "×", number(step.slope ?? "slope"), "=",
      number(hide ? "?" : step.c, step.cbad ? "bad" : "b")), ...slope);
  } else {
    const figure = (image, text, alt) => el("figure", {},
      image === undefined ? number(text) : picture(image, alt),
      el("figcaption", {}, image === undefined ? alt : `${alt}, ${text}`));
    parts.push(...slope, el("div", { class: "pictures" },
      figure(from.gpx, from.grad, `∂ of ${from.name}`),
      ...(step.spx !== undefined ? ["×", figure(step.spx, "", "slope")]
        : step.slope !== undefined ? ["×", figure(undefined, step.slope, "slope")] : []), "→",
      hide ? number("?") : figure(step.cpx, step.c, `sent to ${to.name}`)));
    if (step.wide) parts.push(el("p", { class: "say" },
      "Summed over the axes along which it was broadcast."));
  }
  const all = arrivals[step.p], which = all.findIndex(([i]) => i === at) + 1;
  const count = all.length > 1 ? ` (${which} of ${all.length} contributions)` : "";
  const sum = step.to === undefined ? null : hide ? "?"
    : step.from === undefined ? step.to : `${terms2(step.from, step.c)} = ${step.to}`;
  if (sum || count) parts.push(el("div", { class: `sum${which === all.length ? " full" : ""}` },
    sum ? `${to.full || to.name} has now: ` : `${to.full || to.name} is sent something`,
    sum ? el("b", {}, sum) : null, count));
  return parts;
}
const terms2 = (a, b) => `${a} + ${b.startsWith("−") ? `(${b})` : b}`;

function question(step) {
  const answer = step.k === "forward" ? nodes[step.n].value
    : step.k === "complete" ? nodes[step.n].grad : step.c;
  const said = el("span", { role: "status" });
  const asked = step.k === "forward" ? "its value" : step.k === "complete" ? "the sum"
    : "what is sent on";
  const field = el("input", { size: 8, inputmode: "decimal", "aria-label": "Your number",
    keydown: event => {
      event.stopPropagation();
      if (event.key !== "Enter") return;
      const given = parseFloat(field.value.replaceAll("−", "-").replace(",", "."));
      const isNear = text => {
        const right = parseFloat(text.replaceAll("−", "-"));
        return Math.abs(given - right) <= Math.abs(right) * 0.02;
      };
      const near = isNear(answer);
      said.textContent = near ? " right" : step.from !== undefined && isNear(step.to)
        ? " that is the sum; what is sent on now?" : " not yet";
      if (near) { revealed = true; draw(); $.live.textContent = "Right."; }
    } });
  const isNumber = /^−?[\d.]+(e−?\d+)?$/.test(answer);
  return el("div", { class: "question" },
    ...(isNumber ? [el("label", {}, `${asked}: `, field)] : []), " ",
    button("Reveal", "Show the result", () => { revealed = true; draw(); }), said);
}

function numbersOf(n, step, hide) {
  const node = nodes[n], hidden = hide && (n === step.n || n === step.p);
  const cells = (row, more) => [...row, ...(more ? ["…"] : [])].map(x => el("td", {}, x));
  const table = (told, title) => el("div", { class: "table" },
    el("h2", {}, `${title} ${told.shape}`), el("table", {},
      ...told.rows.map(row => el("tr", {}, ...cells(row, told.more)))));
  const parts = [];
  if (node.table && at >= computedAt[n] && !(hidden && !isBack(step)))
    parts.push(table(node.table, `numbers of ${node.name}`));
  if (node.gtable && at >= completeAt[n] && !hidden)
    parts.push(table(node.gtable, `gradient of ${node.name}`));
  return parts;
}

function variables(step, hide) {
  const all = nodes.map((node, n) => n).filter(n => nodes[n].kind === "leaf");
  if (!all.length) return null;
  const back = isBack(step), done = all.filter(n =>
    back && at >= completeAt[n] && !(hide && n === step.n));
  const latest = [...done].sort((a, b) => completeAt[a] - completeAt[b]).slice(-12);
  const listed = all.length <= 12 ? all : latest;
  const rows = listed.map(n => {
    const [text, missing] = back ? gradientOf(n) : [null, true];
    const hidden = hide && n === (step.e === undefined ? step.n : step.p);
    const more = missing && arrivals[n].length > 1 ? " …" : "";
    return el("tr", { class: n === step.n || n === step.p ? "now" : "" },
      el("th", { title: nodes[n].full || nodes[n].name }, cut(nodes[n].full || nodes[n].name, 22)),
      el("td", {}, nodes[n].value),
      el("td", { class: "b" }, text === null ? "" : hidden ? "?" : text + more));
  });
  const plural = all.length === 1 ? "" : "s";
  return el("div", { class: "table" },
    el("h2", {}, `Gradients of the ${all.length} variable${plural}: ${done.length} complete`),
    el("table", {}, ...rows));
}

// ── looking: zoom, drag, follow

const FIRST = 0.9, LARGEST = 1.35; // the scale of a graph when it is opened
function apply() {
  layer.setAttribute("transform", `translate(${view[0]},${view[1]}) scale(${view[2]})`);
}
function pane() {
  const { width, height } = $.graph.getBoundingClientRect();
  return [width || 800, height || 500];
}
let looked = false; // whether somebody has chosen a scale
function fit(whole) {
  looked = false;
  const { w, h } = scenes[scene], [width, height] = pane();
  const all = Math.min((width - 40) / w, (height - 70) / h, LARGEST);
  const scale = whole ? all : Math.max(all, FIRST);
  view = [(width - w * scale) / 2, (height - 20 - h * scale) / 2, scale];
  apply();
  if (scale > all) follow();
}
function zoom(factor, x, y) {
  looked = true;
  const [width, height] = pane(), scale = Math.max(0.05, Math.min(4, view[2] * factor));
  const ratio = scale / view[2], cx = x ?? width / 2, cy = y ?? height / 2;
  view = [cx - (cx - view[0]) * ratio, cy - (cy - view[1]) * ratio, scale];
  apply();
}
function follow() { // keep what happens in the picture
  const step = steps[at], items = scenes[scene].items, scale = view[2], [width, height] = pane();
  const seen = [step.n, step.p].map(n => itemOf[scene].get(n)).filter(k => k !== undefined);
  if (!seen.length) return;
  const edge = (pick, sign, axis, size) => pick(...seen.map(k =>
    items[k][axis] + sign * items[k][size] / 2));
  const shift = (low, high, offset, size, room) => {
    const from = low * scale + offset, to = high * scale + offset;
    const margin = Math.max(0, Math.min(24, (room - size * scale) / 2 - 1));
    if (from >= margin && to <= room - margin) return offset;
    const centred = offset + room / 2 - (from + to) / 2;
    return size * scale + 60 < room ? centred
      : Math.min(30, Math.max(room - size * scale - 40, centred));
  };
  view[0] = shift(edge(Math.min, -1, "x", "w"), edge(Math.max, 1, "x", "w"), view[0],
    scenes[scene].w, width);
  view[1] = shift(edge(Math.min, -1, "y", "h"), edge(Math.max, 1, "y", "h"), view[1],
    scenes[scene].h, height - 20);
  apply();
}
function dragging() { // with one finger or the mouse; two fingers make it larger or smaller
  const fingers = new Map();
  let moved = 0;
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  };
  canvas.addEventListener("pointerdown", event => {
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    moved = 0;
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave"])
    canvas.addEventListener(end, event => fingers.delete(event.pointerId));
  canvas.addEventListener("pointermove", event => {
    const from = fingers.get(event.pointerId);
    if (!from || !event.buttons) return;
    const [dx, dy] = [event.clientX - from[0], event.clientY - from[1]];
    const before = fingers.size === 2 ? spread() : 0;
    moved += Math.hypot(dx, dy);
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    if (before) {
      const { left, top } = canvas.getBoundingClientRect();
      zoom(spread() / before, event.clientX - left, event.clientY - top);
    } else {
      view[0] += dx;
      view[1] += dy;
      apply();
    }
  });
  canvas.addEventListener("click", event => { // the end of a drag isn't a click on a box
    if (moved > 4) event.stopPropagation();
    moved = 0;
  }, { capture: true });
  canvas.addEventListener("wheel", event => {
    event.preventDefault();
    const { left, top } = canvas.getBoundingClientRect();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      view[0] -= event.deltaX || event.deltaY;
      apply();
    } else zoom(Math.exp(-event.deltaY / 400), event.clientX - left, event.clientY - top);
  }, { passive: false });
}

// ── keys, and the start

const ON_KEY = {
  ArrowRight: () => move(1), ArrowLeft: () => move(-1),
  ArrowDown: () => moveByNode(1), ArrowUp: () => moveByNode(-1),
  Home: () => go(0), End: () => go(LAST), " ": play,
  "+": () => zoom(1.25), "-": () => zoom(0.8), 0: () => fit(true),
  p: () => $.predict.click(), "?": () => $.help.showModal(),
  Escape: () => { const { path } = scenes[scene]; if (path.length) open(path[path.length - 1]); },
};
document.addEventListener("keydown", event => {
  const typing = event.target.matches?.("select, input:not([type=range]):not([type=checkbox])");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || $.help.open) return;
  const act = ON_KEY[event.key];
  if (!act || event.key === " " && event.target.matches?.("button, input")) return;
  event.preventDefault();
  act();
});
addEventListener("resize", () => looked ? follow() : fit());

const asked = parseInt(location.hash.slice(1), 10); // the address says which step: #8
build();
open(0);
if (asked > 0) go(asked - 1);
document.documentElement.dataset.ready = "1";
