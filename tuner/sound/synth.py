"""Synthetic music, speech-like sound and noise, made from nothing but a seed.

The demo's clips and a part of the quality model's training material. Every sound is
deterministic in (sound, seed, duration); another seed gives another tempo, key,
register, timbre, stereo width, brightness and room.

Conventions: outside float32 ``[2, T]`` at 48 kHz, peak -3 to -1 dBFS; inside float64,
one channel ``[T]`` or two ``[2, T]``, levels free until `synthesize` sets them.
Filters are second-order analogue responses, applied by FFT.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from tuner.sound.audio import SAMPLE_RATE, Pcm

Signal = npt.NDArray[np.float64]
Response = npt.NDArray[np.complex128]

#: Semitones of the scales that melodies walk on.
SCALES = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 9, 10),
    (0, 2, 4, 7, 9),
    (0, 3, 5, 7, 10),
)
#: Frequencies of the partials of a church bell and of a free metal bar (glockenspiel,
#: relative to the strike note): Fletcher & Rossing, The Physics of Musical Instruments.
BELL_PARTIALS = (0.5, 1.0, 1.183, 1.506, 2.0, 2.514, 2.662, 3.011, 4.166, 5.433, 6.8, 8.21)
BAR_PARTIALS = (1.0, 2.756, 5.404, 8.933, 13.34)
#: Formants of the vowels a, e, i, o, u of an adult voice, Hz (Peterson & Barney 1952;
#: the upper two are common to all).
VOWELS = (
    (730.0, 1090.0, 2440.0, 3500.0, 4700.0),
    (530.0, 1840.0, 2480.0, 3500.0, 4700.0),
    (270.0, 2290.0, 3010.0, 3600.0, 4700.0),
    (570.0, 840.0, 2410.0, 3400.0, 4600.0),
    (300.0, 870.0, 2240.0, 3400.0, 4600.0),
)
CHORDS = ((0, 2, 4), (0, 2, 4, 6), (0, 3, 4), (0, 2, 4, 7), (0, 4, 7, 9))
MAX_PITCH_HZ = 4_000.0
#: Ends of every sound are faded, so that a cut note is not a click.
FADE_S = 0.01


@dataclass(frozen=True)
class _Song:
    """What all voices of one sound share: its random source, length, tempo and key."""

    rng: np.random.Generator
    length: int
    step_s: float
    root_hz: float
    scale: tuple[int, ...]

    @property
    def duration_s(self) -> float:
        return float(self.length / SAMPLE_RATE)

    def hz(self, degree: int, octave: int = 0) -> float:
        """Pitch of a scale degree; degree 0 in octave 0 is 110 to 220 Hz."""
        octaves, index = divmod(degree, len(self.scale))
        pitch = self.root_hz * math.exp2(octave + octaves + self.scale[index] / 12)
        return min(pitch, MAX_PITCH_HZ)

    def silence(self) -> Signal:
        return np.zeros((2, self.length))

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def log_between(self, low: float, high: float) -> float:
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def onsets(self, density: float, steps: int = 1) -> list[float]:
        """Seconds of the grid points (every `steps` steps) that carry an event."""
        grid = np.arange(0.02, self.duration_s, self.step_s * steps)
        return [float(at) for at in grid[self.rng.random(len(grid)) < density]] or [0.02]


def _seconds(duration_s: float) -> Signal:
    return np.arange(max(round(duration_s * SAMPLE_RATE), 1)) / SAMPLE_RATE


def _pan(position: float) -> Signal:
    """Equal-power gains ``[2, 1]`` of a position from -1 (left) to 1 (right)."""
    angle = (position + 1) * np.pi / 4
    return np.array([[np.cos(angle)], [np.sin(angle)]])


def _add(out: Signal, event: Signal, at_s: float, position: float) -> None:
    """Mix a mono `event` into `out` at a time and place; what overhangs is cut."""
    start = round(at_s * SAMPLE_RATE)
    room = max(out.shape[1] - start, 0)
    out[:, start : start + len(event)] += _pan(position) * event[:room]


def _filter(signal: Signal, respond: Callable[[Signal], Response]) -> Signal:
    """Apply a frequency response (a function of Hz) along the last axis."""
    length = signal.shape[-1]
    size = fft.next_fast_len(length + SAMPLE_RATE // 8, real=True)
    spectrum = fft.rfft(signal, size) * respond(fft.rfftfreq(size, 1 / SAMPLE_RATE))
    filtered: Signal = fft.irfft(spectrum, size)[..., :length]
    return filtered


def _resonate(
    signal: Signal, peaks: list[tuple[float, float]], q: float, floor: float = 0.0
) -> Signal:
    """Resonances at (Hz, gain), over a flat `floor`."""

    def respond(f: Signal) -> Response:
        response: Response = np.full(len(f), floor, dtype=np.complex128)
        for hz, gain in peaks:
            response += gain * _peak(f, hz, q)
        return response

    return _filter(signal, respond)


def _pass_below(signal: Signal, cutoff_hz: float, q: float) -> Signal:
    return _filter(signal, lambda f: _low(f, cutoff_hz, q))


def _pass_above(signal: Signal, cutoff_hz: float) -> Signal:
    return _filter(signal, lambda f: _high(f, cutoff_hz))


def _low(hz: Signal, cutoff_hz: float, q: float = 0.7) -> Response:
    x = hz / cutoff_hz
    return np.asarray(1 / (1 - x**2 + 1j * x / q))


def _high(hz: Signal, cutoff_hz: float, q: float = 0.7) -> Response:
    return np.asarray(-((hz / cutoff_hz) ** 2) * _low(hz, cutoff_hz, q))


def _peak(hz: Signal, center_hz: float, q: float) -> Response:
    """Band-pass of gain 1 at its centre."""
    response: Response = 1j * hz / center_hz / q * _low(hz, center_hz, q)
    return response


def _smooth(signal: Signal, window_s: float) -> Signal:
    size = max(round(window_s * SAMPLE_RATE), 1)
    smoothed: Signal = ndimage.uniform_filter1d(signal, size, axis=-1, mode="nearest")
    return smoothed


def _swell(length: int, attack_s: float, release_s: float) -> Signal:
    """Envelope that rises, holds 1 and falls, with sine-shaped ends."""
    t = np.arange(length) / SAMPLE_RATE
    ends = np.minimum(t / attack_s, (length / SAMPLE_RATE - t) / release_s)
    swell: Signal = np.sin(np.clip(ends, 0, 1) * np.pi / 2)
    return swell


def _saw(hz: Signal, phase: float = 0.0) -> Signal:
    """Sawtooth with a changing pitch, its aliases damped (PolyBLEP, Välimäki 2007)."""
    step = hz / SAMPLE_RATE
    turn = (np.cumsum(step) + phase) % 1.0
    after = np.clip(turn / step, 0, 1)
    before = np.clip((turn - 1) / step, -1, 0)
    saw: Signal = 2 * turn - 1 + (after - 1) ** 2 - (before + 1) ** 2
    return saw


def _modes(
    hz: Signal, gains: Signal, t60_s: Signal, duration_s: float, rng_phase: Signal
) -> Signal:
    """Sum of decaying sines; partials above 20 kHz are left out."""
    t = _seconds(duration_s)[:, None]
    heard = hz < 20_000
    sines = np.sin(2 * np.pi * hz[heard] * t + rng_phase[heard])
    modes: Signal = (sines * np.exp(-6.9 * t / t60_s[heard])) @ gains[heard]
    return modes


def _string(song: _Song, hz: float, duration_s: float, t60_s: float, dullness: float) -> Signal:
    """Plucked string: the loop of Karplus and Strong (1983), solved in the frequency domain."""
    length = round(duration_s * SAMPLE_RATE)
    size = fft.next_fast_len(2 * length, real=True)
    f = fft.rfftfreq(size, 1 / SAMPLE_RATE)
    burst = np.zeros(size)
    period = int(SAMPLE_RATE / hz)
    burst[:period] = song.rng.standard_normal(period)
    loss = 10 ** (-3 / (hz * t60_s)) * (1 - dullness * (f / SAMPLE_RATE * 2) ** 2)
    turn = np.exp(-2j * np.pi * f / hz)
    pluck_point = 1 - np.exp(-2j * np.pi * f / hz * song.between(0.1, 0.4))
    string: Signal = fft.irfft(fft.rfft(burst) * pluck_point / (1 - loss * turn), size)[:length]
    return string * _swell(length, 0.0005, 0.05)


def _melody(song: _Song, octave: int, longest: int) -> tuple[Signal, Signal, list[int]]:
    """A legato line: pitch in Hz ``[T]``, loudness ``[T]``, first sample of each note."""
    hz, loudness = np.zeros(song.length), np.zeros(song.length)
    start, degree, starts = 0, int(song.rng.integers(0, 7)), []
    while start < song.length:
        steps = int(song.rng.integers(2, longest + 1))
        stop = min(start + round(steps * song.step_s * SAMPLE_RATE), song.length)
        hz[start:stop] = song.hz(degree, octave)
        loudness[start:stop] = song.between(0.5, 1.0) * _swell(stop - start, 0.05, 0.06)
        starts.append(start)
        start, degree = stop, int(np.clip(degree + song.rng.integers(-3, 4), -3, 10))
    t = np.arange(song.length) / SAMPLE_RATE
    depth = song.log_between(0.002, 0.015)
    wobble = np.sin(2 * np.pi * song.between(4.5, 7) * t + song.between(0, 6))
    return _smooth(hz, 0.02) * (1 + depth * wobble), loudness, starts


def _voice(song: _Song, hz: Signal, vowel_starts: list[int], size: float) -> Signal:
    """Glottal pulses and breath through formants that move from vowel to vowel."""
    pulses = _saw(hz) ** 3
    breath = song.rng.standard_normal(song.length) * (0.3 + np.maximum(pulses, 0))
    source = pulses + song.log_between(0.02, 0.15) * breath
    weights = np.zeros((len(VOWELS), song.length))
    for start, stop in zip(vowel_starts, [*vowel_starts[1:], song.length], strict=True):
        weights[song.rng.integers(len(VOWELS)), start:stop] = 1
    voice = np.zeros(song.length)
    for weight, formants in zip(_smooth(weights, 0.06), VOWELS, strict=True):
        gains = (1.0, 0.6, 0.35, 0.25, 0.2)
        pairs = list(zip(formants, gains, strict=True))
        peaks = [(center * size, gain) for center, gain in pairs]
        voice += weight * _resonate(source, peaks, q=9, floor=0.02)
    return voice


def _room(song: _Song, dry: Signal) -> Signal:
    """Add a room: exponentially decaying noise, another one for each ear."""
    wet = song.rng.choice([0.0, song.log_between(0.02, 0.5)], p=[0.25, 0.75])
    if wet == 0:
        return dry
    t60_s = song.log_between(0.15, 2.5)
    t = _seconds(t60_s)
    tail = song.rng.standard_normal((2, len(t))) * np.exp(-6.9 * t / t60_s)
    tail = _filter(tail, lambda f: _low(f, song.log_between(2_500, 16_000)))
    tail[:, : round(song.between(0.002, 0.03) * SAMPLE_RATE)] = 0
    size = fft.next_fast_len(dry.shape[1] + tail.shape[1], real=True)
    echo = fft.irfft(fft.rfft(dry, size) * fft.rfft(tail, size), size)[:, : dry.shape[1]]
    level = np.sqrt(np.mean(dry**2) / max(float(np.mean(echo**2)), 1e-20))
    roomy: Signal = dry + wet * level * echo
    return roomy


def _castanets(song: _Song) -> Signal:
    """Dry clacks: a few modes of 2 to 9 kHz and a click, silence between them."""
    out, rng = song.silence(), song.rng
    shells = [(song.log_between(1_500, 3_500), song.between(-1, 1)) for _ in range(3)]
    for at in song.onsets(song.between(0.35, 0.8)):
        hz, position = shells[rng.integers(len(shells))]
        repeats = int(rng.choice([1, 1, 2, 4]))
        for repeat in range(repeats):
            ratios = np.array([1, 1.6, 2.3, 3.4, 5.1]) * rng.normal(1, 0.02, 5)
            t60_s = song.log_between(0.015, 0.05) / ratios**0.5
            clack = _modes(hz * ratios, rng.uniform(0.3, 1, 5), t60_s, 0.08, rng.uniform(0, 6, 5))
            noise = rng.standard_normal(len(clack)) * np.exp(-_seconds(0.08) / 0.0015)
            loud = song.between(0.4, 1.0)
            _add(out, loud * (clack + noise), at + repeat * song.step_s / repeats, position)
    return out


def _struck(song: _Song, ratios: tuple[float, ...], octave: int, t60_s: float) -> Signal:
    """Struck metal: inharmonic partials with a beating twin each, and the stroke's click."""
    out, rng = song.silence(), song.rng
    twins = np.repeat(np.array(ratios), 2)
    for at in song.onsets(song.between(0.15, 0.5), steps=2)[:40]:
        hz = song.hz(int(rng.integers(0, 12)), octave) * twins * rng.normal(1, 0.0008, len(twins))
        decay = t60_s * song.between(0.6, 1.4) / twins**0.7
        gains = rng.uniform(0.3, 1, len(twins)) / twins ** song.between(0.2, 0.8)
        long_s = min(t60_s, song.duration_s - at, 2.5)
        note = _modes(hz, gains, decay, long_s, rng.uniform(0, 6, len(twins)))
        note *= _swell(len(note), 0.0005, 0.05)
        note += 0.5 * rng.standard_normal(len(note)) * np.exp(-_seconds(long_s) / 0.001)
        _add(out, note, at, song.between(-0.8, 0.8))
    return out


