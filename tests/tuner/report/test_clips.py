"""The data of the clips' section: rows, diagnosis in words, sounds and pictures."""

import base64
import io
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile
from PIL import Image

from tuner.artefacts import ARTEFACTS
from tuner.errors import RunError
from tuner.exhibits import FOLDER, Exhibit
from tuner.report.clips import build_clips
from tuner.report.exhibits import HEIGHT, WIDTH, draw_pictures
from tuner.report.runs import Run

ROLES = ("reference", "default", "tuned")


def diagnosed(results):
    """The run with windows and a diagnosis for the default and the tuned candidate."""
    (bitrate,) = results.bitrates
    candidates = list(bitrate.candidates)
    for index, bandwidth_hz in ((0, 12_000.0), (bitrate.tuned, 15_000.0)):
        side = candidates[index].sides["holdout"]
        figures = {"bandwidth_hz": bandwidth_hz, "pre_echo_db": 1.0, "noise_db": -12.0}
        clips = side.scores["insenet"]
        heard = replace(
            side,
            windows={digest: [50.0, 60.0 + index] for digest in clips},
            diagnosis={digest: figures for digest in clips},
        )
        candidates[index] = replace(
            candidates[index], sides={**candidates[index].sides, "holdout": heard}
        )
    return replace(results, bitrates=[replace(bitrate, candidates=candidates)])


def with_sounds(folder, results):
    """The run with sounds of its first held-out clip."""
    digest = next(clip.digest for clip in results.clips if clip.side == "holdout")
    (folder / FOLDER).mkdir(parents=True)
    rng = np.random.default_rng(0)
    exhibits = []
    for role in ROLES:
        noise = 0.1 * rng.standard_normal((48_000, 2))
        soundfile.write(folder / FOLDER / f"{role}.wav", noise, 48_000, subtype="PCM_24")
        exhibits.append(Exhibit(digest, 64.0, role, f"{role}.wav", 0.0))
    return Run(folder, results, exhibits, "r0", "aac")


def row_with_sounds(data):
    (row,) = [row for row in data["views"][0]["sides"]["holdout"] if "pictures" in row]
    return row


def test_clips_come_worst_first_with_all_metrics(tmp_path, small_results):
    """Gains are tuned minus default by each metric; the sides are apart."""
    data = build_clips([Run(tmp_path, small_results, [], "r0", "aac")])
    (view,) = data["views"]
    assert (view["label"], view["tuned"]) == ("aac, 64 kb/s", "Tuned")
    rows = view["sides"]["holdout"]
    assert len(rows) == len(view["sides"]["tune"]) == 15
    assert [metric["key"] for metric in data["metrics"]] == ["insenet", "visqol", "zimtohrli"]
    gains = [row["gains"][0] for row in rows]
    assert gains == sorted(gains)
    default, tuned = small_results.bitrates[0].candidates[:2]
    names = {clip.name: clip.digest for clip in small_results.clips}
    for row in rows:
        digest = names[row["name"]]
        for place, metric in enumerate(("insenet", "visqol", "zimtohrli")):
            before, after = (c.sides["holdout"].scores[metric][digest] for c in (default, tuned))
            assert row["gains"][place] == pytest.approx(after - before, abs=0.01)


def test_diagnosis_is_in_words_and_figures(tmp_path, small_results):
    """Older results have none; figures that were not stored are missing."""
    data = build_clips([Run(tmp_path, diagnosed(small_results), [], "r0", "aac")])
    row = data["views"][0]["sides"]["holdout"][0]
    assert row["words"] == "Bandwidth 12.0 to 15.0 kHz."
    assert len(row["diagnosis"][1]) == len(ARTEFACTS) == len(data["artefacts"])
    assert row["diagnosis"][1][:3] == [15_000.0, 1.0, None]
    assert row["windows"] == [[50.0, 60.0], [50.0, 61.0]]
    older = build_clips([Run(tmp_path, small_results, [], "r0", "aac")])
    assert "words" not in older["views"][0]["sides"]["holdout"][0]


