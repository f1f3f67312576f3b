/* Draws the rate-quality curves, fills the lists of trials, runs the copy buttons. All texts are plain. */
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("charts").textContent);
  const labels = Object.fromEntries(data.metrics.map((m) => [m.key, m.label]));
  const several = data.runs.length > 1;
  /* Colours of the runs in the style sheet: --run0 to --run5. */
  const RUN_COLOURS = 6;
  const host = document.getElementById("quality-chart");

  function chosenMetric() {
    const input = document.querySelector('input[name="metric"]:checked');
    return input ? input.value : data.model;
  }

  function shownParts() {
    const boxes = document.querySelectorAll("#curve-parts input");
    return new Set([...boxes].filter((box) => box.checked).map((box) => box.value));
  }

  function padded(values, share, least) {
    const low = Math.min(...values), high = Math.max(...values);
    const pad = Math.max((high - low) * share, least);
    return [low - pad, high + pad];
  }

  /* What the curves are called; "tuned" is what the run recommends, "found" what it does not. */
  const KINDS = { default: "default", tuned: "recommended", found: "best found, not recommended" };

  /* One curve: its band, its line and its points. */
  function curveSeries({ run, kind, points, colour }, bands) {
    const isTuned = kind !== "default", isApart = kind === "found";
    const isAlone = points.length === 1 || isApart;
    return {
      name: several ? `${KINDS[kind]} ${run.name}` : KINDS[kind], colour,
      band: bands && !isAlone, bars: bands && isAlone,
      line: isApart ? undefined : { width: isTuned ? 2 : 1.5, dash: isTuned ? undefined : "2 3" },
      mark: { symbol: isTuned ? "circle" : "square", size: isTuned ? 10 : 8, hollow: isApart },
      points: points.map((p) => ({
        ...p, text: `${KINDS[kind]} ${run.name} for ${p.target} kb/s\n${p.y.toFixed(1)} (${p.low.toFixed(1)} to ${p.high.toFixed(1)})`
          + ` at ${p.x.toFixed(1)} kb/s\n${p.used ? "recommended" : "not recommended"}`,
      })),
    };
  }

  function hullSeries(hull) {
    return {
      name: "hull", colour: "var(--ink)", opacity: 0.16, line: { width: 7 }, mark: { symbol: "circle", size: 16 },
      points: hull.map((p) => ({ ...p, text: `hull: ${p.name}` })),
    };
  }

  /* Targets of quality: a line at each, and a mark where an answer reaches it. */
  function targetSeries(metric, ends) {
    if (metric !== data.model) return [];
    const targets = data.runs.flatMap((run) => run.targets.filter((target) => target.is_mean));
    const heights = [...new Set(targets.map((target) => target.target))];
    return [
      ...heights.map((y) => ({
        name: `Target ${y}`, colour: "var(--muted)", line: { width: 1, dash: "6 4" }, points: ends.map((x) => ({ x, y })),
      })),
      ...targets.map((target) => ({
        name: `Bitrate for ${target.target}`, colour: "var(--ink)", mark: { symbol: "cross", size: 11 },
        points: target.points.map((p) => ({ x: p.x, y: p.y, text: `target ${target.target}: ${p.name} needs ${p.x.toFixed(1)} kb/s` })),
      })),
    ].filter((each) => each.points.length);
  }

  function drawCurves() {
    const metric = chosenMetric();
    const parts = shownParts();
    const curves = data.runs.flatMap((run, index) => ["default", "tuned", "found"].map((kind) => ({
      run, kind, points: run.curves[metric][kind],
      colour: several ? `var(--run${index % RUN_COLOURS})` : kind === "default" ? "var(--mark)" : "var(--accent)",
      shown: parts.has(kind) && (!several || parts.has(run.key)),
    }))).filter((curve) => curve.points.length);
    if (!curves.length) {
      host.classList.add("empty");
      host.textContent = "No held-out scores.";
      return;
    }
    const series = curves.filter((curve) => curve.shown).map((curve) => curveSeries(curve, parts.has("bands")));
    if (several && parts.has("hull")) series.unshift(hullSeries(data.hull[metric]));
    /* The axes hold still while parts are switched. */
    const points = curves.flatMap((curve) => curve.points);
    const [low, high] = padded(points.flatMap((p) => [p.low, p.high]), 0.05, 2);
    const [left, right] = padded(points.map((p) => Math.log10(p.x)), 0.06, 0.03);
    const targets = [...new Set(points.map((p) => Number(p.target)))].sort((a, b) => a - b);
    series.push(...targetSeries(metric, [10 ** left, 10 ** right]));
    plot(host, {
      height: 420, series,
      /* With several runs the boxes above show the colours, except on paper. */
      legend: several ? "paper" : true,
      x: {
        title: "measured bitrate, kb/s (logarithmic)", log: true, low: 10 ** left, high: 10 ** right,
        ticks: targets.map((target) => [target, String(target)]),
      },
      y: { title: `${labels[metric]}, MUSHRA scale`, low: Math.max(low, 0), high: Math.min(high, 102) },
    });
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
  /* Paper is light. */
  addEventListener("beforeprint", () => { document.documentElement.dataset.print = ""; });
  addEventListener("afterprint", () => { delete document.documentElement.dataset.print; });
  showMetric();
})();
