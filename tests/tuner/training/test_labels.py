"""Labels: raw verdicts on the signals that can be heard, kept in a table that reads back."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tuner.errors import StudyError
from tuner.metrics.scales import aligned_visqol_mos, visqol_mos
from tuner.sound.audio import lowpass
from tuner.sound.synth import synthesize
from tuner.testing import FakeEncoder
from tuner.training.labelling import complete, label_all, label_reference, read_finished
from tuner.training.labels import Labelled, label, read_table, without_unheard, write_table
from tuner.training.material import Material, Source
from tuner.training.recipes import Recipe
from tuner.training.shards import FeatureSet, write_shards

WIDE = synthesize("applause", 1, 1.5)
RECIPE = Recipe(({"kind": "anchor", "hz": 7000.0},), "group", 64.2)


@pytest.fixture(scope="module")
def labelled() -> Labelled:
    """One reference with one label."""
    made = label(WIDE, lowpass(WIDE, 7000.0), RECIPE, apart=True)
    return Labelled(3, Source("sound", "applause", seed=1), "0123456789ab", (made,))


def test_all_signals_of_a_wide_clip(labelled: Labelled) -> None:
    """Mid, side, left and right, each by both teachers."""
    (made,) = labelled.labels
    assert len(made.visqol) == len(made.zimtohrli) == 4
    assert all(value is not None and 1 <= value < 4 for value in made.visqol)


def test_what_cannot_be_heard_is_not_measured() -> None:
    """Mono has a mid alone; a silent side is left out; left and right on demand."""
    mono = WIDE[:1]
    assert label(mono, mono, RECIPE, apart=True).visqol[1:] == (None, None, None)
    same = np.repeat(mono, 2, axis=0)
    made = label(same, same, RECIPE, apart=False)
    assert made.zimtohrli[1:] == (None, None, None)


def test_table_reads_back(labelled: Labelled, tmp_path: Path) -> None:
    """What was written, in the order of the plan."""
    path = tmp_path / "labels.jsonl.xz"
    other = Labelled(1, Source("speech", "de+f1", seed=9, mono=True), "", ())
    write_table(path, {"seed": 4}, [labelled, other])
    header, rows = read_table(path)
    assert header["seed"] == 4
    assert rows == [other, labelled]


def test_a_signal_that_is_its_reference_teaches_nothing(labelled: Labelled) -> None:
    """An artefact that a reference does not show has no order of severity."""
    same = replace(labelled.labels[0], digest=labelled.digest)
    both = replace(labelled, labels=(same, *labelled.labels))
    assert without_unheard(both) == labelled


@pytest.mark.parametrize("content", [b"", b"not xz", b"\xfd7zXZ\x00"])
def test_damaged_table_is_told(content: bytes, tmp_path: Path) -> None:
    """The error names the file."""
    path = tmp_path / "labels.jsonl.xz"
    path.write_bytes(content)
    with pytest.raises(StudyError, match=r"labels\.jsonl\.xz"):
        read_table(path)


def test_aligned_visqol_is_visqol_on_aligned_signals() -> None:
    """Without its own alignments it differs by less than listeners could tell."""
    left = WIDE[0].astype(np.float64)
    coded = lowpass(WIDE, 9000.0)[0].astype(np.float64)
    assert aligned_visqol_mos(left, coded) == pytest.approx(visqol_mos(left, coded), abs=0.05)


def test_labelling_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """What the folder or a table holds is not computed again."""
    sources = tuple(Source("sound", "bells", seed=n, mono=True) for n in range(3))
    material = Material(sources, tmp_path)
    told: list[tuple[int, int]] = []

    def run(known: frozenset[int]) -> None:
        told.clear()
        label_all(
            material,
            {"fake": FakeEncoder()},
            0,
            tmp_path / "work",
            1,
            lambda done, labels: told.append((done, labels)),
            known,
            tmp_path / "features",
        )

    run(frozenset({0}))
    assert [row.index for row in read_finished(tmp_path / "work")] == [1, 2]
    assert told[-1][0] == 3
    assert told[-1][1] == sum(len(r.labels) for r in read_finished(tmp_path / "work")) > 0
    run(frozenset({0}))
    assert told == []
    # The features that were kept are those that training looks for.
    rows = [row for row in read_finished(tmp_path / "work") if row.labels]
    made = write_shards(
        material, rows, {}, tmp_path / "features", 1, lambda done, _: told.append((done, 0))
    )
    assert told == []
    assert FeatureSet(made, {1, 2}).pairs == sum(len(row.labels) for row in rows)


def test_a_damaged_row_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is told, and labelled again as one that is not there."""
    (tmp_path / "000003.json").write_text('{"index": 3')
    assert list(read_finished(tmp_path)) == []
    assert "000003.json: damaged" in caplog.text


def test_older_labels_are_completed(tmp_path: Path) -> None:
    """PEAQ is asked of what lacks it; the rest stays, what comes out otherwise is left out."""
    material = Material((Source("sound", "bells", seed=1, mono=True),), tmp_path)
    encoders = {"fake": FakeEncoder()}
    whole = label_reference(material, 0, encoders, 0)
    assert len(whole.labels) > 1
    older = tuple(replace(each, peaq=()) for each in whole.labels)
    changed = replace(older[0], digest="0" * 12)
    made = complete(material, replace(whole, labels=(changed, *older[1:])), encoders)
    assert made.labels == whole.labels[1:]
