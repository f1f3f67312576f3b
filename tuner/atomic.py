"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, *, sync: bool = False) -> Iterator[Path]:
    """A path beside `path`; the file written there takes its place when the block ends well.

    Each writer has a name of its own, also on a file system that hosts share. A link called `path`
    is replaced, not followed.

    Args:
        path: the file to replace, in a folder that is there.
        sync: its bytes are on the disk before it appears.

    Raises:
        OSError: it cannot be written.
    """
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        yield partial
        if sync:
            with partial.open("rb") as file:
                os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def atomic_write(path: Path, content: str | bytes, *, sync: bool = False) -> None:
    """Write a whole file, a text as UTF-8; see `replacing`."""
    with replacing(path, sync=sync) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
