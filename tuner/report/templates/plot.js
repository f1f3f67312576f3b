/* Plots as SVG: bands, lines and marks over an axis that is linear, logarithmic or of names. Colours
   are those of the style sheet, so that dark mode and paper need no other drawing; texts are plain.

   plot(host, { height, x, y, series, legend })
     x, y: { title, low, high, log, ticks: [[value, text], …], names, grid }; with `names` values are places
     series: [{ name, colour, points, line: { width, dash, step }, mark: { symbol, size, hollow, opacity },
                band, bars, opacity }]; points are { x, y, low, high, text, hollow }
     legend: true, false, or "paper": in print only */
"use strict";
const SYMBOLS = {
  circle: (r) => `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
  square: (r) => `M${-r} ${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
  triangle: (r) => `M${-r} ${-r}h${2 * r}l${-r} ${2 * r}z`,
  cross: (r) => `M${-r} ${-r}l${2 * r} ${2 * r}M${-r} ${r}l${2 * r} ${-2 * r}`,
};
/* Width of a character of an axis, and how near the pointer must come to a mark, pixels. */
const CHARACTER = 6.6, REACH = 24;
/* Width where the page has none yet, pixels. */
const FIRST_WIDTH = 640;

const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.plotted && target.clientWidth !== target.plotted.width) plot(target, target.plotted.what);
  }
});

