"""Sounds as a browser gets them: nothing but listening tells which of two is the reference.

Each sound goes out as WAV, so that all of a page, of equal length, have the same number of bytes,
however well they could be compressed. And each goes out under noise of its own in the last of its
24 bits, so that no two are the same bytes: the hidden reference is not found by comparing it with
the open one, nor X by comparing it with A. The noise is white, at most one step, and at -141 dB of
full scale: where that is 120 dB SPL, 21 dB below the threshold of hearing. It follows from a key,
so that the same request gets the same bytes.

Whoever subtracts the decoded samples from each other still sees which are close. That holds for
every test whose sounds are played by the listener's own computer.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np

#: A step of 24 bits in samples of 32, and how many steps full scale has.
STEP, FULL_SCALE = 1 << 8, 1 << 23


def veiled(file: Path, *key: str) -> bytes:
    """A sound file as WAV of 24 bits, under noise that the key decides.

    Args:
        file: a sound file of at most 24 bits.
        key: a secret, and what tells this request from others.

    Raises:
        OSError: the file cannot be read.
        soundfile.LibsndfileError: it is no sound file.
    """
    import soundfile

    with file.open("rb") as stream:
        samples, rate = soundfile.read(stream, dtype="int32", always_2d=True)
    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    noise = np.random.Generator(np.random.PCG64(int.from_bytes(digest)))
    steps = noise.integers(0, 2, (2, *samples.shape), dtype=np.int8)
    noisy = np.clip(samples // STEP + (steps[0] - steps[1]), -FULL_SCALE, FULL_SCALE - 1)
    out = io.BytesIO()
    soundfile.write(out, noisy * STEP, rate, format="WAV", subtype="PCM_24")
    return out.getvalue()
