"""Sounds that last: bowed, sung, spoken, blown, electronic."""

from __future__ import annotations

import numpy as np

from tuner.sound.audio import SAMPLE_RATE
from tuner.sound.synth.signals import (
    Signal,
    high_pass,
    low_pass,
    make_saw,
    make_swell,
    pass_above,
    pass_below,
    resonate,
    shape,
    smooth,
)
from tuner.sound.synth.song import (
    CHORDS,
    Song,
    make_chords,
    make_melody,
    mix_in,
    pan,
)

#: Formants of the vowels a, e, i, o, u of an adult voice, Hz (Peterson & Barney 1952;
#: the upper two are common to all).
VOWELS = (
    (730.0, 1090.0, 2440.0, 3500.0, 4700.0),
    (530.0, 1840.0, 2480.0, 3500.0, 4700.0),
    (270.0, 2290.0, 3010.0, 3600.0, 4700.0),
    (570.0, 840.0, 2410.0, 3400.0, 4600.0),
    (300.0, 870.0, 2240.0, 3400.0, 4600.0),
)


def make_bowed(song: Song) -> Signal:
    """Two to four string players: sawtooth, vibrato, a body's resonances, bow noise."""
    out, rng = song.silence(), song.rng
    for _ in range(int(rng.integers(2, 5))):
        hz, loudness, _starts = make_melody(song, int(rng.integers(-1, 3)), longest=10)
        scratch = song.log_between(0.02, 0.2) * rng.standard_normal(song.length)
        body = [(song.log_between(250, 6_000), song.between(0.5, 2)) for _ in range(7)]
        player = resonate((make_saw(hz) + scratch) * loudness, body, q=5, floor=0.3)
        mix_in(out, player, 0, song.between(-1, 1))
    return out


def make_sung(song: Song) -> Signal:
    """One to three singers on moving vowels."""
    out, rng = song.silence(), song.rng
    for _ in range(int(rng.integers(1, 4))):
        hz, loudness, starts = make_melody(song, int(rng.integers(0, 3)), longest=12)
        mix_in(
            out,
            make_voice(song, hz, starts, song.between(0.95, 1.25)) * loudness,
            0,
            song.between(-0.8, 0.8),
        )
    return out


def make_speech(song: Song) -> Signal:
    """Speech-like syllables in mono: fricatives and bursts, voiced vowels, pauses."""
    rng = song.rng
    voiced, noisy = np.zeros(song.length), np.zeros(song.length)
    starts, at = [0], 0.02
    while at < song.duration_s:
        consonant_s, vowel_s = song.between(0.03, 0.13), song.between(0.07, 0.25)
        begin, middle, end = (round(s * SAMPLE_RATE) for s in np.cumsum([at, consonant_s, vowel_s]))
        hiss = rng.standard_normal(middle - begin) * make_swell(middle - begin, 0.01, 0.02)
        center_hz = song.log_between(1_500, 9_000)
        hiss = resonate(hiss, [(center_hz, 1.0)], 1.5) + 0.3 * pass_above(hiss, center_hz)
        noisy[begin:middle] += (hiss * song.between(0, 0.5))[: max(song.length - begin, 0)]
        vowel = song.between(0.5, 1) * make_swell(end - middle, 0.02, 0.05)
        voiced[middle:end] = vowel[: max(song.length - middle, 0)]
        starts.append(min(middle, song.length))
        at += consonant_s + vowel_s + rng.choice([0.0, song.between(0.15, 0.6)], p=[0.8, 0.2])
    t = np.arange(song.length) / SAMPLE_RATE
    tune = np.sin(2 * np.pi * song.between(0.3, 0.8) * t) + np.sin(2 * np.pi * 1.7 * t)
    hz = song.log_between(85, 260) * 2 ** (0.15 * tune)
    voice = make_voice(song, hz, starts, song.between(0.9, 1.2)) * voiced
    return np.stack([voice / max(float(np.std(voice)), 1e-9) * 0.2 + noisy * 0.3] * 2)


def make_voice(song: Song, hz: Signal, vowel_starts: list[int], size: float) -> Signal:
    """Glottal pulses and breath through formants that move from vowel to vowel."""
    pulses = make_saw(hz) ** 3
    breath = song.rng.standard_normal(song.length) * (0.3 + np.maximum(pulses, 0))
    source = pulses + song.log_between(0.02, 0.15) * breath
    weights = np.zeros((len(VOWELS), song.length))
    for start, stop in zip(vowel_starts, [*vowel_starts[1:], song.length], strict=True):
        weights[song.rng.integers(len(VOWELS)), start:stop] = 1
    voice = np.zeros(song.length)
    for weight, formants in zip(smooth(weights, 0.06), VOWELS, strict=True):
        gains = (1.0, 0.6, 0.35, 0.25, 0.2)
        pairs = list(zip(formants, gains, strict=True))
        peaks = [(center * size, gain) for center, gain in pairs]
        voice += weight * resonate(source, peaks, q=9, floor=0.02)
    return voice


