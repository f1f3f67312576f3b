"""Stimuli are equally loud, named blindly, and refused where a test could not be fair."""

import json

import numpy as np
import pytest
import soundfile

from tuner.errors import ClipError, RunError
from tuner.listening import Material, make_test, read_plan
from tuner.listening.plan import ANCHORS, REFERENCE
from tuner.listening.stimuli import LOUDNESS_LUFS, level_gains
from tuner.sound.loudness import loudness_lufs


def tone(amplitude, hz=997, seconds=2):
    time = np.arange(seconds * 48_000) / 48_000
    return np.tile(amplitude * np.sin(2 * np.pi * hz * time), (2, 1)).astype(np.float32)


def test_a_louder_version_is_turned_down():
    reference = tone(0.05)
    gains = level_gains(reference, {REFERENCE: reference, "tuned": 2 * reference})
    assert gains["tuned"][0] == pytest.approx(-6.02, abs=0.01)
    levelled = loudness_lufs(2 * reference * np.float32(gains["tuned"][1]))
    assert levelled == pytest.approx(LOUDNESS_LUFS, abs=0.05)


def test_peaks_keep_a_trial_from_clipping():
    """A click in near silence would need a gain that clips it."""
    pcm = tone(0.001)
    pcm[:, 1000] = 0.9
    gains = level_gains(pcm, {REFERENCE: pcm})
    assert np.max(np.abs(pcm)) * gains[REFERENCE][1] <= 0.8913


def test_a_folder_holds_all_conditions_under_blind_names(folder):
    plan = read_plan(folder)
    assert len(plan.trials) == 2
    files = [s.file for t in plan.trials for s in t.stimuli]
    assert len(set(files)) == 10
    for trial in plan.trials:
        assert {s.condition for s in trial.stimuli} == {REFERENCE, *ANCHORS, "default", "tuned"}
        assert {soundfile.info(folder / s.file).frames for s in trial.stimuli} == {48_000}
    for word in (REFERENCE, *ANCHORS, "default", "tuned", "clip"):
        assert not any(word in file for file in files)


def test_the_anchor_lacks_what_is_above_its_cutoff(folder):
    trial = read_plan(folder).trials[0]
    file = next(s.file for s in trial.stimuli if s.condition == "anchor35")
    spectrum = np.abs(np.fft.rfft(soundfile.read(folder / file)[0][:, 0]))
    assert spectrum[5_000:].max() < 0.01 * spectrum[:3_000].max()


def test_a_page_has_at_most_twelve_signals(tmp_path):
    """Nine coded ones beside hidden reference and two anchors (BS.1534-3, 5.3)."""
    reference = tone(0.05)
    coded = {f"c{n}": reference for n in range(9)}
    plan = make_test(
        tmp_path / "t", [Material("a", None, reference, coded)], title="", baseline="c0"
    )
    assert len(plan.trials[0].stimuli) == 12
    material = Material("a", None, reference, {**coded, "c9": reference})
    with pytest.raises(ClipError, match="10 coded conditions; a page takes 1 to 9"):
        make_test(tmp_path / "u", [material], title="", baseline="c0")


def test_orders_differ_between_subjects_and_repeat_for_one(folder):
    plan = read_plan(folder)
    orders = {tuple(s.condition for s in plan.order(f"s{n}", "001")) for n in range(20)}
    assert len(orders) > 10
    assert plan.order("anna", "001") == read_plan(folder).order("anna", "001")
    assert len({tuple(plan.pages(f"s{n}")) for n in range(20)}) == 2


def test_x_of_abx_is_a_or_b_about_as_often(abx_folder):
    plan = read_plan(abx_folder)
    assert len(plan.trials) == 6
    orders = [plan.order(f"s{n}", t.name) for n in range(30) for t in plan.trials]
    same_as_a = sum(x is a for a, _, x in orders)
    # 180 fair coins: four standard deviations are 27.
    assert 63 <= same_as_a <= 117


def test_one_condition_is_compared_with_the_reference_in_abx(tmp_path):
    reference = tone(0.05)
    material = Material("a", None, reference, {"tuned": reference})
    plan = make_test(tmp_path / "t", [material], title="", baseline="tuned", kind="abx")
    assert [s.condition for s in plan.trials[0].stimuli] == [REFERENCE, "tuned"]


def test_a_test_is_never_overwritten(folder):
    with pytest.raises(RunError, match="already contains a test"):
        make_test(folder, [], title="", baseline="default")


def test_surround_is_refused(tmp_path):
    surround = np.repeat(tone(0.1)[:1], 6, axis=0)
    material = Material("a", None, surround, {"tuned": surround})
    with pytest.raises(ClipError, match=r"a: has 5.1 sound; .* play mono and stereo only"):
        make_test(tmp_path / "t", [material], title="", baseline="tuned")


def test_unaligned_material_is_refused(tmp_path):
    material = Material("a", None, tone(0.1), {"tuned": tone(0.1)[:, 10:]})
    with pytest.raises(ClipError, match="align it first"):
        make_test(tmp_path / "t", [material], title="", baseline="tuned")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"version": 99}, "version 99"),
        ({"kind": "duel"}, "damaged"),
        ({"trials": []}, "damaged"),
        ({"seed": "one"}, r"damaged \(.*`\$.seed`"),
        ({"intro": None}, r"damaged \(.*`\$.intro`"),
        ({"secret": ""}, "damaged"),
    ],
)
def test_a_damaged_plan_is_told(folder, change, match):
    path = folder / "plan.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RunError, match=match):
        read_plan(folder)


def test_a_plan_names_no_file_outside_its_folder(folder):
    path = folder / "plan.json"
    raw = json.loads(path.read_text())
    raw["trials"][0]["stimuli"][0]["file"] = "../secret.flac"
    path.write_text(json.dumps(raw))
    with pytest.raises(RunError, match="outside"):
        read_plan(folder)
