"""ViSQOL v3 and Zimtohrli as opinions on the MUSHRA scale: the model's teachers, the run's judges.

Both are monaural. Heard on left and right alone they prefer a mono downmix at low rates
(`lame -m m` at 64 kb/s, for one), so each hears the mid and the side signal, and the side
counts by its level. A trace of the other signal is left in each, as a room would leave it:
it masks what is 30 dB under it, and keeps a silent side from giving NaN. Both metrics match
levels first and so cannot hear a side that is merely too quiet; that change is counted here.

Their MOS is put on the MUSHRA scale by a straight line between points whose place is
known: identity 100, the 7 kHz anchor, the 3.5 kHz anchor, and MOS 1 at 0.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tuner.errors import ScoreError
from tuner.pcm import Pcm
from tuner.scorer import Score
from tuner.sound.stereo import Signal, blend, mid_and_side, side_audibility, side_level_db

#: Changes with anything below that moves an opinion.
OPINION_VERSION = 3

#: Where 26 expert listeners put the low-pass anchors of ITU-R BS.1534 at 3.5 and 7 kHz: means over
#: six methods of the Open Dataset of Audio Quality (Torcoli et al., ICASSP 2024).
MUSHRA_LOWPASS_3500 = 19.7
MUSHRA_LOWPASS_7000 = 36.8


@dataclass(frozen=True)
class MosScale:
    """A metric's MOS at known places of the MUSHRA scale.

    Args:
        lowpass_3500, lowpass_7000: MOS of the anchors, about the median over `train` clips.
        identity: MOS of a signal against itself.
    """

    lowpass_3500: float
    lowpass_7000: float
    identity: float

    def to_mushra(self, mos: float) -> float:
        """MOS to MUSHRA points, 0 to 100."""
        places = [1.0, self.lowpass_3500, self.lowpass_7000, self.identity]
        points = [0.0, MUSHRA_LOWPASS_3500, MUSHRA_LOWPASS_7000, 100.0]
        return float(np.interp(mos, places, points))


#: Medians over the `train` clips, printed by ``python -m bench.anchors``.
VISQOL_SCALE = MosScale(lowpass_3500=1.76, lowpass_7000=2.10, identity=4.732)
ZIMTOHRLI_SCALE = MosScale(lowpass_3500=1.94, lowpass_7000=3.61, identity=5.0)


class _MonoMetric(Protocol):
    """MOS of one monaural signal pair at 48 kHz."""

    def __call__(self, reference: Signal, coded: Signal) -> float: ...


def opinion(metric: _MonoMetric, scale: MosScale, reference: Pcm, coded: Pcm) -> float:
    """One metric's opinion of a clip, 0 to 100.

    Raises:
        ScoreError: if the metric gives no finite number.
    """
    side_db = (side_level_db(reference), side_level_db(coded))
    reference_mid, reference_side = mid_and_side(reference)
    coded_mid, coded_side = mid_and_side(coded)
    mid = scale.to_mushra(_finite(metric(reference_mid, coded_mid), metric))
    side = None
    if side_audibility(side_db):
        side = scale.to_mushra(_finite(metric(reference_side, coded_side), metric))
    return blend(mid, side, side_db)


def _finite(mos: float, metric: _MonoMetric) -> float:
    if not np.isfinite(mos):
        raise ScoreError(f"{metric} returned {mos}: is the coded signal silent or damaged?")
    return mos


@dataclass(frozen=True)
class VisqolScorer:
    """ViSQOL v3 (audio mode) on mid and side, on the MUSHRA scale."""

    @property
    def name(self) -> str:
        """The metric's name in results."""
        return "visqol"

    @property
    def version(self) -> str:
        """Package version and the version of the mapping to MUSHRA."""
        return f"visqol-python {importlib.metadata.version('visqol-python')}/{OPINION_VERSION}"

    def score(self, reference: Pcm, coded: Pcm) -> Score:
        """See `tuner.scorer.Scorer.score`."""
        return Score(opinion(visqol_mos, VISQOL_SCALE, reference, coded))


@dataclass(frozen=True)
class ZimtohrliScorer:
    """Zimtohrli on mid and side, on the MUSHRA scale."""

    @property
    def name(self) -> str:
        """The metric's name in results."""
        return "zimtohrli"

    @property
    def version(self) -> str:
        """Package version and the version of the mapping to MUSHRA."""
        return f"zimtohrli {importlib.metadata.version('zimtohrli')}/{OPINION_VERSION}"

    def score(self, reference: Pcm, coded: Pcm) -> Score:
        """See `tuner.scorer.Scorer.score`."""
        return Score(opinion(zimtohrli_mos, ZIMTOHRLI_SCALE, reference, coded))


def visqol_mos(reference: Signal, coded: Signal) -> float:
    """ViSQOL v3's MOS-LQO (audio mode) of one signal, ``[T]`` at 48 kHz, 1 to 4.73."""
    from visqol.audio_utils import AudioSignal

    result = _visqol().run_from_signals(AudioSignal(reference, 48_000), AudioSignal(coded, 48_000))
    return float(result.moslqo)


def aligned_visqol_mos(reference: Signal, coded: Signal) -> float:
    """`visqol_mos` without ViSQOL's own alignments, for signals aligned to the sample.

    Twice as fast. On 56 coded excerpts of 2.5 s it differed by 0.011 MOS on average and by
    0.041 at most.
    """
    from visqol.audio_utils import AudioSignal

    manager = _visqol(aligned=True)
    result = manager.run_from_signals(AudioSignal(reference, 48_000), AudioSignal(coded, 48_000))
    return float(result.moslqo)


def zimtohrli_mos(reference: Signal, coded: Signal) -> float:
    """Zimtohrli's distance of one signal, ``[T]`` at 48 kHz, on its MOS map, 1 to 5."""
    import zimtohrli

    return float(zimtohrli.mos_from_zimtohrli(_pyohrli().distance(reference, coded)))


@functools.cache
def _pyohrli() -> Any:
    import zimtohrli

    return zimtohrli.Pyohrli()


@functools.cache
def _visqol(*, aligned: bool = False) -> Any:
    """A ViSQOL that remembers spectrograms: one reference meets many coded signals.

    Args:
        aligned: the signals are, so it need not align them.
    """
    from visqol.api import _DEFAULT_SVR_MODEL
    from visqol.visqol_manager import VisqolManager

    from tuner.metrics import visqol_filters

    visqol_filters.install()
    manager = VisqolManager()
    manager.init(
        model_path=_DEFAULT_SVR_MODEL,
        disable_global_alignment=aligned,
        disable_realignment=aligned,
    )
    manager.spect_builder = _RememberingBuilder(manager.spect_builder)
    return manager


class _RememberingBuilder:
    """Wraps ViSQOL's spectrogram builder; the score is unchanged."""

    SIZE = 256  # spectrograms; of 20 s at most 256 kB each

    def __init__(self, builder: Any) -> None:
        self._builder = builder
        self._known: OrderedDict[tuple[bytes, int, int, float], Any] = OrderedDict()

    def build(self, signal: Any, window: Any) -> Any:
        # Two signals of one checksum would get one score: only a digest tells them apart.
        digest = hashlib.blake2b(np.ascontiguousarray(signal.data).data).digest()
        key = (digest, signal.sample_rate, window.size, window.overlap)
        if key not in self._known:
            self._known[key] = self._builder.build(signal, window)
            if len(self._known) > self.SIZE:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return self._known[key]