def test_traits_are_told(tmp_path, small_results):
    """And what the model was not taught."""
    traits = {"attacks_per_s": 0.25, "side_db": -12.0, "outside_taught": 1.0}
    clips = [replace(clip, traits=traits) for clip in small_results.clips]
    data = build_clips([Run(tmp_path, replace(small_results, clips=clips), [], "r0", "aac")])
    assert data["views"][0]["sides"]["tune"][0]["traits"] == (
        "8.0 s, 0.2 attacks per second, side −12.0 dB relative to mid,"
        " outside the model’s training range."
    )


def test_a_bitrate_without_an_answer_has_no_view(tmp_path, hostile_results):
    data = build_clips([Run(tmp_path, hostile_results, [], "r0", "aac")])
    assert [view["key"] for view in data["views"]] == ["r0-64", "r0-96", "r0-128", "r0-160"]


def test_links_start_at_the_page(tmp_path, small_results):
    """From another folder, through hostile names; the sound is where the link points."""
    folder = tmp_path / "run #1 %20 <b>"
    run = with_sounds(folder, small_results)
    page = tmp_path / "elsewhere" / "report.html"
    data = build_clips([run], "link", page)
    row = row_with_sounds(data)
    for role in ROLES:
        link = data["sounds"][row["sounds"][role]]
        assert link.startswith("./..") and not set("#<> ") & set(link)
        assert (page.parent / unquote(link)).resolve() == (folder / FOLDER / f"{role}.wav")
        script = (folder / FOLDER / f"{role}.wav.js").read_text("utf-8")
        assert script.startswith('document.currentScript.sound = "data:audio/flac;base64,')
    beside = build_clips([run], "link")
    assert beside["sounds"][row["sounds"]["tuned"]] == f"./{FOLDER}/tuned.wav"


def test_embedded_sounds_are_lossless(tmp_path, small_results):
    """FLAC of 16 bit, the samples rounded; or none at all."""
    run = with_sounds(tmp_path / "run", small_results)
    data = build_clips([run], "embed")
    for role, name in row_with_sounds(data)["sounds"].items():
        head, content = data["sounds"][name].split(",")
        assert head == "data:audio/flac;base64"
        embedded, rate = soundfile.read(io.BytesIO(base64.b64decode(content)))
        own, _ = soundfile.read(tmp_path / "run" / FOLDER / f"{role}.wav")
        assert rate == 48_000
        assert np.abs(embedded - own).max() < 2**-15
    silent = build_clips([run], "none")
    assert silent["sounds"] == {} and "sounds" not in row_with_sounds(silent)
    assert len(silent["pictures"]) == 5


def test_pictures_show_the_spectrum():
    """A tone at 6 kHz is a line at a quarter of the height; what lacks it is blue there."""
    time = np.arange(48_000) / 48_000
    tone = 0.5 * np.sin(2 * np.pi * 6000 * time)[:, None].astype(np.float32)
    hiss = (1e-3 * np.random.default_rng(0).standard_normal(tone.shape)).astype(np.float32)
    pictures = draw_pictures({"reference": tone + hiss, "default": tone + hiss, "tuned": hiss})
    images = {}
    for name, url in pictures.items():
        content = base64.b64decode(url.removeprefix("data:image/webp;base64,"))
        image = Image.open(io.BytesIO(content))
        assert image.size == (WIDTH, HEIGHT)
        images[name] = np.asarray(image.convert("RGB")).astype(float)
        assert len(content) < 30_000
    line = HEIGHT * 3 // 4
    brightness = images["reference"].sum(axis=2).mean(axis=1)
    assert abs(int(brightness.argmax()) - line) <= 1
    red, _, blue = images["tuned_difference"][line - 1 : line + 1].mean(axis=(0, 1))
    assert blue > red + 50
    red, _, blue = images["default_difference"][line - 1 : line + 1].mean(axis=(0, 1))
    assert abs(blue - red) < 20


def test_a_missing_or_odd_sound_is_told(tmp_path, small_results):
    run = with_sounds(tmp_path / "run", small_results)
    path = tmp_path / "run" / FOLDER / "tuned.wav"
    soundfile.write(path, np.zeros((100, 2)), 48_000)
    with pytest.raises(RunError, match="differ in length"):
        build_clips([run])
    path.write_bytes(b"no FLAC")
    with pytest.raises(RunError, match=r"tuned\.wav: cannot be read"):
        build_clips([run])
    Path(path).unlink()
    with pytest.raises(RunError, match=r"tuned\.wav: cannot be read"):
        build_clips([run])
