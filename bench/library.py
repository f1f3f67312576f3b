"""What `tuner.score_all` costs beside `tuner score`, in seconds of CPU a pair::

    python -m bench.library [--pairs 20]

Both score the same pairs of 8 s of stereo: the command from files, the library from arrays. The
files' reading is counted, as a notebook would have to read them, too.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
import time
from pathlib import Path

import soundfile

import tuner
from tuner.cli.commands.score import score
from tuner.sound.audio import lowpass
from tuner.sound.synth import SOUNDS, synthesize


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    pairs = parser.parse_args().pairs
    sounds = list(SOUNDS)
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name, side) for side in ("reference", "coded")]
        for folder in folders:
            folder.mkdir()
        for index in range(pairs):
            pcm = synthesize(sounds[index % len(sounds)], index, 8.0)
            for folder, signal in zip(folders, (pcm, lowpass(pcm, 9000.0)), strict=True):
                soundfile.write(folder / f"{index:03}.wav", signal.T, 48_000, subtype="FLOAT")
        tuner.score(pcm, pcm, 48_000, device="cpu")  # loads torch and the networks
        by_command = _timed(lambda: score(*folders, device="cpu", as_json=True))
        files = list(zip(*(sorted(folder.iterdir()) for folder in folders), strict=True))
        by_library = _timed(
            lambda: tuner.score_all(
                [tuple(soundfile.read(f, dtype="float32")[0] for f in pair) for pair in files],
                48_000,
                device="cpu",
            )
        )
    print(
        f"tuner score {by_command / pairs:.3f}, tuner.score_all {by_library / pairs:.3f} s a pair"
    )


def _timed(call: object) -> float:
    began = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        call()  # type: ignore[operator]
    return time.process_time() - began


if __name__ == "__main__":
    main()
