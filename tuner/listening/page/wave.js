"use strict";
/* The waveform of a sound: where one is, what is looped. A click seeks, a drag makes a loop, the
   loop's edges can be dragged; each of the three is also a slider for the keyboard. Pointer events
   serve mouse, pen and touch alike. Times are seconds. */
class Wave {
  /** Beyond this a press is a drag, px; an edge is taken from this far by mouse and by finger, px. */
  static DRAG_PX = 5;
  static REACH_PX = { mouse: 8, touch: 22, pen: 12 };
  static LEAST_LOOP_S = 0.5;
  static RULER_PX = 20;

  /** on: seek(at), loop(from, to): what was asked for. */
  constructor(root, on) {
    this.root = root;
    this.on = on;
    this.canvas = root.querySelector("canvas");
    [this.fromEdge, this.toEdge, this.head] = ["#from", "#to", "#head"].map((id) => root.querySelector(id));
    [this.before, this.after] = ["#before", "#after"].map((id) => root.querySelector(id));
    [this.duration, this.from, this.to, this.at] = [0, 0, 0, 0];
    this.held = null;
    root.addEventListener("pointerdown", (event) => this.take(event));
    root.addEventListener("pointermove", (event) => this.drag(event));
    root.addEventListener("pointerup", (event) => this.release(event));
    root.addEventListener("pointercancel", () => this.drop());
    root.addEventListener("keydown", (event) => this.press(event));
    new ResizeObserver(() => this.draw()).observe(root);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** Show a decoded sound, looped whole. */
  show(buffer, duration) {
    this.channels = Array.from({ length: buffer.numberOfChannels }, (_, n) => buffer.getChannelData(n));
    this.rate = buffer.sampleRate;
    this.duration = duration;
    this.mark(0, duration);
    this.place(0);
    this.draw();
  }

  /** Show what is looped. */
  mark(from, to) {
    [this.from, this.to] = [from, to];
    const share = (at) => `${100 * at / this.duration}%`;
    this.before.style.width = share(from);
    this.after.style.width = share(this.duration - to);
    this.slide(this.fromEdge, from);
    this.slide(this.toEdge, to);
  }

  /** Show where one is. */
  place(at) {
    this.at = at;
    this.slide(this.head, at);
  }

  slide(element, at) {
    element.style.left = `${100 * at / this.duration}%`;
    const tenths = at.toFixed(1);
    if (element.dataset.at === tenths) return;
    element.dataset.at = tenths;
    for (const [name, value] of [["valuemin", 0], ["valuemax", this.duration.toFixed(1)],
      ["valuenow", tenths], ["valuetext", `${tenths} s`]]) element.setAttribute(`aria-${name}`, value);
  }

  timeAt(event) {
    const box = this.root.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * this.duration;
  }

  take(event) {
    if (event.button !== 0 || this.held) return;
    const reach = Wave.REACH_PX[event.pointerType] || Wave.REACH_PX.mouse;
    const reach_s = reach / this.root.clientWidth * this.duration;
    const at = this.timeAt(event);
    const near = [["from", Math.abs(at - this.from)], ["to", Math.abs(at - this.to)]]
      .sort((a, b) => a[1] - b[1])[0];
    const edge = near[1] <= reach_s ? near[0] : null;
    const fixed = edge === "from" ? this.to : edge === "to" ? this.from : at;
    this.held = { id: event.pointerId, x: event.clientX, fixed, dragged: false, was: [this.from, this.to] };
    this.root.setPointerCapture(event.pointerId);
    // No text is selected; keys go to the edge that was taken, or to the page.
    event.preventDefault();
    (edge ? this[`${edge}Edge`] : this.root.closest("section")).focus({ preventScroll: true });
  }

  drag(event) {
    const { held } = this;
    if (!held || event.pointerId !== held.id) return;
    held.dragged = held.dragged || Math.abs(event.clientX - held.x) > Wave.DRAG_PX;
    if (held.dragged) this.mark(...this.between(held.fixed, this.timeAt(event)));
  }

  release(event) {
    const { held } = this;
    if (!held || event.pointerId !== held.id) return;
    this.held = null;
    if (held.dragged) this.on.loop(this.from, this.to);
    else this.on.seek(this.timeAt(event));
  }

  /** The browser took the gesture, to scroll: as if nothing was. */
  drop() {
    if (this.held) this.mark(...this.held.was);
    this.held = null;
  }

  /** A loop with these ends, of the least length at least, within the clip. */
  between(fixed, moved) {
    const least = Math.min(Wave.LEAST_LOOP_S, this.duration);
    const [low, high] = [Math.min(fixed, moved), Math.max(fixed, moved)];
    if (high - low >= least) return [low, high];
    const from = Math.min(Math.max(moved < fixed ? fixed - least : fixed, 0), this.duration - least);
    return [from, from + least];
  }

  /** A loop with its start, or its end, at another place. */
  withEdge(edge, at) {
    const least = Math.min(Wave.LEAST_LOOP_S, this.duration);
    if (edge === "from") {
      const from = Math.min(Math.max(at, 0), this.duration - least);
      return [from, Math.max(this.to, from + least)];
    }
    const to = Math.max(Math.min(at, this.duration), least);
    return [Math.min(this.from, to - least), to];
  }

  press(event) {
    const now = { from: this.from, to: this.to, head: this.at }[event.target.id];
    if (now === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowLeft: -0.1, ArrowDown: -0.1, ArrowRight: 0.1, ArrowUp: 0.1,
      PageUp: 1, PageDown: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const at = Math.min(Math.max(now + step, 0), this.duration);
    if (event.target.id === "head") this.on.seek(Math.min(Math.max(at, this.from), this.to));
    else this.on.loop(...this.withEdge(event.target.id, at));
  }

  draw() {
    const [width, height] = [this.root.clientWidth, this.root.clientHeight];
    if (!this.channels || !width) return;
    const scale = window.devicePixelRatio || 1;
    Object.assign(this.canvas, { width: width * scale, height: height * scale });
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    const colour = (name) => getComputedStyle(this.root).getPropertyValue(name);
    const middle = (height - Wave.RULER_PX) / 2;
    const bars = this.bars(Math.floor(width / 3));
    const most = Math.max(...bars, 1e-6);
    pen.fillStyle = colour("--accent");
    bars.forEach((level, n) => {
      const reach = Math.max(level / most * (middle - 4), 0.75);
      pen.fillRect(n * width / bars.length, middle - reach, 2, 2 * reach);
    });
    this.rule(pen, width, height, colour);
  }

  /** The highest sample of each of `count` equal parts. */
  bars(count) {
    const length = this.duration * this.rate / count;
    return Array.from({ length: count }, (_, n) => {
      let most = 0;
      for (const samples of this.channels) {
        const end = Math.min(Math.ceil((n + 1) * length), samples.length);
        for (let at = Math.floor(n * length); at < end; at += 1) {
          const level = Math.abs(samples[at]);
          if (level > most) most = level;
        }
      }
      return most;
    });
  }

  rule(pen, width, height, colour) {
    const every = [0.5, 1, 2, 5, 10, 30, 60].find((step) => step / this.duration * width >= 56) || 120;
    pen.font = "11px system-ui, sans-serif";
    for (let at = 0; at <= this.duration - every / 4; at += every) {
      const x = at / this.duration * width;
      pen.fillStyle = colour("--line");
      pen.fillRect(x, height - Wave.RULER_PX + 2, 1, 5);
      pen.fillStyle = colour("--quiet");
      pen.fillText(`${Number(at.toFixed(1))} s`, x + 4, height - 5);
    }
  }
}
