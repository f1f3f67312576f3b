"""Folders as people keep them: what is left out is counted by kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tuner.encoder import default_settings
from tuner.plugins import load_encoder
from tuner.sound.audio import read_audio
from tuner.sound.folders import SOUND_SUFFIXES, read_folder


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    """Stray files and links to nowhere; hidden files and circles are not."""
    for name in ("a.WAV", "b.m4b", "cover.jpg", "notes", ".hidden.wav"):
        (tmp_path / name).touch()
    (tmp_path / "gone.flac").symlink_to(tmp_path / "nowhere.flac")
    (tmp_path / "loop").symlink_to(tmp_path)
    contents = read_folder(tmp_path)
    assert [path.name for path in contents.sounds] == ["a.WAV", "b.m4b"]
    assert contents.others == {".jpg": 1, "": 1, "broken link": 1}
    assert "1 broken link" in contents.told()


@pytest.mark.parametrize("name", ["sbc", "dca", "mp2", "wmav2", "g722", "amr-nb"])
def test_what_an_encoder_writes_is_found(tmp_path: Path, name: str) -> None:
    """`tuner score` of a folder that `tuner encode` made passes no file over that can be read."""
    encoder = load_encoder(name)
    mode = encoder.rate_modes[0]
    noise = 0.1 * np.random.default_rng(1).standard_normal((1, 48_000)).astype(np.float32)
    coded = encoder.encode(noise, 48_000, default_settings(encoder), mode.snap(mode.high))
    (tmp_path / f"x{coded.suffix}").write_bytes(coded.data)
    (found,) = read_folder(tmp_path).sounds
    assert found.suffix in SOUND_SUFFIXES
    assert read_audio(found)[0].any()
