"""The study definition: parsing, checking, merging, storing."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tuner.errors import StudyError
from tuner.search.spec import (
    DEFAULT_TRIALS,
    ClipsSpec,
    SearchSpec,
    StudySpec,
    merge,
    parse_study,
    read_study,
)

LEAST: dict[str, object] = {
    "encoder": "aac",
    "bitrates_kbps": [96, 64],
    "clips": {"folder": "/clips"},
}
FULL = StudySpec(
    encoder="lame",
    clips=ClipsSpec('/a "b"', "/m.csv", 6.0, "varied", 2),
    bitrates_kbps=(48.0, 64.5),
    binary="/usr/bin/lame",
    trials=None,
    hours=1.5,
    seed=3,
    executor="ray",
    address="ray://host:10001",
    workers=8,
    search=SearchSpec(
        sampler="random",
        objective="p10",
        two_objectives=True,
        prune=False,
        warm_start=("/runs/a",),
        max_encode_time=1.5,
        max_peak_dbfs=1.0,
        max_latency_ms=20.0,
    ),
    fixed=(("joint", True), ("q", 2), ("rate_mode", "abr")),
)


def test_defaults() -> None:
    """The least study gets documented defaults, bitrates in order."""
    spec = parse_study(LEAST, "x")
    assert spec == StudySpec("aac", ClipsSpec("/clips"), (64.0, 96.0))
    assert spec.trials == DEFAULT_TRIALS


def test_toml_round_trip() -> None:
    """A study as stored in a run directory reads back equal."""
    assert parse_study(tomllib.loads(FULL.to_toml()), "x") == FULL


def test_all_problems_at_once() -> None:
    """Every wrong key is told in one error, with the file and what would be right."""
    raw = {
        "encodr": "aac",
        "bitrates_kbps": [64, 64],
        "trials": 0,
        "hours": "many",
        "seed": True,
        "address": "ray://x",
        "clips": {"folder": "x", "excerpt": "best", "excerpt_s": 60, "length": 3},
        "search": {
            "sampler": "magic",
            "objective": "p90",
            "max_encode_time": 1.5,
            "prune": "no",
            "warm_start": "runs/a",
        },
        "fixed": {"list": [1]},
    }
    with pytest.raises(StudyError) as caught:
        parse_study(raw, "mine.toml")
    message = str(caught.value)
    assert message.startswith("mine.toml:")
    for part in (
        "encoder: missing",
        "encodr: unknown",
        "bitrates_kbps: [64, 64]",
        "trials: 0",
        "hours: 'many'",
        "seed: True",
        "address: 'ray://x' is for executor ray, not local",
        "clips.excerpt: 'best' is not right; it must be one of loudest, varied, start",
        "clips.excerpt_s: 60",
        "clips.length: unknown",
        "search.sampler: 'magic'",
        "search.objective: 'p90'",
        "search.max_encode_time: 1.5 is not right; it must be times the default's, as in",
        "search.prune: 'no' is not right; it must be true or false",
        "search.warm_start: 'runs/a'",
        "fixed.list",
    ):
        assert part in message


@pytest.mark.parametrize("bitrates", [[], "64", [float("nan")], [0], [True], None])
def test_refuses_bitrates(bitrates: object) -> None:
    """Bitrates must be a list of different, sensible kb/s."""
    with pytest.raises(StudyError, match="bitrates_kbps"):
        parse_study({**LEAST, "bitrates_kbps": bitrates}, "x")


def test_table_of_wrong_type() -> None:
    """A value where a table belongs is named."""
    with pytest.raises(StudyError, match=r"clips: a table \[clips\]"):
        parse_study({**LEAST, "clips": "folder"}, "x")


def test_flags_override() -> None:
    """Flags win key by key; a budget flag replaces the file's whole budget."""
    raw = {**LEAST, "trials": 10, "clips": {"folder": "/clips", "excerpt_s": 6}}
    merged = merge(raw, {"hours": 2.0, "clips": {"folder": "/other"}, "seed": 5})
    spec = parse_study(merged, "x")
    assert (spec.trials, spec.hours, spec.seed) == (None, 2.0, 5)
    assert spec.clips == ClipsSpec("/other", None, 6.0)


def test_digest_ignores_budget_and_executor() -> None:
    """More trials or other workers are the same search; another seed is not."""
    spec = parse_study(LEAST, "x")
    same = parse_study({**LEAST, "trials": 500, "workers": 3, "executor": "ray"}, "x")
    assert same.digest() == spec.digest()
    for change in ({"seed": 1}, {"bitrates_kbps": [64]}, {"search": {"objective": "lower-bound"}}):
        assert parse_study({**LEAST, **change}, "x").digest() != spec.digest()


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """A study file names its clips from where it lies."""
    file = tmp_path / "s.toml"
    file.write_text('[clips]\nfolder = "music"\nmanifest = "/m.csv"\n')
    clips = read_study(file)["clips"]
    assert clips == {"folder": str(tmp_path / "music"), "manifest": "/m.csv"}


@pytest.mark.parametrize("content", [None, "encoder = ", b"\xff\xfe"])
def test_unreadable_file(tmp_path: Path, content: str | bytes | None) -> None:
    """A missing or broken file is an error that names it."""
    file = tmp_path / "s.toml"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(StudyError, match=r"s\.toml"):
        read_study(file)