def _glockenspiel(song: _Song) -> Signal:
    return _struck(song, BAR_PARTIALS, int(song.rng.integers(2, 4)), song.between(0.8, 2.5))


def _bells(song: _Song) -> Signal:
    return _struck(song, BELL_PARTIALS, int(song.rng.integers(0, 3)), song.between(2.0, 5.0))


def _plucked(song: _Song) -> Signal:
    """Arpeggios and strummed chords on strings that have places from left to right."""
    out, rng = song.silence(), song.rng
    octave, t60_s = int(rng.integers(-1, 2)), song.log_between(0.4, 4.0)
    dullness, width = song.log_between(0.02, 0.5), song.between(0.1, 1.0)
    for at in song.onsets(song.between(0.4, 0.9), steps=2):
        degree, chord = int(rng.integers(0, 7)), CHORDS[rng.integers(len(CHORDS))]
        strum = rng.random() < 0.3
        for order, third in enumerate(chord if strum else chord[:1]):
            hz = song.hz(degree + third, octave)
            note = _string(song, hz, min(t60_s, 1.5), t60_s, dullness)
            place = width * song.between(-1, 1)
            _add(out, song.between(0.4, 1) * note, at + order * song.between(0.005, 0.03), place)
    return out


def _bowed(song: _Song) -> Signal:
    """Two to four string players: sawtooth, vibrato, a body's resonances, bow noise."""
    out, rng = song.silence(), song.rng
    for _ in range(int(rng.integers(2, 5))):
        hz, loudness, _starts = _melody(song, int(rng.integers(-1, 3)), longest=10)
        scratch = song.log_between(0.02, 0.2) * rng.standard_normal(song.length)
        body = [(song.log_between(250, 6_000), song.between(0.5, 2)) for _ in range(7)]
        player = _resonate((_saw(hz) + scratch) * loudness, body, q=5, floor=0.3)
        _add(out, player, 0, song.between(-1, 1))
    return out


