"""The tutorial in docs/adapters.md works as printed."""

import re
import shlex
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from encoders.aac import Aac
from tuner.testing import EncoderContract

TUTORIAL = Path(__file__).parents[2] / "docs" / "adapters.md"
#: Stands for oggenc with the options that the tutorial uses: the same codec from ffmpeg.
STAND_IN = """#!/bin/sh
while [ $# -gt 0 ]; do
    case "$1 $2" in
        --version*) echo "oggenc stand-in"; exit;;
        --quality*) flags="$flags -q:a $2"; shift;;
        *lowpass_frequency=*) flags="$flags -cutoff ${{2#*=}}k"; shift;;
        *impulse_noisetune=*) flags="$flags -iblock ${{2#*=}}"; shift;;
    esac
    shift
done
exec {ffmpeg} -v error -f wav -i pipe: -fflags +bitexact -c:a libvorbis $flags -f ogg pipe:
"""


def printed_module() -> types.ModuleType:
    """The tutorial's first Python block as a module."""
    block = re.search(r"```python\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    module = types.ModuleType("tutorial_oggenc")
    sys.modules[module.__name__] = module
    exec(compile(block.group(1), str(TUTORIAL), "exec"), module.__dict__)
    return module


@pytest.fixture(scope="class")
def printed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Gives the test class the printed adapter, driving the stand-in."""
    binary = tmp_path_factory.mktemp("bin") / "oggenc"
    binary.write_text(STAND_IN.format(ffmpeg=shlex.quote(Aac().version.binary)))
    binary.chmod(0o755)
    request.cls.encoder = printed_module().Oggenc(str(binary))
    yield
    del sys.modules["tutorial_oggenc"]


@pytest.mark.usefixtures("printed")
class TestTutorial(EncoderContract):
    pass
