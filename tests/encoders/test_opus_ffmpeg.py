"""Opus keeps the adapters' contract."""

from encoders.opus_ffmpeg import OpusFfmpeg
from tuner.testing import EncoderContract


class TestOpusFfmpeg(EncoderContract):
    encoder = OpusFfmpeg()
