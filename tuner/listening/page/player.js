"use strict";
/* Sample-accurate comparison. All sounds of a page play at once, started on the same sample of the
   audio clock; a switch only moves gains, by a crossfade short enough to be heard as a switch and
   long enough not to click. A new loop restarts all of them together, so they cannot drift. */
class Player {
  static FADE_S = 0.01;

  constructor() {
    this.context = new AudioContext({ sampleRate: 48000 });
    this.sounds = new Map();
    this.sources = [];
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
    for (const [name, { gain }] of this.sounds) {
      if (!gain) continue;
      gain.gain.cancelAndHoldAtTime ? gain.gain.cancelAndHoldAtTime(now)
        : gain.gain.cancelScheduledValues(now);
      gain.gain.setValueAtTime(gain.gain.value, now);
      gain.gain.linearRampToValueAtTime(name === key ? 1 : 0, now + Player.FADE_S);
    }
  }

  async play() {
    await this.context.resume();
    if (this.playing) return;
    this.playing = true;
    this.startedAt = this.context.currentTime + 0.02;
    this.sources = [];
    for (const [name, sound] of this.sounds) {
      const source = new AudioBufferSourceNode(this.context, {
        buffer: sound.buffer, loop: true, loopStart: this.from, loopEnd: this.to });
      sound.gain = new GainNode(this.context, { gain: 0 });
      source.connect(sound.gain).connect(this.context.destination);
      source.start(this.startedAt, this.offset);
      if (name === this.chosen) {
        sound.gain.gain.setValueAtTime(0, this.startedAt);
        sound.gain.gain.linearRampToValueAtTime(1, this.startedAt + Player.FADE_S);
      }
      this.sources.push(source);
    }
  }

  pause() {
    this.offset = this.playing ? this.position() : this.offset;
    this.playing = false;
    const end = this.context.currentTime + Player.FADE_S;
    for (const { gain } of this.sounds.values()) {
      if (gain) gain.gain.setTargetAtTime(0, this.context.currentTime, Player.FADE_S / 4);
    }
    this.sources.forEach((source) => source.stop(end));
    this.sources = [];
    for (const sound of this.sounds.values()) sound.gain = null;
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
    [this.from, this.to] = [from, to];
    if (this.offset < from || this.offset >= to) this.offset = from;
    if (running) this.play();
  }
}
