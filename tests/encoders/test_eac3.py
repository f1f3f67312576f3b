"""ffmpeg's E-AC-3 keeps the adapters' contract; the rest is in `test_ac3`."""

from encoders.eac3 import Eac3
from tuner.testing import EncoderContract


class TestEac3(EncoderContract):
    encoder = Eac3()