def make_brass(song: Song) -> Signal:
    """Brass section: the louder the note, the brighter."""
    cutoff_hz, attack_s = song.log_between(1_500, 7_000), song.log_between(0.01, 0.1)

    def voice(hz: float, length: int) -> Signal:
        bend = 1 - 0.02 * np.exp(-np.arange(length) / (0.03 * SAMPLE_RATE))
        raw = make_saw(hz * bend, song.between(0, 1))
        swell = make_swell(length, attack_s, 0.05)
        dark = shape(raw, lambda f: low_pass(f, cutoff_hz / 3))
        bright = shape(raw, lambda f: low_pass(f, cutoff_hz, 1.2))
        return pan(song.between(-1, 1)) * (swell * (dark + swell**3 * bright))

    return make_chords(song, voice, longest=8)


def make_organ(song: Song) -> Signal:
    """Organ: stops from 16' to a mixture, wind noise, pipes left and right."""
    stops = np.array([0.5, 1, 2, 3, 4, 6, 8, 12, 16]) * np.exp(song.rng.normal(0, 0.0005, 9))
    gains = song.rng.uniform(0, 1, 9) * np.linspace(1, song.between(0.3, 0.9), 9)

    def voice(hz: float, length: int) -> Signal:
        t = np.arange(length) / SAMPLE_RATE
        pipes = hz * stops
        gain = np.where(pipes < 18_000, gains, 0.0)
        note = np.sin(2 * np.pi * np.outer(pipes, t) + song.rng.uniform(0, 6, (9, 1))) + 0.0
        note += 0.3 * note**3
        wind = 0.03 * song.rng.standard_normal((2, length))
        sides = np.stack([gain * song.rng.uniform(0.2, 1, 9) for _ in range(2)])
        stereo: Signal = (sides @ note + wind) * make_swell(length, 0.015, 0.08)
        return stereo

    return make_chords(song, voice, longest=12)


def make_electronic(song: Song) -> Signal:
    """Arpeggio of square and sawtooth waves through a resonant filter that opens and closes."""
    rng = song.rng
    count = int(song.duration_s / song.step_s) + 1
    chord = CHORDS[rng.integers(len(CHORDS))]
    walk = [song.hz(chord[i % len(chord)] + 7 * (i // 3 % 2), 0) for i in range(count)]
    step = np.minimum((np.arange(song.length) / SAMPLE_RATE / song.step_s).astype(int), count - 1)
    hz = np.array(walk)[step] * 2.0 ** int(rng.integers(-1, 2))
    gate = np.exp(
        -((np.arange(song.length) / SAMPLE_RATE) % song.step_s) / song.log_between(0.04, 0.3)
    )
    duty = song.between(0.15, 0.5)
    waves = [make_saw(hz) - (make_saw(hz, duty) if rng.random() < 0.5 else 0)]
    waves.append(make_saw(hz * song.between(1.001, 1.008), 0.3))
    raw = np.stack(waves) * smooth(gate, 0.001)
    cutoffs = np.geomspace(song.log_between(300, 900), 18_000, 6)
    t = np.arange(song.length) / SAMPLE_RATE
    opening = 2.5 + 2.5 * np.sin(2 * np.pi * song.between(0.1, 0.6) * t + song.between(0, 6))
    q = song.log_between(0.7, 6)
    out = song.silence()
    for index, cutoff in enumerate(cutoffs):
        weight = np.maximum(1 - np.abs(opening - index), 0)
        out += weight * pass_below(raw, float(cutoff), q)
    return out


def make_pad(song: Song) -> Signal:
    """Wide pad: many detuned voices, none shared by the two channels, and shimmer."""
    detune = song.log_between(0.001, 0.012)
    cutoff_hz = song.log_between(2_000, 16_000)

    def voice(hz: float, length: int) -> Signal:
        sides = [
            sum(
                make_saw(np.full(length, hz * song.rng.normal(1, detune)), song.between(0, 1))
                for _ in "123"
            )
            for _ in "LR"
        ]
        return np.stack(sides) * make_swell(length, 0.3, 0.3)

    shimmer = song.log_between(0.05, 0.5) * song.rng.standard_normal((2, song.length))
    shimmer = shape(shimmer, lambda f: high_pass(f, 5_000))
    return shape(make_chords(song, voice, longest=16), lambda f: low_pass(f, cutoff_hz)) + shimmer
