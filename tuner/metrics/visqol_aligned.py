"""ViSQOL v3 (audio mode) of signals that are aligned to the sample, with visqol-python's parts.

ViSQOL spends most of its time on finding where a patch of the reference lies in the coded signal:
first to the frame, in the whole signal, then to the sample, by filtering the patch again. Here it
lies where it should, so one patch to either side is searched; and as every frame is filtered on its
own, the second spectrogram of a patch is cut out of the first. ``python -m bench.judges`` prints
how far that moves a MOS.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tuner.system.lru import Lru

Signal = npt.NDArray[np.float64]

#: Lengths of a patch (0.6 s) to either side that are searched.
SEARCHED = 1
#: Rate of the signals, Hz.
RATE = 48_000
#: Spectrograms of references that a process remembers (8 s: 0.1 MB each), bytes.
REFERENCES_BYTES = 32_000_000


def mono_mos(reference: Signal, coded: Signal) -> float:
    """MOS-LQO of one signal, 1 to 4.73.

    Args:
        reference, coded: ``[T]`` at 48 kHz, aligned, of equal length; 0.9 s or more.
    """
    from visqol import visqol_core as core
    from visqol.audio_utils import AudioSignal, scale_to_match_sound_pressure_level
    from visqol.patch_selector import find_most_optimal_deg_patches

    parts = _parts()
    signals = AudioSignal(reference, RATE), AudioSignal(coded, RATE)
    heard = parts.spectrogram(scale_to_match_sound_pressure_level(*signals).data)
    known = _remembered(reference, parts)
    levels = _levels(known, heard)
    starts = parts.patches.create_ref_patch_indices(levels[0], signals[0], parts.window)
    patches = parts.patches.create_patches_from_indices(levels[0], starts)
    matches = find_most_optimal_deg_patches(patches, starts, levels[1], parts.hop_s, SEARCHED)
    better = [
        _better(match, start, known, heard, parts)
        # Patches at the end that may have no match are left out of the matches.
        for match, start in zip(matches, starts, strict=False)
    ]
    means = core.calc_per_patch_mean_freq_band_means(better)
    mos = parts.mapper.predict_quality(
        means,
        core.calc_per_patch_freq_band_quantile(better, 0.10),
        core.calc_per_patch_mean_freq_band_stddevs(better, parts.hop_s),
        core.calc_per_patch_mean_freq_band_deg_energy(better),
    )
    return float(core.alter_for_similarity_extremes(float(np.mean(means)), mos))


def _better(match: Any, start: int, known: Signal, heard: Signal, parts: _Parts) -> Any:
    """The match, or what its patch gives on its own where that is more similar."""
    from visqol.nsim import measure_patch_similarity

    if match.deg_patch_end_time == 0.0:  # none was found
        return match
    at = round(match.deg_patch_start_time / parts.hop_s)
    cut = known[:, start : start + parts.alone], heard[:, at : at + parts.alone]
    if min(each.shape[1] for each in cut) < parts.alone:
        return match
    own = measure_patch_similarity(*_levels(*cut))
    if own.similarity < match.similarity:
        return match
    own.ref_patch_start_time = match.ref_patch_start_time
    own.ref_patch_end_time = match.ref_patch_end_time
    return own


@dataclass(frozen=True)
class _Parts:
    """visqol-python's parts, made once a process.

    Args:
        builder, patches, mapper, window: of spectrograms, patches, MOS; the analysis window.
        hop_s: from frame to frame.
        alone: whole frames in the samples of one patch.
    """

    builder: Any
    patches: Any
    mapper: Any
    window: Any
    hop_s: float
    alone: int

    def spectrogram(self, signal: Signal) -> Signal:
        """Of one signal, ``[bands, frames]``."""
        from visqol.audio_utils import AudioSignal

        found: Signal = self.builder.build(AudioSignal(signal, RATE), self.window).data
        return found


_references: Lru[Signal] = Lru(REFERENCES_BYTES)


def _remembered(reference: Signal, parts: _Parts) -> Signal:
    """Spectrogram of a reference: one meets many coded signals."""
    key = hashlib.sha256(reference.tobytes()).hexdigest()
    return _references.get(key, lambda: parts.spectrogram(reference))


def _levels(known: Signal, heard: Signal) -> tuple[Signal, Signal]:
    """Two spectrograms in dB over their common floor."""
    from visqol.gammatone import Spectrogram, prepare_spectrograms_for_comparison

    levels: tuple[Signal, Signal] = prepare_spectrograms_for_comparison(
        Spectrogram(known), Spectrogram(heard)
    )
    return levels


@functools.cache
def _parts() -> _Parts:
    from visqol.analysis_window import AnalysisWindow
    from visqol.api import _DEFAULT_SVR_MODEL
    from visqol.visqol_manager import OVERLAP, PATCH_SIZE_AUDIO, VisqolManager

    from tuner.metrics import visqol_filters

    visqol_filters.install()
    manager = VisqolManager()
    manager.init(model_path=_DEFAULT_SVR_MODEL)
    window = AnalysisWindow(RATE, OVERLAP)
    hop = round(window.size * window.overlap)
    return _Parts(
        builder=manager.spect_builder,
        patches=manager.patch_creator,
        mapper=manager.quality_mapper,
        window=window,
        hop_s=hop / RATE,
        alone=(PATCH_SIZE_AUDIO * hop - window.size) // hop + 1,
    )
