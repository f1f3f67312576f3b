"use strict";
/* The session: welcome, training, trials, thanks. The server knows what is saved; this browser
   keeps the open page's unsaved sliders, so that a reload loses nothing. */
const $ = (id) => document.getElementById(id);
const LETTERS = "ABCDEFGHIJKLMNOP";
const SECTIONS = ["welcome", "questions", "volume", "trial", "finished"];
const token = new URLSearchParams(location.search).get("token");
const state = { test: null, player: null, wave: null, session: null, subject: null, page: null,
  rows: [], began: 0 };

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
  for (const id of SECTIONS) $(id).hidden = id !== section;
  scrollTo(0, 0);
  // Not a button: Enter there would press it instead of leaving the page.
  if (section && section !== "welcome") $(section).focus({ preventScroll: true });
}

const draftKey = () => `tuner-listen ${state.session.title} ${state.subject} ${state.page.name}`;

function keepDraft() {
  const rows = state.rows.map(({ value, heard, rated }) => ({ value, heard, rated }));
  const comment = $("comment").value;
  localStorage.setItem(draftKey(), JSON.stringify({ rows, answer: state.answer, comment }));
}

async function begin(subject) {
  const session = await call(url("session", subject));
  if (session.missing.includes("consent")) {
    if (!$("agree").checked) throw new Error("Please read this page and tick the box to agree.");
    await call(url("step", subject, "consent"), {});
  }
  state.session = session;
  state.subject = subject;
  localStorage.setItem("tuner-listen subject", subject);
  state.player = state.player || new Player({ apart: true });
  state.wave = state.wave || new Wave($("wave"), { seek, loop });
  if (session.missing.includes("questions")) await askQuestions();
  const left = session.pages.some((page) => !page.done);
  // A reload changes no volume; another day or device may.
  const isSet = sessionStorage.getItem(volumeKey()) && !session.missing.includes("volume");
  if (state.test.tone && left && !isSet) await setVolume();
  await openPage();
}

const volumeKey = () => `tuner-listen volume ${state.test.title} ${state.subject}`;

/** Keep a step; resolves when it is kept, and says so while it is not. */
async function keepStep(step, content) {
  complain(null);
  try {
    await call(url("step", state.subject, step), content);
    return true;
  } catch (error) {
    complain(`Not saved yet: ${error.message}`);
    return false;
  }
}

function askQuestions() {
  const { questions } = state.test;
  ask(questions, $("fields"));
  $("place").textContent = "Questions";
  show("questions");
  return new Promise((resolve) => {
    $("asked").onsubmit = async (event) => {
      event.preventDefault();
      if (await keepStep("questions", { replies: replies(questions, $("asked")) })) resolve();
    };
  });
}

function setVolume() {
  const { level_db: level, peak_dbfs: peak } = state.test.tone;
  const tone = new ToneGenerator(state.player.context, peak);
  const apart = `${Math.abs(level)} dB ${level < 0 ? "quieter" : "louder"} than`;
  $("level").textContent = `It is ${level ? apart : "as loud as"} the clips are on average.`;
  $("place").textContent = "Volume";
  const refresh = () => {
    $("tone").textContent = tone.playing ? "Stop the tone" : "Play the tone";
    $("tone").setAttribute("aria-pressed", String(tone.playing));
  };
  $("volume-set").setAttribute("aria-disabled", "true");
  refresh();
  show("volume");
  return new Promise((resolve) => {
    const end = async (done) => {
      tone.stop();
      refresh();
      if (!await keepStep("volume", { set: done })) return;
      sessionStorage.setItem(volumeKey(), "asked");
      resolve();
    };
    $("tone").onclick = async () => {
      if (tone.playing) tone.stop(); else await tone.start();
      $("volume-set").setAttribute("aria-disabled", "false");
      refresh();
    };
    $("volume-set").onclick = () => {
      if ($("volume-set").getAttribute("aria-disabled") === "true") complain("Play the tone first.");
      else end(true);
    };
    $("skip-volume").onclick = () => end(false);
  });
}

async function openPage() {
  const pages = state.session.pages;
  const index = pages.findIndex((page) => !page.done);
  const counted = pages.filter((page) => !page.training);
  $("progress").value = counted.filter((page) => page.done).length / counted.length;
  $("progress").hidden = false;
  if (index < 0) {
    $("place").textContent = "Finished";
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
  } catch (error) {
    complain(`${error.message}. Your ratings are saved; reload this window to continue.`);
  }
  state.saving = false;
}

$("start").addEventListener("submit", (event) => {
  event.preventDefault();
  complain(null);
  begin(state.test.invited || $("subject").value.trim()).catch(complain);
});
$("next").addEventListener("click", next);
$("subject").value = localStorage.getItem("tuner-listen subject") || "";

async function welcome() {
  const test = state.test = await call(url("test"));
  $("title").textContent = document.title = test.title;
  document.querySelectorAll("[data-kind]").forEach((part) => {
    part.hidden = part.dataset.kind !== test.kind;
  });
  for (const id of ["intro", "consent"]) $(id).hidden = !test.intro;
  $("agree").required = test.intro;
  $("no-tone").hidden = Boolean(test.tone);
  if (!test.invited) return;
  $("name").textContent = test.invited;
  $("invited").hidden = false;
  $("subject").required = false;
  $("subject").hidden = document.querySelector("label[for=subject]").hidden = true;
  $("same-name").hidden = true;
  const session = await call(url("session", test.invited));
  if (!session.missing.includes("consent")) {
    $("consent").hidden = true;
    $("agree").required = false;
  }
  const counted = session.pages.filter((page) => !page.training);
  const done = counted.filter((page) => page.done).length;
  if (!done) return;
  $("back").textContent = `${done} of ${counted.length} pages are done.`;
  $("begin").textContent = "Continue";
}

welcome().catch(complain);
tick();
