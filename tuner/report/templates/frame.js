/* Drawings over time that play along: a spectrogram's frame and the waveform. A press seeks, dragging
   picks a loop; both are told by events, "seek" and "loop", in shares of the clip. */
"use strict";
/* Shorter drags, in pixels, are presses. */
const LEAST_DRAG = 5;

function makeFrame(content, seconds) {
  const frame = make("div", "frame");
  frame.append(content, make("div", "picked"), make("div", "head"));
  const at = (event) => {
    const bounds = frame.getBoundingClientRect();
    return Math.min(0.999, Math.max(0, (event.clientX - bounds.left) / bounds.width));
  };
  const tell = (name, detail) => frame.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  let start = null;
  frame.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    start = { x: event.clientX, at: at(event) };
    frame.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  frame.addEventListener("pointerup", (event) => {
    if (!start) return;
    const ends = [start.at, at(event)].sort((a, b) => a - b);
    if (Math.abs(event.clientX - start.x) < LEAST_DRAG) tell("seek", ends[0]);
    else tell("loop", ends);
    start = null;
  });
  frame.title = "Click to seek, drag to loop";
  if (!seconds) return frame;
  const box = make("div", "timed");
  box.append(frame, timeAxis(seconds));
  return box;
}

function timeAxis(seconds) {
  const axis = make("div", "time-axis");
  axis.ariaHidden = "true";
  const step = [0.5, 1, 2, 5, 10, 20].find((each) => seconds / each <= 6) ?? 60;
  for (let s = 0; s <= seconds; s += step) {
    const tick = make("span", "", `${s} s`);
    tick.style.left = `${(100 * s) / seconds}%`;
    axis.append(tick);
  }
  return axis;
}

function frequencyAxis() {
  const axis = make("div", "frequency-axis");
  axis.ariaHidden = "true";
  for (const khz of [24, 16, 8, 0]) axis.append(make("span", "", `${khz} kHz`));
  return axis;
}

/* What the colours of the spectrograms mean. */
function colourBars(data) {
  const box = make("div", "colour-bars");
  const bars = [
    ["level", `${minus(String(-data.range_db))} dB`, "0 dB", "level relative to the reference’s loudest point"],
    ["difference", `${minus(String(-data.difference_db))} dB`, `+${data.difference_db} dB`, "blue = lost, red = added"],
  ];
  for (const [name, low, high, meaning] of bars) {
    const line = make("span", "colour-bar");
    line.append(make("span", "", low), make("i", name), make("span", "", `${high}, ${meaning}`));
    box.append(line);
  }
  return box;
}

/* The reference's waveform, from its decoded samples. */
function waveform(buffer) {
  const canvas = make("canvas", "wave");
  canvas.setAttribute("role", "img");
  canvas.ariaLabel = "Waveform of the reference";
  const [width, height] = [canvas.width = 1200, canvas.height = 128];
  const samples = buffer.getChannelData(0);
  const pen = canvas.getContext("2d");
  pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--mark").trim();
  const block = samples.length / width;
  for (let column = 0; column < width; column += 1) {
    let [low, high] = [0, 0];
    for (let n = Math.floor(column * block); n < Math.floor((column + 1) * block); n += 1) {
      if (samples[n] < low) low = samples[n];
      if (samples[n] > high) high = samples[n];
    }
    const top = ((1 - Math.min(high, 1)) * height) / 2;
    const bottom = ((1 - Math.max(low, -1)) * height) / 2;
    pen.fillRect(column, top, 1, Math.max(bottom - top, 1));
  }
  const figure = make("figure", "waveform");
  figure.append(makeFrame(canvas, buffer.duration), make("figcaption", "", "Waveform of the reference: click to seek, drag to loop"));
  return figure;
}
