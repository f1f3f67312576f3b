"use strict";
/* Sample-accurate comparison. All sounds of a page play at once, started on the same sample of the
   audio clock; a switch only moves gains, along half a cosine short enough to be heard as a switch
   and long enough not to click. A new loop restarts all of them together, so they cannot drift; its
   ends are faded the same way, by an envelope that loops along. */
class Player {
  /** Of every fade, s (ITU-R BS.1534-3, 5.3). */
  static FADE_S = 0.005;
  static FADE_STEPS = 16;

  /** apart: one sound ends before the other begins, as that standard wants, in place of a
      crossfade. */
  constructor({ apart = false, context = new AudioContext({ sampleRate: 48000 }) } = {}) {
    this.apart = apart;
    this.context = context;
    this.sounds = new Map();
    this.sources = [];
    this.envelope = null;
    this.playing = false;
    this.chosen = null;
    this.offset = 0;
  }

  /** Load key -> URL; resolves when every sound is decoded. */
  async load(urls) {
    this.pause();
    await this.decode(await Promise.all(Object.entries(urls).map(async ([key, url]) => {
      const response = await fetch(url);
      if (!response.ok) throw new Error(`a sound could not be loaded (${response.status})`);
      return [key, await response.arrayBuffer()];
    })));
  }

  /** Take [key, content of a sound file] pairs; resolves when every sound is decoded. */
  async decode(files) {
    this.pause();
    this.sounds = new Map(await Promise.all(files.map(async ([key, file]) => (
      [key, { buffer: await this.context.decodeAudioData(file), gain: null }]))));
    this.duration = Math.min(...[...this.sounds.values()].map((s) => s.buffer.duration));
    this.from = 0;
    this.to = this.duration;
    this.offset = 0;
    this.chosen = null;
  }

  /** Seconds from the start of the clip. */
  position() {
    if (!this.playing) return this.offset;
    const span = this.to - this.from;
    const passed = Math.max(0, this.context.currentTime - this.startedAt);
    return this.from + ((this.offset - this.from + passed) % span);
  }

  choose(key) {
    this.chosen = key;
    const now = this.context.currentTime;
    const gains = [...this.sounds].filter(([, { gain }]) => gain);
    const heard = gains.some(([name, { gain }]) => name !== key && gain.gain.value > 0);
    for (const [name, { gain }] of gains) {
      const chosen = name === key;
      this.fade(gain.gain, chosen ? 1 : 0, now, chosen && heard && this.apart ? Player.FADE_S : 0);
    }
  }

  /** Move a gain from where it is along half a cosine, after a wait. */
  fade(gain, to, now, wait = 0) {
    const from = gain.value;
    gain.cancelScheduledValues(now);
    gain.setValueAtTime(from, now);
    gain.setValueAtTime(from, now + wait);
    for (let step = 1; step <= Player.FADE_STEPS; step += 1) {
      const part = step / Player.FADE_STEPS;
      const level = from + (to - from) * (1 - Math.cos(Math.PI * part)) / 2;
      gain.linearRampToValueAtTime(level, now + wait + part * Player.FADE_S);
    }
  }

  /** The loop's envelope as a sound: 1, and half a cosine at both ends. */
  makeEnvelope() {
    const rate = this.context.sampleRate;
    const length = Math.round((this.to - this.from) * rate);
    const buffer = this.context.createBuffer(1, length, rate);
    const values = buffer.getChannelData(0).fill(1);
    const edge = Math.min(Math.round(Player.FADE_S * rate), Math.floor(length / 2));
    for (let n = 0; n < edge; n += 1) {
      values[n] = values[length - 1 - n] = (1 - Math.cos(Math.PI * n / edge)) / 2;
    }
    return new AudioBufferSourceNode(this.context, { buffer, loop: true });
  }

  async play() {
    await this.context.resume();
    if (this.playing) return;
    this.playing = true;
    this.startedAt = this.context.currentTime + 0.02;
    const ends = new GainNode(this.context, { gain: 0 });
    ends.connect(this.context.destination);
    this.envelope = this.makeEnvelope();
    this.envelope.connect(ends.gain);
    this.envelope.start(this.startedAt, this.offset - this.from);
    this.sources = [];
    for (const [name, sound] of this.sounds) {
      const source = new AudioBufferSourceNode(this.context, {
        buffer: sound.buffer, loop: true, loopStart: this.from, loopEnd: this.to });
      sound.gain = new GainNode(this.context, { gain: 0 });
      source.connect(sound.gain).connect(ends);
      source.start(this.startedAt, this.offset);
      if (name === this.chosen) this.fade(sound.gain.gain, 1, this.startedAt);
      this.sources.push(source);
    }
  }

  pause() {
    this.offset = this.playing ? this.position() : this.offset;
    this.playing = false;
    const now = this.context.currentTime;
    for (const sound of this.sounds.values()) {
      if (sound.gain) this.fade(sound.gain.gain, 0, now);
      sound.gain = null;
    }
    for (const source of this.sources) source.stop(now + Player.FADE_S);
    if (this.envelope) this.envelope.stop(now + Player.FADE_S);
    this.sources = [];
    this.envelope = null;
  }

  seek(at) {
    const running = this.playing;
    this.pause();
    this.offset = Math.min(Math.max(at, this.from), this.to);
    if (running) this.play();
  }

  loop(from, to) {
    const running = this.playing;
    this.pause();
    // Whole samples: sounds and envelope must come around at the same one.
    const whole = (at) => Math.round(at * this.context.sampleRate) / this.context.sampleRate;
    [this.from, this.to] = [whole(from), whole(to)];
    if (this.offset < this.from || this.offset >= this.to) this.offset = this.from;
    if (running) this.play();
  }
}
