"""A run's exhibits on the page: links or lossless copies, and small spectrograms."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from tuner.atomic import atomic_write
from tuner.errors import RunError
from tuner.exhibits import FOLDER, Role

Samples = npt.NDArray[np.float32]
Decibels = npt.NDArray[np.float64]

#: What `draw_pictures` draws.
PICTURES = ("reference", "default", "tuned", "default_difference", "tuned_difference")
#: STFT window, samples: 43 ms at 48 kHz.
WINDOW = 2048
#: Size of a spectrogram, pixels: 0 to 24 kHz upwards.
WIDTH, HEIGHT = 400, 128
#: Colours begin so far under the loudest cell of the reference, dB.
RANGE_DB = 90.0
#: Colours of differences end here, dB.
DIFFERENCE_DB = 12.0
#: Colours from the lowest to the highest level, and from what is missing to what is too much, as
#: in the colour bars of evidence.css.
LEVEL_COLOURS = ("000004", "3b0f70", "8c2981", "de4968", "fe9f6d", "fcfdbf")
DIFFERENCE_COLOURS = ("053061", "4393c3", "f7f7f7", "d6604d", "67001f")
#: WebP quality of spectrograms, which are noise: more is bytes that nobody sees.
QUALITY = 45
#: Differences are averaged over so many cells each way: that of two noises is no news.
SMOOTHING = 5


@dataclass(frozen=True)
class Sounds:
    """The sounds of one clip at one bitrate.

    Args:
        run: the run directory.
        files: role -> file name in its exhibits folder.
        start: the folder that links start from.
    """

    run: Path
    files: Mapping[Role, str]
    start: Path

    def path(self, role: Role) -> Path:
        """Where a sound lies."""
        return self.run / FOLDER / self.files[role]

    def link(self, role: Role) -> str:
        """A relative URL."""
        relative = Path(os.path.relpath(self.path(role).resolve(), self.start.resolve()))
        # A first part with a colon would be taken for a scheme.
        return "./" + "/".join(quote(part, safe="") for part in relative.parts)

    def link_script(self, role: Role, samples: Samples) -> str:
        """As `link`, and what a page needs to play it lies beside: ``FILE.js``.

        A page from a file may run a script beside it, but not read a sound.

        Raises:
            RunError: the script cannot be written.
        """
        path = self.path(role)
        script = path.with_name(f"{path.name}.js")
        try:
            if not script.exists() or script.stat().st_mtime_ns < path.stat().st_mtime_ns:
                sound = self.embed(samples)
                atomic_write(script, f'document.currentScript.sound = "{sound}";\n')
        except OSError as error:
            remedy = "--audio embed needs no file beside the sounds"
            raise RunError(f"cannot be written ({error})", where=script, remedy=remedy) from error
        return self.link(role)

    def embed(self, samples: Samples) -> str:
        """A data URL of the samples as FLAC of 16 bit."""
        import soundfile

        stream = BytesIO()
        soundfile.write(stream, samples, 48_000, subtype="PCM_16", format="FLAC")
        return f"data:audio/flac;base64,{base64.b64encode(stream.getvalue()).decode()}"


def read_sounds(sounds: Sounds) -> dict[Role, Samples]:
    """The samples of each role, ``[T, C]``.

    Raises:
        RunError: a file is missing or damaged, or they are not of one shape.
    """
    import soundfile

    read: dict[Role, Samples] = {}
    for role in sounds.files:
        path = sounds.path(role)
        try:
            read[role] = soundfile.read(path, dtype="float32", always_2d=True)[0]
        except (OSError, RuntimeError) as error:
            remedy = "rerun the study, or delete the folder for a report without sound"
            raise RunError(f"cannot be read ({error})", where=path, remedy=remedy) from error
    if len({samples.shape for samples in read.values()}) > 1:
        raise RunError(
            "sounds of one clip differ in length",
            where=sounds.run / FOLDER,
            remedy="delete the folder",
        )
    return read


def draw_pictures(sounds: Mapping[Role, Samples]) -> dict[str, str]:
    """Spectrograms as data URLs: each sound, and what default and tuned add or lack.

    Args:
        sounds: role -> samples ``[T, C]`` at 48 kHz.

    Returns:
        One of `PICTURES` -> data URL.
    """
    from scipy.ndimage import uniform_filter

    levels = {role: _spectrogram(samples) for role, samples in sounds.items()}
    floor = levels["reference"].max() - RANGE_DB
    levels = {role: np.maximum(level, floor) for role, level in levels.items()}
    smooth = {role: uniform_filter(level, SMOOTHING) for role, level in levels.items()}
    pictures = {
        str(role): _picture((level - floor) / RANGE_DB, LEVEL_COLOURS)
        for role, level in levels.items()
    }
    for role in ("default", "tuned"):
        difference = (smooth[role] - smooth["reference"]) / (2 * DIFFERENCE_DB) + 0.5
        pictures[f"{role}_difference"] = _picture(difference, DIFFERENCE_COLOURS)
    return pictures


def _spectrogram(samples: Samples) -> Decibels:
    """Level in dB, ``[HEIGHT, WIDTH]``, the highest frequency first."""
    from scipy.fft import rfft  # unlike numpy's, in float32

    padded = np.pad(samples, ((0, max(0, WINDOW - len(samples))), (0, 0)))
    starts = np.linspace(0, len(padded) - WINDOW, WIDTH).astype(int)
    window = np.hanning(WINDOW).astype(np.float32)
    power = np.zeros((WIDTH, WINDOW // 2))
    for channel in padded.T:
        frames = channel[starts[:, None] + np.arange(WINDOW)]
        power += np.abs(rfft(frames * window, axis=1)[:, 1:]) ** 2
    rows = power.reshape(WIDTH, HEIGHT, -1).mean(axis=2)
    return np.asarray(10 * np.log10(rows.T[::-1] + 1e-12))


def _picture(values: npt.NDArray[np.float64], colours: Sequence[str]) -> str:
    """Values of 0 to 1 as a WebP image in a data URL."""
    import av

    anchors = np.array([list(bytes.fromhex(colour)) for colour in colours])
    places = np.linspace(0, 1, len(anchors))
    pixels = np.stack([np.interp(values, places, channel) for channel in anchors.T], axis=-1)
    coder: Any = av.CodecContext.create("libwebp", "w")
    coder.width, coder.height, coder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    coder.time_base, coder.options = Fraction(1, 1), {"quality": str(QUALITY)}
    frame = av.VideoFrame.from_ndarray(pixels.round().astype(np.uint8), format="rgb24")
    content = b"".join(
        map(bytes, [*coder.encode(frame.reformat(format="yuv420p")), *coder.encode()])
    )
    return f"data:image/webp;base64,{base64.b64encode(content).decode()}"