def _sung(song: _Song) -> Signal:
    """One to three singers on moving vowels."""
    out, rng = song.silence(), song.rng
    for _ in range(int(rng.integers(1, 4))):
        hz, loudness, starts = _melody(song, int(rng.integers(0, 3)), longest=12)
        _add(
            out,
            _voice(song, hz, starts, song.between(0.95, 1.25)) * loudness,
            0,
            song.between(-0.8, 0.8),
        )
    return out


def _drums(song: _Song) -> Signal:
    """Kick, snare and hats on a sixteenth grid, with a pattern of their own per seed."""
    out, rng = song.silence(), song.rng
    t = _seconds(0.35)
    sweep = song.between(40, 65) * t + song.between(2, 8) * (1 - np.exp(-t / 0.03))
    kick = np.sin(2 * np.pi * sweep) * np.exp(-t / 0.1) + 0.3 * np.exp(-t / 0.002)
    rattle = _filter(rng.standard_normal(len(t)), lambda f: _high(f, 1_500)) * np.exp(-t / 0.06)
    snare = rattle + np.sin(2 * np.pi * song.between(160, 240) * t) * np.exp(-t / 0.05)
    hiss = _filter(rng.standard_normal(len(t)), lambda f: _high(f, 7_500, 1.5) ** 2)
    hats = [hiss * np.exp(-t / decay_s) for decay_s in (0.012, 0.02, 0.15)]
    places = rng.uniform(-0.8, 0.8, 3)
    patterns = rng.random((3, 16)) < np.array([[0.25], [0.15], [song.between(0.4, 0.95)]])
    patterns[0, [0, 8]] = patterns[1, [4, 12]] = True
    for step, at in enumerate(np.arange(0.02, song.duration_s, song.step_s)):
        hits = (kick, snare, hats[rng.integers(3)] * 1.2)
        for hit, pattern, place in zip(hits, patterns, places * [0.1, 0.4, 1.0], strict=True):
            if pattern[step % 16]:
                _add(out, hit * song.between(0.5, 1.0), float(at), float(place))
    return out


