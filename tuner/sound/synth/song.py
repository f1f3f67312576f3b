"""What the voices of one synthetic sound share: tempo, key, strings, melodies, chords, the room."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import fft

from tuner.sound.audio import SAMPLE_RATE
from tuner.sound.synth.signals import (
    Response,
    Signal,
    high_pass,
    low_pass,
    make_swell,
    seconds_of,
    shape,
    smooth,
)

CHORDS = ((0, 2, 4), (0, 2, 4, 6), (0, 3, 4), (0, 2, 4, 7), (0, 4, 7, 9))
MAX_PITCH_HZ = 4_000.0


@dataclass(frozen=True)
class Song:
    """What all voices of one sound share: its random source, length, tempo and key."""

    rng: np.random.Generator
    length: int
    step_s: float
    root_hz: float
    scale: tuple[int, ...]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return float(self.length / SAMPLE_RATE)

    def hz(self, degree: int, octave: int = 0) -> float:
        """Pitch of a scale degree; degree 0 in octave 0 is 110 to 220 Hz."""
        octaves, index = divmod(degree, len(self.scale))
        pitch = self.root_hz * math.exp2(octave + octaves + self.scale[index] / 12)
        return min(pitch, MAX_PITCH_HZ)

    def silence(self) -> Signal:
        """Zeros ``[2, T]``."""
        return np.zeros((2, self.length))

    def between(self, low: float, high: float) -> float:
        """A random number, uniform from `low` to `high`."""
        return float(self.rng.uniform(low, high))

    def log_between(self, low: float, high: float) -> float:
        """A random number, uniform in its logarithm."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def onsets(self, density: float, steps: int = 1) -> list[float]:
        """Seconds of the grid points (every `steps` steps) that carry an event."""
        grid = np.arange(0.02, self.duration_s, self.step_s * steps)
        return [float(at) for at in grid[self.rng.random(len(grid)) < density]] or [0.02]


def pan(position: float) -> Signal:
    """Equal-power gains ``[2, 1]`` of a position from -1 (left) to 1 (right)."""
    angle = (position + 1) * np.pi / 4
    return np.array([[np.cos(angle)], [np.sin(angle)]])


def mix_in(out: Signal, event: Signal, at_s: float, position: float) -> None:
    """Mix a mono `event` into `out` at a time and place; what overhangs is cut."""
    start = round(at_s * SAMPLE_RATE)
    room = max(out.shape[1] - start, 0)
    out[:, start : start + len(event)] += pan(position) * event[:room]


def pluck_string(song: Song, hz: float, duration_s: float, t60_s: float, dullness: float) -> Signal:
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
    return string * make_swell(length, 0.0005, 0.05)


def make_melody(song: Song, octave: int, longest: int) -> tuple[Signal, Signal, list[int]]:
    """A legato line: pitch in Hz ``[T]``, loudness ``[T]``, first sample of each note."""
    hz, loudness = np.zeros(song.length), np.zeros(song.length)
    start, degree, starts = 0, int(song.rng.integers(0, 7)), []
    while start < song.length:
        steps = int(song.rng.integers(2, longest + 1))
        stop = min(start + round(steps * song.step_s * SAMPLE_RATE), song.length)
        hz[start:stop] = song.hz(degree, octave)
        loudness[start:stop] = song.between(0.5, 1.0) * make_swell(stop - start, 0.05, 0.06)
        starts.append(start)
        start, degree = stop, int(np.clip(degree + song.rng.integers(-3, 4), -3, 10))
    t = np.arange(song.length) / SAMPLE_RATE
    depth = song.log_between(0.002, 0.015)
    wobble = np.sin(2 * np.pi * song.between(4.5, 7) * t + song.between(0, 6))
    return smooth(hz, 0.02) * (1 + depth * wobble), loudness, starts


def make_chords(song: Song, voice: Callable[[float, int], Signal], longest: int) -> Signal:
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


def add_room(song: Song, dry: Signal) -> Signal:
    """Add a room: exponentially decaying noise, another one for each ear."""
    wet = song.rng.choice([0.0, song.log_between(0.02, 0.5)], p=[0.25, 0.75])
    if wet == 0:
        return dry
    t60_s = song.log_between(0.15, 2.5)
    t = seconds_of(t60_s)
    tail = song.rng.standard_normal((2, len(t))) * np.exp(-6.9 * t / t60_s)
    tail = shape(tail, lambda f: low_pass(f, song.log_between(2_500, 16_000)))
    tail[:, : round(song.between(0.002, 0.03) * SAMPLE_RATE)] = 0
    size = fft.next_fast_len(dry.shape[1] + tail.shape[1], real=True)
    echo = fft.irfft(fft.rfft(dry, size) * fft.rfft(tail, size), size)[:, : dry.shape[1]]
    level = np.sqrt(np.mean(dry**2) / max(float(np.mean(echo**2)), 1e-20))
    roomy: Signal = dry + wet * level * echo
    return roomy


def tilt(song: Song, dry: Signal) -> Signal:
    """Tilt the spectrum by a few dB per octave about 1 kHz, and cut what is under 30 Hz."""
    tilt_db = song.between(-1.0, 2.5)

    def respond(hz: Signal) -> Response:
        octaves = np.log2(np.maximum(hz, 30.0) / 1_000)
        response: Response = 10 ** (np.minimum(octaves, 4.0) * tilt_db / 20) * high_pass(hz, 30.0)
        return response

    return shape(dry, respond)
