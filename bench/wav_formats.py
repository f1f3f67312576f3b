"""Does a command line make from a WAV file what the search coded from samples?

    python -m bench.wav_formats CLIP [ENCODER …]

For each encoder that is installed and each of its rate modes, at its defaults: three seconds of
the clip at its own rate with samples of 16 bits, of 24 bits, and as finer floats, each as the WAV
files that could hold it. ``=`` the same payload, bit for bit; ``differs``; ``fails``: the command
does not run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from tuner.apply.command import exact_command, run_command
from tuner.apply.container import payload_digest
from tuner.encoder import Encoder, default_settings
from tuner.errors import EncoderError
from tuner.pcm import to_grid
from tuner.plugins import encoder_names, load_encoder
from tuner.sound.audio import Pcm, read_audio

SECONDS = 3
#: The knob where it is a bitrate, kb/s; else the middle of its range.
KBPS = 128.0


#: What makes of 16 bits finer samples.
FINER = np.float32(0.9 * np.sqrt(0.9))


def compare(encoder: Encoder, clips: dict[str, Pcm], rate: int) -> Iterator[str]:
    """A line per rate mode."""
    for mode in encoder.rate_modes:
        knob = mode.snap(KBPS if mode.nominal else (mode.low + mode.high) / 2)
        settings = default_settings(encoder, mode.name)
        cells = []
        for name, pcm in clips.items():
            encoded = encoder.encode(pcm, rate, settings, knob)
            for sample_format in ("PCM_16", "PCM_24", "FLOAT")[name != "16" :]:
                with tempfile.TemporaryDirectory() as folder:
                    ours, target = Path(folder, "ours" + encoded.suffix), "out" + encoded.suffix
                    ours.write_bytes(encoded.data)
                    source = Path(folder, "in.wav")
                    soundfile.write(source, pcm.T, rate, sample_format, format="WAV")
                    command = exact_command(encoder, settings, knob, "in.wav", target)
                    try:
                        made = run_command(command, Path(folder), target)
                        same = payload_digest(made) == payload_digest(ours)
                        cells.append(f"{name} as {sample_format} {'=' if same else 'differs'}")
                    except EncoderError:
                        cells.append(f"{name} as {sample_format} fails")
        yield f"{encoder.name} {mode.name}: {', '.join(cells)}"


def main() -> None:
    """Print the lines of all encoders that run here."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path, metavar="CLIP")
    parser.add_argument("names", nargs="*", metavar="ENCODER", help="default: all")
    given = parser.parse_args()
    whole, rate = read_audio(given.clip)
    pcm = to_grid(whole[:2, : SECONDS * rate], 16)
    clips = {"16": pcm, "24": to_grid(FINER * pcm), "finer": FINER * pcm}
    print(f"{given.clip.name}, {rate} Hz")
    for name in given.names or encoder_names():
        try:
            for line in compare(load_encoder(name), clips, rate):
                print(line, flush=True)
        except EncoderError as error:
            print(f"{name}: {str(error).splitlines()[0]}", file=sys.stderr)


if __name__ == "__main__":
    main()
