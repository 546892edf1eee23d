"use strict";
// One moment, chosen by slider, keys, or on any plot: its pictures, its numbers, and where it lies in every plot.
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const replay = read("replay"), pictures = read("pictures"), root = document.getElementById("timeline");
const LEFT = 46, RIGHT = 8, TOP = 6, BOTTOM = 18, PLOT_HEIGHT = 86;
const length = Math.max(replay.duration, 0.1);
const times = replay.plots[0].lines[0].t;
const find = (name) => root.querySelector(name);
let now = 0, from = 0, to = length, playing = 0, cursors = [];

const svg = (tag, attributes, parent, text) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return parent.appendChild(element);
};
const html = (tag, style, parent, text) => {
  const element = document.createElement(tag);
  element.className = style;
  if (text !== undefined) element.textContent = text;
  return parent.appendChild(element);
};
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const words = (name) => name.replaceAll("_", " ");

// The place in a rising list that is nearest to t.
const nearest = (list, t) => {
  let low = 0, high = list.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (list[middle] <= t) low = middle; else high = middle;
  }
  return t - list[low] <= list[high] - t ? low : high;
};

// Round numbers between two values, about count of them.
const ticks = (low, high, count) => {
  const raw = (high - low) / count, magnitude = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * magnitude).find((s) => s >= raw * 0.999);
  const marks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) marks.push(+(k * step).toPrecision(10));
  return marks;
};

const range = (plot) => {
  let low = Infinity, high = -Infinity;
  for (const line of plot.lines) for (const v of line.v) if (v !== null) { low = Math.min(low, v); high = Math.max(high, v); }
  const margin = Math.max((high - low) * 0.08, 1e-3 * Math.max(Math.abs(high), 1));
  return [plot.low ?? low - margin, plot.high ?? high + margin];
};

// Upright lines at round times; their labels only where `labelled`.
const timeAxis = (box, width, base, labelled) => {
  svg("line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: base, y2: base }, box);
  const marks = ticks(from, to, clamp(width / 90, 2, 10));
  for (const t of marks) {
    svg("line", { class: "grid upright", x1: x(t, width), x2: x(t, width), y1: TOP, y2: base }, box);
    if (labelled) svg("text", { x: x(t, width), y: base + 13, "text-anchor": "middle" }, box, t === marks.at(-1) ? `${t} s` : t);
  }
};
const x = (t, width) => LEFT + (t - from) / (to - from) * (width - LEFT - RIGHT);

const start = (figure, height) => {
  const box = figure.querySelector("svg"), width = Math.max(figure.clientWidth, 200);
  box.replaceChildren();
  box.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const clip = svg("clipPath", { id: `clip-${cursors.length}` }, box);
  svg("rect", { x: LEFT, y: 0, width: width - LEFT - RIGHT, height }, clip);
  return [box, width, svg("g", { "clip-path": `url(#clip-${cursors.length})` }, box)];
};

const drawPlot = (figure, plot) => {
  const last = plot === replay.plots.at(-1), base = PLOT_HEIGHT - 4, [low, high] = range(plot);
  const [box, width, inside] = start(figure, last ? base + BOTTOM : PLOT_HEIGHT);
  const y = (value) => base - (value - low) / (high - low) * (base - TOP);
  for (const value of ticks(low, high, 4)) {
    svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }, box);
    svg("text", { x: LEFT - 6, y: y(value) + 3.5, "text-anchor": "end" }, box, value);
  }
  timeAxis(box, width, base, last);
  box.append(inside);
  if (plot.limit !== null) svg("line", { class: "limit", x1: LEFT, x2: width - RIGHT, y1: y(plot.limit), y2: y(plot.limit) }, inside);
  const dots = [...plot.lines].reverse().map((line) => {
    let way = "", pen = "M";
    line.v.forEach((value, k) => {
      if (value === null) { pen = "M"; return; }
      way += `${pen}${x(line.t[k], width).toFixed(1)},${y(value).toFixed(1)}`;
      pen = "L";
    });
    svg("path", { class: `line ${line.style}`, d: way }, inside);
    return svg("circle", { class: `dot ${line.style}`, r: 3 }, inside);
  }).reverse();
  const cursor = svg("line", { class: "cursor", y1: TOP, y2: base }, inside);
  cursors.push((t) => {
    cursor.setAttribute("x1", x(t, width));
    cursor.setAttribute("x2", x(t, width));
    plot.lines.forEach((line, k) => {
      const place = nearest(line.t, t), value = line.v[place];
      dots[k].setAttribute("visibility", value === null ? "hidden" : "visible");
      dots[k].setAttribute("cx", x(line.t[place], width));
      dots[k].setAttribute("cy", value === null ? 0 : y(value));
      plot.readouts[k].textContent = value === null ? "–" : value.toFixed(high - low < 1 ? 3 : 2);
    });
  });
};

