"""The artefacts of ODAQ do what their names say, and nothing else."""

import numpy as np
import pytest

from tuner.training import odaq
from tuner.training.degrade import find_attacks

RATE = 48_000
#: Samples at either end that a symmetric filter or a block may touch by what is not there.
EDGE = 4096


def noise(seconds: float = 1.0, channels: int = 2, seed: int = 0) -> odaq.Pcm:
    """White noise, channels independent."""
    shape = (channels, round(seconds * RATE))
    return (0.1 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def band_db(pcm: odaq.Pcm, low_hz: float, high_hz: float) -> float:
    """Energy between two frequencies, dB."""
    inner = pcm[:, EDGE:-EDGE]
    power = np.abs(np.fft.rfft(inner * np.hanning(inner.shape[1]), axis=1)) ** 2
    hz = np.fft.rfftfreq(inner.shape[1], 1 / RATE)
    return float(10 * np.log10(power[:, (hz >= low_hz) & (hz < high_hz)].mean() + 1e-20))


@pytest.mark.parametrize("lines", [16, 512, 1024, 2048])
@pytest.mark.parametrize("length", [1, 1000, 48_000])
def test_transform_is_inverted(lines: int, length: int) -> None:
    """What is transformed and not touched comes back, whatever its length."""
    pcm = noise()[:, :length]
    back = odaq.inverse_mdct(odaq.mdct(pcm, lines), length)
    np.testing.assert_allclose(back, pcm, atol=1e-9)


def test_bands_cover_all_lines() -> None:
    """Bands begin at 0, do not overlap and end with the last line."""
    for lines in (512, 1024, 2048):
        edges = odaq.band_edges(lines)
        assert edges[0] == 0 and edges[-1] == lines and np.all(np.diff(edges) > 0)


def test_conditions() -> None:
    """Two anchors and five levels of five families, each named once."""
    found = odaq.conditions()
    assert len(found) == 27
    assert len({(each.family, each.level) for each in found}) == 27
    assert {each.name for each in found} >= {"LP35", "LP105", "SH10_MS", "TM10.5k", "UN3k"}
    assert "PE_4096_MS_NMR10" in {each.name for each in found}


@pytest.mark.parametrize("condition", odaq.conditions(), ids=lambda each: each.name)
@pytest.mark.parametrize("channels", [1, 2])
def test_shape_and_repetition(condition: odaq.Condition, channels: int) -> None:
    """Shape and type stay, the seed decides everything, the reference is not written to."""
    pcm = noise(0.2, channels)
    before = pcm.copy()
    made = condition.make(pcm, 3)
    assert made.shape == pcm.shape and made.dtype == np.float32 and np.isfinite(made).all()
    assert np.array_equal(made, condition.make(pcm, 3))
    assert np.array_equal(pcm, before)
    assert not np.array_equal(made, pcm)


def test_silence_stays_silent() -> None:
    """Nothing is added where there is nothing."""
    for condition in odaq.conditions():
        assert not condition.make(np.zeros((2, 4800), np.float32), 1).any()


def test_lowpass_passes_below_and_stops_above() -> None:
    """300 Hz under the frequency nothing is lost, 300 Hz above it 55 dB or more."""
    pcm = noise()
    made = odaq.lowpass(pcm, 12_000)
    assert abs(band_db(made, 0, 11_700) - band_db(pcm, 0, 11_700)) < 0.05
    assert band_db(made, 12_300, 24_000) < band_db(pcm, 12_300, 24_000) - 55


def test_holes_take_their_share() -> None:
    """Of the energy about the probability is lost, and a worse level empties the same and more."""
    pcm = noise(2.0)
    losses = []
    for probability in (0.1, 0.3, 0.7):
        made = odaq.spectral_holes(pcm, probability, seed=1)
        losses.append(1 - float(np.sum(made**2) / np.sum(pcm**2)))
        # Overlapping blocks: what one empties is partly left by the next.
        assert losses[-1] == pytest.approx(probability, abs=0.05)
    few, many = (odaq.spectral_holes(pcm, p, seed=1) for p in (0.1, 0.3))
    assert np.sum((many - pcm) ** 2) > np.sum((few - pcm) ** 2)


@pytest.mark.parametrize("start_hz", [3000.0, 9000.0])
def test_substitution_keeps_bands_and_what_lies_below(start_hz: float) -> None:
    """Mismatch and noise leave the spectrum below alone and the energy above as it was."""
    tone = np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE).astype(np.float32)
    pcm = noise() + tone
    for made in (odaq.tonality_mismatch(pcm, start_hz), odaq.unmasked_noise(pcm, start_hz, 1)):
        error = made - pcm
        below = start_hz - 1000  # a band may begin under the frequency; blocks leak a little
        assert band_db(error, 0, below) < band_db(pcm, 0, below) - 40
        assert abs(band_db(made, start_hz + 500, 24_000) - band_db(pcm, start_hz + 500, 24_000)) < 1
        assert band_db(error, start_hz + 500, 24_000) > band_db(pcm, start_hz + 500, 24_000) - 1


def test_noise_is_not_tonal_and_mismatch_is() -> None:
    """A tone above the start becomes noise in one family; a tone below is copied in the other."""
    time = np.arange(2 * RATE) / RATE
    pcm = np.float32(0.2) * np.sin(2 * np.pi * 2500 * time).astype(np.float32)
    pcm = np.stack([pcm, pcm]) + np.float32(0.01) * noise(2.0)

    def crest(made: odaq.Pcm) -> float:
        inner = made[0, EDGE:-EDGE]
        power = np.abs(np.fft.rfft(inner * np.hanning(inner.size))) ** 2
        hz = np.fft.rfftfreq(inner.size, 1 / RATE)
        part = power[(hz > 3500) & (hz < 5000)]
        return float(part.max() / np.median(part))

    assert crest(odaq.tonality_mismatch(pcm, 3000)) > 10 * crest(odaq.unmasked_noise(pcm, 3000, 1))


@pytest.mark.parametrize("ratio_db", [10.0, 16.0])
def test_pre_echo_lies_so_far_below(ratio_db: float) -> None:
    """The noise has the wanted distance to a steady signal."""
    pcm = noise(2.0)
    error = odaq.pre_echo(pcm, 1024, ratio_db, 1) - pcm
    distance = 10 * np.log10(float(np.sum(error**2) / np.sum(pcm**2)))
    assert distance == pytest.approx(-ratio_db, abs=0.3)


def test_pre_echo_precedes_an_attack_by_its_window() -> None:
    """Longer windows put noise earlier before an attack, and none before half a window."""
    pcm = np.zeros((2, RATE), np.float32)
    pcm[:, RATE // 2 : RATE // 2 + 400] = noise(400 / RATE)
    assert find_attacks(pcm)
    earliest = []
    for size in (1024, 2048, 4096):
        made = odaq.pre_echo(pcm, size, 10.0, 1)
        first = int(np.flatnonzero(np.abs(made).max(axis=0) > 1e-4)[0])
        earliest.append(RATE // 2 - first)
        assert 0 < earliest[-1] <= size
    assert earliest == sorted(earliest) and earliest[-1] > 2 * earliest[0]
