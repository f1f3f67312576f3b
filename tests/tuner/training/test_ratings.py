"""Listening tests: reading, splitting, aligning."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tuner.errors import StudyError
from tuner.sound.audio import SAMPLE_RATE, Pcm
from tuner.training.ratings import (
    Panel,
    align_loosely,
    folds,
    panel_features,
    read_ratings,
    read_signals,
)

HEADER = "signal,condition,listener,rating,file\n"


def tone(seconds: float = 0.5) -> Pcm:
    rng = np.random.default_rng(0)
    envelope = np.repeat(rng.random(round(seconds * 50)), SAMPLE_RATE // 50)
    return (0.3 * envelope * rng.standard_normal(len(envelope))).astype(np.float32)[None]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two signals of one speaker and one of another; stereo files of equal channels at 24 kHz."""
    rows = []
    for signal in ("VCTK_p229_1", "VCTK_p229_2", "TSP_FB10_07"):
        for name in ("ref", "codec"):
            pcm = tone()[:, ::2]
            soundfile.write(tmp_path / f"{signal}-{name}.wav", np.repeat(pcm, 2, axis=0).T, 24_000)
        for listener, rating in enumerate((40, 60.5)):
            rows.append(f"{signal},Codec,{listener},{rating},{signal}-codec.wav")
            rows.append(f"{signal},Reference,{listener},100,{signal}-ref.wav")
            rows.append(f"{signal},Anchor,{listener},20,")
    path = tmp_path / "ratings.csv"
    path.write_text(HEADER + "\n".join(rows) + "\n")
    return path


def test_every_rating_of_a_coded_file_is_read(table: Path) -> None:
    """References are found, the anchor without a file is left out."""
    panels = read_ratings(table)
    assert [panel.signal for panel in panels] == ["VCTK_p229_1", "VCTK_p229_2", "TSP_FB10_07"]
    assert [panel.speaker for panel in panels] == ["VCTK_p229", "VCTK_p229", "TSP_FB"]
    assert panels[0].reference == table.parent / "VCTK_p229_1-ref.wav"
    assert panels[0].coded == (table.parent / "VCTK_p229_1-codec.wav",)
    assert panels[0].conditions == ("Codec",)
    assert panels[0].ratings == ((40.0, 60.5),)


def test_a_column_names_the_speaker(table: Path) -> None:
    """It goes before what the signal's name says."""
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0] + ",speaker", *(line + ",Ann" for line in lines[1:])]))
    assert {panel.speaker for panel in read_ratings(table)} == {"Ann"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("signal,condition,listener,rating\n", r"ratings\.csv: has no column file"),
        (HEADER, "no rating"),
        (HEADER + "a,Codec,1,101,a.wav\n", "line 2: the rating must be 0 to 100 \\(got '101'"),
        (HEADER + "a,Codec,1,nan,a.wav\n", "line 2: the rating must be 0 to 100 \\(got 'nan'"),
        (HEADER + "a,Codec,1,50\n", "no rating"),
        (HEADER + "a,Codec,1,50,a.wav\n", "0 files for condition 'Reference'"),
        (HEADER + "a,Reference,1,50,a.wav\n", "no rated file"),
        (HEADER + "a,Codec,1,50,gone.wav\na,Reference,1,50,VCTK_p229_1-ref.wav\n", r"gone\.wav"),
    ],
)
def test_what_is_wrong_is_named(table: Path, text: str, named: str) -> None:
    """A missing column, rating, reference or file is an error that says which."""
    table.write_text(text)
    with pytest.raises(StudyError, match=named):
        read_ratings(table)


def test_a_missing_file_of_ratings_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"none\.csv"):
        read_ratings(tmp_path / "none.csv")


@pytest.mark.parametrize("count", [2, 3, 99])
def test_folds_share_no_speaker(count: int) -> None:
    """Every panel is held out once, and its speaker is never among the taught."""
    panels = [Panel(str(n), speaker, Path(), (), (), ()) for n, speaker in enumerate("abcabdeaacd")]
    split = folds(panels, count)
    assert sorted(place for held in split for place in held) == list(range(len(panels)))
    assert len(split) == min(count, 5)
    for held in split:
        speakers = {panels[n].speaker for n in held}
        taught = {p.speaker for n, p in enumerate(panels) if n not in held}
        assert not speakers & taught


def test_one_speaker_cannot_be_held_out(table: Path) -> None:
    with pytest.raises(StudyError, match="two speakers"):
        folds(read_ratings(table)[:2], 5)


def test_alignment_finds_the_delay_of_a_resynthesised_signal() -> None:
    """Other noise under the same envelope, 9 ms late: the waveform tells nothing."""
    reference, delay = tone(2.0), 9 * SAMPLE_RATE // 1000
    rng = np.random.default_rng(1)
    carrier = rng.standard_normal(reference.shape[1])
    envelope = np.abs(reference[0]).reshape(-1, SAMPLE_RATE // 50).mean(axis=1)
    other = (np.repeat(envelope, SAMPLE_RATE // 50) * carrier).astype(np.float32)[None]
    late = np.pad(other, ((0, 0), (delay, 0)))
    aligned = align_loosely(reference, late)
    assert aligned.shape == reference.shape
    # To the grid of 1 ms.
    offsets = [int(np.argmax(np.correlate(aligned[0, 5000:9000], other[0, 5100:8900], "valid")))]
    assert abs(offsets[0] - 100) <= SAMPLE_RATE // 1000


@pytest.mark.parametrize("delay", [-700, 0, 700])
def test_alignment_of_a_kept_waveform_is_exact(delay: int) -> None:
    """Also where the decoded signal is early; what is missing is silence."""
    reference = tone(1.0)
    shifted = np.roll(reference, delay, axis=1)
    if delay < 0:
        shifted = shifted[:, :delay]
    aligned = align_loosely(reference, shifted)
    edge = abs(delay)
    np.testing.assert_array_equal(
        aligned[:, edge : -edge or None], reference[:, edge : -edge or None]
    )


def test_signals_and_features_of_a_panel(table: Path) -> None:
    """Equal channels are one; at 48 kHz; other speeds have other lengths."""
    panel = read_ratings(table)[0]
    assert read_signals(panel).shape == (2, 1, SAMPLE_RATE // 2)
    normal, slow = panel_features(panel, (1.0, 0.5))
    assert normal.shape == (2, 4, 18, 32, 12)
    assert slow.shape == (2, 4, 18, 32, 25)
