"""Listening tests: individual MUSHRA ratings of coded signals, read and made ready to teach.

A file of ratings is CSV with the columns signal, condition, listener, rating (0 to 100) and
file (relative to the CSV). The reference of a signal is the file of its condition "Reference";
conditions without a file, as an anchor that was not kept, are left out. A column speaker is
optional; without it the speaker is read off the names of VCTK and TSP recordings, and any
other signal is a speaker of its own.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from tuner.errors import StudyError
from tuner.sound.audio import SAMPLE_RATE, Pcm, find_delay, read_audio, resample
from tuner.training.finetune import features_of

COLUMNS = ("signal", "condition", "listener", "rating", "file")
REFERENCE = "Reference"
#: VCTK_p229_293 is sentence 293 of speaker p229; TSP_FB10_07 is list 10, sentence 7 of FB.
_SPEAKER = re.compile(r"(VCTK_[ps]\d+|TSP_[A-Z]+)")
#: Under this waveform correlation the best lag is a pitch period of resynthesised speech:
#: correlation put signals of a neural codec 37 ms late whose envelopes were in time.
CLEAR_CORRELATION = 0.6
#: Envelopes: bands of equal width up to 12 kHz, every ms, lags of up to 100 ms.
_FRAME, _STEP, _LAGS, _BANDS = 512, SAMPLE_RATE // 1000, 100, 18
_ENVELOPE_FLOOR = 1e-4
#: Other speakers, made: reference and coded signal played slower and faster alike.
SPEEDS = (1.0, 0.88, 0.94, 1.06, 1.12)


@dataclass(frozen=True)
class Panel:
    """One reference signal and what listeners said about its coded versions.

    Args:
        signal: its name.
        speaker: who is never on both sides of a split.
        reference: its file.
        coded: file of each coded version; `conditions` their names.
        ratings: of each coded version, one of every listener who rated it, 0 to 100.
    """

    signal: str
    speaker: str
    reference: Path
    conditions: tuple[str, ...]
    coded: tuple[Path, ...]
    ratings: tuple[tuple[float, ...], ...]


def read_ratings(path: Path) -> list[Panel]:
    """Read a file of ratings; the reference's own ratings are left out.

    Raises:
        StudyError: naming the file, if it, a column, a number, a reference or an audio file
            is missing or wrong.
    """
    by_signal: dict[str, dict[tuple[str, str], list[float]]] = {}
    speakers: dict[str, str] = {}
    for line, row in enumerate(_rows(path), start=2):
        try:
            rating = float(row["rating"])
        except ValueError:
            rating = math.nan
        if not 0 <= rating <= 100:
            raise StudyError(
                f"the rating must be 0 to 100 (got {row['rating']!r})", where=f"{path}: line {line}"
            )
        signal = row["signal"]
        speakers[signal] = row.get("speaker") or speaker_of(signal)
        if row["file"]:
            versions = by_signal.setdefault(signal, {})
            versions.setdefault((row["condition"], row["file"]), []).append(rating)
    panels = [_panel(path, name, speakers[name], found) for name, found in by_signal.items()]
    if not panels:
        raise StudyError("no rating names a file", where=path)
    return panels


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream, restval="")
            missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
            if missing:
                raise StudyError(f"has no column {', '.join(missing)}", where=path)
            return list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StudyError(f"cannot be read as ratings ({error})", where=path) from error


def _panel(
    path: Path, signal: str, speaker: str, found: dict[tuple[str, str], list[float]]
) -> Panel:
    references = {file for condition, file in found if condition == REFERENCE}
    if len(references) != 1:
        raise StudyError(
            f"{signal} has {len(references)} files for condition {REFERENCE!r}, not 1", where=path
        )
    coded = {key: values for key, values in found.items() if key[0] != REFERENCE}
    if not coded:
        raise StudyError(f"{signal} has no rated file beside its reference", where=path)
    files = tuple(path.parent / file for _, file in coded)
    reference = path.parent / references.pop()
    for file in (reference, *files):
        if not file.is_file():
            raise StudyError(f"not found; named in {path}", where=file)
    conditions = tuple(condition for condition, _ in coded)
    return Panel(
        signal, speaker, reference, conditions, files, tuple(tuple(v) for v in coded.values())
    )


def speaker_of(signal: str) -> str:
    """Who speaks, by the signal's name.

    >>> speaker_of("VCTK_p229_293"), speaker_of("TSP_FB10_07"), speaker_of("bells")
    ('VCTK_p229', 'TSP_FB', 'bells')
    """
    match = _SPEAKER.match(signal)
    return match[0] if match else signal


def folds(panels: Sequence[Panel], count: int) -> list[list[int]]:
    """Places of the panels held out in each fold: every panel once, a speaker in one fold only.

    Args:
        count: most folds; as many as there are speakers holds out one at a time.

    Raises:
        StudyError: fewer than two speakers or folds.
    """
    speakers = list(dict.fromkeys(panel.speaker for panel in panels))
    count = min(count, len(speakers))
    if count < 2:
        raise StudyError("cross-validation needs two speakers and two folds at least")
    fold_of = {speaker: place % count for place, speaker in enumerate(speakers)}
    return [[i for i, p in enumerate(panels) if fold_of[p.speaker] == f] for f in range(count)]


def read_signals(panel: Panel) -> Pcm:
    """Reference and coded signals, aligned, float32 ``[1 + N, C, T]`` at 48 kHz.

    A file of two equal channels counts as mono.

    Raises:
        ClipError: a file cannot be read.
        StudyError: a coded signal has another number of channels.
    """
    reference = _read(panel.reference)
    signals = [reference]
    for path in panel.coded:
        coded = _read(path)
        if len(coded) != len(reference):
            raise StudyError(
                f"{len(coded)} channels, but {panel.reference} has {len(reference)}", where=path
            )
        signals.append(align_loosely(reference, coded))
    return np.stack(signals)


def _read(path: Path) -> Pcm:
    pcm = resample(*read_audio(path))
    return pcm[:1] if np.array_equal(pcm[0], pcm[-1]) else pcm


def align_loosely(reference: Pcm, decoded: Pcm) -> Pcm:
    """Remove the delay and match the length, also where the waveform is not kept.

    `tuner.sound.audio.align` goes by the waveform and refuses, or follows a pitch period of, speech
    that a neural codec resynthesised; its envelopes tell the delay to about 1 ms.

    Args:
        reference, decoded: float32 ``[C, T]``, ``[C, T']`` at 48 kHz.
    """
    delay, correlation = find_delay(reference, decoded)
    if correlation < CLEAR_CORRELATION:
        delay = _envelope_delay(reference, decoded)
    aligned = np.zeros_like(reference)
    body = decoded[:, max(delay, 0) :][:, : reference.shape[1] - max(-delay, 0)]
    offset = max(-delay, 0)
    aligned[:, offset : offset + body.shape[1]] = body
    return aligned


def _envelope_delay(reference: Pcm, decoded: Pcm) -> int:
    """Samples by which the log band envelopes of `decoded` are late, in whole ms."""
    one, other = _envelopes(reference), _envelopes(decoded)
    size = one.shape[1] + other.shape[1] + 2 * _LAGS
    spectrum = np.conj(np.fft.rfft(one, size)) * np.fft.rfft(other, size)
    correlation = np.fft.irfft(spectrum.sum(axis=0), size)
    window = np.concatenate([correlation[-_LAGS:], correlation[: _LAGS + 1]])
    return (int(np.argmax(window)) - _LAGS) * _STEP


def _envelopes(pcm: Pcm) -> npt.NDArray[np.float64]:
    padded = np.pad(pcm.mean(axis=0), _FRAME // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_STEP]
    magnitudes = np.abs(np.fft.rfft(frames * np.hanning(_FRAME)))[:, 2:128]
    bands = magnitudes.reshape(len(frames), _BANDS, -1).mean(axis=2).T
    logarithm = np.log(bands + _ENVELOPE_FLOOR)
    return np.asarray(logarithm - logarithm.mean(axis=1, keepdims=True), np.float64)


def panel_features(panel: Panel, speeds: Sequence[float] = SPEEDS) -> tuple[torch.Tensor, ...]:
    """Features at each speed, float16 ``[1 + N, 4, 18, 32, F]``; row 0 is the reference.

    Raises:
        ClipError, StudyError: see `read_signals`.
    """
    signals = read_signals(panel)
    played = (
        signals
        if speed == 1
        else np.stack([resample(pcm, round(SAMPLE_RATE * speed)) for pcm in signals])
        for speed in speeds
    )
    return tuple(features_of(np.ascontiguousarray(pcm)) for pcm in played)
