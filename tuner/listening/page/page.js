"use strict";
/* The session: welcome, training, trials, thanks. The server knows what is saved; this browser
   keeps the open page's unsaved sliders, so that a reload loses nothing. */
const $ = (id) => document.getElementById(id);
const LETTERS = "ABCDEFGHIJKLMNOP";
const LEAST_LOOP_S = 0.5;
const token = new URLSearchParams(location.search).get("token");
const state = { test: null, player: null, session: null, subject: null, page: null, rows: [], began: 0 };

function url(...parts) {
  const path = ["api", ...parts].map(encodeURIComponent).join("/");
  return token ? `${path}?token=${encodeURIComponent(token)}` : path;
}

async function call(address, body) {
  const response = await fetch(address, body && {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const text = await response.text();
  let content;
  try { content = JSON.parse(text); } catch { content = { error: text }; }
  if (!response.ok) throw new Error(content.error || `the server answered with status ${response.status}`);
  return content;
}

function complain(error) {
  $("problem").textContent = error ? `${error.message || error}` : "";
  $("problem").hidden = !error;
}

function show(section) {
  for (const id of ["welcome", "trial", "finished"]) $(id).hidden = id !== section;
}

const draftKey = () => `tuner-listen ${state.session.title} ${state.subject} ${state.page.name}`;

function keepDraft() {
  const rows = state.rows.map(({ value, heard, rated }) => ({ value, heard, rated }));
  const comment = $("comment").value;
  localStorage.setItem(draftKey(), JSON.stringify({ rows, answer: state.answer, comment }));
}

async function begin(subject) {
  const session = await call(url("session", subject));
  if (!session.consented) {
    if (!$("agree").checked) throw new Error("Please read this page and tick the box to agree.");
    await call(url("consent", subject), {});
  }
  state.session = session;
  state.subject = subject;
  localStorage.setItem("tuner-listen subject", subject);
  state.player = state.player || new Player({ apart: true });
  $("title").textContent = document.title = state.session.title;
  await openPage();
}

async function openPage() {
  const pages = state.session.pages;
  const index = pages.findIndex((page) => !page.done);
  const counted = pages.filter((page) => !page.training);
  $("progress").value = counted.filter((page) => page.done).length / counted.length;
  $("progress").hidden = false;
  if (index < 0) {
    $("place").textContent = "";
    show("finished");
    return;
  }
  state.page = pages[index];
  const keys = Array.from({ length: state.page.letters }, (_, n) => String(n));
  if (state.session.kind === "mushra") keys.unshift("reference");
  const sounds = keys.map((key) => [key, url("audio", state.subject, state.page.name, key)]);
  await state.player.load(Object.fromEntries(sounds));
  build(keys);
  state.began = performance.now();
  $("place").textContent = state.page.training ? "Training" : `Page ${index} of ${pages.length - 1}`;
  $("training").hidden = !state.page.training;
  show("trial");
  // Not a button: Enter there would press it instead of leaving the page.
  $("trial").focus();
}

function build(keys) {
  const mushra = state.session.kind === "mushra";
  const draft = JSON.parse(localStorage.getItem(draftKey()) || "null");
  state.answer = draft && draft.answer !== undefined ? draft.answer : null;
  state.rows = [];
  $("rows").replaceChildren();
  $("scale").hidden = !mushra;
  for (const key of keys) {
    const open = key === "reference";
    const letter = mushra ? LETTERS[Number(key)] : "ABX"[Number(key)];
    const row = { key, name: open ? "Reference" : letter, value: 50, heard: false, rated: open };
    const element = document.createElement("div");
    element.className = "row";
    row.button = document.createElement("button");
    row.button.type = "button";
    row.button.textContent = row.name;
    row.button.addEventListener("click", () => choose(row));
    element.append(row.button);
    if (mushra && !open) addSlider(row, element);
    $("rows").append(element);
    state.rows.push(row);
  }
  $("comment").value = (draft && draft.comment) || "";
  if (draft) draft.rows.forEach((kept, n) => Object.assign(state.rows[n] || {}, kept));
  if (!mushra) addChoice();
  $("from").value = 0;
  $("to").value = 1;
  setLoop();
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
  element.append(row.slider, row.output);
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
    if (!row.slider) continue;
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

function setLoop() {
  const { player } = state;
  const least = Math.min(LEAST_LOOP_S, player.duration);
  const from = Math.min(Number($("from").value) * player.duration, player.duration - least);
  const to = Math.max(Number($("to").value) * player.duration, from + least);
  player.loop(from, to);
  $("span").textContent = `${from.toFixed(1)} to ${to.toFixed(1)} s`;
}

async function next() {
  if (state.saving || $("trial").hidden || missing()) return;
  state.saving = true;
  try {
    const rated = state.rows.filter((row) => row.key !== "reference").map((row) => row.value);
    await call(url("answer", state.subject, state.page.name), {
      answer: state.session.kind === "abx" ? state.answer : rated,
      seconds: (performance.now() - state.began) / 1000,
      comment: $("comment").value.trim() });
  } catch (error) {
    complain(`Not saved yet: ${error.message}. Your ratings are still here; try Next again.`);
    state.saving = false;
    return;
  }
  localStorage.removeItem(draftKey());
  state.page.done = true;
  complain(null);
  // Hidden until the next page is whole: these ratings must not be sent under its name.
  show(null);
  try {
    await openPage();
    scrollTo(0, 0);
  } catch (error) {
    complain(`${error.message}. Your ratings are saved; reload this window to continue.`);
  }
  state.saving = false;
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
  } else if (!mushra && /^[ab]$/i.test(event.key)) answer("ab".indexOf(event.key.toLowerCase()));
  else if (event.target.matches("input[type=range]") && event.target.id === ""
    && /^(Home|End|Arrow|Page)/.test(event.key)) {
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
  const { player } = state;
  if (player && player.duration) $("position").value = player.position() / player.duration;
  requestAnimationFrame(tick);
}

$("start").addEventListener("submit", (event) => {
  event.preventDefault();
  complain(null);
  begin(state.test.invited || $("subject").value.trim()).catch(complain);
});
$("play").addEventListener("click", toggle);
$("next").addEventListener("click", next);
$("comment").addEventListener("input", keepDraft);
$("from").addEventListener("change", setLoop);
$("to").addEventListener("change", setLoop);
document.addEventListener("keydown", press);
// Space is the transport everywhere; a focused button must not answer it a second time.
document.addEventListener("keyup", (event) => {
  if (event.key === " " && !$("trial").hidden && event.target !== $("comment")) event.preventDefault();
});
$("subject").value = localStorage.getItem("tuner-listen subject") || "";
call(url("test")).then((test) => {
  state.test = test;
  $("title").textContent = document.title = test.title;
  document.querySelectorAll("[data-kind]").forEach((part) => {
    part.hidden = part.dataset.kind !== test.kind;
  });
  for (const id of ["intro", "consent"]) $(id).hidden = !test.intro;
  $("agree").required = test.intro;
  if (test.invited) {
    $("name").textContent = test.invited;
    $("invited").hidden = false;
    $("subject").required = false;
    $("subject").hidden = document.querySelector("label[for=subject]").hidden = true;
  }
}).catch(complain);
tick();
