/* The table of clips, and what a clip opens to: quality over time, diagnosis, spectrograms and
   players. All texts are set as text. `Player` comes from the listening test's page. */
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("clips").textContent);
  const section = document.getElementById("clips-section");
  if (!data.views.length) { section.hidden = true; return; }
  const chooser = document.getElementById("clips-view");
  const table = document.getElementById("clips-table");
  const ROLES = ["reference", "default", "tuned"];
  const SVG = "http://www.w3.org/2000/svg";
  /* Sort column: a metric's index, or "name", "default", "tuned"; direction 1 or -1. */
  let order = { by: 0, direction: 1 };
  let opened = null;

  function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function draw(tag, attributes, text) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  const minus = (text) => text.replace("-", "\u2212");
  const signed = (x) => (x > 0 ? "+" : "") + minus(x.toFixed(1));
  const view = () => data.views[chooser.selectedIndex];
  const side = () => section.querySelector('input[name="clips-side"]:checked').value;

  /* Where sound comes from files beside the page: a file:// page may not read them into a buffer, so
     three elements play in step, and a switch only mutes. Those that are not heard follow the one
     that is, by playing a little faster or slower. Same interface as `Player`. */
  class LinkedPlayer {
    /* What nobody hears as a jump, and what only a seek can make good, seconds. */
    static CLOSE_S = 0.01;
    static FAR_S = 0.5;
    /* How much faster a follower plays for each second that it is behind. */
    static PULL = 3;

    constructor() {
      this.sounds = new Map();
      this.playing = false;
      this.chosen = null;
    }

    async load(urls) {
      const ready = Object.entries(urls).map(([key, url]) => new Promise((resolve, reject) => {
        const audio = new Audio();
        audio.preload = "auto";
        audio.addEventListener("canplaythrough", () => resolve([key, audio]), { once: true });
        audio.addEventListener("error", () => reject(new Error(
          "The sounds are not beside this page: keep the run’s folder with it, or make the report with --audio embed.")));
        audio.src = url;
      }));
      this.sounds = new Map(await Promise.all(ready));
      this.duration = Math.min(...[...this.sounds.values()].map((audio) => audio.duration));
      [this.from, this.to] = [0, this.duration];
    }

    position() {
      return this.sounds.get(this.chosen)?.currentTime ?? 0;
    }

    choose(key) {
      const at = this.position();
      const next = this.sounds.get(key);
      if (Math.abs(next.currentTime - at) > LinkedPlayer.FAR_S) next.currentTime = at;
      next.playbackRate = 1;
      this.chosen = key;
      for (const [name, audio] of this.sounds) audio.muted = name !== key;
    }

    async play() {
      this.playing = true;
      this.watch();
      await Promise.all([...this.sounds.values()].map((audio) => audio.play()));
    }

    /* Loops by hand, as an element's own loop knows no other end than the file's; keeps step. */
    watch() {
      if (!this.playing) return;
      const leader = this.sounds.get(this.chosen);
      if (leader.ended || leader.currentTime >= this.to) this.seek(this.from);
      for (const audio of this.sounds.values()) {
        if (audio !== leader) LinkedPlayer.follow(audio, leader.currentTime);
      }
      setTimeout(() => this.watch(), 10);
    }

    static follow(audio, at) {
      const behind = at - audio.currentTime;
      if (audio.seeking || audio.ended) return;
      if (Math.abs(behind) > LinkedPlayer.FAR_S) audio.currentTime = at;
      audio.playbackRate = Math.abs(behind) < LinkedPlayer.CLOSE_S ? 1
        : Math.min(Math.max(1 + LinkedPlayer.PULL * behind, 0.5), 2);
    }

    pause() {
      this.playing = false;
      for (const audio of this.sounds.values()) audio.pause();
    }

    seek(at) {
      for (const audio of this.sounds.values()) {
        audio.currentTime = at;
        if (this.playing) audio.play();
      }
    }

    loop(from, to) {
      [this.from, this.to] = [from, to];
      const at = this.position();
      if (at < from || at >= to) this.seek(from);
    }
  }

  /* Bytes of a base64 data URL; fetch() may not read it under the page's policy. */
  function bytes(url) {
    return Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), (letter) => letter.charCodeAt(0)).buffer;
  }

  async function load(sounds) {
    const urls = Object.fromEntries(ROLES.map((role) => [role, data.sounds[sounds[role]]]));
    if (!urls.reference.startsWith("data:")) {
      const linked = new LinkedPlayer();
      await linked.load(urls);
      return linked;
    }
    const player = new Player();
    await player.decode(Object.entries(urls).map(([role, url]) => [role, bytes(url)]));
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

  function heads() {
    const columns = [["name", "Clip", ""]];
    data.metrics.forEach((metric, index) => columns.push([index, `Gain, ${metric.label}`, "number"]));
    columns.push(["default", "Default’s score", "number"], ["tuned", `${view().tuned}’s score`, "number"]);
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
    else cell.append(make("span", `gain ${value > 0 ? "up" : value < 0 ? "down" : "open"}`, signed(value)));
    return cell;
  }

  function show() {
    close();
    const width = heads();
    const rows = sorted(view().sides[side()]);
    table.tBodies[0].replaceChildren(...rows.map((row) => line(row, width)));
    if (!rows.length) {
      const cell = table.tBodies[0].insertRow().insertCell();
      cell.colSpan = width;
      cell.textContent = "Not scored on this side.";
    }
  }

  function line(row, width) {
    const element = document.createElement("tr");
    const head = make("th", "wrap");
    head.scope = "row";
    const button = make("button", "open", row.name);
    button.type = "button";
    button.ariaExpanded = "false";
    if (row.sounds) button.append(" ", make("small", "", "listen"));
    button.addEventListener("click", () => toggle(row, element, button, width));
    head.append(button);
    element.append(head, ...row.gains.map(gain));
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
    if (row.windows.every((means) => means.length > 1)) inside.append(overTime(row));
    if (row.pictures) inside.append(pictures(row));
    const tables = make("div", "two");
    if (row.diagnosis) tables.append(diagnosis(row));
    tables.append(scores(row));
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
    const ends = [[0, row.seconds], ...windows(row)];
    span.append(...ends.map(([from, to], index) => make(
      "option", "", index ? `Loop ${from.toFixed(1)} to ${to.toFixed(1)} s` : "Loop the whole clip")));
    box.append(play, ...choices, span, status,
      make("span", "hint keys", "Keys: 1, 2, 3 choose, space plays; no gap at a switch."));

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
      if (state.player.playing) requestAnimationFrame(tick);
    }

    play.addEventListener("click", toggle);
    span.addEventListener("change", () => {
      const [from, to] = ends[span.selectedIndex];
      state.player?.loop(from, Math.min(to, state.player.duration));
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
      for (const button of [play, ...choices]) button.disabled = false;
      status.textContent = "";
    }).catch((error) => { status.textContent = error.message; });
    return box;
  }

  /* Starts and ends of the windows that were scored apart, seconds; the last ends with the clip. */
  function windows(row) {
    const count = row.windows[0].length;
    if (!row.seconds || count < 2) return [];
    return Array.from({ length: count }, (_, index) => {
      const from = index < count - 1 ? index * data.window_s : Math.max(row.seconds - data.window_s, 0);
      return [from, Math.min(from + data.window_s, row.seconds)];
    });
  }

  function overTime(row) {
    const figure = make("figure", "over-time");
    const [wide, high] = [600, 150];
    const all = row.windows.flat();
    const [low, top] = [Math.min(...all) - 2, Math.max(...all) + 2];
    const x = (s) => (wide * s) / row.seconds;
    const y = (score) => high - (high * (score - low)) / (top - low);
    const svg = draw("svg", { viewBox: `-44 -8 ${wide + 52} ${high + 34}`, role: "img" });
    const names = ["default", view().tuned.toLowerCase()];
    svg.append(draw("title", {}, `Score by window: ${names.map(
      (name, index) => `${name} ${row.windows[index].map((mean) => mean.toFixed(1)).join(", ")}`).join("; ")}`));
    const ticks = [low + 2, (low + top) / 2, top - 2];
    for (const tick of ticks) {
      svg.append(draw("line", { class: "grid", x1: 0, x2: wide, y1: y(tick), y2: y(tick) }),
        draw("text", { x: -8, y: y(tick) + 4, "text-anchor": "end" }, tick.toFixed(0)));
    }
    for (let s = 0; s <= row.seconds; s += 2) {
      svg.append(draw("text", { x: x(s), y: high + 18, "text-anchor": "middle" }, `${s} s`));
    }
    row.windows.forEach((means, index) => {
      const series = index ? "tuned" : "default";
      windows(row).forEach(([from, to], place) => {
        const at = y(means[place]);
        svg.append(draw("line", { class: `span ${series}`, x1: x(from) + 2, x2: x(to) - 2, y1: at, y2: at }));
      });
    });
    const caption = make("figcaption", "", "Score of each window: ");
    names.forEach((name, index) => caption.append(make("span", `key ${index ? "tuned" : "default"}`, name)));
    figure.append(svg, caption);
    return figure;
  }

  function pictures(row) {
    const box = make("div", "pictures");
    const tuned = view().tuned;
    const names = {
      reference: "Reference", default: "Default", tuned,
      default_difference: "Default against the reference", tuned_difference: `${tuned} against the reference`,
    };
    for (const [key, name] of Object.entries(names)) {
      const figure = make("figure", `picture ${key}`);
      const image = make("img");
      image.src = data.pictures[row.pictures[key]];
      image.alt = `Spectrogram, 0 to 24 kHz: ${name}`;
      const frame = make("div", "frame");
      frame.append(image, make("div", "head"));
      frame.addEventListener("click", (event) => {
        const bounds = frame.getBoundingClientRect();
        frame.dispatchEvent(new CustomEvent("seek", {
          bubbles: true, detail: Math.min(0.999, (event.clientX - bounds.left) / bounds.width) }));
      });
      figure.append(frame, make("figcaption", "", name));
      box.append(figure);
    }
    box.append(make("p", "hint", "0 to 24 kHz upwards. Differences: blue is missing, red is too much, up to 24 dB."));
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

  function diagnosis(row) {
    const rows = data.artefacts.map((artefact, index) => {
      const shown = row.diagnosis.map((figures) => (figures[index] === null ? "\u2013"
        : `${minus((figures[index] * artefact.scale).toFixed(artefact.decimals))} ${artefact.unit}`));
      return [artefact.label, ...shown];
    });
    const box = grid("figures", ["Diagnosis", "Default", view().tuned], rows);
    box.querySelectorAll("tbody th").forEach((head, index) => {
      head.append(make("small", "", data.artefacts[index].meaning));
    });
    return box;
  }

  function scores(row) {
    const rows = data.metrics.map((metric, index) => {
      const pair = row.scores[index];
      return pair ? [metric.label, pair[0].toFixed(1), pair[1].toFixed(1), signed(row.gains[index])]
        : [metric.label, "\u2013", "\u2013", "\u2013"];
    });
    const box = grid("figures", ["Score, 0 to 100", "Default", view().tuned, "Gain"], rows);
    if (row.spread !== null) {
      box.append(make("p", "hint", `The model expects opinions to spread by ${row.spread.toFixed(1)} points.`));
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
