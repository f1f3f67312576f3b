/* What a clip opens to: quality over time, spectrograms, diagnosis and scores. `row` and `data` are
   those of tuner/report/clips.py; `tuned` is what the tuned settings are called. */
"use strict";
/* Starts and ends of the windows that were scored apart, seconds; the last ends with the clip. */
function windows(row, windowS) {
  const count = row.windows[0].length;
  if (!row.seconds || count < 2) return [];
  return Array.from({ length: count }, (_, index) => {
    const from = index < count - 1 ? index * windowS : Math.max(row.seconds - windowS, 0);
    return [from, Math.min(from + windowS, row.seconds)];
  });
}

/* Two to six round scores, 1, 2, 5, 10 or 20 apart, of which the first and last enclose all or nearly. */
function roundTicks(low, high) {
  const step = [1, 2, 5, 10, 20, 50].find((each) => (high - low) / each <= 4) ?? 50;
  const first = Math.floor(low / step) * step;
  const count = Math.max(Math.ceil((high - first) / step), 1);
  return Array.from({ length: count + 1 }, (_, index) => first + index * step);
}

function overTime(row, tuned, windowS) {
  const figure = make("figure", "over-time");
  const [wide, high] = [600, 150];
  const all = row.windows.flat();
  const ticks = roundTicks(Math.min(...all), Math.max(...all));
  const [low, top] = [Math.min(ticks[0], ...all) - 1, Math.max(ticks.at(-1), ...all) + 1];
  const x = (s) => (wide * s) / row.seconds;
  const y = (score) => high - (high * (score - low)) / (top - low);
  const svg = draw("svg", { viewBox: `-44 -8 ${wide + 64} ${high + 34}`, role: "img" });
  const names = ["default", tuned.toLowerCase()];
  svg.append(draw("title", {}, `Score by window: ${names.map(
    (name, index) => `${name} ${row.windows[index].map((mean) => mean.toFixed(1)).join(", ")}`).join("; ")}`));
  for (const tick of ticks) {
    svg.append(draw("line", { class: "grid", x1: 0, x2: wide, y1: y(tick), y2: y(tick) }),
      draw("text", { x: -8, y: y(tick) + 4, "text-anchor": "end" }, tick.toFixed(0)));
  }
  for (let s = 0; s <= row.seconds; s += 2) {
    svg.append(draw("text", { x: x(s), y: high + 18, "text-anchor": "middle" }, `${s} s`));
  }
  row.windows.forEach((means, index) => {
    const series = index ? "tuned" : "default";
    windows(row, windowS).forEach(([from, to], place) => {
      const at = y(means[place]);
      svg.append(draw("line", { class: `span ${series}`, x1: x(from) + 2, x2: x(to) - 2, y1: at, y2: at }));
    });
  });
  const caption = make("figcaption", "", "Score of each window: ");
  names.forEach((name, index) => caption.append(make("span", `key ${index ? "tuned" : "default"}`, name)));
  figure.append(svg, caption);
  return figure;
}

function pictures(row, tuned, data) {
  const box = make("div", "pictures");
  const names = {
    reference: "Reference", default: "Default", tuned,
    default_difference: "Default minus reference", tuned_difference: `${tuned} minus reference`,
  };
  for (const [key, name] of Object.entries(names)) {
    const figure = make("figure", `picture ${key}`);
    const image = make("img");
    image.src = data.pictures[row.pictures[key]];
    image.alt = `Spectrogram, 0 to 24 kHz: ${name}`;
    const axes = make("div", "axes");
    axes.append(frequencyAxis(), makeFrame(image, row.seconds));
    figure.append(axes, make("figcaption", "", name));
    box.append(figure);
  }
  box.append(colourBars(data));
  return box;
}

function grid(className, columns, rows) {
  const scroll = make("div", "scroll");
  const inner = make("table", `plain ${className}`);
  const line = inner.createTHead().insertRow();
  for (const [index, column] of columns.entries()) {
    const head = make("th", index ? "number" : "", column);
    head.scope = "col";
    line.append(head);
  }
  const body = inner.createTBody();
  for (const [name, ...cells] of rows) {
    const row = body.insertRow();
    const head = make("th", "", name);
    head.scope = "row";
    row.append(head, ...cells.map((cell) => make("td", "number", cell)));
  }
  scroll.append(inner);
  return scroll;
}

function diagnosis(row, tuned, data) {
  const rows = data.artefacts.map((artefact, index) => {
    const shown = row.diagnosis.map((figures) => (figures[index] === null ? "not measured"
      : `${minus((figures[index] * artefact.scale).toFixed(artefact.decimals))} ${artefact.unit}`));
    return [artefact.label, ...shown];
  });
  const box = grid("figures", ["Diagnosis", "Default", tuned], rows);
  box.querySelectorAll("tbody th").forEach((head, index) => {
    head.append(make("small", "", data.artefacts[index].meaning));
  });
  return box;
}

function scores(row, tuned, data) {
  const rows = data.metrics.map((metric, index) => {
    const pair = row.scores[index];
    return pair ? [metric.label, pair[0].toFixed(1), pair[1].toFixed(1), signed(row.gains[index])]
      : [metric.label, "\u2013", "\u2013", "\u2013"];
  });
  const box = grid("figures", ["Score, 0 to 100", "Default", tuned, "Gain"], rows);
  if (row.spread !== null) {
    box.append(make("p", "hint", `Predicted spread of opinions: ${row.spread.toFixed(1)} points.`));
  }
  return box;
}
