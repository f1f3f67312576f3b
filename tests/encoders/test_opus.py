"""Opus keeps the adapters' contract."""

from encoders.opus import Opus
from tuner.testing import EncoderContract


class TestOpus(EncoderContract):
    encoder = Opus()
