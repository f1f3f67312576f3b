"""Excerpts for a listening test that would prove a bitrate transparent: reference and coded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tuner.encoder import Encoder, Settings
from tuner.errors import StudyError
from tuner.jobs.job import ClipRef, load_clip
from tuner.sound.audio import SAMPLE_RATE
from tuner.target.per_title import Title

#: Excerpts of a test: with four rounds each, as many as `tuner listen make --abx` makes of a run.
MOST_EXCERPTS = 8
#: Folders as `tuner listen make --from` reads them.
REFERENCE, CODED = "reference", "coded"


def write_pairs(folder: Path, encoder: Encoder, settings: Settings, titles: Sequence[Title]) -> int:
    """Write the excerpts that are most likely to be told apart, as they are and coded.

    Args:
        folder: gets the folders `reference` (WAV) and `coded`, with files of the same stems.
        encoder, settings: what the titles were found with.
        titles: the answers; each gives excerpts at its own rate parameter.

    Returns:
        How many.

    Raises:
        StudyError: no title has an answer.
        EncoderError: encoding failed.
    """
    import soundfile

    ranked = sorted(_candidates(titles), key=lambda each: each[0])[:MOST_EXCERPTS]
    if not ranked:
        raise StudyError("no file has an answer, so there is nothing to listen to", where=folder)
    for name in (REFERENCE, CODED):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, (_, source, clip, knob) in enumerate(ranked, start=1):
        stem = f"{number}-{source.stem}"
        pcm = load_clip(clip)
        encoded = encoder.encode(pcm, SAMPLE_RATE, settings, knob)
        (folder / CODED / (stem + encoded.suffix)).write_bytes(encoded.data)
        target = folder / REFERENCE / f"{stem}.wav"
        soundfile.write(target, pcm.T, SAMPLE_RATE, subtype="FLOAT")
    return len(ranked)


def _candidates(titles: Sequence[Title]) -> list[tuple[float, Path, ClipRef, float]]:
    """(worth, source, excerpt, knob) of all excerpts."""
    found = []
    for title in titles:
        if title.needed is None or title.knob is None:
            continue
        clips = {c.digest: (cut.source, c) for cut in title.excerpts for c in cut.clips}
        rows = zip(title.needed.probe.values, clips.values(), strict=True)
        found += [(worth, source, clip, title.knob) for worth, (source, clip) in rows]
    return found
