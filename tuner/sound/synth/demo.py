"""The clips of `tuner demo`."""

from __future__ import annotations

from pathlib import Path

from tuner.sound.audio import SAMPLE_RATE, Pcm
from tuner.sound.synth.sounds import synthesize

#: The demo's clips: name, sound, seed.
DEMO = (
    ("castanets", "castanets", 1),
    ("glockenspiel", "glockenspiel", 1),
    ("bells", "bells", 2),
    ("guitar", "plucked", 1),
    ("harp", "plucked", 5),
    ("strings", "bowed", 1),
    ("singers", "sung", 1),
    ("drums", "drums", 1),
    ("applause", "applause", 1),
    ("brass", "brass", 1),
    ("organ", "organ", 1),
    ("speech", "speech", 1),
    ("electronic", "electronic", 1),
    ("pad", "pad", 1),
    ("band", "mix", 1),
    ("band-two", "mix", 2),
)


def demo_clips(duration_s: float = 6.0) -> dict[str, Pcm]:
    """The demo's clips by name: fixed seeds, the same on every machine."""
    return {name: synthesize(sound, seed, duration_s) for name, sound, seed in DEMO}


def write_demo_clips(folder: Path, duration_s: float = 6.0) -> list[Path]:
    """Write the demo's clips as 24-bit FLAC (``castanets.flac`` …); returns their paths."""
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, pcm in demo_clips(duration_s).items():
        paths.append(folder / f"{name}.flac")
        soundfile.write(paths[-1], pcm.T, SAMPLE_RATE, subtype="PCM_24")
    return paths