def _applause(song: _Song) -> Signal:
    """Dense claps from everywhere: random pulses through the ring of many pairs of hands."""
    out, rng = song.silence(), song.rng
    t = _seconds(0.03)
    for _ in range(8):
        pulses = song.silence()
        count = max(int(song.log_between(8, 120) * song.duration_s), 1)
        at = rng.integers(0, song.length, count)
        pulses[:, at] = _pan(0)[:, :1] * rng.uniform(0, 2, (2, count)) * rng.choice([-1, 1], count)
        clap = rng.standard_normal((2, len(t))) * np.exp(-t / song.log_between(0.001, 0.006))
        clap = _filter(clap, lambda f: _peak(f, song.log_between(900, 4_000), 1.2) + 0.15)
        size = fft.next_fast_len(song.length + len(t), real=True)
        out += fft.irfft(fft.rfft(pulses, size) * fft.rfft(clap, size), size)[:, : song.length]
    return out


def _chords(song: _Song, voice: Callable[[float, int], Signal], longest: int) -> Signal:
    """Chord after chord; `voice` makes a stereo note from a pitch and a length in samples."""
    out, start = song.silence(), 0
    while start < song.length:
        steps = int(song.rng.integers(3, longest + 1))
        stop = min(start + round(steps * song.step_s * SAMPLE_RATE), song.length)
        degree = int(song.rng.integers(0, 7))
        for third in CHORDS[song.rng.integers(len(CHORDS))]:
            out[:, start:stop] += voice(song.hz(degree + third), stop - start)
        start = stop
    return out


