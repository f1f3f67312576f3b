"""ffmpeg's AAC keeps the adapters' contract."""

from encoders.aac import Aac
from tuner.testing import EncoderContract


class TestAac(EncoderContract):
    encoder = Aac()
