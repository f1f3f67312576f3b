"""What a run names is run only when this machine or its user knows it, and nothing of its own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tuner.encoder import Encoder
from tuner.errors import RunError, StudyError
from tuner.plugins import load_encoder
from tuner.study.trust import Trust, load_named, remember
from tuner.testing import FakeEncoder

TOML = """
name = "mine"
suffix = ".raw"
encode = ["{program}", "{{rate}}", "{{options}}", "{{source}}", "{{target}}"]
payload = "file"

[[rate_modes]]
name = "cbr"
knob = "bitrate_kbps"
low = 8
high = 64
options = ["-b", "{{knob}}"]
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is remembered yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder."""
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program in no folder of PATH, which tells when it is run."""
    return make_program(tmp_path / "bin" / "enc")


def make_program(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\necho ran >> {path}.ran\n")
    path.chmod(0o755)
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fake(name: str, binary: str | None) -> Encoder:
    assert name == "fake"
    return FakeEncoder(binary)


def test_a_registered_adapter_needs_no_word(run: Path) -> None:
    """Nor does a program that PATH finds under its name, by name or by path."""
    assert load_named("fake", None, run, Trust(), fake) == FakeEncoder()
    assert load_named("fake", "sh", run, Trust(), fake) == FakeEncoder("sh")
    assert load_named("fake", "/bin/sh", run, Trust(), fake) == FakeEncoder("/bin/sh")


def test_a_program_elsewhere_is_asked_for(run: Path, program: Path) -> None:
    """With its digest, as sha256sum prints it; or the user names one of his own."""
    digest = sha256(program)
    with pytest.raises(RunError, match=rf"names .*enc \(sha256 {digest[:16]}\)") as caught:
        load_named("fake", str(program), run, Trust(), fake)
    assert f"--trust {digest[:16]}" in str(caught.value)
    for given in (digest, digest[:16], digest[:20].upper()):
        trust = Trust(digests=("0" * 16, given))
        assert load_named("fake", str(program), run, trust, fake) == FakeEncoder(str(program))
    program.write_text("something else")
    with pytest.raises(RunError, match="does not know"):
        load_named("fake", str(program), run, Trust(digests=(digest,)), fake)
    own = Trust(binary="/bin/sh")
    assert load_named("fake", str(program), run, own, fake) == FakeEncoder("/bin/sh")
    with pytest.raises(RunError, match="does not know"):
        load_named("fake", "no-such-name", run, Trust(), fake)
    for short in ("", digest[:8], "x" * 16):
        with pytest.raises(StudyError, match="at least 16 hex digits"):
            Trust(digests=(short,))


def test_nothing_of_the_runs_own_is_used(
    run: Path, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the user says: neither itself, nor by a link in or out, nor an adapter's file."""
    own = make_program(run / "evil.sh")
    (run / "out").symlink_to(program)
    (tmp_path / "in").symlink_to(own)
    monkeypatch.chdir(run)
    trust = Trust(digests=(sha256(own), sha256(program)))
    for path in (
        str(own),
        str(run / "out"),
        str(tmp_path / "in"),
        "./evil.sh",
        f"{run}/x/../evil.sh",
    ):
        with pytest.raises(RunError, match="is in the run's own folder"):
            load_named("fake", path, run, trust, fake)
        with pytest.raises(RunError, match="is in the run's own folder"):
            load_named(
                "opus-ffmpeg", None, run, Trust(binary=path, digests=trust.digests), load_encoder
            )
    for place, named in ((run, program), (tmp_path, own)):
        file = place / "mine.toml"
        file.write_text(TOML.format(program=named))
        with pytest.raises(RunError, match="is in the run's own folder"):
            load_named(
                str(file), None, run, Trust(digests=(sha256(file), sha256(own))), load_encoder
            )
    assert not [*tmp_path.rglob("*.ran")]


def test_an_adapters_file_is_asked_for_with_its_programs(
    run: Path, program: Path, tmp_path: Path
) -> None:
    """It may name any program with any words; nothing is run to find them."""
    file = tmp_path / "mine.toml"
    for named, files in (("sh", [file]), (program, [file, program])):
        file.write_text(TOML.format(program=named))
        with pytest.raises(RunError) as caught:
            load_named(str(file), None, run, Trust(), load_encoder)
        told = [f"{each} (sha256 {sha256(each)[:16]})" for each in files]
        assert f"names {', '.join(told)}, which" in str(caught.value)
        digests = tuple(map(sha256, files))
        assert load_named(str(file), None, run, Trust(digests=digests), load_encoder).name == "mine"
    # A program of one's own does not make the file known.
    with pytest.raises(RunError, match=r"mine\.toml \(sha256"):
        load_named(str(file), None, run, Trust(binary=str(program)), load_encoder)
    mine = Trust(binary=str(program), digests=(sha256(file),))
    assert load_named(str(file), None, run, mine, load_encoder).name == "mine"
    assert not [*tmp_path.rglob("*.ran")]


def test_what_the_user_ran_is_remembered(
    run: Path, program: Path, tmp_path: Path, state: Path
) -> None:
    """By content: changed, it is asked for again. What PATH finds needs no memory."""
    remember("fake", "/bin/sh", FakeEncoder("/bin/sh"))
    assert not state.exists()
    file = tmp_path / "mine.toml"
    file.write_text(TOML.format(program=program))
    for _ in range(2):
        remember(str(file), None, load_encoder(str(file)))
    assert load_named(str(file), None, run, Trust(), load_encoder).name == "mine"
    assert load_named("fake", str(program), run, Trust(), fake)
    (kept,) = (path for path in state.rglob("*") if path.is_file())
    assert len(kept.read_text().splitlines()) == 2
    file.write_text(file.read_text() + "\n")
    with pytest.raises(RunError, match="does not know"):
        load_named(str(file), None, run, Trust(), load_encoder)


def test_memory_that_cannot_be_kept_is_no_error(
    program: Path, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Runs then ask."""
    state.write_text("in the way")
    remember("fake", str(program), FakeEncoder(str(program)))
    assert "runs will ask for --trust" in caplog.text
    state.unlink()
