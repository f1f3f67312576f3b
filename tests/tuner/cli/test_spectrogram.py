"""`tuner spectrogram`: pictures that are what they say, and errors that name the file."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tuner.cli.commands.spectrogram import Channel, _gammatone, _linear, spectrogram
from tuner.errors import ClipError, StudyError
from tuner.sound.audio import SAMPLE_RATE, lowpass
from tuner.sound.synth import synthesize

WIDE = synthesize("applause", seed=1, duration_s=4.0)
HOSTILE = "b$x^2$ <b>&.wav"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    reference, coded = tmp_path / "applause.wav", tmp_path / HOSTILE
    soundfile.write(reference, WIDE.T, SAMPLE_RATE)
    soundfile.write(coded, lowpass(WIDE, 7000.0).T, SAMPLE_RATE)
    return reference, coded


@pytest.mark.parametrize("name", ["out.png", "out.html"])
def test_writes_what_its_name_says(
    name: str, files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A PNG, or a page with nothing to load, in which a hostile name does nothing."""
    spectrogram(*files, output=tmp_path / name)
    assert capsys.readouterr().out.strip() == str(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    if name.endswith("png"):
        assert content.startswith(b"\x89PNG")
        return
    page = content.decode()
    assert "b$x^2$ &lt;b&gt;&amp;.wav" in page
    assert "<b>" not in page
    assert "http" not in page
    assert "data:image/png;base64," in page


@pytest.mark.parametrize("channel", list(Channel))
def test_what_is_drawn_is_what_was_taken_away(channel: Channel) -> None:
    """Nothing where the signals are the same; only what lies above the cut-off elsewhere."""
    for make in (_gammatone, _linear):
        same = make(WIDE, WIDE, channel)
        np.testing.assert_array_equal(same.reference, same.coded)
        cut = make(WIDE, lowpass(WIDE, 7000.0), channel)
        change = np.abs(cut.coded - cut.reference).mean(axis=1)
        assert change[cut.frequencies > 9000].max() > 3
        assert change[cut.frequencies < 5000].max() < 0.5
        assert len(cut.frequencies) == len(cut.reference)


def test_errors_name_the_file(files: tuple[Path, Path], tmp_path: Path) -> None:
    reference, coded = files
    with pytest.raises(StudyError, match=r"out\.gif: must end in"):
        spectrogram(reference, coded, output=tmp_path / "out.gif")
    with pytest.raises(ClipError, match=r"gone\.wav"):
        spectrogram(tmp_path / "gone.wav", coded)
    with pytest.raises(ClipError, match="two files"):
        spectrogram(tmp_path, tmp_path)
    with pytest.raises(StudyError, match="cannot be written"):
        spectrogram(reference, coded, output=tmp_path / "none" / "out.png")
    coded.write_bytes(b"nonsense")
    with pytest.raises(ClipError, match="cannot be read"):
        spectrogram(reference, coded, output=tmp_path / "out.png")


def test_a_very_short_file_is_drawn(tmp_path: Path) -> None:
    """10 ms are shorter than an analysis window."""
    soundfile.write(tmp_path / "short.wav", WIDE[:, :480].T, SAMPLE_RATE)
    spectrogram(tmp_path / "short.wav", tmp_path / "short.wav", output=tmp_path / "short.png")
    assert (tmp_path / "short.png").stat().st_size > 0
