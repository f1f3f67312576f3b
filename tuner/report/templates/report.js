/* Draws the rate-quality curves, fills the lists of trials, runs the copy buttons.
   Texts of the curves are already escaped for Plotly (tuner/report/charts.py); those of the
   trials are plain and written as text. */
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("charts").textContent);
  const labels = Object.fromEntries(data.metrics.map((m) => [m.key, m.label]));
  const several = data.runs.length > 1;
  /* Colours of the runs in the style sheet: --run0 to --run5. */
  const RUN_COLOURS = 6;
  const BAND_OPACITY = 0.13;
  const config = { displayModeBar: false, responsive: true };
  const host = document.getElementById("quality-chart");

  function chosenMetric() {
    const input = document.querySelector('input[name="metric"]:checked');
    return input ? input.value : data.model;
  }

  function shownParts() {
    const boxes = document.querySelectorAll("#curve-parts input");
    return new Set([...boxes].filter((box) => box.checked).map((box) => box.value));
  }

  function colours() {
    const style = getComputedStyle(document.documentElement);
    const get = (name) => style.getPropertyValue(`--${name}`).trim();
    const runs = data.runs.map((_, index) => get(`run${index % RUN_COLOURS}`));
    const names = ["page", "ink", "muted", "line", "accent", "mark", "faint"];
    return { ...Object.fromEntries(names.map((n) => [n, get(n)])), runs };
  }

  function transparent(colour, opacity) {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    return `rgba(${r},${g},${b},${opacity})`;
  }

  function padded(values, share, least) {
    const low = Math.min(...values), high = Math.max(...values);
    const pad = Math.max((high - low) * share, least);
    return [low - pad, high + pad];
  }

  /* What the curves are called; "tuned" is what the run recommends, "found" what it does not. */
  const KINDS = { default: "default", tuned: "recommended", found: "best found, not recommended" };

  /* One curve: its band, and the line with its points. */
  function curveTraces(run, kind, points, colour, c, bands) {
    const x = points.map((p) => p.x);
    const isTuned = kind !== "default";
    const isApart = kind === "found";
    const traces = [];
    const quiet = { type: "scatter", mode: "lines", hoverinfo: "skip", showlegend: false, line: { width: 0 } };
    if (bands && points.length > 1 && !isApart) {
      traces.push(
        { ...quiet, x, y: points.map((p) => p.low) },
        { ...quiet, x, y: points.map((p) => p.high), fill: "tonexty", fillcolor: transparent(colour, BAND_OPACITY) },
      );
    }
    const single = bands && (points.length === 1 || isApart);
    traces.push({
      type: "scatter", mode: isApart ? "markers" : "lines+markers", name: several ? `${KINDS[kind]} ${run.name}` : KINDS[kind], x, y: points.map((p) => p.y),
      line: { color: colour, width: isTuned ? 2 : 1.5, dash: isTuned ? "solid" : "dot" },
      marker: {
        size: isTuned ? 9 : 7, symbol: isTuned ? "circle" : "square", line: { color: colour, width: 2 },
        color: points.map(() => (isApart ? c.page : colour)),
      },
      error_y: {
        visible: single, type: "data", symmetric: false, color: colour, thickness: 1.5, width: 4,
        array: points.map((p) => p.high - p.y), arrayminus: points.map((p) => p.y - p.low),
      },
      customdata: points.map((p) => [p.target, p.low.toFixed(1), p.high.toFixed(1), p.used ? "recommended" : "not recommended"]),
      hovertemplate: `${KINDS[kind]} ${run.name} for %{customdata[0]} kb/s<br>%{y:.1f} (%{customdata[1]} to %{customdata[2]})`
        + " at %{x:.1f} kb/s<br>%{customdata[3]}<extra></extra>",
    });
    return traces;
  }

  function hullTrace(hull, c) {
    return {
      type: "scatter", mode: "lines+markers", name: "hull", x: hull.map((p) => p.x), y: hull.map((p) => p.y),
      line: { color: c.ink, width: 7 }, opacity: 0.16, marker: { size: 16, color: c.ink },
      customdata: hull.map((p) => p.name), hovertemplate: "hull: %{customdata}<extra></extra>",
    };
  }

  /* Targets of mean quality: a mark where each answer was measured. */
  function targetTraces(metric, run, c) {
    if (metric !== data.model) return [];
    return run.targets.filter((target) => target.is_mean).map((target) => ({
      type: "scatter", mode: "markers", showlegend: false, x: target.points.map((p) => p.x), y: target.points.map((p) => p.y),
      marker: { size: 12, symbol: "x-thin", line: { color: c.ink, width: 2 } },
      customdata: target.points.map((p) => p.name),
      hovertemplate: `target ${target.target}: %{customdata} needs %{x:.1f} kb/s<extra></extra>`,
    }));
  }

  function targetLines(metric, runs, c) {
    if (metric !== data.model) return [];
    const heights = new Set(runs.flatMap((run) => run.targets.filter((target) => target.is_mean).map((target) => target.target)));
    return [...heights].map((y) => ({
      type: "line", xref: "paper", x0: 0, x1: 1, y0: y, y1: y, line: { color: c.muted, width: 1, dash: "dash" },
    }));
  }

  function drawCurves() {
    const metric = chosenMetric();
    const parts = shownParts();
    const c = colours();
    const curves = data.runs.flatMap((run, index) => ["default", "tuned", "found"].map((kind) => ({
      run, kind, points: run.curves[metric][kind],
      colour: several ? c.runs[index] : kind === "default" ? c.mark : c.accent,
      shown: parts.has(kind) && (!several || parts.has(run.key)),
    }))).filter((curve) => curve.points.length);
    if (!curves.length) {
      host.classList.add("empty");
      host.textContent = "No held-out scores.";
      return;
    }
    const shown = curves.filter((curve) => curve.shown);
    const hull = data.hull[metric];
    const traces = shown.flatMap((t) => curveTraces(t.run, t.kind, t.points, t.colour, c, parts.has("bands")));
    if (several && parts.has("hull")) traces.unshift(hullTrace(hull, c));
    traces.push(...data.runs.flatMap((run) => targetTraces(metric, run, c)));
    /* The axes hold still while parts are switched. */
    const points = curves.flatMap((curve) => curve.points);
    const [low, high] = padded(points.flatMap((p) => [p.low, p.high]), 0.05, 2);
    const targets = [...new Set(points.map((p) => Number(p.target)))].sort((a, b) => a - b);
    const axis = {
      gridcolor: c.line, linecolor: c.line, tickcolor: c.line, tickfont: { color: c.muted },
      fixedrange: true, automargin: true, zeroline: false,
    };
    const title = (text) => ({ text, font: { color: c.muted, size: 12 }, standoff: 10 });
    Plotly.react(host, traces, {
      height: 420, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      shapes: targetLines(metric, data.runs, c), dragmode: false, hovermode: "closest",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: c.ink },
      hoverlabel: { bgcolor: c.page, bordercolor: c.faint, font: { color: c.ink, size: 12 }, align: "left" },
      legend: { orientation: "h", x: 0, y: 1, xanchor: "left", yanchor: "bottom", font: { color: c.muted }, itemclick: false, itemdoubleclick: false },
      /* With several runs the boxes above show the colours, except on paper. */
      showlegend: !several || "print" in document.documentElement.dataset,
      margin: { l: 50, r: 12, t: several ? 16 : 36, b: 44 },
      xaxis: {
        ...axis, type: "log", title: title("measured bitrate, kb/s (logarithmic)"), showgrid: false,
        tickvals: targets, ticktext: targets.map(String), range: padded(points.map((p) => Math.log10(p.x)), 0.06, 0.03),
      },
      yaxis: { ...axis, title: title(`${labels[metric]}, MUSHRA scale`), range: [Math.max(low, 0), Math.min(high, 102)] },
    }, config);
  }

  function showMetric() {
    const metric = chosenMetric();
    for (const part of document.querySelectorAll(".by-metric")) part.hidden = part.dataset.metric !== metric;
    drawCurves();
  }

  /* The rows are made when they are asked for: thousands of them would slow the page down. */
  function fillTrials(list) {
    const body = list.querySelector("tbody");
    if (body.rows.length) return;
    for (const trial of data.runs[list.dataset.run].trials[list.dataset.bitrate]) {
      const [number, state, ...figures] = trial;
      const reason = figures.pop(), changes = figures.pop();
      const row = body.insertRow();
      row.className = state;
      const head = document.createElement("th");
      head.scope = "row";
      head.className = "number";
      head.textContent = number;
      row.append(head);
      row.insertCell().textContent = state;
      for (const figure of figures) {
        const cell = row.insertCell();
        cell.className = "number";
        cell.textContent = figure;
      }
      const last = row.insertCell();
      last.textContent = changes || "–";
      if (reason) last.append(Object.assign(document.createElement("p"), { className: "warning", textContent: reason }));
    }
  }

  async function copy(button) {
    const text = button.dataset.text ?? button.parentElement.querySelector("code").textContent;
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      /* No clipboard here (a page opened from an odd place): the older way. */
      const field = Object.assign(document.createElement("textarea"), { value: text });
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 1600);
  }

  document.addEventListener("change", (event) => {
    if (event.target.name === "metric") showMetric();
    else if (event.target.closest("#curve-parts")) drawCurves();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.copy");
    if (button) copy(button);
  });
  for (const list of document.querySelectorAll(".trial-list")) {
    list.addEventListener("toggle", () => { if (list.open) fillTrials(list); });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawCurves);
  addEventListener("beforeprint", () => {
    document.documentElement.dataset.print = "";
    drawCurves();
  });
  addEventListener("afterprint", () => {
    delete document.documentElement.dataset.print;
    drawCurves();
  });
  showMetric();
})();
