"""The study definition: parsing, checking, storing."""

from __future__ import annotations

import random
import tomllib
from dataclasses import replace
from typing import TypeVar

import pytest

from tuner.errors import StudyError
from tuner.study.spec import (
    DEFAULT_TRIALS,
    ClipsSpec,
    SearchSpec,
    StudySpec,
    parse_study,
)

T = TypeVar("T")
LEAST: dict[str, object] = {
    "encoder": "aac",
    "bitrates_kbps": [96, 64],
    "clips": {"folder": "/clips"},
}
FULL = StudySpec(
    encoder="lame",
    clips=ClipsSpec(
        '/a "b"', "/m.csv", 6.0, "varied", 2, category="sparse attacks", per_category=True
    ),
    bitrates_kbps=(48.0, 64.5),
    binary="/usr/bin/lame",
    trials=None,
    hours=1.5,
    seed=3,
    executor="ray",
    address="host:6379",
    workers=8,
    rate=44_100,
    scorer_gpu=0.25,
    storage="postgresql://ann@host/tuner",
    weights="/runs/taught.safetensors",
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


def test_the_rate_is_part_of_the_study() -> None:
    """Another rate is another search."""
    spec = parse_study({**LEAST, "rate": 44_100}, "x")
    assert (spec.clip_rate, parse_study(LEAST, "x").clip_rate) == (44_100, None)
    assert len({replace(spec, rate=rate).digest() for rate in ("source", 44_100, 48_000)}) == 3
    for wrong in (8000, 44.1, True, "44100"):
        with pytest.raises(StudyError, match=r'rate: must be "source", or an integer .* Hz'):
            parse_study({**LEAST, "rate": wrong}, "x")


#: What has tripped writers of TOML over: planes beyond the first, controls, quotes, escapes, ends.
AWKWARD = "🎵é\"'\\\n\r\t\x01\x1f\x7f\x85\u2028\ufeff\U0010ffff #=[]{}.,ab"


@pytest.mark.parametrize("seed", range(50))
def test_any_study_reads_back_as_it_was(seed: int) -> None:
    """Texts of any letters, numbers of any digits, keys of any name, what is optional or not."""
    chance = random.Random(seed)

    def text() -> str:
        return "x" + "".join(chance.choices(AWKWARD, k=chance.randrange(12)))

    def number(low: float, high: float) -> float:
        return chance.choice([low, high, chance.uniform(low, high)])

    def maybe(value: T) -> T | None:
        return chance.choice([value, None])

    spec = replace(
        FULL,
        clips=ClipsSpec(text(), maybe(text()), number(5, 10)),
        bitrates_kbps=tuple(sorted({number(4, 6000) for _ in range(chance.randint(1, 9))})),
        hours=number(0, 10_000),
        seed=chance.randrange(2**63),
        cache_gb=maybe(number(0.01, 1e5)),
        judges=tuple(text() for _ in range(chance.randrange(4))),
        search=SearchSpec(
            warm_start=(text(), text()),
            max_encode_time=maybe(number(1e-9, 1000)),
            max_peak_dbfs=maybe(number(-60, 20)),
        ),
        fixed=tuple(sorted({text(): text(), text(): 1e-300, "a.b": True, "c": -1}.items())),
    )
    assert parse_study(tomllib.loads(spec.to_toml()), "x") == spec


def test_a_password_is_not_stored() -> None:
    """Nor does it tell one search from another; the study can still be read."""
    secret = replace(FULL, storage="postgresql://ann:secret@host/tuner")
    assert "secret" not in secret.to_toml() + repr(secret)
    assert secret.digest() == FULL.digest()
    stored = parse_study(tomllib.loads(secret.to_toml()), "x")
    assert stored.storage == "postgresql://ann:***@host/tuner"


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
            "prune": "maybe",
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
        "(got [64, 64])",
        "trials: must be an integer from 1 to 1000000 (got 0)",
        "(got 'many')",
        "(got True)",
        "address: 'ray://x' needs executor ray, not local",
        "clips.excerpt: must be one of loudest, varied, start (got 'best')",
        "(got 60)",
        "clips.length: unknown",
        "(got 'magic')",
        "(got 'p90')",
        "search.max_encode_time: must be times the default's, as in",
        "search.prune: must be true or false (got 'maybe')",
        "search.warm_start: must be a list of strings (got 'runs/a')",
        "fixed.list",
    ):
        assert part in message
    parts = caught.value.as_dict()["parts"]
    assert isinstance(parts, list) and len(parts) == message.count("\n  ")
    assert {part["where"] for part in parts} == {"mine.toml"}
    assert "encoder: missing" in parts[0]["what"]


