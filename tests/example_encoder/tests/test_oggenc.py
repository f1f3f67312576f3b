"""The adapter keeps codec tuner's contract."""

from example_encoder import Oggenc

from tuner.testing import EncoderContract


class TestOggenc(EncoderContract):
    encoder = Oggenc()
