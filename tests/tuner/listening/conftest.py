"""A small test folder: two clips, a default and a tuned version made of noise."""

import numpy as np
import pytest

from tuner.listening import Material, make_test
from tuner.listening.plan import Question

SECOND = 48_000


def make_materials(count=2, coded=("default", "tuned")):
    for number in range(count):
        rng = np.random.default_rng(number)
        reference = (0.1 * rng.standard_normal((2, SECOND))).astype(np.float32)
        noise = rng.standard_normal(reference.shape).astype(np.float32)
        versions = {name: reference + 0.02 * (n + 1) * noise for n, name in enumerate(coded)}
        yield Material(f"clip {number}.wav", 64.0, reference, versions, {"default": 40.0})


@pytest.fixture(name="make_materials")
def material_maker():
    return make_materials


@pytest.fixture
def folder(tmp_path):
    make_test(tmp_path / "t", make_materials(), title="Test <1>", baseline="default", seed=3)
    return tmp_path / "t"


INTRO = "# Welcome\n\nYou may <b>stop</b> at any time. [Ask](https://lab.example)\n"


@pytest.fixture
def intro_folder(tmp_path):
    make_test(
        tmp_path / "i", make_materials(), title="T", baseline="default", secret="s", intro=INTRO
    )
    return tmp_path / "i"


@pytest.fixture
def abx_folder(tmp_path):
    make_test(
        tmp_path / "abx", make_materials(), title="ABX", baseline="default", kind="abx", repeats=3
    )
    return tmp_path / "abx"


QUESTIONS = (
    Question("gear", "With what?", ("headphones", "loudspeakers")),
    Question("age", "How old?", range=(16, 99)),
    Question("room", "Where?", required=False),
)


@pytest.fixture
def asked_folder(tmp_path):
    """A test that asks three questions and has the volume set."""
    make_test(
        *(tmp_path / "q", make_materials()),
        title="T",
        baseline="default",
        questions=QUESTIONS,
        tone_db=-6.0,
    )
    return tmp_path / "q"
