"""A file appears whole or not at all, and nothing is left beside it."""

import pytest

from tuner.atomic import atomic_write, replacing


@pytest.mark.parametrize("sync", [False, True])
def test_a_file_is_replaced_whole(tmp_path, sync):
    path = tmp_path / "a.txt"
    for content in ("old", "n\u00e9w\n", b"\xff"):
        atomic_write(path, content, sync=sync)
        assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_half_way_changes_nothing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as partial:
        partial.write_text("ne")
        raise RuntimeError
    assert (path.read_text(), list(tmp_path.iterdir())) == ("old", [path])


def test_a_link_is_replaced_not_followed(tmp_path):
    (tmp_path / "other").write_text("other's")
    (tmp_path / "link").symlink_to("other")
    atomic_write(tmp_path / "link", "ours")
    assert (tmp_path / "other").read_text() == "other's"
    assert (tmp_path / "link").read_text() == "ours"


def test_a_folder_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(OSError, match="no"):
        atomic_write(tmp_path / "no" / "a", "x")
