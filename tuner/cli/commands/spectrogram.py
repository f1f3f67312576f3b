"""`tuner spectrogram`: reference, coded signal, their difference, and the score over time."""

from __future__ import annotations

import webbrowser
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from tuner.cli.commands.score import find_device, find_pairs, read_pair
from tuner.cli.display.progress import progress_bar
from tuner.errors import ClipError, StudyError
from tuner.extras import need_extra
from tuner.layout import name_layout
from tuner.sound.audio import SAMPLE_RATE, Pcm
from tuner.sound.surround import downmix

if TYPE_CHECKING:
    from tuner.report.spectrogram import Decibels, ScoreCurve, Spectrogram
    from tuner.scorer import Scorer

#: The score over time is that of windows of this length, so far apart, seconds.
WINDOW_S, HOP_S = 3.0, 1.0
#: STFT of the linear spectrogram: samples.
FFT_SIZE, FFT_HOP = 2048, 480


class Channel(StrEnum):
    """What is drawn."""

    MID = "mid"
    SIDE = "side"
    LEFT = "left"
    RIGHT = "right"


def spectrogram(
    reference: Annotated[Path, typer.Argument(help="Reference file.")],
    coded: Annotated[Path, typer.Argument(help="Coded file.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Output .png or .html file (default: CODED.html)."),
    ] = None,
    channel: Annotated[Channel, typer.Option(help="Channel to draw.")] = Channel.MID,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, or auto.")] = "auto",
    show: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
) -> None:
    """Draw reference, coded signal and difference (gammatone and linear), and the score over time.

    Codec delay is removed first, as in `tuner score`.
    """
    from tuner.model.scorer import load_model
    from tuner.report import spectrogram as drawing

    need_extra("plots", "drawing spectrograms")
    output = output or Path(f"{coded.name}.html")
    if output.suffix.lower() not in (".png", ".html"):
        raise StudyError("must end in .png or .html", where=output)
    if not (reference.is_file() and coded.is_file()):
        find_pairs(reference, coded)  # names a path that is not there
        raise ClipError("give two files", where=f"{reference}, {coded}")
    first, second, delay = read_pair(reference, coded)
    mixed = f", stereo downmix of {name_layout(len(first))}" if len(first) > 2 else ""
    first, second = downmix(first), downmix(second)
    # Not as a metric: a second that was muted is a low score here, not an error.
    model = load_model(device=find_device(device))
    curve = _curve(model, first, second)
    pictures = [_gammatone(first, second, channel), _linear(first, second, channel)]
    seconds = first.shape[1] / SAMPLE_RATE
    title = f"{coded.name}: {curve.whole:.1f} of 100"
    is_png = output.suffix.lower() == ".png"
    figure = drawing.draw(pictures, curve, seconds, f"{title} ({channel})" if is_png else "")
    start = curve.starts[curve.worst]
    facts = [
        ("reference", str(reference)),
        ("coded", str(coded)),
        ("score", f"{curve.whole:.1f} (0 to 100), {model.name} {model.version}"),
        ("worst window", f"{curve.means[curve.worst]:.1f} at {start:.1f} s, {WINDOW_S:g} s long"),
        ("drawn", f"{channel}{mixed}; dB relative to the reference's mean level"),
        ("delay removed", f"{delay} samples"),
    ]
    try:
        if is_png:
            output.write_bytes(drawing.to_png(figure))
        else:
            output.write_text(drawing.to_html(figure, title, facts), encoding="utf-8")
    except OSError as error:
        raise StudyError(f"cannot be written ({error})", where=output) from error
    print(output)
    if show:
        webbrowser.open(output.resolve().as_uri())


def _curve(model: Scorer, reference: Pcm, coded: Pcm) -> ScoreCurve:
    """Scores of windows that overlap, and of the whole."""
    from tuner.report.spectrogram import ScoreCurve

    length, hop = round(WINDOW_S * SAMPLE_RATE), round(HOP_S * SAMPLE_RATE)
    starts = range(0, max(reference.shape[1] - length, 0) + 1, hop)
    means = []
    with progress_bar("scoring windows") as update:
        for done, start in enumerate(starts, start=1):
            window = slice(start, start + length)
            means.append(model.score(reference[:, window], coded[:, window]).mean)
            update(done, len(starts), "")
    whole = model.score(reference, coded).mean
    return ScoreCurve([start / SAMPLE_RATE for start in starts], WINDOW_S, means, whole)


def _gammatone(reference: Pcm, coded: Pcm, channel: Channel) -> Spectrogram:
    """The model's own front end, in its fine resolution."""
    import torch

    from tuner.model import gammatone
    from tuner.report.spectrogram import Spectrogram

    powers = [gammatone.spectrograms(torch.from_numpy(pcm)[None]) for pcm in (reference, coded)]
    signal = ("left", "right", "mid", "side").index(channel)
    level = gammatone.mean_level(powers[0])
    values: list[Decibels] = []
    for power in powers:
        # [fine planes, bands, frames] to [bands, frames of 5 ms], 0 dB at the mean level
        decibels = (gammatone.to_decibels(power, level)[0, signal, 1:] - 1) * gammatone.FLOOR_DB
        values.append(decibels.permute(1, 2, 0).flatten(1).numpy())
    centres = gammatone.centre_frequencies()
    return Spectrogram("gammatone", centres, values[0], values[1], -gammatone.FLOOR_DB, 0.0)


def _linear(reference: Pcm, coded: Pcm, channel: Channel) -> Spectrogram:
    """STFT power against the reference's mean power."""
    from scipy.signal import stft

    from tuner.report.spectrogram import Spectrogram

    signals = [_signal(pcm, channel) for pcm in (reference, coded)]
    level = float(np.mean(np.square(reference, dtype=np.float64))) + 1e-12
    values = []
    for signal in signals:
        signal = np.pad(signal, (0, max(FFT_SIZE - len(signal), 0)))
        frequencies, _, spectrum = stft(
            signal, SAMPLE_RATE, nperseg=FFT_SIZE, noverlap=FFT_SIZE - FFT_HOP
        )
        power = np.abs(spectrum) ** 2 / level
        values.append((10 * np.log10(power + 1e-10)).astype(np.float32))
    return Spectrogram("linear", frequencies, values[0], values[1], -100.0, -20.0)


def _signal(pcm: Pcm, channel: Channel) -> Pcm:
    left: Pcm = pcm[0]
    right: Pcm = pcm[-1]
    if channel in (Channel.LEFT, Channel.RIGHT):
        return left if channel == Channel.LEFT else right
    sign = 1 if channel == Channel.MID else -1
    return (left + sign * right) * np.float32(0.5)
