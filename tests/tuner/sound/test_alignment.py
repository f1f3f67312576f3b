"""Alignment that cannot be fooled: by late copies, loops, polarity, clocks, or noise for noise."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tuner.errors import AlignmentError, DecodeFailed
from tuner.pcm import SAMPLE_RATE, Pcm
from tuner.sound.alignment import align, align_fully
from tuner.sound.synth import synthesize
from tuner.testing.clips import make_surround


@pytest.fixture(scope="module")
def music() -> Pcm:
    """Five seconds of a plucked instrument in stereo."""
    return synthesize("plucked", seed=3, duration_s=5.0)


@pytest.fixture(scope="module")
def loop() -> Pcm:
    """Two beats a second: kick and bass are the same in each, the hat's noise and the tune not."""
    rng = np.random.default_rng(1)
    seconds = np.arange(6 * SAMPLE_RATE) / SAMPLE_RATE
    beat = (2 * seconds) % 1
    kick = 0.5 * np.sin(2 * np.pi * 50 * seconds) * np.exp(-6 * beat)
    bass = 0.25 * np.sin(2 * np.pi * 55 * seconds)
    hat = 0.1 * rng.standard_normal(seconds.size) * np.exp(-30 * ((4 * seconds) % 1))
    tune = 0.1 * np.sin(2 * np.pi * (440 + 50 * np.floor(seconds)) * seconds)
    return np.stack([kick + bass + hat + tune, kick + bass + hat + 0.6 * tune]).astype(np.float32)


def noise(shape: tuple[int, int], seed: int = 0) -> Pcm:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(shape)).astype(np.float32)


def late(pcm: Pcm, samples: int) -> Pcm:
    return np.pad(pcm, ((0, 0), (samples, 0)))


@pytest.mark.parametrize("seconds", [0.1, 0.2, 0.5, 1.0, 1.9])
@pytest.mark.parametrize("what", ["music", "loop"])
def test_a_late_copy_is_found(what: str, seconds: float, request: pytest.FixtureRequest) -> None:
    """Notes and beats are alike a little earlier, but only one lag is right."""
    pcm: Pcm = request.getfixturevalue(what)
    samples = round(seconds * SAMPLE_RATE)
    aligned, found = align_fully(pcm, late(pcm, samples))
    assert (found.delay, found.fraction, found.inverted) == (samples, 0.0, False)
    assert np.array_equal(aligned, pcm)
    assert found.correlation == pytest.approx(1, abs=1e-3)


def test_a_late_and_coded_loop_is_found(loop: Pcm) -> None:
    """Coding noise 15 dB under the loop hides nothing."""
    coded = late(loop, SAMPLE_RATE) + noise((2, loop.shape[1] + SAMPLE_RATE), seed=2) / 3
    assert align_fully(loop, coded)[1].delay == SAMPLE_RATE


@pytest.mark.parametrize("what", ["music", "loop"])
def test_inverted_polarity_is_told_and_put_right(what: str, request: pytest.FixtureRequest) -> None:
    """Nobody hears it: what is scored is the same."""
    pcm: Pcm = request.getfixturevalue(what)
    aligned, found = align_fully(pcm, -late(pcm, 529))
    assert found.delay == 529
    assert found.inverted
    assert np.array_equal(aligned, pcm)


def test_what_listeners_hear_is_told_and_left(music: Pcm) -> None:
    """Swapped channels, and one channel inverted."""
    mixed = np.stack([music[0], 0.3 * music[0] + noise(music.shape)[0]])
    for coded, told in (
        (mixed[::-1], "left and right are swapped"),
        (mixed * np.array([[1], [-1]], np.float32), "the right channel is inverted"),
    ):
        aligned, found = align_fully(mixed, coded)
        assert told in " ".join(found.notes)
        assert np.array_equal(np.abs(aligned), np.abs(coded))


@pytest.mark.parametrize("fraction", [0.5, 0.3, -0.1, 0.04])
def test_a_fraction_of_a_sample_is_removed(fraction: float) -> None:
    """Delayed noise in 10 dB of coding noise: to 0.01 samples, and 50 dB without coding noise."""
    reference = noise((2, 2 * SAMPLE_RATE))
    size = reference.shape[1]
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(size) * (700 + fraction))
    delayed = np.fft.irfft(np.fft.rfft(reference) * turn, size).astype(np.float32)
    _, found = align_fully(reference, delayed + noise(reference.shape, seed=1) / 3)
    assert found.delay + found.fraction == pytest.approx(700 + fraction, abs=0.01)
    aligned, _ = align_fully(reference, delayed)
    inner = slice(1000, -1000)
    spectrum = np.fft.rfft((aligned - reference)[:, inner] * np.hanning(size - 2000))
    heard = np.fft.rfft(reference[:, inner] * np.hanning(size - 2000))
    below = np.fft.rfftfreq(size - 2000, 1 / SAMPLE_RATE) < 20_000
    error = np.sum(np.abs(spectrum[:, below]) ** 2) / np.sum(np.abs(heard[:, below]) ** 2)
    assert 10 * np.log10(error) < -50


def test_coding_noise_makes_no_fraction(music: Pcm) -> None:
    """A whole delay stays whole, and the samples stay what they are."""
    coded = late(music, 481) + noise((2, music.shape[1] + 481)) / 10
    aligned, found = align_fully(music, coded)
    assert (found.delay, found.fraction) == (481, 0.0)
    assert np.array_equal(aligned, coded[:, 481:])


