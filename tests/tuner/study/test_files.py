"""Study files: paths, flags, and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.errors import StudyError
from tuner.study.files import merge, read_study
from tuner.study.spec import ClipsSpec, parse_study


def test_flags_override() -> None:
    """Flags win key by key; a budget flag replaces the file's whole budget."""
    raw = {
        "encoder": "aac",
        "bitrates_kbps": [96, 64],
        "trials": 10,
        "clips": {"folder": "/clips", "excerpt_s": 6},
    }
    merged = merge(raw, {"hours": 2.0, "clips": {"folder": "/other"}, "seed": 5})
    spec = parse_study(merged, "x")
    assert (spec.trials, spec.hours, spec.seed) == (None, 2.0, 5)
    assert spec.clips == ClipsSpec("/other", None, 6.0)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """A study file names its clips from where it lies."""
    file = tmp_path / "s.toml"
    file.write_text(
        'storage = "sqlite:///all.db"\n[clips]\nfolder = "music"\nmanifest = "/m.csv"\n'
    )
    read = read_study(file)
    assert read["clips"] == {"folder": str(tmp_path / "music"), "manifest": "/m.csv"}
    assert read["storage"] == f"sqlite:///{tmp_path}/all.db"


@pytest.mark.parametrize("content", [None, "encoder = ", b"\xff\xfe"])
def test_unreadable_file(tmp_path: Path, content: str | bytes | None) -> None:
    """A missing or broken file is an error that names it."""
    file = tmp_path / "s.toml"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(StudyError) as told:
        read_study(file)
    assert told.value.where == str(file)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("x = " + 100_000 * "[", "nested too deeply"),
        ("# " + "x" * 1_000_000, "larger than"),
        ("trials = " + "9" * 5000, "Exceeds the limit"),
    ],
    ids=["deep", "large", "digits"],
)
def test_files_of_any_size_are_refused_in_words(tmp_path: Path, content: str, why: str) -> None:
    """Nested, long, or with numbers without end."""
    file = tmp_path / "study.toml"
    file.write_text(content)
    with pytest.raises(StudyError, match=f"cannot be read as a study.*{why}"):
        read_study(file)
