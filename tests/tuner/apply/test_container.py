"""The codec's payload, whatever container is around it."""

from __future__ import annotations

from pathlib import Path

from tuner.apply.container import payload_digest
from tuner.encoder import default_settings
from tuner.plugins import load_encoder
from tuner.sound.audio import SAMPLE_RATE
from tuner.testing import make_clip


def test_payload_tells_encodes_apart(tmp_path: Path) -> None:
    """Another payload has another digest, and what cannot be demuxed counts as a whole."""
    encoder = load_encoder("opus-ffmpeg")
    one, other = tmp_path / "one.opus", tmp_path / "mix: other.opus"
    for path, gain in ((one, 1.0), (other, 0.9)):
        encoded = encoder.encode(gain * make_clip(), SAMPLE_RATE, default_settings(encoder), 96.0)
        path.write_bytes(encoded.data)
    assert payload_digest(one) != payload_digest(other)
    one.write_bytes(b"no container")
    other.write_bytes(b"no container!")
    assert payload_digest(one) != payload_digest(other)