// What the gate did, and moments worth a look: one row for the state, one for each reason, one for the moments.
const drawEvents = (figure) => {
  const rows = replay.reasons.length, height = 44 + rows * 9 + BOTTOM, base = height - BOTTOM;
  const [box, width, inside] = start(figure, height);
  timeAxis(box, width, base, true);
  box.append(inside);
  svg("text", { x: LEFT - 6, y: 16, "text-anchor": "end" }, box, "state");
  if (rows) svg("text", { x: LEFT - 6, y: 24 + rows * 4.5 + 3, "text-anchor": "end" }, box, "gate");
  const bar = (a, b, top, thick, style, text) => {
    const wide = Math.max(x(b, width) - x(a, width), 2);
    svg("title", {}, svg("rect", { class: style, x: x(a, width), y: top, width: wide, height: thick, rx: 1.5 }, inside), text);
  };
  for (const s of replay.states) bar(s.start, s.end, 6, 13, `state ${s.name}`, `${words(s.name)}, from ${s.start} s to ${s.end} s`);
  replay.reasons.forEach((reason, k) => {
    for (const [a, b] of reason.spans) bar(a, b, 24 + k * 9, 6, `hue-${k % 6}`, `${words(reason.name)}, from ${a} s to ${b} s`);
  });
  for (const mark of replay.marks) {
    const at = x(mark.t, width), top = base - 14;
    svg("title", {}, svg("path", { class: mark.kind, d: `M${at},${top}l6,6l-6,6l-6,-6z` }, inside), `${mark.t} s: ${mark.text}`);
  }
  const cursor = svg("line", { class: "cursor", y1: 2, y2: base }, inside);
  cursors.push((t) => {
    cursor.setAttribute("x1", x(t, width));
    cursor.setAttribute("x2", x(t, width));
  });
};

// What the colours of the event lane mean.
const explain = (legend) => {
  const entry = (style, text) => html("i", style, html("span", "", legend)).after(text);
  for (const name of new Set(replay.states.map((s) => s.name))) entry(`state ${name}`, words(name));
  replay.reasons.forEach((reason, k) => entry(`hue-${k % 6}`, words(reason.name)));
  const kinds = { failed: "condition not met", goal: "goal of language", reference: "first difference to the reference" };
  for (const kind of new Set(replay.marks.map((m) => m.kind))) entry(kind, kinds[kind]);
};

const figures = [...root.querySelectorAll(".plot")];
const draw = () => {
  cursors = [];
  for (const figure of figures) {
    if (figure.dataset.plot === undefined) drawEvents(figure); else drawPlot(figure, replay.plots[figure.dataset.plot]);
  }
  find(".window").textContent = to - from < length ? `${from.toFixed(1)} to ${to.toFixed(1)} s of ${length.toFixed(1)} s` : "";
  show(now);
};

const chips = (parent, list, style) => {
  parent.replaceChildren();
  for (const name of list) html("span", `chip ${style(name)}`, parent, words(name));
  if (!list.length) html("span", "dim", parent, "none");
};
const stateStyle = (name) => ({ engaged: "good", engaging: "good", minimal_risk_manoeuvre: "warn", emergency_stop: "bad", fault: "bad" })[name] ?? "";

const showPictures = (t) => {
  if (!pictures.length) return;
  const shot = pictures[nearest(pictures.map((p) => p.t), t)];
  for (const kind of ["camera", "bev"]) {
    const image = find(`.${kind} img`);
    if (image && shot[kind] && image.src !== shot[kind]) image.src = shot[kind];
    if (image) image.style.visibility = shot[kind] ? "" : "hidden";
  }
  find(".taken").textContent = `of ${shot.t.toFixed(2)} s`;
};

const show = (t) => {
  now = clamp(t, 0, length);
  if (now < from || now > to) {
    const half = (to - from) / 2;
    [from, to] = [clamp(now - half, 0, length - 2 * half), clamp(now + half, 2 * half, length)];
    draw();
    return;
  }
  for (const move of cursors) move(now);
  showPictures(now);
  find("output").textContent = `${now.toFixed(2)} s`;
  find(".slider").value = now;
  find(".stamp").textContent = `${(replay.start_s + now).toFixed(3)} s`;
  const state = replay.states.findLast((s) => s.start <= now + 1e-6);
  chips(find(".state-now"), state ? [state.name] : [], stateStyle);
  const reasons = replay.reasons.filter((r) => r.spans.some(([a, b]) => a - replay.period / 2 <= now && now <= b + replay.period / 2));
  chips(find(".reasons-now"), reasons.map((r) => r.name), () => "warn");
  const marks = replay.marks.filter((m) => Math.abs(m.t - now) <= Math.max(replay.period, (to - from) / 200));
  find(".marks-now").textContent = marks.map((m) => m.text).join("; ");
};

