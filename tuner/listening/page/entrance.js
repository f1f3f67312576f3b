"use strict";
/* What comes before the test: the questionnaire, and the tone by which the volume is set. */

/** Fill a form with questions, as the server describes them. */
function ask(questions, fields) {
  fields.replaceChildren(...questions.map((question, n) => {
    const title = question.text + (question.required ? " *" : "");
    const group = document.createElement(question.choices.length ? "fieldset" : "div");
    group.className = "asked";
    const heading = document.createElement(question.choices.length ? "legend" : "label");
    heading.textContent = title;
    group.append(heading);
    if (!question.choices.length) {
      const input = document.createElement("input");
      Object.assign(input, { type: question.range ? "number" : "text", id: `question-${n}`,
        name: question.id, required: question.required, maxLength: 500, autocomplete: "off" });
      if (question.range) [input.min, input.max, input.step] = [...question.range, "any"];
      heading.htmlFor = input.id;
      group.append(input);
      return group;
    }
    const choices = document.createElement("div");
    choices.className = "choices";
    for (const choice of question.choices) {
      const label = document.createElement("label");
      const input = document.createElement("input");
      Object.assign(input, { type: "radio", name: question.id, value: choice, required: question.required });
      label.append(input, choice);
      choices.append(label);
    }
    group.append(choices);
    return group;
  }));
}

/** What was replied, as the server takes it: question's id -> text, or number. */
function replies(questions, form) {
  const given = new FormData(form);
  return Object.fromEntries(questions.filter(({ id }) => given.get(id))
    .map(({ id, range }) => [id, range ? Number(given.get(id)) : given.get(id)]));
}

/** A steady sine of 1 kHz in all channels. */
class ToneGenerator {
  static HZ = 1000;
  static FADE_S = 0.05;

  /** peak_dbfs: its amplitude, dB of full scale. */
  constructor(context, peak_dbfs) {
    this.context = context;
    this.level = 10 ** (peak_dbfs / 20);
    this.playing = false;
  }

  async start() {
    if (this.playing) return;
    this.playing = true;
    await this.context.resume();
    const now = this.context.currentTime;
    this.sine = new OscillatorNode(this.context, { frequency: ToneGenerator.HZ });
    this.gain = new GainNode(this.context, { gain: 0 });
    this.gain.gain.setValueAtTime(0, now);
    this.gain.gain.linearRampToValueAtTime(this.level, now + ToneGenerator.FADE_S);
    this.sine.connect(this.gain).connect(this.context.destination);
    this.sine.start();
  }

  stop() {
    if (!this.playing) return;
    this.playing = false;
    const now = this.context.currentTime;
    this.gain.gain.cancelScheduledValues(now);
    this.gain.gain.setValueAtTime(this.gain.gain.value, now);
    this.gain.gain.linearRampToValueAtTime(0, now + ToneGenerator.FADE_S);
    this.sine.stop(now + ToneGenerator.FADE_S);
  }
}
