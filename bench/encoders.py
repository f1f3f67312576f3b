"""What each adapter costs and does, on real clips.

    python -m bench.encoders --clips CLIPS [--encoders aac,lame] [--json]

CLIPS is a folder with a `manifest.csv`; its `tune` side is used. For each usable adapter:

- encode and decode: CPU seconds for 10 s of stereo, the first rate mode at its defaults, and
  the share of an encode's wall time that is the program's start, its files and the reading of
  them (the wall time of 0.1 s of audio over that of a whole clip);
- delay of the decoded clips before and after alignment, samples at 48 kHz;
- measured over nominal bitrate over the stereo clips at three knob values of every nominal mode;
- the parameters that act in every mode in which they are active, and those that do not.

Then what another way in would save: a pipe instead of the WAV file, and PyAV in this process
instead of a child, side by side. One core is used.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from encoders.command import write_wav
from encoders.container import count_payload_bits
from encoders.process import private_folder
from tuner.encoder import Encoder, RateMode, default_settings
from tuner.errors import EncoderError
from tuner.plugins import encoder_names, load_encoder
from tuner.sound.audio import SAMPLE_RATE, Pcm, align, find_delay, resample
from tuner.sound.clips import load_clips
from tuner.sound.excerpts import Excerpting
from tuner.testing.probe import Probe, active_modes, spread_knobs

#: What a search typically asks for, kb/s, where a mode's knob is a bitrate.
TYPICAL_KBPS = 96.0
#: Clips on which parameters are tried, and seconds of each.
PROBED_CLIPS, PROBED_S = 2, 2.0
#: Repeats of a timing; the least is kept, as other jobs only add to it.
REPEATS = 3


@dataclass(frozen=True)
class Row:
    """One adapter's figures."""

    encoder: str
    version: str
    encode_s: float
    decode_s: float
    overhead: float
    delay: str
    aligned: str
    nominal: dict[str, list[float]]
    acting: list[str]
    dead: list[str]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--encoders", help="names, separated by commas; default: all usable")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    clips = [clip.reference for clip in load_clips(arguments.clips, Excerpting()).tune]
    wanted = arguments.encoders.split(",") if arguments.encoders else list(encoder_names())
    rows = []
    for name in wanted:
        try:
            encoder = load_encoder(name)
            _ = encoder.version
        except EncoderError as error:
            say(f"{name}: left out: {str(error).splitlines()[0]}")
            continue
        rows.append(measure(name, encoder, clips))
        if not arguments.json:
            show(rows[-1])
    ways = other_ways(clips)
    if arguments.json:
        print(json.dumps({"encoders": [asdict(row) for row in rows], "ways": ways}, indent=1))
        return
    print("\nanother way in: wall seconds for 10 s of stereo, and what it saves")
    for way, (ours, other) in ways.items():
        print(f"  {way}: {ours:.3f} against {other:.3f} ({1 - other / ours:+.0%})")


