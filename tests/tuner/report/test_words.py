"""How numbers, times and names are written."""

import pytest

from tuner.report import words


@pytest.mark.parametrize(
    ("value", "text"), [(6.24, "+6.2"), (-0.44, "−0.4"), (-0.04, "0.0"), (0.0, "0.0")]
)
def test_differences_carry_their_sign(value, text):
    """A plus, a real minus, and no minus zero."""
    assert words.signed(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.84, "0.8 s"),
        (9.97, "10 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (4350, "1 h 12 min"),
    ],
)
def test_durations_suit_their_size(seconds, text):
    """Seconds, minutes or hours, without a 60 in the smaller unit."""
    assert words.duration(seconds) == text


def test_moments_are_readable():
    """ISO 8601 in UTC becomes a date and a time; other text stays."""
    assert words.moment("2025-11-25T04:31:50Z") == "2025-11-25 04:31 UTC"
    assert words.moment("2025-11-25T04:31:50.123+00:00") == "2025-11-25 04:31 UTC"
    assert words.moment("last night") == "last night"


def test_settings_are_written_as_a_user_types_them():
    """Switches in words, numbers without noise."""
    values = [True, False, 18000, 0.1 + 0.2, "fast"]
    assert [words.setting_value(v) for v in values] == ["on", "off", "18000", "0.3", "fast"]


def test_long_names_keep_both_ends():
    """A cut name has the length asked for, its beginning and its end."""
    short = words.shortened("a very long name of a clip.flac", 12)
    assert (len(short), short[:4], short[-4:]) == (12, "a ve", "flac")
    assert words.shortened("brief", 12) == "brief"


def test_lists_read_as_sentences():
    """Commas and one "and"."""
    assert [words.joined(list(x)) for x in ("", "a", "ab", "abc")] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
