"""Clips on disk: believed only when whole, made again where their samples are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tuner.errors import ClipError
from tuner.sound.audio import Pcm, sample_digest
from tuner.sound.clip_files import clip_path, cut_again, is_whole, read_clip, write_clip


@pytest.fixture
def pcm() -> Pcm:
    """A tenth of a second of noise that 16 bits hold exactly."""
    noise = np.random.default_rng(1).integers(-9000, 9000, (2, 4800))
    return (noise / 32768).astype(np.float32)


def test_a_clip_is_on_the_disk_before_its_name_is(
    tmp_path: Path, pcm: Pcm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut must not leave a name over bytes that were never written."""
    path, synced, sync = clip_path(tmp_path, sample_digest(pcm)), [], os.fsync

    def watch(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_ino, path.exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    write_clip(path, pcm)
    assert synced == [(path.stat().st_ino, False)]
    assert list(tmp_path.iterdir()) == [path]
    assert np.array_equal(read_clip(path, sample_digest(pcm), 48_000), pcm)


def test_what_is_no_clip_is_told(tmp_path: Path, pcm: Pcm) -> None:
    """Other samples, another type, a folder, a pipe, a pickle: an error, and no waiting."""
    digest = sample_digest(pcm)
    path = clip_path(tmp_path, digest)
    assert not is_whole(path, digest, 48_000)
    for wrong in (0.5 * pcm, pcm.astype(np.float64), pcm[0], np.array([{}], dtype=object)):
        np.save(path, wrong)
        assert not is_whole(path, digest, 48_000)
        with pytest.raises(ClipError, match=rf"{digest}\.npy: (damaged|cannot be read)"):
            read_clip(path, digest, 48_000)
    np.save(path, pcm)
    assert not is_whole(path, digest, 44_100)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ClipError, match="not a file"):
        read_clip(path, digest, 48_000)
    write_clip(path, pcm)
    assert is_whole(path, digest, 48_000)


def test_a_digest_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    """It may come from somebody else's results."""
    for digest in ("../evil", "/etc/passwd", "", "a/b", "a\0"):
        with pytest.raises(ClipError, match="is not a clip digest"):
            clip_path(tmp_path, digest)


def test_a_clip_is_cut_from_its_sound_file_again(tmp_path: Path, pcm: Pcm) -> None:
    """To the bit, or not at all."""
    source, digest = tmp_path / "song.wav", sample_digest(pcm[:, 960:2400])
    assert cut_again(source, 0.02, 0.03, 48_000, digest) is None
    soundfile.write(source, pcm.T, 48_000, subtype="PCM_16")
    again = cut_again(source, 0.02, 0.03, 48_000, digest)
    assert again is not None and np.array_equal(again, pcm[:, 960:2400])
    assert cut_again(source, 0.03, 0.03, 48_000, digest) is None
    source.write_bytes(b"RIFF")
    assert cut_again(source, 0.02, 0.03, 48_000, digest) is None
