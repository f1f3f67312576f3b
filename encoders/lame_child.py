"""One encode with libmp3lame's C interface: a script that runs in a process of its own.

A crash, a hang or a leak of the library ends this process and no other. It imports the
standard library only, and starts with ``python -I -S``. Its one argument is a JSON object:

- ``library``: what the dynamic linker shall load, a path or a name. Alone: print a JSON
  object with the library's ``version`` and its ``path``.
- ``target``: the MP3 file to write.
- ``samples``: samples for each channel, on standard input: float32, native byte order,
  channels in turn, full scale ±32768.
- ``calls``: ``[what, type, value]`` in order: call ``lame_set_<what>`` with an ``int``, a
  ``float`` or a ``double``, and compare what ``lame_get_<what>`` reads back.

A setter that reports failure, or whose value does not read back, is told on stderr with
the word *ignored*.

Source of the interface: the names that the library (3.100) exports and the types of their
arguments; proved by what is read back and by packets that equal the command line's.
"""

import ctypes
import json
import math
import sys
from array import array
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int, c_size_t, c_void_p
from typing import Any, BinaryIO

#: Types of setters' arguments, and of what getters return.
ARGUMENTS: dict[str, Any] = {"int": c_int, "float": c_float, "double": c_double}
RESULTS: dict[str, Any] = {"int": c_int, "float": c_float, "double": c_float}
#: Setters that return nothing; what stands where a result would be is not 0.
VOID = ("msfix",)
#: Samples in one call.
PIECE = 65_536
#: What one call, the flush and the tag frame may need; lame.h advises 1.25 bytes a sample
#: and 7200.
BUFFER_BYTES = PIECE * 5 // 4 + 7200
#: Read after the library has decided on everything.
FACTS = ("out_samplerate", "brate", "quality")


class DlInfo(ctypes.Structure):
    """What ``dladdr`` tells of an address."""

    _fields_ = (
        ("file", c_char_p),
        ("base", c_void_p),
        ("symbol", c_char_p),
        ("address", c_void_p),
    )


def describe(library: Any) -> dict[str, str]:
    """Version of a loaded library and the path of its file."""
    library.get_lame_version.restype = c_char_p
    info, dladdr = DlInfo(), ctypes.CDLL(None).dladdr
    dladdr.argtypes = (c_void_p, POINTER(DlInfo))
    dladdr(ctypes.cast(library.get_lame_version, c_void_p), byref(info))
    path = (info.file or b"").decode(errors="surrogateescape")
    return {"version": library.get_lame_version().decode(errors="replace"), "path": path}


def call(library: Any, handle: c_void_p, what: str, kind: str, value: float) -> None:
    """Set one value and read it back; tells on stderr when it did not stick."""
    setter = getattr(library, f"lame_set_{what}")
    setter.argtypes = (c_void_p, ARGUMENTS[kind])
    returned = setter(handle, value)
    got = read(library, handle, what, RESULTS[kind])
    failed = returned != 0 and what not in VOID
    if failed or not math.isclose(got, value, rel_tol=1e-6, abs_tol=1e-6):
        sys.stderr.write(f"{what}={value} ignored: set returned {returned}, reads {got}\n")


def read(library: Any, handle: c_void_p, what: str, kind: Any) -> Any:
    """What a getter returns."""
    getter = getattr(library, f"lame_get_{what}")
    getter.argtypes, getter.restype = (c_void_p,), kind
    return getter(handle)


def encode(library: Any, handle: c_void_p, samples: int, file: BinaryIO) -> None:
    """From standard input into a file, piece by piece; then the LAME tag into its place."""
    channels = read(library, handle, "num_channels", c_int)
    buffer = ctypes.create_string_buffer(BUFFER_BYTES)
    feed, flush = library.lame_encode_buffer_float, library.lame_encode_flush
    feed.argtypes = (c_void_p, c_void_p, c_void_p, c_int, c_void_p, c_int)
    flush.argtypes = (c_void_p, c_void_p, c_int)
    fed = 0
    while piece := sys.stdin.buffer.read(4 * channels * PIECE):
        fed += len(piece)
        both = array("f", piece)
        left, right = both[::channels], both[channels - 1 :: channels]
        count = min(len(left), len(right))
        pointers = left.buffer_info()[0], right.buffer_info()[0]
        count = feed(handle, *pointers, count, buffer, BUFFER_BYTES)
        file.write(buffer.raw[: checked("lame_encode_buffer_float", count)])
    if fed != 4 * samples * channels:
        raise SystemExit(f"{fed} bytes for {samples} samples of {channels} channels")
    count = flush(handle, buffer, BUFFER_BYTES)
    file.write(buffer.raw[: checked("lame_encode_flush", count)])
    tag = library.lame_get_lametag_frame
    tag.argtypes, tag.restype = (c_void_p, c_void_p, c_size_t), c_size_t
    size = tag(handle, buffer, BUFFER_BYTES)
    if size > min(BUFFER_BYTES, file.tell()):
        raise SystemExit(f"lame_get_lametag_frame: {size} bytes in {file.tell()}")
    if size == 0:
        # The library's choice, as it leaves no place for it: the file plays all the same.
        sys.stderr.write("no LAME tag: the frames are too short for it\n")
    file.seek(0)
    file.write(buffer.raw[:size])


def checked(what: str, returned: int) -> int:
    """What a function returned; ends the process when that is an error."""
    if returned < 0:
        raise SystemExit(f"{what} failed: {returned}")
    return returned


def main(job: dict[str, Any]) -> None:
    """Do what the JSON object asks."""
    library = ctypes.CDLL(job["library"])
    if "target" not in job:
        print(json.dumps(describe(library)))
        return
    library.lame_init.restype = c_void_p
    handle = c_void_p(library.lame_init())
    if not handle:
        raise SystemExit("lame_init failed")
    for what, kind, value in job["calls"]:
        call(library, handle, what, kind, value)
    library.lame_init_params.argtypes = library.lame_print_config.argtypes = (c_void_p,)
    checked("lame_init_params", library.lame_init_params(handle))
    library.lame_print_config(handle)
    facts = ", ".join(f"{what} {read(library, handle, what, c_int)}" for what in FACTS)
    sys.stderr.write(f"Encoding as {facts}\n")
    with open(job["target"], "wb") as file:  # noqa: PTH123 (pathlib is slow to import)
        encode(library, handle, job["samples"], file)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
