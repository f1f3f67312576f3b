"""How often the guess of a clip's kind is right: speech against everything else.

``python -m bench.content [--data FOLDER] [--each]``: constants were chosen on the tune clips and
the synthetic sounds; the holdout and train clips, whose manifest names speech, and the references
of a listening test of speech (`mushra_stahl2024`) had no say. The first 8 s of each are guessed.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Iterator
from pathlib import Path

from tuner.answer.content import SPEECH, guess_category, measure_speech
from tuner.sound.audio import SAMPLE_RATE, Pcm, read_audio, resample
from tuner.sound.synth import SOUNDS, synthesize

CLIP_S = 8.0
#: Synthetic sounds of each kind.
SEEDS = 3

Item = tuple[str, Pcm, bool]


def main() -> None:
    """Print the accuracy on each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("TUNER_DATA"))
    parser.add_argument("--each", action="store_true", help="print every clip, with its cues")
    asked = parser.parse_args()
    if asked.data is None:
        parser.error("give --data, or set TUNER_DATA")
    clips = asked.data / "clips"
    sets = {
        "synthetic (chosen on)": _synthetic(),
        "tune (chosen on)": _manifest(clips, "tune"),
        "holdout": _manifest(clips, "holdout"),
        "train": _manifest(clips, "train"),
        "speech test": _references(asked.data / "mushra_stahl2024"),
    }
    for name, items in sets.items():
        _tell(name, items, each=asked.each)


def _tell(name: str, items: Iterator[Item], *, each: bool) -> None:
    right = {True: 0, False: 0}
    count = {True: 0, False: 0}
    wrong = []
    for label, pcm, is_speech in items:
        guess = guess_category(pcm)
        if each:
            print(f"  {label:32} {guess:15} {measure_speech(pcm)}")
        count[is_speech] += 1
        right[is_speech] += (guess == SPEECH) is is_speech
        if (guess == SPEECH) is not is_speech:
            wrong.append(label)
    told = f"; wrong: {', '.join(wrong)}" if wrong else ""
    print(
        f"{name:22} {sum(right.values())} of {sum(count.values())} right: speech"
        f" {right[True]}/{count[True]}, other {right[False]}/{count[False]}{told}",
        flush=True,
    )


def _synthetic() -> Iterator[Item]:
    for sound in SOUNDS:
        for seed in range(SEEDS):
            pcm = synthesize(sound, seed=seed, duration_s=6.0)
            yield f"{sound} {seed}", pcm, sound == "speech"


def _manifest(folder: Path, side: str) -> Iterator[Item]:
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["side"] == side]
    for row in rows:
        yield row["file"], _read(folder / row["file"]), row["category"].startswith("speech")


def _references(folder: Path) -> Iterator[Item]:
    for path in sorted(folder.glob("stim_*/ref.flac")):
        yield path.parent.name, _read(path), True


def _read(path: Path) -> Pcm:
    pcm, rate = read_audio(path)
    return resample(pcm, rate)[:, : round(CLIP_S * SAMPLE_RATE)]


if __name__ == "__main__":
    main()
