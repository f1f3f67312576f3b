"""LAME keeps the adapters' contract."""

from encoders.lame_ffmpeg import LameFfmpeg
from tuner.testing import EncoderContract


class TestLameFfmpeg(EncoderContract):
    encoder = LameFfmpeg()
