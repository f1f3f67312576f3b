"""What all tests share: the end of one that lacks something."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest

#: The example packages have tests of their own, run where they are installed (`test_example.py`).
collect_ignore = ["example_encoder", "example_neural_codec"]

#: Set by `.ci/test`, which installs all that tests need: there nothing may be left unproved.
COMPLETE = "TUNER_TESTS_COMPLETE"


def pytest_configure() -> None:
    """Let Ctrl-C reach the programs that tests start, also where tests run in the background.

    A shell starts what it sends to the background with SIGINT ignored, which children inherit.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of Ray come first: they are the longest that share something, and would end last."""
    items.sort(key=lambda item: "ray" not in item.path.parts)


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the user's own runs are remembered by is neither read nor written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def in_place() -> Iterator[None]:
    """Jobs of commands run in this process: for tests of what is done with their outcomes.

    Those in `tests/tuner/jobs` and the commands that `tests/reliability` starts prove processes.
    """
    from tuner.testing import jobs_in_place

    with jobs_in_place():
        yield


@pytest.fixture(scope="session")
def lacking() -> Callable[[str], NoReturn]:
    """Ends a test for want of a program: it is skipped, or fails where it should be installed."""

    def end(program: str) -> NoReturn:
        reason = f"{program} is not installed"
        if os.environ.get(COMPLETE):
            pytest.fail(f"{reason}, though {COMPLETE} is set", pytrace=False)
        pytest.skip(reason)

    return end