function plot(host, what) {
  const width = host.clientWidth || FIRST_WIDTH;
  host.plotted = { what, width };
  const [x, y] = [what.x, what.y].map((axis) => ({ ...axis, ticks: axis.ticks ?? makeTicks(axis) }));
  const longest = (ticks) => Math.max(0, ...ticks.map(([, text]) => text.length)) * CHARACTER;
  const left = longest(y.ticks) + (y.title ? 34 : 14), right = 14, top = 10;
  const isTight = x.names && longest(x.ticks) > (width - left - right) / x.names.length;
  const bottom = 44 + (isTight ? 0.5 * longest(x.ticks) : 0);
  const box = { left, right: width - right, top, bottom: what.height - bottom };
  const across = scale(x, box.left, box.right), up = scale(y, box.bottom, box.top);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${what.height}` });
  drawAxes(svg, box, x, y, across, up, isTight);
  const marks = what.series.flatMap((series) => drawSeries(svg, series, across, up));
  host.replaceChildren(...(what.legend ? [legend(what.series, what.legend)] : []), svg);
  tellMarks(host, svg, marks);
  resized.observe(host);
}

/* From a value to a pixel; what lies beyond the axis is drawn at its end. */
function scale(axis, from, to) {
  const [low, high] = axis.names ? [-0.5, axis.names.length - 0.5] : [axis.low, axis.high];
  const at = axis.log ? Math.log : (value) => value;
  const share = (value) => (at(value) - at(low)) / (at(high) - at(low) || 1);
  return (value) => from + (to - from) * Math.min(Math.max(share(value), 0), 1);
}

/* About five round values between the ends of an axis, or its names. */
function makeTicks({ low, high, names }) {
  if (names) return names.map((name, place) => [place, name]);
  const power = 10 ** Math.floor(Math.log10((high - low) / 5));
  const step = power * [1, 2, 5, 10].find((each) => (high - low) / (each * power) <= 6);
  const first = Math.ceil(low / step), last = Math.floor(high / step);
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const value = Number(((first + index) * step).toPrecision(12));
    return [value, minus(String(value))];
  });
}

function drawAxes(svg, box, x, y, across, up, isTight) {
  for (const [value, text] of y.ticks) {
    const at = up(value);
    svg.append(draw("line", { class: "grid", x1: box.left, x2: box.right, y1: at, y2: at }),
      draw("text", { class: "tick", x: box.left - 7, y: at + 4, "text-anchor": "end" }, text));
  }
  let taken = -Infinity;
  for (const [value, text] of x.ticks) {
    const at = across(value), low = box.bottom + 17;
    /* What would stand in the text before it is left out; names are turned instead. */
    if (!isTight && at - (text.length * CHARACTER) / 2 < taken + 4) continue;
    taken = at + (text.length * CHARACTER) / 2;
    svg.append(draw("line", { class: "grid", x1: at, x2: at, y1: box.bottom, y2: box.bottom + 4 }),
      draw("text", isTight ? { class: "tick", transform: `translate(${at + 4} ${low - 3}) rotate(-30)`, "text-anchor": "end" }
        : { class: "tick", x: at, y: low, "text-anchor": "middle" }, text));
  }
  const middle = (box.top + box.bottom) / 2;
  svg.append(draw("line", { class: "grid", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }),
    draw("text", { class: "xtitle", x: (box.left + box.right) / 2, y: svg.viewBox.baseVal.height - 6, "text-anchor": "middle" }, x.title));
  if (y.title) svg.append(draw("text", { class: "ytitle", transform: `translate(14 ${middle}) rotate(-90)`, "text-anchor": "middle" }, y.title));
}

/* Draws a series; returns where its marks are that have something to tell. */
function drawSeries(svg, series, across, up) {
  const group = draw("g", { class: "trace", style: `color: ${series.colour}`, opacity: series.opacity ?? 1 });
  const points = series.points.filter((p) => p.y !== null);
  const path = (value) => points.map((p) => `${across(p.x)} ${up(value(p))}`);
  if (series.band) {
    const around = [...path((p) => p.high), ...path((p) => p.low).reverse()];
    group.append(draw("path", { class: "band", d: `M${around.join("L")}z` }));
  }
  if (series.line && points.length) {
    const corners = path((p) => p.y).join("L");
    const d = series.line.step ? points.map((p, n) => (n ? `H${across(p.x)}V${up(p.y)}` : `${across(p.x)} ${up(p.y)}`)).join("") : corners;
    group.append(draw("path", { class: "line", d: `M${d}`, "stroke-width": series.line.width, "stroke-dasharray": series.line.dash ?? "none" }));
  }
  for (const p of series.bars ? points : []) {
    const [at, from, to] = [across(p.x), up(p.low), up(p.high)];
    group.append(draw("path", { class: "line", d: `M${at} ${from}V${to}M${at - 4} ${from}h8M${at - 4} ${to}h8`, "stroke-width": 1.5 }));
  }
  for (const p of series.mark ? points : []) {
    const mark = drawMark({ ...series.mark, hollow: p.hollow ?? series.mark.hollow });
    mark.setAttribute("transform", `translate(${across(p.x)} ${up(p.y)})`);
    group.append(mark);
  }
  svg.append(group);
  return points.filter((p) => p.text).map((p) => ({ x: across(p.x), y: up(p.y), text: p.text }));
}

function drawMark({ symbol, size, hollow, opacity }) {
  return draw("path", { class: hollow ? "mark hollow" : "mark", d: SYMBOLS[symbol](size / 2), opacity: opacity ?? 1 });
}

function legend(series, kind) {
  const list = make("div", kind === "paper" ? "legend paper" : "legend");
  for (const each of series) {
    const key = draw("svg", { viewBox: "-12 -7 24 14", width: 24, height: 14 });
    const group = draw("g", { class: "trace", style: `color: ${each.colour}`, opacity: each.opacity ?? 1 });
    if (each.line) group.append(draw("path", { class: "line", d: "M-12 0H12", "stroke-width": each.line.width, "stroke-dasharray": each.line.dash ?? "none" }));
    if (each.mark) group.append(drawMark(each.mark));
    key.append(group);
    const line = make("span", "", each.name);
    line.prepend(key);
    list.append(line);
  }
  return list;
}

/* Shows what the mark nearest to the pointer has to tell. */
function tellMarks(host, svg, marks) {
  const tip = make("div", "tip");
  tip.hidden = true;
  host.append(tip);
  const tell = (event) => {
    const bounds = svg.getBoundingClientRect(), zoom = bounds.width / svg.viewBox.baseVal.width;
    const at = [event.clientX - bounds.left, event.clientY - bounds.top];
    const far = (m) => Math.hypot(m.x * zoom - at[0], m.y * zoom - at[1]);
    const nearest = marks.reduce((best, m) => (!best || far(m) < far(best) ? m : best), null);
    tip.hidden = !nearest || far(nearest) > REACH;
    if (tip.hidden) return;
    tip.textContent = nearest.text;
    const [x, y] = [nearest.x * zoom, nearest.y * zoom + bounds.top - host.getBoundingClientRect().top];
    tip.style.left = `${Math.max(Math.min(x + 10, host.clientWidth - tip.offsetWidth), 0)}px`;
    tip.style.top = `${y > tip.offsetHeight + 12 ? y - tip.offsetHeight - 10 : y + 12}px`;
  };
  svg.addEventListener("pointermove", tell);
  svg.addEventListener("pointerdown", tell);
  svg.addEventListener("pointerleave", () => { tip.hidden = true; });
}
