"""Hostile names go through command lines, the log and the page as what they are: names."""

from __future__ import annotations

import os
import pickle
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tuner.cli import main
from tuner.errors import ClipError, WeightsError
from tuner.model.scorer import SHIPPED_WEIGHTS, load_members
from tuner.results import read_results
from tuner.sound.clips import load_clips

#: Quotes, markup, a leading dash, a newline, a template.
NAMES = (
    'it\'s "$(touch evil)" `touch evil`; touch evil',
    "<script>alert(1)<script><img src=x onerror=alert(1)>",
    "-rf --out=evil\n{{ 7*7 }}",
    "\x1b[31mred \u202egnirts",
)
#: Latin-1, as old collections have it.
NO_TEXT = os.fsdecode(b"caf\xe9.wav")


class Page(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


@pytest.fixture
def hostile(rig: Any, music: Path) -> Any:
    """A rig whose clips, run directory and parent folder have hostile names."""
    folder = rig.folder / NAMES[1]
    rig.music = folder / NAMES[0]
    rig.music.mkdir(parents=True)
    for source, name in zip(sorted(music.glob("*.wav")), NAMES, strict=True):
        shutil.copy(source, rig.music / f"{name}.wav")
    rig.run = folder / NAMES[2]
    rig.options = {"report": True}
    return rig


def test_a_run_with_hostile_names(hostile: Any) -> None:
    """It runs, tells, and its page holds no element of theirs."""
    session = hostile.start("--trials=1").end()
    assert session.code == 0, session.told
    assert "Logging error" not in session.told
    results = read_results(hostile.run / "results.json")
    assert {clip.name for clip in results.clips} == {f"{name}.wav" for name in NAMES}
    page = Page((hostile.run / "report.html").read_text(encoding="utf-8"))
    assert not [given for tag, given in page.elements if tag == "img" and given.get("src") == "x"]
    assert not [name for _, given in page.elements for name in given if name.startswith("on")]
    shown = hostile.start(command=("status", "--", str(hostile.run))).end()
    assert shown.code == 0 and "finished" in shown.answer, shown.told
    assert not [*hostile.folder.rglob("evil"), *Path.cwd().glob("evil")]


def test_names_that_are_no_text_are_refused(
    tmp_path: Path, music: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Among the clips, and on the command line: before anything runs, with the remedy."""
    folder = Path(shutil.copytree(music, tmp_path / "music"))
    (folder / "manifest.csv").unlink()
    (folder / "a.wav").rename(folder / NO_TEXT)
    with pytest.raises(ClipError, match=r"caf\\udce9\.wav': the name is not UTF-8; rename it"):
        load_clips(folder)
    monkeypatch.setattr("sys.argv", ["tuner", "status", NO_TEXT])
    with pytest.raises(SystemExit, match="1"):
        main()
    assert "is not UTF-8; rename the file or folder" in capsys.readouterr().err


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_truncated_weights_score_nothing(tmp_path: Path, share: float) -> None:
    """A weights file that was cut ends with an error that names it, whatever is left of it."""
    content = SHIPPED_WEIGHTS.read_bytes()
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsError, match=r"weights\.safetensors: damaged"):
        load_members(str(path))


def test_poisoned_weights_score_nothing(tmp_path: Path) -> None:
    """Weights that are no numbers, of other shapes, or a pickle in disguise."""
    state = load_file(SHIPPED_WEIGHTS)
    name = next(name for name, tensor in state.items() if tensor.is_floating_point())
    path = tmp_path / "weights.safetensors"
    save_file({**state, name: torch.full_like(state[name], torch.nan)}, path)
    with pytest.raises(WeightsError, match="NaN or infinity among them"):
        load_members(str(path))
    save_file({**state, name: torch.zeros(3)}, path)
    with pytest.raises(WeightsError, match="size mismatch"):
        load_members(str(path))
    path.write_bytes(pickle.dumps(Evil(str(tmp_path / "evil"))))
    with pytest.raises(WeightsError, match="damaged"):
        load_members(str(path))
    assert not (tmp_path / "evil").exists()


class Evil:
    """Makes a file where it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (self.path, "w")
