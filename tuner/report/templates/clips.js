/* The table of clips, and the players of an open one (parts.js and clip.js come before; `Player` is
   the listening test's). */
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("clips").textContent);
  const section = document.getElementById("clips-section");
  if (!data.views.length) { section.hidden = true; return; }
  const chooser = document.getElementById("clips-view");
  const table = document.getElementById("clips-table");
  const ROLES = ["reference", "default", "tuned"];
  /* Shorter loops are a hum, seconds. */
  const LEAST_LOOP_S = 0.05;
  /* Sort column: a metric's index, or "name", "default", "tuned"; direction 1 or -1. */
  let order = { by: 0, direction: 1 };
  let opened = null;
  let context = null;

  const view = () => data.views[chooser.selectedIndex];
  const side = () => section.querySelector('input[name="clips-side"]:checked').value;

  /* Bytes of a base64 data URL; fetch() may not read it under the page's policy. */
  function bytes(url) {
    return Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), (letter) => letter.charCodeAt(0)).buffer;
  }

  /* A sound's data URL: its own, or what the script beside a linked file holds, as a file:// page
     may not read the file itself. */
  function read(url) {
    if (url.startsWith("data:")) return url;
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.addEventListener("load", () => resolve(script.sound));
      script.addEventListener("error", () => reject(new Error(
        "The sound files are missing: keep this page in the run’s folder, or regenerate the report with --audio embed.")));
      script.src = `${url}.js`;
      document.head.append(script);
      script.remove();
    });
  }

  async function load(sounds) {
    const player = new Player({ context: context ??= new AudioContext({ sampleRate: 48000 }) });
    await player.decode(await Promise.all(
      ROLES.map(async (role) => [role, bytes(await read(data.sounds[sounds[role]]))])));
    return player;
  }

  function values(row) {
    return (by) => {
      if (by === "name") return row.name.toLowerCase();
      if (by === "default") return row.scores[0][0];
      if (by === "tuned") return row.scores[0][1];
      return row.gains[by];
    };
  }

  function sorted(rows) {
    const { by, direction } = order;
    const compare = (a, b) => {
      const [x, y] = [values(a)(by), values(b)(by)];
      if (x === null || y === null) return (x === null) - (y === null);
      return direction * (x < y ? -1 : x > y ? 1 : 0);
    };
    return [...rows].sort(compare);
  }

  /* The metrics that heard clips of this set: judges hear the held-out ones only. */
  const heard = () => data.metrics.map((metric, index) => index)
    .filter((index) => !index || view().sides[side()].some((row) => row.gains[index] !== null));

  function heads(shown) {
    const columns = [["name", "Clip", ""]];
    for (const index of shown) columns.push([index, `Gain, ${data.metrics[index].label}`, "number"]);
    columns.push(["default", "Default score", "number"], ["tuned", `${view().tuned} score`, "number"]);
    const line = document.createElement("tr");
    for (const [by, label, className] of columns) {
      const head = make("th", className);
      head.scope = "col";
      const button = make("button", "sort", label);
      button.type = "button";
      button.dataset.by = by;
      if (order.by === by) head.ariaSort = order.direction > 0 ? "ascending" : "descending";
      button.addEventListener("click", () => {
        order = { by, direction: order.by === by ? -order.direction : 1 };
        show();
        table.tHead.querySelector(`[data-by="${by}"]`).focus();
      });
      head.append(button);
      line.append(head);
    }
    table.tHead.replaceChildren(line);
    return columns.length;
  }

  function gain(value) {
    const cell = make("td", "number");
    if (value === null) cell.append(make("span", "none", "\u2013"));
    else cell.append(make("span", `gain ${rounded(value) > 0 ? "up" : rounded(value) < 0 ? "down" : "open"}`, signed(value)));
    return cell;
  }

  function show() {
    close();
    const shown = heard();
    if (Number.isInteger(order.by) && !shown.includes(order.by)) order = { by: 0, direction: 1 };
    const width = heads(shown);
    const rows = sorted(view().sides[side()]);
    table.tBodies[0].replaceChildren(...rows.map((row) => line(row, shown, width)));
    if (!rows.length) {
      const cell = table.tBodies[0].insertRow().insertCell();
      cell.colSpan = width;
      cell.textContent = "No clip of this set was scored.";
    }
  }

  function line(row, shown, width) {
    const element = document.createElement("tr");
    const head = make("th", "wrap");
    head.scope = "row";
    const button = make("button", "open", row.name);
    button.type = "button";
    button.ariaExpanded = "false";
    if (row.sounds) button.append(" ", make("small", "", "listen"));
    button.addEventListener("click", () => toggle(row, element, button, width));
    head.append(button);
    element.append(head, ...shown.map((index) => gain(row.gains[index])));
    for (const score of row.scores[0]) element.append(make("td", "number", score.toFixed(1)));
    return element;
  }

  function close() {
    if (!opened) return;
    opened.player?.pause();
    opened.panel.remove();
    opened.button.ariaExpanded = "false";
    opened = null;
  }

  function toggle(row, element, button, width) {
    const again = opened?.button === button;
    close();
    if (again) return;
    const panel = document.createElement("tr");
    const cell = panel.insertCell();
    cell.colSpan = width;
    const inside = make("div", "panel");
    cell.append(inside);
    opened = { panel, button, player: null };
    button.ariaExpanded = "true";
    if (row.sounds) inside.append(players(row, inside, opened));
    if (row.words) inside.append(make("p", "sentence", row.words));
    if (row.traits) inside.append(make("p", "hint", row.traits));
    const { tuned } = view();
    if (row.windows.every((means) => means.length > 1)) inside.append(overTime(row, tuned, data.window_s));
    if (row.pictures) inside.append(pictures(row, tuned, data));
    const tables = make("div", "two");
    if (row.diagnosis) tables.append(diagnosis(row, tuned, data));
    tables.append(scores(row, tuned, data));
    inside.append(tables);
    element.after(panel);
  }

  function players(row, inside, state) {
    const box = make("div", "player");
    box.setAttribute("role", "group");
    box.ariaLabel = "Listen";
    const status = make("span", "hint", "loading");
    status.setAttribute("role", "status");
    const play = make("button", "play", "Play");
    play.type = "button";
    play.disabled = true;
    const labels = { reference: "Reference", default: "Default", tuned: view().tuned };
    const choices = ROLES.map((role, index) => {
      const button = make("button", "choice", `${index + 1} ${labels[role]}`);
      button.type = "button";
      button.disabled = true;
      button.ariaPressed = "false";
      button.addEventListener("click", () => choose(role));
      return button;
    });
    const span = document.createElement("select");
    span.ariaLabel = "Loop";
    const ends = [[0, row.seconds], ...windows(row, data.window_s)];
    span.append(...ends.map(([from, to], index) => make(
      "option", "", index ? `Loop ${from.toFixed(1)} to ${to.toFixed(1)} s` : "Loop the whole clip")));
    const clock = make("output", "clock");
    clock.ariaLabel = "Position";
    box.append(play, ...choices, span, clock, status,
      make("span", "hint keys", "Keys: 1, 2, 3 switch at the same position; space plays or pauses."));
    if (!data.sounds[row.sounds.reference].startsWith("data:")) box.append(files(row, labels));

    function choose(role) {
      state.player?.choose(role);
      choices.forEach((button, index) => { button.ariaPressed = String(ROLES[index] === role); });
    }

    function toggle() {
      const { player } = state;
      if (!player) return;
      if (player.playing) player.pause();
      else player.play().then(tick);
      tick();
    }

    function tick() {
      if (opened !== state) return;
      play.textContent = state.player.playing ? "Pause" : "Play";
      const at = state.player.position();
      inside.style.setProperty("--at", `${(100 * at) / state.player.duration}%`);
      clock.textContent = `${at.toFixed(2)} of ${state.player.duration.toFixed(2)} s`;
      if (state.player.playing) requestAnimationFrame(tick);
    }

    play.addEventListener("click", toggle);
    function loop(from, to) {
      const { player } = state;
      if (!player) return;
      const end = Math.min(to, player.duration);
      player.loop(from, end);
      const whole = from <= 0 && end >= player.duration;
      inside.style.setProperty("--from", whole ? "0%" : `${(100 * from) / player.duration}%`);
      inside.style.setProperty("--to", whole ? "0%" : `${(100 * end) / player.duration}%`);
      tick();
    }

    span.addEventListener("change", () => loop(...ends[span.selectedIndex]));
    inside.addEventListener("loop", (event) => {
      const [from, to] = event.detail.map((share) => share * (state.player?.duration ?? 0));
      if (to - from < LEAST_LOOP_S) return;
      span.querySelector(".own")?.remove();
      const own = make("option", "own", `Loop ${from.toFixed(2)} to ${to.toFixed(2)} s`);
      ends[ends.length - (ends.own ? 1 : 0)] = [from, to];
      ends.own = true;
      span.append(own);
      own.selected = true;
      loop(from, to);
    });
    inside.addEventListener("seek", (event) => {
      state.player?.seek(event.detail * state.player.duration);
      tick();
    });
    state.keys = (event) => {
      if (event.target.closest("select, input, textarea") || event.ctrlKey || event.altKey || event.metaKey) return;
      if (["1", "2", "3"].includes(event.key)) choose(ROLES[Number(event.key) - 1]);
      /* A focused button takes the space itself. */
      else if (event.key === " " && !event.target.closest("button, a, summary")) toggle();
      else return;
      event.preventDefault();
    };
    load(row.sounds).then((player) => {
      if (opened !== state) return;
      state.player = box.player = player;
      player.seek(0);
      choose("tuned");
      box.after(waveform(player.sounds.get("reference").buffer));
      tick();
      for (const button of [play, ...choices]) button.disabled = false;
      status.textContent = "";
    }).catch((error) => { status.textContent = error.message; });
    return box;
  }

  /* The files, for other programs. */
  function files(row, labels) {
    const box = make("span", "hint", "Files:");
    for (const role of ROLES) {
      const link = make("a", "", labels[role]);
      link.href = data.sounds[row.sounds[role]];
      link.download = "";
      box.append(" ", link);
    }
    return box;
  }

  /* The keys belong to the open clip, wherever the focus is but in another control. */
  document.addEventListener("keydown", (event) => opened?.keys?.(event));
  chooser.replaceChildren(...data.views.map((each) => make("option", "", each.label)));
  chooser.closest("label").hidden = data.views.length < 2;
  chooser.addEventListener("change", show);
  section.querySelectorAll('input[name="clips-side"]').forEach((input) => input.addEventListener("change", show));
  show();
})();
