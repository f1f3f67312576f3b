"""Figures of the diagnosis in words."""

from tuner.artefacts import ARTEFACTS, describe

BY_KEY = {artefact.key: artefact for artefact in ARTEFACTS}


def test_figures_are_shown_with_their_unit() -> None:
    """Hz as kHz, shares as per cent, a real minus sign, no minus zero."""
    assert BY_KEY["bandwidth_hz"].shown(15_938.0) == "15.9 kHz"
    assert BY_KEY["holes_share"].shown(0.0206) == "2.1 %"
    assert BY_KEY["noise_db"].shown(-12.34) == "\N{MINUS SIGN}12.3 dB"
    assert BY_KEY["stereo_db"].shown(-0.01) == "0.0 dB"


def test_better_has_a_direction() -> None:
    """More bandwidth, less noise, a stereo image nearer to the original's."""
    assert BY_KEY["bandwidth_hz"].improvement(12_000, 15_000) == 3000
    assert BY_KEY["noise_db"].improvement(-10, -14) == 4
    assert BY_KEY["stereo_db"].improvement(-3, 1) == 2
    assert BY_KEY["stereo_db"].improvement(1, 3) == -2


def test_a_sentence_names_what_differs() -> None:
    """Differences too small for a word are left out."""
    default = {"bandwidth_hz": 12_100.0, "pre_echo_db": 3.1, "noise_db": -14.0, "holes_share": 0.1}
    tuned = {"bandwidth_hz": 15_900.0, "pre_echo_db": 9.1, "noise_db": -14.2, "holes_share": 0.02}
    assert describe(default, tuned) == (
        "Bandwidth 12.1 to 15.9 kHz; pre-echo 6.0 dB worse (3.1 to 9.1 dB);"
        " spectral holes 8.0 % better (10.0 to 2.0 %)."
    )
    assert describe(default, default) == "No artefact differs much."


def test_stereo_is_better_next_to_zero() -> None:
    """And a figure that one version lacks is left out."""
    assert describe({"stereo_db": -4.0, "noise_db": -3.0}, {"stereo_db": 1.0}) == (
        "Stereo 3.0 dB better (\N{MINUS SIGN}4.0 to 1.0 dB)."
    )


def test_the_difference_of_means_is_the_mean_improvement() -> None:
    """Narrower on one clip and wider on another does not cancel out."""
    stereo = BY_KEY["stereo_db"]
    assert stereo.mean([-2.0, 4.0]) == 3.0
    assert stereo.mean([-2.0, 4.0]) - stereo.mean([1.0, -1.0]) == 2.0
    assert BY_KEY["noise_db"].mean([-10.0, -14.0]) == -12.0
