"use strict";
/* One page of the test: its sounds, the sliders or the choice, the keys. */
function build(keys) {
  const mushra = state.session.kind === "mushra";
  const draft = JSON.parse(localStorage.getItem(draftKey()) || "null");
  state.answer = draft && draft.answer !== undefined ? draft.answer : null;
  state.rows = [];
  $("rows").replaceChildren();
  $("scale").hidden = !mushra;
  $("rows").className = state.session.kind;
  for (const key of keys) {
    const open = key === "reference";
    const letter = mushra ? LETTERS[Number(key)] : "ABX"[Number(key)];
    const row = { key, name: open ? "Reference" : letter, value: 50, heard: false, rated: open };
    const element = document.createElement("div");
    element.className = "row";
    row.element = element;
    row.button = document.createElement("button");
    row.button.type = "button";
    row.button.textContent = row.name;
    row.button.addEventListener("click", () => choose(row));
    element.append(row.button);
    if (mushra && !open) addSlider(row, element);
    if (mushra && open) {
      const hint = document.createElement("span");
      [hint.className, hint.textContent] = ["hint", "the original"];
      element.append(hint);
    }
    $("rows").append(element);
    state.rows.push(row);
  }
  $("comment").value = (draft && draft.comment) || "";
  if (draft) draft.rows.forEach((kept, n) => Object.assign(state.rows[n] || {}, kept));
  if (!mushra) addChoice();
  // The open reference, or A: never what is to be told.
  state.wave.show(state.player.sounds.get(keys[0]).buffer, state.player.duration);
  $("span").textContent = "";
  $("whole").hidden = true;
  state.player.choose(keys[0]);
  refresh();
}

function addSlider(row, element) {
  row.slider = document.createElement("input");
  Object.assign(row.slider, { type: "range", min: 0, max: 100, step: 1, value: row.value });
  row.slider.setAttribute("aria-label", `Quality of ${row.name}`);
  const rate = () => {
    Object.assign(row, { value: Number(row.slider.value), rated: true });
    // Where a click gives a slider no focus, as in Safari.
    if (state.player.chosen !== row.key) choose(row);
    refresh();
    keepDraft();
  };
  row.slider.addEventListener("input", rate);
  // A click on the place where it stands is a rating, too, and fires no input.
  row.slider.addEventListener("pointerup", rate);
  row.slider.addEventListener("focus", () => { if (state.player.chosen !== row.key) choose(row); });
  row.output = document.createElement("output");
  const quality = document.createElement("div");
  quality.className = "quality";
  quality.append(row.slider);
  element.append(quality, row.output);
}

function addChoice() {
  const choice = document.createElement("div");
  choice.className = "choice";
  choice.setAttribute("role", "group");
  choice.setAttribute("aria-label", "Your answer");
  [0, 1].forEach((n) => {
    const button = document.createElement("button");
    button.type = "button";
    button.id = `answer-${n}`;
    button.textContent = `X is ${"AB"[n]}`;
    button.addEventListener("click", () => answer(n));
    choice.append(button);
  });
  $("rows").append(choice);
}

function answer(n) {
  state.answer = n;
  keepDraft();
  refresh();
}

function choose(row) {
  state.player.choose(row.key);
  if (state.player.playing) row.heard = true;
  else play();
  keepDraft();
  refresh();
}

async function play() {
  await state.player.play();
  const row = state.rows.find(({ key }) => key === state.player.chosen);
  if (row) row.heard = true;
  keepDraft();
  refresh();
}

function toggle() {
  if (state.player.playing) state.player.pause(); else play();
  refresh();
}

function missing() {
  const unheard = state.rows.filter((row) => !row.heard).map((row) => row.name);
  if (unheard.length) return `Still to hear: ${unheard.join(", ")}`;
  if (state.session.kind === "abx") return state.answer === null ? "Is X A or B?" : "";
  const unrated = state.rows.filter((row) => !row.rated).map((row) => row.name);
  return unrated.length ? `Still to rate: ${unrated.join(", ")}` : "";
}

