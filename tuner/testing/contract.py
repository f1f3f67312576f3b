"""The contract that every adapter must keep, as a test class.

Clips are float32 ``[C, T]`` at 48 kHz, one second long. `tuner.testing.probe` tells what it
means that a parameter acts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pickle
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np

from tuner.encoder import (
    RATE_MODE,
    Encoded,
    Encoder,
    Parameter,
    Pcm,
    RateMode,
    Settings,
    Value,
    default_settings,
    validate,
)
from tuner.errors import (
    DecodeFailed,
    EncoderError,
    EncoderFailed,
    EncoderMissing,
    OptionIgnored,
    SettingsError,
)
from tuner.sound.audio import SAMPLE_RATE, align, find_delay, resample
from tuner.testing.clips import CLIP_S, make_clip, real_clip
from tuner.testing.probe import (
    Probe,
    active_modes,
    fingerprint,
    other_values,
    settings_with,
    spread_knobs,
)

#: A short clip's bitrate may fall this much while the knob rises: rate control looks
#: ahead and saves, and the last frame pads (relative; 0.2 % measured on 1 s).
RATE_SLACK = 0.02
#: Measured over nominal bitrate of one second stays within this factor: a knob in bits
#: or bytes a second is off by 8 or 1000, VBR by 1.4 (opusenc at 64 kb/s spends 80).
NOMINAL_FACTOR = 2.0
#: Least correlation at lag 0 between the aligned decode at a high rate and its clip.
FAITHFUL = 0.9
#: Digital silence may decode to dither at most this loud (-60 dBFS).
QUIET_PEAK = 1e-3
#: File names that a careless command line trips over: an option, a protocol, a shell.
HOSTILE_NAMES = ("-o", "a:b", 'it\'s $(id) "x"; é\n')
#: With how many settings a mode is tried.
VARIED = 5
#: Time limit with which a hanging binary is tested, s, and how long it would hang.
SHORT_TIMEOUT_S, HANG_S = 0.5, 60

#: No codec delays by a second: latencies are in milliseconds.
LONG_MS = 1000


class EncoderContract:
    """What any adapter must do. Subclass it and set `encoder`; its name starts with Test.

    The adapter is constructed again with ``binary=`` and ``timeout_s=`` (by
    `dataclasses.replace` where it is a dataclass).
    """

    encoder: ClassVar[Encoder]
    #: False for an adapter that runs no program of its own: the tests in which a script
    #: stands for the binary are skipped.
    runs_a_program: ClassVar[bool] = True
    #: False for a fake, whose command line is no real one.
    command_line_runs: ClassVar[bool] = True
    #: Numbers of channels that the codec takes.
    channels: ClassVar[tuple[int, ...]] = (1, 2)
    #: Hz of the file that the command for people is tried on: what the program takes.
    command_rate: ClassVar[int] = SAMPLE_RATE
    #: Least correlation of a decode at a high rate: lower for codecs of a narrow band.
    faithful: ClassVar[float] = FAITHFUL
    #: Parameters whose ends and choices are not all distinct, each with the reason.
    aliases: ClassVar[Mapping[str, str]] = {}

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """One test for each parameter, and for each rate mode in which it is active."""
        encoder = self.encoder
        if "parameter" in metafunc.fixturenames and "mode" in metafunc.fixturenames:
            cases = [(p, m) for p in encoder.parameters for m in active_modes(encoder, p)]
            names = [f"{p.name}-{m.name}" for p, m in cases]
            metafunc.parametrize(("parameter", "mode"), cases, ids=names)
        elif "parameter" in metafunc.fixturenames:
            metafunc.parametrize("parameter", encoder.parameters, ids=lambda p: p.name)
        elif "mode" in metafunc.fixturenames:
            metafunc.parametrize("mode", encoder.rate_modes, ids=lambda m: m.name)

    def test_satisfies_the_protocol(self) -> None:
        """The object has every member; conditions name what was declared before."""
        assert isinstance(self.encoder, Encoder)
        declared = {RATE_MODE}
        for parameter in self.encoder.parameters:
            assert parameter.name not in declared, f"{parameter.name} is declared twice"
            assert parameter.when.keys() <= declared, f"{parameter.name} comes too early"
            assert parameter.meaning, f"{parameter.name} has no meaning"
            declared.add(parameter.name)

    def test_presets_are_legal(self) -> None:
        """Presets are settings of it; where it tells a latency, it does of each."""
        settings = [default_settings(self.encoder, mode.name) for mode in self.encoder.rate_modes]
        for preset in self.encoder.presets:
            validate(self.encoder, preset)
            assert preset not in settings, f"the preset {preset} is a default"
            settings.append(preset)
        told = [self.encoder.latency_ms(each) for each in settings]
        assert set(told) == {None} or all(0 < (each or 0) < LONG_MS for each in told), told

    def test_version_names_the_build(self) -> None:
        """The version tells what the binary says, where it lies and its digest."""
        version = self.encoder.version
        assert version.text and version.binary
        assert len(bytes.fromhex(version.digest)) == 8

    def test_repeats(self, mode: RateMode) -> None:
        """The same input gives the same payload and the same samples."""
        settings, knob = default_settings(self.encoder, mode.name), self._knob(mode)
        first, second = (fingerprint(self.encoder, settings, knob, self._clip()) for _ in "12")
        assert first == second and first.samples == second.samples

    def test_bitrate_follows_the_knob(self, mode: RateMode) -> None:
        """More knob means more payload (or less, as declared), from one end to the other."""
        knobs = [mode.low, *spread_knobs(mode, 5), mode.high]
        if not mode.rising:
            knobs = [mode.high, *spread_knobs(mode, 5), mode.low]
        settings = default_settings(self.encoder, mode.name)
        bits = [
            self.encoder.encode(self._clip(), SAMPLE_RATE, settings, knob).payload_bits
            for knob in knobs
        ]
        rises = all(b >= a * (1 - RATE_SLACK) for a, b in pairwise(bits))
        assert rises and bits[-1] > 1.5 * bits[0], f"{mode.name}: payload bits {bits}"
        if mode.nominal:
            for knob, measured in list(zip(knobs, bits, strict=True))[1:-1]:
                share = measured / (knob * 1000)
                assert 1 / NOMINAL_FACTOR < share < NOMINAL_FACTOR, f"{knob}: {share:.2f} times"

    def test_delay_can_be_removed(self, mode: RateMode) -> None:
        """After alignment a good decode correlates best with its clip at lag 0.

        In mono and stereo, from 48 and 44.1 kHz; at a high rate, but not higher than the
        encoder takes: some codecs have rates for stereo alone.
        """
        for channels in self.channels:
            clip, knob = make_clip(channels), self._high_knob(mode, channels)
            for rate in (SAMPLE_RATE, 44_100):
                aligned = self._round_trip(clip, mode, knob, rate)
                lag, correlation = find_delay(clip, aligned)
                where = f"{mode.name}, {channels} channels, {rate} Hz"
                assert lag == 0 and correlation > self.faithful, f"{where}: {lag}, {correlation}"

    def test_takes_mono_with_any_settings(self, mode: RateMode) -> None:
        """A mono clip comes back as one, also with what is meant for stereo."""
        import pytest

        if 1 not in self.channels:
            pytest.skip("the codec takes no mono")
        clip = make_clip(1)
        for settings in self._varied(mode):
            encoded = self.encoder.encode(clip, SAMPLE_RATE, settings, self._knob(mode))
            assert self.encoder.decode(encoded)[0].shape[0] == 1, settings

    def test_takes_a_tenth_of_a_second(self, mode: RateMode) -> None:
        """A very short clip comes back at its length."""
        clip = self._clip(0.1)
        assert self._round_trip(clip, mode, spread_knobs(mode, 5)[-1]).shape == clip.shape

    def test_takes_silence(self, mode: RateMode) -> None:
        """Digital silence is encoded and comes back silent."""
        silence = np.zeros((max(self.channels), SAMPLE_RATE // 2), np.float32)
        decoded = self._round_trip(silence, mode, self._knob(mode))
        assert np.max(np.abs(decoded)) < QUIET_PEAK

    def test_refuses_wrong_settings(self) -> None:
        """Unknown names, values out of range and illegal knobs are errors."""
        mode = self.encoder.rate_modes[0]
        good = default_settings(self.encoder)
        wrong = [
            (Settings("no such mode", good.values), mode.high),
            (Settings(mode.name, (*good.values, ("no_such_parameter", 1))), mode.high),
            (good, mode.high + 1),
            (good, mode.low - 1),
        ]
        for name, value in good.values:
            others = tuple(pair for pair in good.values if pair != (name, value))
            wrong.append((Settings(mode.name, (*others, (name, "no such value"))), mode.high))
        for settings, knob in wrong:
            self._refuses(settings, knob)

    def test_parameter_acts(self, parameter: Parameter, mode: RateMode) -> None:
        """Moving the parameter changes what is coded, in each mode in which it is active."""
        assert self._probe().acts(parameter, mode), f"changes nothing in mode {mode.name}"

    def test_whole_range_acts(self, parameter: Parameter) -> None:
        """No two choices are the same, and both ends of a number reach further than it does."""
        if parameter.name not in self.aliases:
            same = self._probe().find_aliases(parameter)
            shown = ", ".join(f"{one!r} and {other!r}" for one, other in same)
            assert not same, f"{parameter.name}: the same is coded with {shown}"

    def test_missing_binary(self) -> None:
        """A binary that is not there is named in `EncoderMissing`."""
        import pytest

        missing = self._variant(binary="/nowhere/no-such-binary")
        mode = missing.rate_modes[0]
        with pytest.raises(EncoderMissing, match="no-such-binary"):
            missing.encode(self._clip(), SAMPLE_RATE, default_settings(missing), self._knob(mode))
        with pytest.raises(EncoderMissing, match="no-such-binary"):
            _ = missing.version

    def test_time_out(self, tmp_path: Path) -> None:
        """A binary that hangs is stopped, and the error says so."""
        self._expect(tmp_path, f"sleep {HANG_S}", EncoderFailed, "timed out", SHORT_TIMEOUT_S)

    def test_crash(self, tmp_path: Path) -> None:
        """A binary that dies is an error that names the signal."""
        self._expect(tmp_path, "kill -SEGV $$", EncoderFailed, "SIGSEGV")

    def test_success_without_output(self, tmp_path: Path) -> None:
        """Exit code 0 alone proves nothing."""
        self._expect(tmp_path, "cat > /dev/null < /dev/stdin; exit 0", EncoderError, "output")

    def test_ignored_option(self, tmp_path: Path) -> None:
        """A good encode that came with a complaint about an option is an error."""
        real = shlex.quote(self._program())
        body = f'echo "Warning: unknown option --foo ignored" >&2; exec {real} "$@"'
        self._expect(tmp_path, body, OptionIgnored, "foo")

    def test_refuses_damaged_data(self) -> None:
        """Data that is not an encoded file is `DecodeFailed`, not samples."""
        import pytest

        with pytest.raises(DecodeFailed):
            self.encoder.decode(Encoded(b"not a sound file" * 9, ".xyz", 8, 0.0))

    def test_travels_to_other_processes(self) -> None:
        """The adapter pickles, and its copy is of the same version."""
        copy = pickle.loads(pickle.dumps(self.encoder))
        assert copy.version == self.encoder.version

    def test_command_line_makes_what_was_measured(self, mode: RateMode, tmp_path: Path) -> None:
        """The command for people codes the same, whatever the files are called."""
        import pytest
        import soundfile

        if not self.command_line_runs:
            pytest.skip("the adapter's command line is no real one")
        encoder = self._variant(binary=self.encoder.version.binary)
        # It ends in silence, where coders that count the bits of a sample tell files apart.
        fade = np.linspace(1, 0, self._clip().shape[1], dtype=np.float32) ** 4
        faded, rate = (
            resample(self._clip() * fade, SAMPLE_RATE, self.command_rate),
            self.command_rate,
        )
        clip = (np.round(faded * 32767) / 32768).astype(np.float32)
        knob = self._knob(mode)
        for name, settings in zip(HOSTILE_NAMES, self._varied(mode), strict=False):
            encoded = encoder.encode(clip, rate, settings, knob)
            # Two names, also where what is coded is a WAV file.
            source, target = f"{name}.wav", f"{name}2{encoded.suffix}"
            with (tmp_path / source).open("wb") as file:
                soundfile.write(file, clip.T, rate, "PCM_16", format="WAV")
            command = encoder.command_line(settings, knob, source, target)
            _run_as_user(command, tmp_path)
            made = Encoded((tmp_path / target).read_bytes(), encoded.suffix, 1, 0.0)
            theirs, ours = encoder.decode(made)[0], encoder.decode(encoded)[0]
            np.testing.assert_array_equal(theirs, ours, err_msg=shlex.join(command))

    @classmethod
    def _probe(cls) -> Probe:
        """One for the class, as it remembers what it has encoded."""
        if "_probe_of_class" not in cls.__dict__:
            cls._probe_of_class = Probe(cls.encoder, [c[: max(cls.channels)] for c in _clips()])
        return cls._probe_of_class

    _probe_of_class: ClassVar[Probe]

    def _clip(self, duration_s: float = CLIP_S) -> Pcm:
        """A clip of as many channels as the codec takes."""
        return make_clip(max(self.channels), duration_s)

    def _knob(self, mode: RateMode) -> float:
        return spread_knobs(mode, 3)[1]

    def _high_knob(self, mode: RateMode, channels: int) -> float:
        """The highest of a few knob values that the encoder takes."""
        settings = default_settings(self.encoder, mode.name)
        *others, last = spread_knobs(mode, 5)[::-1]
        for knob in others:
            with contextlib.suppress(EncoderError):
                self.encoder.encode(make_clip(channels), SAMPLE_RATE, settings, knob)
                return knob
        return last

    def _round_trip(self, clip: Pcm, mode: RateMode, knob: float, rate: int = SAMPLE_RATE) -> Pcm:
        settings = default_settings(self.encoder, mode.name)
        encoded = self.encoder.encode(resample(clip, SAMPLE_RATE, rate), rate, settings, knob)
        assert encoded.payload_bits > 0
        decoded, decoded_rate = self.encoder.decode(encoded)
        assert decoded.dtype == np.float32
        assert decoded.shape[0] == clip.shape[0]
        return align(clip, resample(decoded, decoded_rate))[0]

    def _refuses(self, settings: Settings, knob: float) -> None:
        import pytest

        with pytest.raises(SettingsError):
            self.encoder.encode(self._clip(), SAMPLE_RATE, settings, knob)

    def _variant(self, **changes: Any) -> Encoder:
        """The same adapter with another binary or time limit."""
        encoder: Any = self.encoder
        if dataclasses.is_dataclass(encoder) and not isinstance(encoder, type):
            return cast(Encoder, dataclasses.replace(encoder, **changes))
        return cast(Encoder, type(encoder)(**changes))

    def _program(self) -> str:
        return self.encoder.version.binary

    def _expect(
        self,
        folder: Path,
        body: str,
        error: type[EncoderError],
        match: str,
        timeout_s: float = float(HANG_S),
    ) -> None:
        """A script in the place of the binary makes `encode` raise."""
        import pytest

        if not self.runs_a_program:
            pytest.skip("the adapter runs no program of its own")
        script = folder / "impostor"
        script.write_text(f"#!/bin/sh\n{body}\n")
        script.chmod(0o755)
        impostor = self._variant(binary=str(script), timeout_s=timeout_s)
        mode = impostor.rate_modes[0]
        with pytest.raises(error, match=match):
            impostor.encode(self._clip(), SAMPLE_RATE, default_settings(impostor), self._knob(mode))

    @classmethod
    def _varied(cls, mode: RateMode) -> list[Settings]:
        """The defaults, and settings with many parameters moved: `VARIED` where it takes so many.

        Of each mode once for the class, as all are tried.
        """
        if "_varied_of_class" not in cls.__dict__:
            cls._varied_of_class = {}
        if mode.name not in cls._varied_of_class:
            cls._varied_of_class[mode.name] = cls._vary(mode)
        return cls._varied_of_class[mode.name]

    _varied_of_class: ClassVar[dict[str, list[Settings]]]

    @classmethod
    def _vary(cls, mode: RateMode) -> list[Settings]:
        settings = [default_settings(cls.encoder, mode.name)]
        rng = np.random.default_rng(3)
        tries = 0
        clip, knob = make_clip(max(cls.channels)), spread_knobs(mode, 3)[1]
        while len(settings) < VARIED and tries < 20:
            tries += 1
            values: dict[str, Value] = {}
            for parameter in cls.encoder.parameters:
                if rng.random() < 0.5:
                    others = other_values(parameter)
                    values[parameter.name] = others[int(rng.integers(len(others)))]
            candidate = settings_with(cls.encoder, mode, values)
            try:
                cls.encoder.encode(clip, SAMPLE_RATE, candidate, knob)
            except EncoderError:
                continue  # a combination that the encoder refuses
            settings.append(candidate)
        return settings


def _clips() -> list[Pcm]:
    """The clips on which parameters must act; a real one first where there is one."""
    if not _LOADED:
        real = real_clip()
        _LOADED.extend([make_clip()] if real is None else [real, make_clip()])
    return _LOADED


_LOADED: list[Pcm] = []


def _run_as_user(command: Sequence[str], folder: Path) -> None:
    """Run a command as it would be typed, in `folder`."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, check=False
    )
    said = done.stderr.decode(errors="replace")[-500:]
    assert done.returncode == 0, f"{shlex.join(command)}: exit code {done.returncode}: {said}"
