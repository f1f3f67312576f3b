"""What a side of a comparison may be called."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from encoders.lame_ffmpeg import LameFfmpeg
from tuner import plugins
from tuner.apply import player
from tuner.cli.arguments.subjects import parse_subject
from tuner.encoder import Encoder
from tuner.errors import EncoderMissing, StudyError, TunerError
from tuner.study.trust import Trust
from tuner.testing import FakeEncoder


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake encoder, and one of which a parameter depends on the rate mode."""

    def load(name: str, binary: str | None = None) -> Encoder:
        if name == "lame-ffmpeg":
            return LameFfmpeg()
        if name != "fake":
            raise EncoderMissing(f"no encoder {name!r}")
        return FakeEncoder(binary)

    monkeypatch.setattr(plugins, "load_encoder", load)
    monkeypatch.setattr(player, "load_encoder", load)


@pytest.fixture
def run(tmp_path: Path, write_run: Callable[..., Path]) -> Path:
    """A run whose winner has shaping 7."""
    return write_run(tmp_path / "run", FakeEncoder(), {"shaping": 7})


def test_encoders() -> None:
    """Defaults, other values as texts, another rate mode, another build."""
    plain = parse_subject("fake", Trust()).subject([64.0])
    assert plain.settings[64.0].as_dict()["shaping"] == 3
    side = parse_subject("fake=/bin/x:rate_mode=vbr,shaping=5,joint=false", Trust())
    settings = side.subject([64.0, 96.0]).settings[96.0]
    assert (settings.rate_mode, settings.as_dict()["shaping"]) == ("vbr", 5)
    assert settings.as_dict()["joint"] is False
    assert side.encoder == FakeEncoder("/bin/x")
    assert parse_subject("fake=/bin/x", Trust("/bin/y")).encoder == FakeEncoder("/bin/y")


def test_runs(run: Path) -> None:
    """What is recommended at each bitrate, or a candidate at one; with its knob."""
    side = parse_subject(str(run), Trust())
    assert (side.bitrates_kbps, side.run) == ((96.0,), run)
    subject = side.subject([96.0])
    assert subject.settings[96.0].as_dict()["shaping"] == 7
    assert subject.knobs == {96.0: 96.0}
    default = parse_subject(f"{run}@96:default", Trust()).subject([48.0])
    assert default.settings[48.0].as_dict()["shaping"] == 3
    with pytest.raises(TunerError, match="available: 96"):
        side.subject([64.0])


def test_files(tmp_path: Path) -> None:
    """One's own settings for all bitrates, or an export's for each."""
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"encoder": "fake", "values": {"shaping": 6}}))
    assert parse_subject(str(file), Trust()).subject([8.0]).settings[8.0].as_dict()["shaping"] == 6
    rows = [{"target_kbps": 64, "rate_mode": "vbr", "values": {"joint": False}}]
    file.write_text(json.dumps({"encoder": "fake", "bitrates": rows}))
    side = parse_subject(str(file), Trust())
    assert side.bitrates_kbps == (64.0,)
    assert side.subject([64.0]).settings[64.0].rate_mode == "vbr"
    with pytest.raises(StudyError, match="available: 64"):
        side.subject([96.0])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fake:shaping", "give name=value pairs"),
        ("fake:nope=1", "fake: invalid parameters:\n  nope: fake has no such parameter"),
        ("fake:shaping=99", "must be"),
        ("lame-ffmpeg:quality_vbr=7", "no effect with these settings: quality_vbr;"),
        ("other", "no encoder 'other'"),
        ("nowhere@96", "no finished run"),
        ("nowhere.json", "not a settings file"),
    ],
)
def test_what_fits_nothing_is_told(text: str, told: str) -> None:
    """With what would be right."""
    with pytest.raises(TunerError, match=told):
        parse_subject(text, Trust())