def measure(name: str, encoder: Encoder, clips: Sequence[Pcm]) -> Row:
    """All figures of one adapter."""
    mode = encoder.rate_modes[0]
    knob = mode.snap(TYPICAL_KBPS) if mode.nominal else spread_knobs(mode, 3)[1]
    settings = default_settings(encoder, mode.name)
    stereo = [clip for clip in clips if clip.shape[0] == 2]
    longest = max(stereo, key=lambda clip: clip.shape[1])
    tenths = longest.shape[1] / (10 * SAMPLE_RATE)

    def encode(pcm: Pcm) -> float:
        return encoder.encode(pcm, SAMPLE_RATE, settings, knob).encode_s

    say(f"{name}: times")
    whole = least_wall(lambda: encode(longest))
    start = least_wall(lambda: encode(longest[:, : SAMPLE_RATE // 10]))
    encoded = encoder.encode(longest, SAMPLE_RATE, settings, knob)
    say(f"{name}: delays")
    before, after = zip(*(delays(encoder, clip, knob, mode) for clip in clips), strict=True)
    say(f"{name}: bitrates")
    # Stereo alone: some codecs have rates that mono has not.
    nominal = {m.name: shares(encoder, m, stereo) for m in encoder.rate_modes if m.nominal}
    acting, dead = try_parameters(name, encoder, stereo)
    return Row(
        encoder=name if encoder.name == name else f"{name} ({encoder.name})",
        version=encoder.version.text,
        encode_s=min(encode(longest) for _ in range(REPEATS)) / tenths,
        decode_s=least_cpu(lambda: encoder.decode(encoded)) / tenths,
        overhead=start / whole,
        delay=span(before),
        aligned=span(after),
        nominal=nominal,
        acting=acting,
        dead=dead,
    )


def delays(encoder: Encoder, clip: Pcm, knob: float, mode: RateMode) -> tuple[int, int]:
    """Delay of the decoded clip before and after alignment, samples at 48 kHz."""
    encoded = encoder.encode(clip, SAMPLE_RATE, default_settings(encoder, mode.name), knob)
    decoded = resample(*encoder.decode(encoded))
    aligned, delay = align(clip, decoded)
    return delay, find_delay(clip, aligned)[0]


def shares(encoder: Encoder, mode: RateMode, clips: Sequence[Pcm]) -> list[float]:
    """Measured over nominal bitrate of clips at three knob values."""
    settings = default_settings(encoder, mode.name)
    seconds = sum(clip.shape[1] for clip in clips) / SAMPLE_RATE
    found = []
    for knob in spread_knobs(mode, 3):
        bits = sum(encoder.encode(c, SAMPLE_RATE, settings, knob).payload_bits for c in clips)
        found.append(round(bits / seconds / 1000 / knob, 3))
    return found


def try_parameters(
    name: str, encoder: Encoder, clips: Sequence[Pcm]
) -> tuple[list[str], list[str]]:
    """Names of the parameters that act in every mode, and of those that do not in one."""
    length = round(PROBED_S * SAMPLE_RATE)
    starts = [(clip, max(clip.shape[1] - length, 0) // 2) for clip in clips[:PROBED_CLIPS]]
    probe = Probe(encoder, [clip[:, at : at + length] for clip, at in starts])
    acting, dead = [], []
    for parameter in encoder.parameters:
        say(f"{name}: {parameter.name}")
        inert = [m.name for m in active_modes(encoder, parameter) if not probe.acts(parameter, m)]
        if inert:
            dead.append(f"{parameter.name} ({', '.join(inert)})")
        else:
            acting.append(parameter.name)
    return acting, dead


def other_ways(clips: Sequence[Pcm]) -> dict[str, tuple[float, float]]:
    """Our way and another one, wall seconds for 10 s of stereo."""
    clip = max((c for c in clips if c.shape[0] == 2), key=lambda c: c.shape[1])
    tenths = clip.shape[1] / (10 * SAMPLE_RATE)
    found = {}
    for name, words in PIPES.items():
        try:
            path = load_encoder(name).version.binary
        except EncoderError:
            continue
        command = [path, *words]
        ours = least_wall(lambda command=command: through_file(command, clip))
        other = least_wall(lambda command=command: through_pipe(command, clip))
        found[f"{name}: WAV through a pipe instead of a file"] = (ours / tenths, other / tenths)
    for name, codec in IN_PROCESS.items():
        encoder = load_encoder(name)
        settings = default_settings(encoder)

        def ours_encode(encoder: Encoder = encoder, settings=settings) -> None:
            encoder.encode(clip, SAMPLE_RATE, settings, TYPICAL_KBPS)

        ours = least_wall(ours_encode)
        other = least_wall(lambda codec=codec: in_process(codec, clip))
        found[f"{name}: PyAV's {codec} in process, another build"] = (ours / tenths, other / tenths)
    return found


#: Commands that read a WAV file, also from their standard input (twolame and mpcenc cannot).
PIPES = {
    "lame": ["--quiet", "-b", "96", "{source}", "out"],
    "opus": ["--quiet", "--bitrate", "96", "{source}", "out"],
    "vorbis": ["--quiet", "-q", "3", "-o", "out", "{source}"],
}
#: Adapters whose codec PyAV carries as well.
IN_PROCESS = {"aac": "aac", "ac3": "ac3", "opus-ffmpeg": "libopus"}


def through_file(command: Sequence[str], clip: Pcm) -> None:
    """One encode from a WAV file."""
    with private_folder() as folder:
        write_wav(folder / "in.wav", clip, SAMPLE_RATE)
        words = [word.format(source="in.wav") for word in command]
        subprocess.run(words, cwd=folder, check=True, capture_output=True)


def through_pipe(command: Sequence[str], clip: Pcm) -> None:
    """One encode from the same WAV in memory."""
    import soundfile

    wav = io.BytesIO()
    soundfile.write(wav, clip.T, SAMPLE_RATE, subtype="PCM_24", format="WAV")
    with private_folder() as folder:
        words = [word.format(source="-") for word in command]
        subprocess.run(words, cwd=folder, input=wav.getvalue(), check=True, capture_output=True)


def in_process(codec: str, clip: Pcm) -> int:
    """Payload bits of one encode with PyAV, in this process."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream(codec, rate=SAMPLE_RATE, layout="stereo")
        stream.bit_rate = round(TYPICAL_KBPS * 1000)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(clip), "fltp", "stereo")
        frame.sample_rate = SAMPLE_RATE
        resampler = av.AudioResampler(stream.format, "stereo", SAMPLE_RATE, stream.frame_size)
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(piece))
    return count_payload_bits(file.getvalue())


def least_wall(action: Callable[[], object]) -> float:
    """Least wall-clock seconds of a few repeats."""
    return min(_timed(action, time.perf_counter) for _ in range(REPEATS))


def least_cpu(action: Callable[[], object]) -> float:
    """Least CPU seconds of this process over a few repeats."""
    return min(_timed(action, time.process_time) for _ in range(REPEATS))


def _timed(action: Callable[[], object], clock: Callable[[], float]) -> float:
    begun = clock()
    action()
    return clock() - begun


def span(values: Sequence[int]) -> str:
    """ "0", "481" or "480 to 482 (median 481)"."""
    low, high = min(values), max(values)
    middle = f" (median {statistics.median(values):g})"
    return f"{low}" if low == high else f"{low} to {high}{middle}"


def show(row: Row) -> None:
    """One adapter's figures, for people."""
    print(f"\n{row.encoder}: {row.version}")
    print(
        f"  encode {row.encode_s:.3f} s, decode {row.decode_s:.3f} s, overhead {row.overhead:.0%}"
    )
    print(f"  delay before alignment {row.delay}, after {row.aligned}")
    for mode, found in row.nominal.items():
        print(f"  {mode}: measured over nominal {', '.join(f'{share:.3f}' for share in found)}")
    print(f"  act: {', '.join(row.acting)}")
    print(f"  do not act: {', '.join(row.dead) or 'none'}", flush=True)


def say(what: str) -> None:
    """Progress, on stderr."""
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