const zoom = (factor, about) => {
  const span = clamp((to - from) * factor, Math.min(4 * replay.period, length), length);
  const share = (about - from) / (to - from);
  from = clamp(about - share * span, 0, length - span);
  to = from + span;
  draw();
};
const step = (direction) => show(times[clamp(nearest(times, now) + direction, 0, times.length - 1)]);
const events = [...new Set([...replay.marks.map((m) => m.t), ...replay.states.map((s) => s.start),
  ...replay.reasons.flatMap((r) => r.spans.map(([a]) => a))])].sort((a, b) => a - b);
const leap = (direction) => {
  const found = direction > 0 ? events.find((t) => t > now + 1e-3) : events.findLast((t) => t < now - 1e-3);
  if (found !== undefined) show(found);
};
const play = () => {
  const button = find("[data-do=play]");
  button.classList.toggle("playing", !playing);
  if (playing) { cancelAnimationFrame(playing); playing = 0; return; }
  if (now >= length) show(0);
  const began = performance.now(), first = now;
  const tick = (time) => {
    show(first + (time - began) / 1000);
    if (now < length) playing = requestAnimationFrame(tick); else play();
  };
  playing = requestAnimationFrame(tick);
};
const stop = () => { if (playing) play(); };
const remember = () => history.replaceState(null, "", `#t=${now.toFixed(2)}`);
const actions = {
  back: () => { stop(); step(-1); remember(); }, on: () => { stop(); step(1); remember(); }, play,
  before: () => { stop(); leap(-1); remember(); }, after: () => { stop(); leap(1); remember(); },
  nearer: () => zoom(0.5, now), farther: () => zoom(2, now), all: () => zoom(Infinity, now),
  first: () => { stop(); show(0); }, last: () => { stop(); show(length); },
};
const KEYS = { ArrowLeft: "back", ArrowRight: "on", " ": "play", "[": "before", "]": "after", "+": "nearer", "-": "farther", 0: "all", Home: "first", End: "last" };

for (const button of root.querySelectorAll("[data-do]")) button.addEventListener("click", actions[button.dataset.do]);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  if (event.key === " " && event.target.closest("button, a, summary")) return;
  event.preventDefault();
  if (event.shiftKey && event.key.startsWith("Arrow")) { stop(); show(now + (event.key === "ArrowLeft" ? -1 : 1)); } else actions[KEYS[event.key]]();
});
find(".slider").addEventListener("input", (event) => { stop(); show(+event.target.value); });
find(".slider").addEventListener("change", remember);

figures.forEach((figure) => {
  const box = figure.querySelector("svg");
  const timeAt = (event) => {
    const edges = box.getBoundingClientRect();
    return clamp(from + (event.clientX - edges.left - LEFT) / (edges.width - LEFT - RIGHT) * (to - from), from, to);
  };
  box.addEventListener("pointerdown", (event) => { stop(); box.setPointerCapture(event.pointerId); show(timeAt(event)); });
  box.addEventListener("pointermove", (event) => { if (box.hasPointerCapture(event.pointerId)) show(timeAt(event)); });
  box.addEventListener("pointerup", remember);
  box.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 0.8 : 1.25, timeAt(event));
  }, { passive: false });
  const plot = replay.plots[figure.dataset.plot];
  if (!plot) return;
  plot.readouts = plot.lines.map((line) => {
    const entry = html("span", "", figure.querySelector(".readout"));
    html("i", line.style, entry);
    entry.append(`${line.name} `);
    return html("b", "", entry);
  });
  if (plot.limit !== null) {
    const entry = html("span", "", figure.querySelector(".readout"));
    html("i", "limit", entry);
    entry.append(`limit ${plot.limit}`);
  }
});

const jump = () => {
  const given = /^#t=([\d.]+)$/.exec(location.hash);
  if (!given) return;
  stop();
  show(+given[1]);
  root.scrollIntoView({ block: "nearest" });
};
addEventListener("hashchange", jump);
explain(find(".legend"));
find(".slider").max = length;
let width = 0;
new ResizeObserver(([entry]) => {
  if (entry.contentRect.width === width) return;
  width = entry.contentRect.width;
  draw();
}).observe(find(".course"));
draw();
jump();
