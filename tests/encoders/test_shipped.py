"""The encoders that are TOML files, each held to the whole contract where its program is here."""

from __future__ import annotations

import os
import shutil

import pytest

from encoders import shipped
from tuner.encoder import RateMode, default_settings
from tuner.testing import EncoderContract, make_clip


def needs(program: str) -> pytest.MarkDecorator:
    """Skips a class where a program is missing; but not where all should be installed."""
    is_missing = shutil.which(program) is None and not os.environ.get("TUNER_TESTS_COMPLETE")
    return pytest.mark.skipif(is_missing, reason=f"{program} is not installed")


class TestAmrNb(EncoderContract):
    encoder = shipped.amr_nb()
    channels = (1,)
    faithful = 0.5  # nothing above 4 kHz

    def test_takes_a_tenth_of_a_second(self, mode: RateMode) -> None:
        """Too little of so narrow a band to line up; but it comes back whole."""
        clip, settings = make_clip(1, 0.1), default_settings(self.encoder)
        decoded, rate = self.encoder.decode(self.encoder.encode(clip, 48_000, settings, mode.high))
        assert (len(decoded), rate) == (1, 8000)
        assert decoded.shape[1] >= 800


class TestAptx(EncoderContract):
    encoder = shipped.aptx()
    channels = (2,)


class TestDca(EncoderContract):
    encoder = shipped.dca()


class TestG722(EncoderContract):
    encoder = shipped.g722()
    channels = (1,)


class TestImaAdpcm(EncoderContract):
    encoder = shipped.ima_adpcm()


@needs("elc3")
class TestLc3(EncoderContract):
    encoder = shipped.lc3()


class TestMp2(EncoderContract):
    encoder = shipped.mp2()


class TestSbc(EncoderContract):
    encoder = shipped.sbc()


@needs("speexenc")
class TestSpeex(EncoderContract):
    encoder = shipped.speex()
    command_rate = 32_000
    faithful = 0.3  # made for speech


@needs("wavpack")
class TestWavpackHybrid(EncoderContract):
    encoder = shipped.wavpack_hybrid()


class TestWmav2(EncoderContract):
    encoder = shipped.wmav2()
