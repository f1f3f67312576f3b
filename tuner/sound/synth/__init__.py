"""Synthetic music, speech-like sound and noise, made from nothing but a seed.

The demo's clips and a part of the quality model's training material. Every sound is
deterministic in (sound, seed, duration); another seed gives another tempo, key,
register, timbre, stereo width, brightness and room.

Conventions: outside float32 ``[2, T]`` at 48 kHz, peak -3 to -1 dBFS; inside float64,
one channel ``[T]`` or two ``[2, T]``, levels free until `synthesize` sets them.
Filters are second-order analogue responses, applied by FFT.
"""

from tuner.sound.synth.demo import demo_clips, write_demo_clips
from tuner.sound.synth.sounds import SOUNDS, synthesize

__all__ = ["SOUNDS", "demo_clips", "synthesize", "write_demo_clips"]
