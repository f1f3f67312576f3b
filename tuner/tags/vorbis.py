"""Vorbis comments: of FLAC, and of Ogg files (Vorbis, Opus, FLAC, Speex)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import mutagen.flac

from tuner.tags.model import Tags, make_tags

Comments = Any
"""mutagen's pairs of name and value, which are a mapping, too."""

#: Comment that holds a picture, in FLAC's form and base64.
PICTURE = "metadata_block_picture"
#: The picture's kind: front cover.
FRONT = 3


def read_vorbis(tags: Comments, pictures: Sequence[mutagen.flac.Picture] = ()) -> Tags:
    """What Vorbis comments say of the music.

    Args:
        tags: the comments.
        pictures: those of a FLAC file, which lie beside the comments.
    """
    found = [*pictures, *filter(None, map(_decoded, tags.get(PICTURE, [])))]
    found.sort(key=lambda each: each.type != FRONT)
    return make_tags(list(tags), found[0].data if found else None)


def _decoded(text: str) -> mutagen.flac.Picture | None:
    try:
        return mutagen.flac.Picture(base64.b64decode(text))
    except (binascii.Error, ValueError, mutagen.flac.error):
        return None


def write_vorbis(tags: Comments, new: Tags) -> None:
    """Add to Vorbis comments, which are not saved yet."""
    for name, values in new.texts.items():
        tags[name.upper()] = list(values)
    if new.cover:
        picture = mutagen.flac.Picture()
        picture.type, picture.mime, picture.data = FRONT, new.cover.mime, new.cover.data
        tags[PICTURE.upper()] = [base64.b64encode(picture.write()).decode()]
