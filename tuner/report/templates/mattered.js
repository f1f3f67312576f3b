/* Importance, ablation, history and slices of one run at one bitrate. All texts are plain. */
"use strict";
(() => {
  const { views } = JSON.parse(document.getElementById("mattered").textContent);
  const section = document.getElementById("mattered-section");
  if (!views.length) { section.hidden = true; return; }
  const chooser = document.getElementById("mattered-view");
  /* Longest reason of a mark's text, characters. */
  const REASON_CHARS = 90;

  function tell(trial) {
    const reason = trial.reason ? [trial.reason.slice(0, REASON_CHARS)] : [];
    const changes = trial.changes.length ? trial.changes : ["same as the default"];
    return [...reason, ...changes].join("\n");
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
      host.replaceChildren(make("p", "none", "Too few scored trials."));
      return;
    }
    const rows = view.importance.map(({ name, share }) => (
      { name, value: share, figure: `${Math.round(100 * share)} %` }));
    host.replaceChildren(bars(rows, 0, view.importance[0].share || 1));
  }

  function drawAblation(view) {
    const host = document.getElementById("ablation");
    if (!view.ablation.length) {
      host.replaceChildren(make("p", "none", "Skipped: no gain on the tuning clips, or ablation was off."));
      return;
    }
    const ends = view.ablation.flatMap((row) => row.worth ?? []);
    const rows = view.ablation.map((row) => {
      const note = `${row.default} → ${row.value}`;
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
    const first = complete.find((t) => t.number === 0);
    const scores = complete.map((t) => t.score);
    const top = Math.max(...scores), centre = first ? first.score : Math.min(...scores);
    /* Poor trials far below the default would flatten all the rest: they go to the floor. */
    const limit = centre - Math.max(12, 2 * (top - centre));
    const shown = trials.filter((t) => t.score !== null && t.score >= limit).map((t) => t.score);
    const floor = Math.min(centre, ...shown) - 0.5;
    const depth = Math.max(top - floor, 4);
    const marks = (name, state, colour, mark) => ({
      name, colour, mark, points: trials.filter((t) => t.state === state).map((t) => ({
        x: t.number, y: t.score ?? -Infinity,
        text: `trial ${t.number}, ${t.score === null ? t.state : `${state === "pruned" ? "about " : ""}${t.score.toFixed(1)}`}\n${tell(t)}`,
      })),
    });
    const best = bestSoFar(trials);
    const ends = [trials[0].number, trials.at(-1).number];
    const series = [
      { name: "Best so far", colour: "var(--accent)", line: { width: 2, step: true }, points: trials.map((t, n) => ({ x: t.number, y: best[n] })) },
      marks("Complete", "complete", "var(--mark)", { symbol: "circle", size: 8, opacity: 0.8 }),
      marks("Pruned (estimate)", "pruned", "var(--mark)", { symbol: "circle", size: 8, hollow: true }),
      marks("Infeasible", "infeasible", "var(--mark)", { symbol: "triangle", size: 9 }),
      marks("Failed", "failed", "var(--warn)", { symbol: "cross", size: 7 }),
    ].filter((each) => each.points.length);
    if (first) series.push({
      name: "Default", colour: "var(--ink)", line: { width: 1.2, dash: "2 3" }, points: ends.map((x) => ({ x, y: first.score })),
    });
    plot(host, {
      height: 330, series, legend: true,
      x: {
        title: "trial", low: ends[0] - 0.6, high: ends[1] + 0.6,
        /* No half trials where there are few. */
        ...(trials.length < 10 ? { ticks: trials.map((t) => [t.number, String(t.number)]) } : {}),
      },
      y: { title: `${view.measure}, tuning clips`, low: floor - 0.07 * depth, high: top + 0.06 * depth },
    });
  }

  function drawSlices(view) {
    const host = document.getElementById("slices");
    if (!view.slices.length) {
      host.textContent = "No parameter varied among the scored trials.";
      return;
    }
    const scores = view.slices.flatMap((s) => s.scores);
    const [low, high] = [Math.min(...scores), Math.max(...scores)];
    const y = { low: low - 0.05 * Math.max(high - low, 1), high: high + 0.05 * Math.max(high - low, 1) };
    host.replaceChildren(...view.slices.map(() => make("div", "slice")));
    view.slices.forEach((slice, index) => {
      const names = slice.numeric ? undefined : [...new Set(slice.values)];
      /* The words of an optional number ("auto") stand to the left of its numbers. */
      const numbers = slice.values.filter((value) => typeof value === "number");
      const words = names ? [] : [...new Set(slice.values)].filter((value) => typeof value === "string");
      const [from, to] = names ? [] : [Math.min(...numbers), Math.max(...numbers)];
      const place = (value) => (names ? names.indexOf(value)
        : typeof value === "number" ? value : from - 0.15 * (to - from) * (words.length - words.indexOf(value)));
      const points = slice.scores.map((score, n) => ({
        x: place(slice.values[n]), y: score, hollow: slice.pruned[n],
        text: `${slice.name} ${slice.values[n]}\nscore ${score.toFixed(1)}, trial ${slice.numbers[n]}`,
      }));
      plot(host.children[index], {
        height: 230, y,
        x: {
          title: slice.name, names, low: from - (0.04 + 0.15 * words.length) * (to - from), high: to + 0.04 * (to - from),
          ...(words.length ? { ticks: [...words.map((word) => [place(word), word]), ...makeTicks({ low: from, high: to })] } : {}),
        },
        series: [{ colour: "var(--accent)", mark: { symbol: "circle", size: 7, opacity: 0.75 }, points }],
      });
    });
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
        make("td", "wrap", trial.changes.join(", ") || "none"));
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
  show();
})();
