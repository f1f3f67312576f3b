"""LAME keeps the adapters' contract."""

from encoders.lame import Lame
from tuner.testing import EncoderContract


class TestLame(EncoderContract):
    encoder = Lame()
