"""Sample rates: which ones an encoder takes, and what a reader must know of those that it got."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner.encoder import Encoder, Settings, find_rate_mode
from tuner.errors import EncoderError, StudyError
from tuner.jobs.cache import Cache
from tuner.jobs.job import ClipRef, Job, run_job
from tuner.layout import name_layout
from tuner.pcm import find_depth, to_grid
from tuner.records import name_rates
from tuner.sound.audio import sample_digest

if TYPE_CHECKING:
    from tuner.sound.clips import Clip

#: Length of the noise that is encoded to see whether an encoder takes a rate, s.
PROBE_S = 0.25
#: Where in the range of the rate parameter it is tried: low sample rates have other bitrates.
PROBED = (0.5, 0.25, 0.75, 0.1)
#: Channels of clips that `--downmix` leaves alone, at most, and a rate that encoders take, Hz.
STEREO, USUAL_RATE = 2, 48_000
#: What to do with clips that are refused.
TO_STEREO = "mix them to stereo (`tuner run --downmix`; `ffmpeg -i FILE -ac 2 NEW.wav`)"
TO_RATE = (
    f"convert them to a supported rate (`tuner run --rate {USUAL_RATE}`;"
    f" `ffmpeg -i FILE -ar {USUAL_RATE} NEW.wav`)"
)
#: Files that a message names, and how much of what an encoder says is told.
NAMED, REASON_CHARS = 3, 160
#: What colours a terminal.
COLOUR = re.compile("\x1b\\[[0-9;]*m")


def check_rates(encoder: Encoder, settings: Sequence[Settings], clips: Sequence[Clip]) -> None:
    """See that an encoder takes clips of these rates, channels and sample formats.

    Args:
        encoder: the adapter.
        settings: its defaults; one that works is enough.
        clips: the clips.

    Raises:
        StudyError: it refuses some; named are the files, and what it says.
        MachineError: it cannot run at all.
    """
    alike: dict[tuple[int, int, str], list[Clip]] = {}
    for clip in clips:
        alike.setdefault((clip.rate, clip.channels, str(find_depth(clip.pcm))), []).append(clip)
    problems = []
    ways = ["Remove these files"]
    for (rate, channels, depth), found in alike.items():
        if reason := _refusal(encoder, settings, rate, channels, depth):
            kind = f"{name_rates([rate])}, {name_layout(channels)}"
            more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
            names = ", ".join(clip.name for clip in found[:NAMED]) + more
            problems.append(f"{kind} ({names}): {reason}")
            if channels > STEREO:
                ways.append(TO_STEREO)
            elif rate != USUAL_RATE:
                ways.append(TO_RATE)
    if problems:
        told = "\n  ".join(problems)
        raise StudyError(
            f"{encoder.name} cannot encode clips as they are:\n  {told}",
            remedy=", or ".join(dict.fromkeys(ways)) + ".",
        )


def _refusal(
    encoder: Encoder, settings: Sequence[Settings], rate: int, channels: int, depth: str
) -> str:
    """What the encoder says when it takes nothing of this kind; empty where it does."""
    noise = 0.1 * np.random.default_rng(0).standard_normal((channels, round(PROBE_S * rate)))
    pcm = noise.astype(np.float32)
    if depth != "float":
        pcm = to_grid(pcm, int(depth))
    reason = ""
    with tempfile.TemporaryDirectory(prefix="tuner-") as name:
        path = Path(name, "probe.npy")
        np.save(path, pcm)
        clip = ClipRef(sample_digest(pcm, rate), str(path), channels, PROBE_S, rate)
        for each in settings:
            mode = find_rate_mode(encoder, each.rate_mode)
            for share in PROBED:
                knob = mode.snap(mode.low + share * (mode.high - mode.low))
                try:
                    run_job(Job(encoder, each, knob, clip), Cache(Path(name)))
                except EncoderError as error:
                    reason = reason or _last_words(error)
                else:
                    return ""
    return reason


def _last_words(error: EncoderError) -> str:
    """The end of what an encoder said, in one line without colours."""
    words = " ".join(COLOUR.sub("", error.stderr or error.what).split())
    return words if len(words) <= REASON_CHARS else f"… {words[-REASON_CHARS:]}"


def tell_rates(clips: Sequence[Clip], rate: int | None) -> str:
    """What a reader must know of the rates that were encoded.

    Args:
        clips: the clips.
        rate: Hz, to which all were brought; None: each kept its file's.
    """
    if rate is not None:
        return (
            f"Every clip was resampled to {name_rates([rate])} before encoding; the commands do"
            " the same with your files."
        )
    counts = sorted(Counter(clip.rate for clip in clips).items())
    told = ", ".join(f"{name_rates([hz])} ({n} clip{'s'[: n > 1]})" for hz, n in counts)
    return (
        f"Tuned at the clips' own sample rates: {told}. At other rates the same command line may"
        " give a different bitrate and sound different."
    )