def test_another_clock_is_an_error_with_its_figure(music: Pcm) -> None:
    """A tenth of a percent too fast: five milliseconds off in the end."""
    places = np.arange(music.shape[1]) * 1.001
    fast = np.stack([np.interp(places, np.arange(music.shape[1]), channel) for channel in music])
    with pytest.raises(AlignmentError, match=r"runs (9[89]\d|10[01]\d) ppm too fast"):
        align(music, fast.astype(np.float32))


def test_a_slow_drift_is_told() -> None:
    """Twenty parts in a million: two samples from half to half."""
    reference = noise((1, 4 * SAMPLE_RATE))
    reference[:, 1:] += reference[:, :-1]
    places = np.arange(reference.shape[1]) * (1 - 20e-6)
    slow = np.interp(places, np.arange(reference.shape[1]), reference[0])[None].astype(np.float32)
    (note,) = align_fully(reference, slow)[1].notes
    assert re.fullmatch(r"drifts by \+(1\.[89]|2\.0) samples between halves .*", note)


def test_what_is_missing_or_too_long_is_told(music: Pcm) -> None:
    """A cut beginning is an error, a longer end a note."""
    with pytest.raises(DecodeFailed, match=r"the first 14400 of 240000 samples \(0.30 s\)"):
        align(music, music[:, 14_400:])
    longer = np.pad(music, ((0, 0), (0, 24_000)))
    assert align_fully(music, longer)[1].notes == (
        "0.50 s longer than the reference; the rest is not scored",
    )
    assert not align_fully(music, longer[:, : music.shape[1] + 2304])[1].notes


def test_mono_and_dual_mono(music: Pcm) -> None:
    """One signal in both channels is mono; two signals are not."""
    mono = music[:1]
    assert np.array_equal(align(mono, np.repeat(mono, 2, axis=0))[0], mono)
    assert np.array_equal(align(np.repeat(mono, 2, axis=0), mono)[0], np.repeat(mono, 2, axis=0))
    with pytest.raises(DecodeFailed, match="2 channels decoded, 1 expected"):
        align(mono, np.concatenate([mono, noise(mono.shape)]))


def bursts(seed: int) -> Pcm:
    """Noise that comes and goes: the times are the same, the noise is another for each seed."""
    at = np.random.default_rng(9).uniform(0.05, 1, 40)
    times = np.arange(4 * SAMPLE_RATE) / 4800
    return noise((2, 4 * SAMPLE_RATE), seed) * at[times.astype(int)].astype(np.float32)


def test_envelopes_decide_where_waveforms_cannot() -> None:
    """Noise for noise lines up by its bursts, to within two milliseconds."""
    aligned, found = align_fully(bursts(0), late(bursts(1), 960))
    assert found.delay == pytest.approx(960, abs=96)
    assert "envelopes" in found.notes[0]
    assert align_fully(bursts(0), late(bursts(1), 1000), known_delay=1000)[1].delay == 1000
    assert aligned.shape == bursts(0).shape


def test_a_known_delay_holds_where_nothing_tells() -> None:
    """Steady noise for steady noise; not for what has other bands."""
    reference, other = noise((1, 3 * SAMPLE_RATE)), noise((1, 3 * SAMPLE_RATE + 100), seed=1)
    with pytest.raises(AlignmentError, match="does not line up"):
        align(reference, other)
    aligned, delay = align(reference, other, known_delay=100)
    assert delay == 100
    assert np.array_equal(aligned, other[:, 100:])
    with pytest.raises(AlignmentError):
        align(np.cumsum(reference, axis=1) / 100, other, known_delay=100)


@pytest.mark.parametrize("sounds", [("plucked", "bowed"), ("drums", "castanets"), ("pad", "bells")])
def test_unrelated_music_does_not_line_up(sounds: tuple[str, str]) -> None:
    """In nothing: waveforms, envelopes, levels."""
    first, second = (synthesize(sound, seed=5, duration_s=4.0) for sound in sounds)
    with pytest.raises(AlignmentError, match="does not line up"):
        align(first, second)


def test_channels_in_another_order_are_told() -> None:
    """Surround sound whose centre and left surround changed places, in words."""
    reference = make_surround(6, 2.0)
    assert align_fully(reference, reference)[1].notes == ()
    swapped = reference[[0, 1, 4, 3, 2, 5]]
    assert align_fully(reference, swapped)[1].notes == (
        "the channels are in another order (3 as 5, 5 as 3)",
    )


def test_surround_is_aligned_as_a_whole() -> None:
    """Its delay is one; a mono signal is no version of it."""
    reference = make_surround(8, 2.0)
    reference[4:6] = 0  # silent speakers
    late = np.pad(reference, ((0, 0), (333, 0)))
    aligned, found = align_fully(reference, late)
    assert found.delay == 333
    np.testing.assert_allclose(aligned[:, :-400], reference[:, :-400], atol=1e-6)
    with pytest.raises(DecodeFailed, match="1 channel decoded, 8 expected") as caught:
        align_fully(reference, reference[:1])
    assert caught.value.remedy == "compare with a reference of as many channels"
    with pytest.raises(DecodeFailed, match=r"2 channels decoded, 8 expected; .*ffmpeg .*-ac 2"):
        align_fully(reference, reference[:2])
