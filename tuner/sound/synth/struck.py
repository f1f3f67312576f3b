"""Sounds of many attacks: castanets, bars and bells, plucked strings, drums, applause."""

from __future__ import annotations

import numpy as np
from scipy import fft

from tuner.sound.synth.signals import (
    Signal,
    band_pass,
    high_pass,
    make_swell,
    ring,
    seconds_of,
    shape,
)
from tuner.sound.synth.song import (
    CHORDS,
    Song,
    mix_in,
    pan,
    pluck_string,
)

#: Frequencies of the partials of a church bell and of a free metal bar (glockenspiel,
#: relative to the strike note): Fletcher & Rossing, The Physics of Musical Instruments.
BELL_PARTIALS = (0.5, 1.0, 1.183, 1.506, 2.0, 2.514, 2.662, 3.011, 4.166, 5.433, 6.8, 8.21)
BAR_PARTIALS = (1.0, 2.756, 5.404, 8.933, 13.34)


def make_castanets(song: Song) -> Signal:
    """Dry clacks: a few modes of 2 to 9 kHz and a click, silence between them."""
    out, rng = song.silence(), song.rng
    shells = [(song.log_between(1_500, 3_500), song.between(-1, 1)) for _ in range(3)]
    for at in song.onsets(song.between(0.35, 0.8)):
        hz, position = shells[rng.integers(len(shells))]
        repeats = int(rng.choice([1, 1, 2, 4]))
        for repeat in range(repeats):
            ratios = np.array([1, 1.6, 2.3, 3.4, 5.1]) * rng.normal(1, 0.02, 5)
            t60_s = song.log_between(0.015, 0.05) / ratios**0.5
            clack = ring(hz * ratios, rng.uniform(0.3, 1, 5), t60_s, 0.08, rng.uniform(0, 6, 5))
            noise = rng.standard_normal(len(clack)) * np.exp(-seconds_of(0.08) / 0.0015)
            loud = song.between(0.4, 1.0)
            mix_in(out, loud * (clack + noise), at + repeat * song.step_s / repeats, position)
    return out


def _struck(song: Song, ratios: tuple[float, ...], octave: int, t60_s: float) -> Signal:
    """Struck metal: inharmonic partials with a beating twin each, and the stroke's click."""
    out, rng = song.silence(), song.rng
    twins = np.repeat(np.array(ratios), 2)
    for at in song.onsets(song.between(0.15, 0.5), steps=2)[:40]:
        hz = song.hz(int(rng.integers(0, 12)), octave) * twins * rng.normal(1, 0.0008, len(twins))
        decay = t60_s * song.between(0.6, 1.4) / twins**0.7
        gains = rng.uniform(0.3, 1, len(twins)) / twins ** song.between(0.2, 0.8)
        long_s = min(t60_s, song.duration_s - at, 2.5)
        note = ring(hz, gains, decay, long_s, rng.uniform(0, 6, len(twins)))
        note *= make_swell(len(note), 0.0005, 0.05)
        note += 0.5 * rng.standard_normal(len(note)) * np.exp(-seconds_of(long_s) / 0.001)
        mix_in(out, note, at, song.between(-0.8, 0.8))
    return out


def make_glockenspiel(song: Song) -> Signal:
    """Metal bars."""
    return _struck(song, BAR_PARTIALS, int(song.rng.integers(2, 4)), song.between(0.8, 2.5))


def make_bells(song: Song) -> Signal:
    """Church bells."""
    return _struck(song, BELL_PARTIALS, int(song.rng.integers(0, 3)), song.between(2.0, 5.0))


def make_plucked(song: Song) -> Signal:
    """Arpeggios and strummed chords on strings that have places from left to right."""
    out, rng = song.silence(), song.rng
    octave, t60_s = int(rng.integers(-1, 2)), song.log_between(0.4, 4.0)
    dullness, width = song.log_between(0.02, 0.5), song.between(0.1, 1.0)
    for at in song.onsets(song.between(0.4, 0.9), steps=2):
        degree, chord = int(rng.integers(0, 7)), CHORDS[rng.integers(len(CHORDS))]
        strum = rng.random() < 0.3
        for order, third in enumerate(chord if strum else chord[:1]):
            hz = song.hz(degree + third, octave)
            note = pluck_string(song, hz, min(t60_s, 1.5), t60_s, dullness)
            place = width * song.between(-1, 1)
            mix_in(out, song.between(0.4, 1) * note, at + order * song.between(0.005, 0.03), place)
    return out


def make_drums(song: Song) -> Signal:
    """Kick, snare and hats on a sixteenth grid, with a pattern of their own per seed."""
    out, rng = song.silence(), song.rng
    t = seconds_of(0.35)
    sweep = song.between(40, 65) * t + song.between(2, 8) * (1 - np.exp(-t / 0.03))
    kick = np.sin(2 * np.pi * sweep) * np.exp(-t / 0.1) + 0.3 * np.exp(-t / 0.002)
    rattle = shape(rng.standard_normal(len(t)), lambda f: high_pass(f, 1_500)) * np.exp(-t / 0.06)
    snare = rattle + np.sin(2 * np.pi * song.between(160, 240) * t) * np.exp(-t / 0.05)
    hiss = shape(rng.standard_normal(len(t)), lambda f: high_pass(f, 7_500, 1.5) ** 2)
    hats = [hiss * np.exp(-t / decay_s) for decay_s in (0.012, 0.02, 0.15)]
    places = rng.uniform(-0.8, 0.8, 3)
    patterns = rng.random((3, 16)) < np.array([[0.25], [0.15], [song.between(0.4, 0.95)]])
    patterns[0, [0, 8]] = patterns[1, [4, 12]] = True
    for step, at in enumerate(np.arange(0.02, song.duration_s, song.step_s)):
        hits = (kick, snare, hats[rng.integers(3)] * 1.2)
        for hit, pattern, place in zip(hits, patterns, places * [0.1, 0.4, 1.0], strict=True):
            if pattern[step % 16]:
                mix_in(out, hit * song.between(0.5, 1.0), float(at), float(place))
    return out


def make_applause(song: Song) -> Signal:
    """Dense claps from everywhere: random pulses through the ring of many pairs of hands."""
    out, rng = song.silence(), song.rng
    t = seconds_of(0.03)
    for _ in range(8):
        pulses = song.silence()
        count = max(int(song.log_between(8, 120) * song.duration_s), 1)
        at = rng.integers(0, song.length, count)
        pulses[:, at] = pan(0)[:, :1] * rng.uniform(0, 2, (2, count)) * rng.choice([-1, 1], count)
        clap = rng.standard_normal((2, len(t))) * np.exp(-t / song.log_between(0.001, 0.006))
        clap = shape(clap, lambda f: band_pass(f, song.log_between(900, 4_000), 1.2) + 0.15)
        size = fft.next_fast_len(song.length + len(t), real=True)
        out += fft.irfft(fft.rfft(pulses, size) * fft.rfft(clap, size), size)[:, : song.length]
    return out