def _brass(song: _Song) -> Signal:
    """Brass section: the louder the note, the brighter."""
    cutoff_hz, attack_s = song.log_between(1_500, 7_000), song.log_between(0.01, 0.1)

    def voice(hz: float, length: int) -> Signal:
        bend = 1 - 0.02 * np.exp(-np.arange(length) / (0.03 * SAMPLE_RATE))
        raw = _saw(hz * bend, song.between(0, 1))
        swell = _swell(length, attack_s, 0.05)
        dark = _filter(raw, lambda f: _low(f, cutoff_hz / 3))
        bright = _filter(raw, lambda f: _low(f, cutoff_hz, 1.2))
        return _pan(song.between(-1, 1)) * (swell * (dark + swell**3 * bright))

    return _chords(song, voice, longest=8)


def _organ(song: _Song) -> Signal:
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
        stereo: Signal = (sides @ note + wind) * _swell(length, 0.015, 0.08)
        return stereo

    return _chords(song, voice, longest=12)


def _speech(song: _Song) -> Signal:
    """Speech-like syllables in mono: fricatives and bursts, voiced vowels, pauses."""
    rng = song.rng
    voiced, noisy = np.zeros(song.length), np.zeros(song.length)
    starts, at = [0], 0.02
    while at < song.duration_s:
        consonant_s, vowel_s = song.between(0.03, 0.13), song.between(0.07, 0.25)
        begin, middle, end = (round(s * SAMPLE_RATE) for s in np.cumsum([at, consonant_s, vowel_s]))
        hiss = rng.standard_normal(middle - begin) * _swell(middle - begin, 0.01, 0.02)
        center_hz = song.log_between(1_500, 9_000)
        hiss = _resonate(hiss, [(center_hz, 1.0)], 1.5) + 0.3 * _pass_above(hiss, center_hz)
        noisy[begin:middle] += (hiss * song.between(0, 0.5))[: max(song.length - begin, 0)]
        vowel = song.between(0.5, 1) * _swell(end - middle, 0.02, 0.05)
        voiced[middle:end] = vowel[: max(song.length - middle, 0)]
        starts.append(min(middle, song.length))
        at += consonant_s + vowel_s + rng.choice([0.0, song.between(0.15, 0.6)], p=[0.8, 0.2])
    t = np.arange(song.length) / SAMPLE_RATE
    tune = np.sin(2 * np.pi * song.between(0.3, 0.8) * t) + np.sin(2 * np.pi * 1.7 * t)
    hz = song.log_between(85, 260) * 2 ** (0.15 * tune)
    voice = _voice(song, hz, starts, song.between(0.9, 1.2)) * voiced
    return np.stack([voice / max(float(np.std(voice)), 1e-9) * 0.2 + noisy * 0.3] * 2)


