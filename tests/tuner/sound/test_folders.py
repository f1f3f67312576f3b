"""Folders as people keep them: what is left out is counted by kind."""

from __future__ import annotations

from pathlib import Path

from tuner.sound.folders import read_folder


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
