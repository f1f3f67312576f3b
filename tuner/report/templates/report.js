/* Draws the plots from the embedded data and runs the toggles and copy buttons.
   Texts in the data are already escaped for Plotly (tuner/report/charts.py). */
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("charts").textContent);
  const labels = Object.fromEntries(data.metrics.map((m) => [m.key, m.label]));
  const judges = data.metrics.map((m) => m.key).filter((key) => key !== data.model);
  const judgeSymbols = ["diamond", "circle-open", "square-open", "cross"];
  /* Pale enough for the judges' marks to stand out on a bar. */
  const BAR_OPACITY = 0.5;
  /* Narrower plots get the short clip names, CSS pixels. */
  const NARROW = 600;
  const config = { displayModeBar: false, responsive: true };

  function chosen(name) {
    const input = document.querySelector(`input[name="${name}"]:checked`);
    return input ? input.value : null;
  }

  function colours() {
    const style = getComputedStyle(document.documentElement);
    const names = ["page", "ink", "muted", "line", "accent", "warn", "mark", "faint"];
    return Object.fromEntries(names.map((n) => [n, style.getPropertyValue(`--${n}`).trim()]));
  }

  function layout(c, extra) {
    const axis = {
      gridcolor: c.line, linecolor: c.line, zerolinecolor: c.faint, tickcolor: c.line,
      tickfont: { color: c.muted }, fixedrange: true, automargin: true, zeroline: false,
    };
    const titled = (a) => ({ ...axis, ...a, title: { text: a.title, font: { color: c.muted, size: 12 }, standoff: 10 } });
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: false, hovermode: "closest",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: c.ink },
      hoverlabel: { bgcolor: c.page, bordercolor: c.faint, font: { color: c.ink, size: 12 }, align: "left" },
      legend: { orientation: "h", x: 0, y: 1, xanchor: "left", yanchor: "bottom", font: { color: c.muted } },
      margin: { l: 50, r: 12, t: 36, b: 44 },
      ...extra, xaxis: titled(extra.xaxis), yaxis: titled(extra.yaxis),
    };
  }

  /* Pads a range so that single points do not sit on its edge. */
  function padded(values, share, least) {
    const low = Math.min(...values), high = Math.max(...values);
    const pad = Math.max((high - low) * share, least);
    return [low - pad, high + pad];
  }

  function drawQuality() {
    const host = document.getElementById("quality-chart");
    const metric = chosen("metric") || data.model;
    const points = data.quality[metric] || [];
    if (!points.length) return empty(host, "No held-out scores.");
    const c = colours();
    const tuned = points.filter((p) => p.tuned);
    const line = (name, at, series, more) => ({
      type: "scatter", name, x: at.map((p) => p[series].x), y: at.map((p) => p[series].y),
      mode: "lines+markers", ...more,
    });
    const heights = points.map((p) => p.default.y)
      .concat(tuned.flatMap((p) => [p.tuned.y + p.tuned.plus, p.tuned.y - p.tuned.minus]));
    const traces = [
      line("Default", points, "default", {
        line: { color: c.mark, width: 1.5, dash: "dot" }, marker: { color: c.mark, size: 8 },
        customdata: points.map((p) => p.target),
        hovertemplate: "default at %{customdata} kb/s<br>%{y:.1f} at %{x:.1f} kb/s<extra></extra>",
      }),
      line("Tuned", tuned, "tuned", {
        line: { color: c.accent, width: 1.5 },
        marker: {
          color: tuned.map((p) => (p.tuned.used ? c.accent : c.page)), size: 10,
          line: { color: c.accent, width: 2 },
        },
        error_y: {
          type: "data", symmetric: false, array: tuned.map((p) => p.tuned.plus),
          arrayminus: tuned.map((p) => p.tuned.minus), color: c.accent, thickness: 1.5, width: 4,
        },
        customdata: tuned.map((p) => [p.target, p.tuned.gain]),
        hovertemplate: "tuned for %{customdata[0]} kb/s<br>%{y:.1f} at %{x:.1f} kb/s"
          + "<br>gain %{customdata[1]}<extra></extra>",
      }),
    ];
    if (tuned.some((p) => !p.tuned.used)) {
      /* A legend entry for the hollow points. */
      traces.push({
        type: "scatter", mode: "markers", name: "not recommended", x: [null], y: [null],
        marker: { color: c.page, size: 10, line: { color: c.accent, width: 2 } },
      });
    }
    const rates = points.map((p) => p.default.x).concat(tuned.map((p) => p.tuned.x));
    const [low, high] = padded(heights, 0.1, 2);
    Plotly.react(host, traces, layout(c, {
      height: 380,
      xaxis: { title: "measured bitrate, kb/s", range: padded(rates, 0.08, 2), showgrid: false },
      yaxis: { title: `${labels[metric]}, MUSHRA scale`, range: [Math.max(low, 0), Math.min(high, 102)] },
    }), config);
  }

  function drawClips(host, bitrate, key) {
    const rows = bitrate.clips[chosen(`${key}-side`) || "holdout"] || [];
    if (!rows.length) return empty(host, "Not scored on this side.");
    const c = colours();
    const at = rows.map((_, index) => index);
    const gain = (metric) => rows.map((row) => row.gains[metric] ?? null);
    const names = rows.map((row) => row.name);
    const hover = (metric) => ({
      customdata: names, hovertemplate: `%{customdata}<br>${labels[metric]} %{x:+.1f}<extra></extra>`,
    });
    const traces = [{
      type: "bar", orientation: "h", name: labels[data.model], y: at, x: gain(data.model), width: 0.62,
      marker: { color: rows.map((row) => (row.gains[data.model] < 0 ? c.warn : c.accent)), opacity: BAR_OPACITY },
      showlegend: false, ...hover(data.model),
    }, {
      /* The bars change colour below zero, so the legend has an entry of its own. */
      type: "scatter", mode: "markers", name: labels[data.model], x: [null], y: [null],
      marker: { symbol: "square", color: c.accent, size: 10, opacity: BAR_OPACITY },
    }];
    judges.forEach((metric, index) => traces.push({
      type: "scatter", mode: "markers", name: labels[metric], y: at, x: gain(metric),
      marker: {
        symbol: judgeSymbols[index % judgeSymbols.length], size: 9, color: c.ink,
        line: { color: index ? c.ink : c.page, width: 1.5 },
      },
      ...hover(metric),
    }));
    const all = data.metrics.flatMap((m) => gain(m.key)).filter((value) => value !== null);
    Plotly.react(host, traces, layout(c, {
      height: 24 * rows.length + 92,
      xaxis: { title: "gain over the default, points", range: padded([0, ...all], 0.05, 0.5), zeroline: true, side: "bottom" },
      yaxis: { title: "", tickvals: at, ticktext: rows.map((row) => (host.clientWidth < NARROW ? row.short : row.label)), range: [rows.length - 0.4, -0.6], showgrid: false },
    }), config);
  }

  /* The best score so far after each trial. */
  function bestSoFar(trials) {
    let best = -Infinity;
    return trials.map((t) => {
      if (t.state === "complete") best = Math.max(best, t.score);
      return best === -Infinity ? null : best;
    });
  }

  function drawHistory(host, bitrate) {
    const trials = bitrate.trials;
    const complete = trials.filter((t) => t.state === "complete");
    if (!complete.length) return empty(host, "No trial was scored.");
    const c = colours();
    const numbers = trials.map((t) => t.number);
    const best = bestSoFar(trials);
    const first = complete.find((t) => t.number === 0);
    const scores = complete.map((t) => t.score);
    const top = Math.max(...scores);
    /* Poor trials far below the default would flatten all the rest: they go to the floor. */
    const centre = first ? first.score : Math.min(...scores);
    const limit = centre - Math.max(12, 2 * (top - centre));
    const floor = Math.min(centre, ...scores.filter((score) => score >= limit)) - 0.5;
    const depth = Math.max(top - floor, 4);
    const shown = (t) => t.score >= floor;
    const marks = (name, some, more) => ({
      type: "scatter", mode: "markers", name, x: some.map((t) => t.number), y: some.map((t) => Math.max(t.score ?? floor, floor)),
      customdata: some.map((t) => [t.score === null ? t.state : `score ${t.score.toFixed(1)}`, t.text]),
      hovertemplate: "trial %{x}, %{customdata[0]}<br>%{customdata[1]}<extra></extra>", ...more,
    });
    const atFloor = (name, some, symbol, color) =>
      marks(name, some, { y: some.map(() => floor - depth * 0.07), marker: { symbol, size: 8, color, line: { color, width: 1.5 } } });
    const traces = [
      { type: "scatter", mode: "lines", name: "Best so far", x: numbers, y: best, line: { color: c.accent, width: 2, shape: "hv" }, hoverinfo: "skip" },
      marks("Trial", complete.filter(shown), { marker: { color: c.mark, size: 7, opacity: 0.75 } }),
    ];
    if (first) traces.unshift({
      type: "scatter", mode: "lines", name: "Default", x: [numbers[0], numbers[numbers.length - 1]], y: [first.score, first.score],
      line: { color: c.ink, width: 1.2, dash: "dot" }, hoverinfo: "skip",
    });
    const groups = [
      ["Below the axis", complete.filter((t) => !shown(t)), "triangle-down", c.faint],
      ["Infeasible", trials.filter((t) => t.state === "infeasible"), "x-thin", c.mark],
      ["Failed", trials.filter((t) => t.state === "failed"), "x", c.warn],
    ];
    groups.filter((group) => group[1].length).forEach((group) => traces.push(atFloor(...group)));
    Plotly.react(host, traces, layout(c, {
      height: 320,
      xaxis: { title: "trial", showgrid: false, range: padded(numbers, 0.02, 0.6) },
      yaxis: { title: "mean score, tune clips", range: [floor - depth * 0.14, top + depth * 0.06] },
    }), config);
  }

  function empty(host, text) {
    if (host.data) Plotly.purge(host);
    host.classList.add("empty");
    host.textContent = text;
  }

  const articles = [...document.querySelectorAll(".bitrate")];

  function drawArticle(article) {
    const bitrate = data.bitrates[Number(article.dataset.index)];
    for (const host of article.querySelectorAll("[data-chart]")) {
      if (host.dataset.chart === "clips") drawClips(host, bitrate, article.id);
      else drawHistory(host, bitrate);
    }
  }

  function showBitrate() {
    const key = chosen("bitrate");
    for (const article of articles) {
      article.hidden = key !== null && article.id !== key;
      if (!article.hidden) drawArticle(article);
    }
  }

  function drawAll() {
    drawQuality();
    articles.filter((article) => !article.hidden).forEach(drawArticle);
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
    const { name } = event.target;
    if (name === "metric") drawQuality();
    else if (name === "bitrate") showBitrate();
    else if (name.endsWith("-side")) drawArticle(event.target.closest(".bitrate"));
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.copy");
    if (button) copy(button);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("beforeprint", () => {
    document.documentElement.dataset.print = "";
    articles.forEach((article) => { article.hidden = false; });
    drawAll();
  });
  addEventListener("afterprint", () => {
    delete document.documentElement.dataset.print;
    drawQuality();
    showBitrate();
  });
  drawQuality();
  showBitrate();
})();