def _electronic(song: _Song) -> Signal:
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
    waves = [_saw(hz) - (_saw(hz, duty) if rng.random() < 0.5 else 0)]
    waves.append(_saw(hz * song.between(1.001, 1.008), 0.3))
    raw = np.stack(waves) * _smooth(gate, 0.001)
    cutoffs = np.geomspace(song.log_between(300, 900), 18_000, 6)
    t = np.arange(song.length) / SAMPLE_RATE
    opening = 2.5 + 2.5 * np.sin(2 * np.pi * song.between(0.1, 0.6) * t + song.between(0, 6))
    q = song.log_between(0.7, 6)
    out = song.silence()
    for index, cutoff in enumerate(cutoffs):
        weight = np.maximum(1 - np.abs(opening - index), 0)
        out += weight * _pass_below(raw, float(cutoff), q)
    return out


def _pad(song: _Song) -> Signal:
    """Wide pad: many detuned voices, none shared by the two channels, and shimmer."""
    detune = song.log_between(0.001, 0.012)
    cutoff_hz = song.log_between(2_000, 16_000)

    def voice(hz: float, length: int) -> Signal:
        sides = [
            sum(
                _saw(np.full(length, hz * song.rng.normal(1, detune)), song.between(0, 1))
                for _ in "123"
            )
            for _ in "LR"
        ]
        return np.stack(sides) * _swell(length, 0.3, 0.3)

    shimmer = song.log_between(0.05, 0.5) * song.rng.standard_normal((2, song.length))
    shimmer = _filter(shimmer, lambda f: _high(f, 5_000))
    return _filter(_chords(song, voice, longest=16), lambda f: _low(f, cutoff_hz)) + shimmer


def _mix(song: _Song) -> Signal:
    """A small band: three to five of the other sounds in one tempo and key, each in its place."""
    out = song.silence()
    names = song.rng.choice(len(BAND), size=int(song.rng.integers(3, 6)), replace=False)
    for name in names:
        part = BAND[name](song)
        place, width = _pan(song.between(-0.8, 0.8)), song.between(0.1, 1.0)
        middle = part.mean(axis=0)
        part = place * middle * np.sqrt(2) * (1 - width) + width * part
        out += part / max(float(np.std(part)), 1e-9) * song.log_between(0.4, 1.2)
    return out