@pytest.mark.parametrize("bitrates", [[], "64", [float("nan")], [0], [True], None])
def test_refuses_bitrates(bitrates: object) -> None:
    """Bitrates must be a list of different, sensible kb/s."""
    with pytest.raises(StudyError, match="bitrates_kbps"):
        parse_study({**LEAST, "bitrates_kbps": bitrates}, "x")


def test_table_of_wrong_type() -> None:
    """A value where a table belongs is named."""
    with pytest.raises(StudyError, match=r"clips: must be a table \[clips\]"):
        parse_study({**LEAST, "clips": "folder"}, "x")


def test_digest_ignores_budget_and_executor() -> None:
    """More trials or other workers are the same search; another seed is not."""
    spec = parse_study(LEAST, "x")
    same = parse_study({**LEAST, "trials": 500, "workers": 3, "executor": "ray"}, "x")
    assert same.digest() == spec.digest()
    for change in ({"seed": 1}, {"bitrates_kbps": [64]}, {"search": {"objective": "lower-bound"}}):
        assert parse_study({**LEAST, **change}, "x").digest() != spec.digest()


def kind(value: object) -> str:
    """The name of a test: Python writes no number of 5000 digits."""
    return type(value).__name__


@pytest.mark.parametrize(
    "huge", [10**400, 10**5000, -(10**400), 1e308, float("inf"), float("nan")], ids=kind
)
@pytest.mark.parametrize(
    "key", ["trials", "hours", "seed", "workers", "scorer_gpu", "cache_gb", "exhibits"]
)
def test_numbers_of_any_size_are_refused_in_words(key: str, huge: float) -> None:
    """Short ones: no number of thousands of digits is shown."""
    with pytest.raises(StudyError, match=f"{key}: must be an? .*\\(got ") as caught:
        parse_study({**LEAST, key: huge}, "x")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "rates", [[10**400], [1e308], list(range(8, 800)), [10**5000, 64]], ids=kind
)
def test_bitrates_of_any_size_are_refused_in_words(rates: list[float]) -> None:
    """Too high, or too many."""
    with pytest.raises(StudyError, match=r"bitrates_kbps: .* a list of up to 64 different kb/s"):
        parse_study({**LEAST, "bitrates_kbps": rates}, "x")


@pytest.mark.parametrize("text", ["x" * 100_000, "a\0b"], ids=["long", "nul"])
@pytest.mark.parametrize("key", ["encoder", "binary", "weights"])
def test_texts_that_name_nothing_are_refused_in_words(key: str, text: str) -> None:
    """Endless ones, and those with a NUL, which no system takes as a name."""
    with pytest.raises(StudyError, match=f"{key}: must be .*\\(got ") as caught:
        parse_study({**LEAST, key: text}, "x")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("value", [10**400, 10**5000, float("inf"), "x" * 100_000], ids=kind)
def test_fixed_values_of_any_size_are_refused_in_words(value: object) -> None:
    """Before an encoder sees them."""
    with pytest.raises(StudyError, match=r"fixed\.q: must be .*\(got "):
        parse_study({**LEAST, "fixed": {"q": value}}, "x")


def test_factors_and_tables_of_any_size_are_refused_in_words() -> None:
    """A factor past all numbers; a number where a table is needed; a key without end."""
    endless = {"search": {"max_encode_time": "9" * 400 + "x"}, "clips": 10**5000, "k" * 9999: 1}
    with pytest.raises(StudyError) as caught:
        parse_study({**LEAST, **endless}, "x")
    told = str(caught.value)
    assert "up to 1000" in told and "must be a table [clips] (got a number with thousands" in told
    assert "k…: unknown" in told and len(told) < 1500
