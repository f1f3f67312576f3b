"""Vorbis comments: of FLAC, and of Ogg files (Vorbis, Opus, FLAC, Speex)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import mutagen.flac

from tuner.tags.model import Tags, further_pictures, make_tags

Comments = Any
"""mutagen's pairs of name and value, which are a mapping, too."""

#: Comment that holds a picture, in FLAC's form and base64.
PICTURE = "metadata_block_picture"
#: The picture's kind: front cover.
FRONT = 3
#: Chapters that names of three digits can count.
MOST_CHAPTERS = 1000


def read_vorbis(tags: Comments, pictures: Sequence[mutagen.flac.Picture] = ()) -> Tags:
    """What Vorbis comments say of the music.

    Args:
        tags: the comments.
        pictures: those of a FLAC file, which lie beside the comments.
    """
    found = [*pictures, *filter(None, map(_decoded, tags.get(PICTURE, [])))]
    found.sort(key=lambda each: each.type != FRONT)
    left = [further_pictures(len(found) - 1)] if len(found) > 1 else []
    return make_tags(list(tags), found[0].data if found else None, left)


def _decoded(text: str) -> mutagen.flac.Picture | None:
    try:
        return mutagen.flac.Picture(base64.b64decode(text))
    except (binascii.Error, ValueError, mutagen.flac.error):
        return None


def write_vorbis(tags: Comments, new: Tags) -> list[str]:
    """Add to Vorbis comments, which are not saved yet; what they cannot hold."""
    for name, values in new.texts.items():
        tags[name.upper()] = list(values)
    for number, chapter in enumerate(new.chapters[:MOST_CHAPTERS]):
        minutes, ms = divmod(round(1000 * chapter.start_s), 60_000)
        clock = f"{minutes // 60:02}:{minutes % 60:02}:{ms // 1000:02}.{ms % 1000:03}"
        tags[f"CHAPTER{number:03}"] = [clock]
        tags[f"CHAPTER{number:03}NAME"] = [chapter.title]
    if new.cover:
        picture = mutagen.flac.Picture()
        picture.type, picture.mime, picture.data = FRONT, new.cover.mime, new.cover.data
        tags[PICTURE.upper()] = [base64.b64encode(picture.write()).decode()]
    if len(new.chapters) > MOST_CHAPTERS:
        return [f"chapters beyond number {MOST_CHAPTERS}"]
    return []