BAND = (_drums, _plucked, _bowed, _sung, _brass, _organ, _electronic, _pad, _castanets, _bells)
MAKERS: dict[str, Callable[[_Song], Signal]] = {
    "castanets": _castanets,
    "glockenspiel": _glockenspiel,
    "bells": _bells,
    "plucked": _plucked,
    "bowed": _bowed,
    "sung": _sung,
    "drums": _drums,
    "applause": _applause,
    "brass": _brass,
    "organ": _organ,
    "speech": _speech,
    "electronic": _electronic,
    "pad": _pad,
    "mix": _mix,
}
#: The kinds of sound that `synthesize` makes.
SOUNDS: tuple[str, ...] = tuple(MAKERS)
#: Sounds that stay as they are in stereo: one voice, the same on both sides.
MONO = ("speech",)


def _tone(song: _Song, dry: Signal) -> Signal:
    """Tilt the spectrum by a few dB per octave about 1 kHz, and cut what is under 30 Hz."""
    tilt_db = song.between(-1.0, 2.5)

    def respond(hz: Signal) -> Response:
        octaves = np.log2(np.maximum(hz, 30.0) / 1_000)
        response: Response = 10 ** (np.minimum(octaves, 4.0) * tilt_db / 20) * _high(hz, 30.0)
        return response

    return _filter(dry, respond)


def synthesize(sound: str, seed: int, duration_s: float = 6.0) -> Pcm:
    """Make one sound.

    Args:
        sound: one of `SOUNDS`.
        seed: any non-negative integer; each gives other music.
        duration_s: seconds.

    Returns:
        float32 ``[2, T]`` at 48 kHz, peak -3 to -1 dBFS.

    Raises:
        ValueError: unknown sound, or less than 0.1 s asked for.
    """
    if sound not in MAKERS:
        raise ValueError(f"unknown sound {sound!r}; choose one of: {', '.join(SOUNDS)}")
    if not duration_s >= 0.1:
        raise ValueError(f"duration_s must be at least 0.1, not {duration_s}")
    rng = np.random.default_rng([seed, SOUNDS.index(sound)])
    song = _Song(
        rng=rng,
        length=round(duration_s * SAMPLE_RATE),
        step_s=15.0 / float(rng.uniform(70, 170)),
        root_hz=110.0 * 2 ** (int(rng.integers(12)) / 12),
        scale=SCALES[rng.integers(len(SCALES))],
    )
    pcm = _tone(song, MAKERS[sound](song))
    if sound in MONO:
        pcm = np.repeat(_room(song, pcm).mean(axis=0, keepdims=True), 2, axis=0)
    else:
        middle, width = pcm.mean(axis=0), song.between(0.5, 1.3)
        pcm = _room(song, middle + width * (pcm - middle))
    pcm *= _swell(song.length, FADE_S, FADE_S)
    level = 10 ** (song.between(-3, -1) / 20)
    return np.asarray(pcm / np.max(np.abs(pcm)) * level, dtype=np.float32)


#: The demo's clips: name, sound, seed.
DEMO = (
    ("castanets", "castanets", 1),
    ("glockenspiel", "glockenspiel", 1),
    ("bells", "bells", 2),
    ("guitar", "plucked", 1),
    ("harp", "plucked", 5),
    ("strings", "bowed", 1),
    ("singers", "sung", 1),
    ("drums", "drums", 1),
    ("applause", "applause", 1),
    ("brass", "brass", 1),
    ("organ", "organ", 1),
    ("speech", "speech", 1),
    ("electronic", "electronic", 1),
    ("pad", "pad", 1),
    ("band", "mix", 1),
    ("band-two", "mix", 2),
)


def demo_clips(duration_s: float = 6.0) -> dict[str, Pcm]:
    """The demo's clips by name: fixed seeds, the same on every machine."""
    return {name: synthesize(sound, seed, duration_s) for name, sound, seed in DEMO}


def write_demo_clips(folder: Path, duration_s: float = 6.0) -> list[Path]:
    """Write the demo's clips as 24-bit FLAC (``castanets.flac`` …); returns their paths."""
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, pcm in demo_clips(duration_s).items():
        paths.append(folder / f"{name}.flac")
        soundfile.write(paths[-1], pcm.T, SAMPLE_RATE, subtype="PCM_24")
    return paths
