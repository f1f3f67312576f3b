"""``python3 -m example_neural_codec --weights FILE --codebooks N in.wav out.nrvq``."""

import argparse
from pathlib import Path

import soundfile

from example_neural_codec import NeuralCodec
from tuner.encoder import settings_of


def main():
    """Encode a sound file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--codebooks", type=int, required=True)
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--stereo", default="left-right")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    given = parser.parse_args()
    pcm, rate = soundfile.read(given.source, dtype="float32", always_2d=True)
    codec = NeuralCodec(given.weights)
    settings = settings_of(codec.parameters, "cbr", beam=given.beam, stereo=given.stereo)
    given.target.write_bytes(codec.encode(pcm.T, rate, settings, given.codebooks).data)


if __name__ == "__main__":
    main()