function refresh() {
  for (const row of state.rows) {
    row.button.setAttribute("aria-pressed", String(row.key === state.player.chosen));
    row.button.dataset.heard = row.heard;
    row.element.classList.toggle("chosen", row.key === state.player.chosen);
    if (!row.slider) continue;
    row.slider.classList.toggle("unrated", !row.rated);
    row.slider.value = row.value;
    row.output.textContent = row.rated ? row.value : "–";
  }
  for (const n of [0, 1]) {
    const button = $(`answer-${n}`);
    if (button) button.setAttribute("aria-pressed", String(state.answer === n));
  }
  $("play").textContent = state.player.playing ? "Pause" : "Play";
  $("play").setAttribute("aria-pressed", String(state.player.playing));
  $("todo").textContent = missing();
  $("next").setAttribute("aria-disabled", String(missing() !== ""));
}

/** Go to a place; one outside the loop ends the loop. */
function seek(at) {
  const { player } = state;
  if (at < player.from || at > player.to) loop(0, player.duration);
  player.seek(at);
  state.wave.place(at);
}

/** Play only from here to there, over and over. */
function loop(from, to) {
  const { player, wave } = state;
  player.loop(from, to);
  wave.mark(from, to);
  const whole = from <= 0 && to >= player.duration;
  $("span").textContent = whole ? "" : `Loop ${from.toFixed(1)} to ${to.toFixed(1)} s`;
  $("whole").hidden = whole;
}

const wholeClip = () => loop(0, state.player.duration);

/** One second back or forward, within the loop. */
function skip(seconds) {
  const { player } = state;
  seek(Math.min(Math.max(player.position() + seconds, player.from), player.to));
}

function press(event) {
  if ($("trial").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === $("comment")) {
    // Letters, digits and spaces are text there; Escape leads back to the keys.
    if (event.key === "Escape") $("trial").focus();
    return;
  }
  const mushra = state.session.kind === "mushra";
  const onButton = event.target instanceof HTMLButtonElement;
  if (event.key === " ") toggle();
  else if (event.key === "Enter" && !(onButton && event.target.id !== "next")) next();
  else if (/^[0-9]$/.test(event.key)) {
    const row = state.rows[mushra ? Number(event.key) : Number(event.key) - 1];
    if (!row) return;
    choose(row);
    (row.slider || $("trial")).focus();
  } else if (event.key === ",") skip(-1);
  else if (event.key === ".") skip(1);
  else if (/^i$/i.test(event.key)) loop(...state.wave.withEdge("from", state.player.position()));
  else if (/^o$/i.test(event.key)) loop(...state.wave.withEdge("to", state.player.position()));
  else if (/^l$/i.test(event.key)) wholeClip();
  else if (!mushra && /^[ab]$/i.test(event.key)) answer("ab".indexOf(event.key.toLowerCase()));
  else if (event.target.matches("input[type=range]") && /^(Home|End|Arrow|Page)/.test(event.key)) {
    // At the end of its range a key moves nothing, yet says that this is the rating.
    const row = state.rows.find(({ slider }) => slider === event.target);
    const step = { PageUp: 10, PageDown: -10 }[event.key];
    row.rated = true;
    if (step) row.value = Math.min(100, Math.max(0, row.value + step));
    refresh();
    keepDraft();
    if (!step) return;
  } else return;
  event.preventDefault();
}

function tick() {
  const { player, wave } = state;
  if (player && player.duration && wave.duration) {
    const at = player.position();
    wave.place(at);
    const text = `${at.toFixed(1)} / ${player.duration.toFixed(1)} s`;
    if ($("clock").textContent !== text) $("clock").textContent = text;
  }
  requestAnimationFrame(tick);
}

$("play").addEventListener("click", toggle);
$("whole").addEventListener("click", wholeClip);
$("comment").addEventListener("input", keepDraft);
document.addEventListener("keydown", press);
// Space is the transport everywhere; a focused button must not answer it a second time.
document.addEventListener("keyup", (event) => {
  if (event.key === " " && !$("trial").hidden && event.target !== $("comment")) event.preventDefault();
});
