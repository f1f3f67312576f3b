"use strict";
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
