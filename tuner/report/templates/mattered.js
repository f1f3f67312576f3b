/* Importance, ablation, history and slices of one run at one bitrate. All texts are plain; what
   Plotly shows goes through `plain`, as it reads HTML. */
"use strict";
(() => {
  const { views } = JSON.parse(document.getElementById("mattered").textContent);
  const section = document.getElementById("mattered-section");
  if (!views.length) { section.hidden = true; return; }
  const chooser = document.getElementById("mattered-view");
  const config = { displayModeBar: false, responsive: true };
  /* Narrower pages show one slice a row, CSS pixels. */
  const NARROW = 640;

  function colours() {
    const style = getComputedStyle(document.documentElement);
    const names = ["page", "ink", "muted", "line", "accent", "warn", "mark", "faint"];
    return Object.fromEntries(names.map((n) => [n, style.getPropertyValue(`--${n}`).trim()]));
  }

  /* A text that Plotly shows as it is, on one line. */
  const plain = (text) => text.replace(/\s+/g, " ").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  /* Longest reason in a hover text, characters. */
  const REASON_CHARS = 90;

  function hover(trial) {
    const reason = trial.reason ? [trial.reason.slice(0, REASON_CHARS)] : [];
    const changes = trial.changes.length ? trial.changes : ["as the default"];
    return [...reason, ...changes].map(plain).join("<br>");
  }

  function axis(c, extra) {
    return {
      gridcolor: c.line, linecolor: c.line, tickcolor: c.line, tickfont: { color: c.muted },
      fixedrange: true, automargin: true, zeroline: false, ...extra,
    };
  }

  function layout(c, extra) {
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: false, hovermode: "closest",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: c.ink },
      hoverlabel: { bgcolor: c.page, bordercolor: c.faint, font: { color: c.ink, size: 12 }, align: "left" },
      legend: { orientation: "h", x: 0, y: 1, xanchor: "left", yanchor: "bottom", font: { color: c.muted } },
      margin: { l: 50, r: 12, t: 36, b: 44 }, ...extra,
    };
  }

  /* A table of named bars; `low` and `high` are ends of the scale in the unit of the bars. */
  function bars(rows, low, high) {
    const table = make("table", "bars");
    const place = (x) => `${(100 * (x - low)) / (high - low)}%`;
    for (const row of rows) {
      const line = table.insertRow();
      const head = make("th", "", row.name);
      head.scope = "row";
      if (row.note) head.append(make("small", "", row.note));
      line.append(head);
      const track = make("div", `track ${row.tone ?? ""}`);
      const zero = make("div", "zero");
      zero.style.left = place(0);
      track.append(zero);
      if (row.value !== undefined) {
        const bar = make("div", "bar");
        bar.style.left = place(Math.min(0, row.value));
        bar.style.width = `${(100 * Math.abs(row.value)) / (high - low)}%`;
        track.append(bar);
      }
      if (row.low !== undefined) {
        const span = make("div", "span");
        span.style.left = place(row.low);
        span.style.width = `${(100 * (row.high - row.low)) / (high - low)}%`;
        track.append(span);
      }
      const drawing = line.insertCell();
      drawing.className = "drawing";
      if (row.value !== undefined) drawing.append(track);
      const figure = line.insertCell();
      figure.className = "figure";
      figure.append(make("b", "", row.figure));
      if (row.interval) figure.append(make("small", "", row.interval));
    }
    return table;
  }

  function drawImportance(view) {
    const host = document.getElementById("importance");
    if (!view.importance.length) {
      host.replaceChildren(make("p", "none", "Too few scored trials to tell."));
      return;
    }
    const rows = view.importance.map(({ name, share }) => (
      { name, value: share, figure: `${Math.round(100 * share)} %` }));
    host.replaceChildren(bars(rows, 0, view.importance[0].share || 1));
  }

  function drawAblation(view) {
    const host = document.getElementById("ablation");
    if (!view.ablation.length) {
      host.replaceChildren(make("p", "none", "Not run: nothing was gained, or it was not wanted."));
      return;
    }
    const ends = view.ablation.flatMap((row) => row.worth ?? []);
    const rows = view.ablation.map((row) => {
      const note = `${row.value}, not ${row.default}`;
      if (!row.worth) return { name: row.name, note, figure: row.problem ?? "\u2013" };
      const [value, low, high] = row.worth;
      return {
        name: row.name, note, value, low, high, figure: signed(value),
        interval: `${signed(low)} to ${signed(high)}`,
        tone: low > 0 ? "up" : high < 0 ? "down" : "open",
      };
    });
    host.replaceChildren(bars(rows, Math.min(0, ...ends), Math.max(1, ...ends)));
  }

  function bestSoFar(trials) {
    let best = null;
    return trials.map((t) => {
      if (t.state === "complete" && (best === null || t.score > best)) best = t.score;
      return best;
    });
  }

  function drawHistory(view) {
    const host = document.getElementById("search-history");
    const { trials } = view;
    const complete = trials.filter((t) => t.state === "complete");
    if (!complete.length) {
      host.textContent = "No trial was scored.";
      return;
    }
    const c = colours();
    const first = complete.find((t) => t.number === 0);
    const scores = complete.map((t) => t.score);
    const top = Math.max(...scores), centre = first ? first.score : Math.min(...scores);
    /* Poor trials far below the default would flatten all the rest: they go to the floor. */
    const limit = centre - Math.max(12, 2 * (top - centre));
    const shown = trials.filter((t) => t.score !== null && t.score >= limit).map((t) => t.score);
    const floor = Math.min(centre, ...shown) - 0.5;
    const depth = Math.max(top - floor, 4);
    const marks = (name, some, marker) => ({
      type: "scatter", mode: "markers", name, x: some.map((t) => t.number),
      y: some.map((t) => (t.score === null ? floor - 0.07 * depth : Math.max(t.score, floor - 0.07 * depth))),
      customdata: some.map((t) => [
        t.score === null ? t.state : `${t.state === "pruned" ? "about " : ""}${t.score.toFixed(1)}`, hover(t)]),
      hovertemplate: "trial %{x}, %{customdata[0]}<br>%{customdata[1]}<extra></extra>", marker,
    });
    const of = (state) => trials.filter((t) => t.state === state);
    const traces = [
      { type: "scatter", mode: "lines", name: "Best so far", x: trials.map((t) => t.number), y: bestSoFar(trials),
        line: { color: c.accent, width: 2, shape: "hv" }, hoverinfo: "skip" },
      marks("Complete", complete, { color: c.mark, size: 8, opacity: 0.8 }),
      marks("Pruned (estimate)", of("pruned"), { symbol: "circle-open", color: c.mark, size: 8, line: { width: 1.5 } }),
      marks("Infeasible", of("infeasible"), { symbol: "triangle-down", color: c.mark, size: 9 }),
      marks("Failed", of("failed"), { symbol: "x", color: c.warn, size: 8 }),
    ].filter((trace) => trace.x.length);
    if (first) traces.push({
      type: "scatter", mode: "lines", name: "Default", x: [trials[0].number, trials.at(-1).number],
      y: [first.score, first.score], line: { color: c.ink, width: 1.2, dash: "dot" }, hoverinfo: "skip",
    });
    Plotly.react(host, traces, layout(c, {
      height: 330,
      xaxis: axis(c, { title: { text: "trial", font: { color: c.muted } }, showgrid: false,
        /* No half trials where there are few. */
        ...(trials.length < 10 ? { tick0: 0, dtick: 1 } : {}),
        range: [trials[0].number - 0.6, trials.at(-1).number + 0.6] }),
      yaxis: axis(c, { title: { text: `${view.measure}, tuning clips`, font: { color: c.muted } },
        range: [floor - 0.14 * depth, top + 0.06 * depth] }),
    }), config);
  }

  function drawSlices(view) {
    const host = document.getElementById("slices");
    if (!view.slices.length) {
      if (host.data) Plotly.purge(host);
      host.textContent = "No parameter varied among the scored trials.";
      return;
    }
    const c = colours();
    const columns = Math.min(host.clientWidth < NARROW ? 1 : 2, view.slices.length);
    const rows = Math.ceil(view.slices.length / columns);
    const traces = [];
    const shape = { grid: { rows, columns, pattern: "independent", xgap: 0.12, ygap: 0.38 } };
    const scores = view.slices.flatMap((s) => s.scores);
    const pad = 0.05 * Math.max(Math.max(...scores) - Math.min(...scores), 1);
    const range = [Math.min(...scores) - pad, Math.max(...scores) + pad];
    view.slices.forEach((slice, index) => {
      const name = plain(slice.name);
      const suffix = index ? String(index + 1) : "";
      traces.push({
        type: "scatter", mode: "markers", showlegend: false, xaxis: `x${suffix}`, yaxis: `y${suffix}`,
        x: slice.numeric ? slice.values : slice.values.map(plain), y: slice.scores, customdata: slice.numbers,
        marker: { size: 7, opacity: 0.75, color: c.accent, symbol: slice.pruned.map((p) => (p ? "circle-open" : "circle")) },
        hovertemplate: `${name} %{x}<br>score %{y:.1f}, trial %{customdata}<extra></extra>`,
      });
      shape[`xaxis${suffix}`] = axis(c, {
        title: { text: name, font: { color: c.ink, size: 12 }, standoff: 6 },
        type: slice.numeric ? "linear" : "category", showgrid: false, automargin: false,
      });
      shape[`yaxis${suffix}`] = axis(c, { range, automargin: false });
    });
    Plotly.react(host, traces, layout(c, { height: 220 * rows + 40, margin: { l: 40, r: 12, t: 12, b: 50 }, ...shape }), config);
  }

  function listRuledOut(view) {
    const table = document.getElementById("ruled-out");
    const body = table.tBodies[0];
    body.replaceChildren();
    const ruledOut = view.trials.filter((trial) => trial.state !== "complete");
    table.closest("details").hidden = !ruledOut.length;
    for (const trial of ruledOut) {
      const line = body.insertRow();
      line.className = trial.state;
      const head = make("th", "number", String(trial.number));
      head.scope = "row";
      line.append(head, make("td", "", trial.state), make("td", "wrap", trial.reason ?? ""),
        make("td", "wrap", trial.changes.join(", ") || "nothing"));
    }
  }

  function show() {
    const view = views[chooser.selectedIndex];
    document.getElementById("trial-counts").textContent = `Trials: ${view.counts}.`;
    for (const place of section.querySelectorAll(".measure")) place.textContent = view.measure;
    drawImportance(view);
    drawAblation(view);
    listRuledOut(view);
    drawHistory(view);
    drawSlices(view);
  }

  chooser.replaceChildren(...views.map((view) => make("option", "", view.label)));
  chooser.closest(".choosers").hidden = views.length < 2;
  chooser.addEventListener("change", show);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  addEventListener("beforeprint", show);
  addEventListener("afterprint", show);
  show();
})();
