"""Payload without container; tags written beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tuner.audio import SAMPLE_RATE
from tuner.container import payload_digest, read_tags, write_tagged
from tuner.encoder import Encoder, default_settings
from tuner.errors import ClipError, DecodeFailed
from tuner.plugins import load_encoder
from tuner.testing import make_clip

TAGS = {
    "title": 'Ünï "quoted" <✓>',
    "artist": "A & B; C",
    "album": "D",
    "track": "3/12",
    "date": "1999-05-01",
    "album_artist": "E",
    "disc": "1/2",
    "genre": "Jazz",
}


def encode(name: str, folder: Path) -> tuple[Encoder, Path]:
    """A second of sound through an encoder inside ffmpeg, which is always there."""
    encoder = load_encoder(name)
    mode = encoder.rate_modes[0]
    encoded = encoder.encode(make_clip(), SAMPLE_RATE, default_settings(encoder), mode.snap(96))
    path = folder / f"plain{encoded.suffix}"
    path.write_bytes(encoded.data)
    return encoder, path


@pytest.mark.parametrize("name", ["aac", "lame-ffmpeg", "opus-ffmpeg", "vorbis-ffmpeg"])
def test_tags_change_nothing_else(name: str, tmp_path: Path) -> None:
    """Tags come back as they were written; packets and decoded samples stay."""
    import av

    _, plain = encode(name, tmp_path)
    tagged = tmp_path / f"mix: one{plain.suffix}"
    assert read_tags(plain) == {}
    assert write_tagged(plain, tagged, TAGS)
    assert read_tags(tagged) == TAGS
    assert payload_digest(tagged) == payload_digest(plain)
    lengths, samples = [], []
    for path in (plain, tagged):
        with av.open(str(path)) as container:
            lengths.append(container.duration)
            samples.append([frame.to_ndarray() for frame in container.decode(audio=0)])
    assert lengths[0] == lengths[1]
    for before, after in zip(*samples, strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_container_without_tags_is_left_alone(tmp_path: Path) -> None:
    """Raw AC-3 frames hold none."""
    _, plain = encode("ac3", tmp_path)
    assert not write_tagged(plain, tmp_path / "tagged.ac3", TAGS)
    assert not (tmp_path / "tagged.ac3").exists()


def test_payload_tells_encodes_apart(tmp_path: Path) -> None:
    """Another payload has another digest, and what cannot be demuxed counts as a whole."""
    (tmp_path / "a").mkdir()
    _, one = encode("opus-ffmpeg", tmp_path)
    encoder = load_encoder("opus-ffmpeg")
    other = tmp_path / "a" / "other.opus"
    pcm = 0.9 * make_clip()
    other.write_bytes(encoder.encode(pcm, SAMPLE_RATE, default_settings(encoder), 96.0).data)
    assert payload_digest(one) != payload_digest(other)
    one.write_bytes(b"no container")
    other.write_bytes(b"no container!")
    assert payload_digest(one) != payload_digest(other)


def test_damaged_files_are_told(tmp_path: Path) -> None:
    """With their names."""
    (tmp_path / "x.wav").write_bytes(b"")
    with pytest.raises(ClipError, match=r"x\.wav: cannot be opened"):
        read_tags(tmp_path / "x.wav")
    (tmp_path / "x.mp3").write_bytes(b"nothing")
    with pytest.raises(DecodeFailed, match=r"x\.mp3: tags cannot be written"):
        write_tagged(tmp_path / "x.mp3", tmp_path / "y.mp3", TAGS)
