"""codec tuner: finds the best settings of audio encoders by learned quality.

What a notebook or a training loop uses is here; `docs/python.md` shows it. Each name is loaded
when it is first asked for, so that `import tuner` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuner.errors import TunerError
    from tuner.library.metric import Metric
    from tuner.library.run import Run, open_run
    from tuner.library.score import Scored, score, score_all
    from tuner.library.study import Study

__version__ = "0.1.0"

__all__ = [
    "Metric",
    "Run",
    "Scored",
    "Study",
    "TunerError",
    "__version__",
    "open_run",
    "score",
    "score_all",
]

#: Name -> the module that holds it.
_HOMES = {
    "Metric": "tuner.library.metric",
    "Run": "tuner.library.run",
    "Scored": "tuner.library.score",
    "Study": "tuner.library.study",
    "TunerError": "tuner.errors",
    "open_run": "tuner.library.run",
    "score": "tuner.library.score",
    "score_all": "tuner.library.score",
}


def __getattr__(name: str) -> object:
    """A name of the library, loaded now."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tuner' has no attribute {name!r}")
    found = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """The names of the library, too."""
    return sorted({*globals(), *__all__})
