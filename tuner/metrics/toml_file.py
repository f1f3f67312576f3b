"""A metric from a TOML file: a program that prints a number, without Python.

Keys (`docs/metrics.md` has complete files)::

    name               its name in results
    command            the program, then words; {reference} and {coded} stand for WAV files
    pattern            a regular expression; its first group (or all of it) is the number
    range              [low, high] of the number; anything outside is a failure, not a score
    better             "higher" (default) or "lower"
    family             as in `tuner.metric.Family`; default "opinion"
    unit, cannot_hear  for people: a text, a list of texts
    samples            of the WAV files: "pcm16", "pcm24" (default) or "float"
    version_arguments  how the program tells its version; default: its file's digest alone
    timeout_s          seconds until it is stopped; default 120

Words that begin with ``./`` or ``../`` are looked up from the file's folder. The command runs
in an empty folder of its own and is never seen by a shell. The number is put on the scale of 0
to 100 by a straight line from the worse end of the range to the better.
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from encoders.process import Finished, find_binary, private_folder, run
from tuner.errors import EncoderError, MetricError, ScoreError
from tuner.metric import FAMILIES, About, Direction, Pcm, check_pair
from tuner.scorer import Score
from tuner.sound.audio import SAMPLE_RATE

#: Key -> (types, default); None: it must be there.
KEYS: dict[str, tuple[tuple[type, ...], object]] = {
    "name": ((str,), None),
    "command": ((list,), None),
    "pattern": ((str,), None),
    "range": ((list,), None),
    "better": ((str,), "higher"),
    "family": ((str,), "opinion"),
    "unit": ((str,), ""),
    "cannot_hear": ((list,), []),
    "samples": ((str,), "pcm24"),
    "version_arguments": ((list,), []),
    "timeout_s": ((int, float), 120.0),
}
#: The types, for people.
KINDS = {str: "a string", list: "a list", int: "a number"}
#: Value of `samples` -> libsndfile's name.
SAMPLES = {"pcm16": "PCM_16", "pcm24": "PCM_24", "float": "FLOAT"}
#: The words that `command` must hold.
NEEDED = ("{reference}", "{coded}")


@dataclass(frozen=True)
class TomlMetric:
    """A metric that a file declares; it travels by content.

    Args:
        text: the file's content.
        folder: its folder, from which the program is looked up.
        origin: its path, for messages.
    """

    text: str
    folder: str
    origin: str

    @property
    def name(self) -> str:
        """The metric's name in results."""
        return self._definition.name

    @property
    def about(self) -> About:
        """See `tuner.metric.Metric.about`."""
        return self._definition.about

    @property
    def version(self) -> str:
        """Digest of the file, of the program and of the files beside it that are its words."""
        words = self._words({})
        states = tuple((w, *_state(w)) for w in words if Path(w).is_file())
        digest = _digest(self.text, states)
        asked = self._definition.version_arguments
        if not asked:
            return digest
        said = self._run([words[0], *asked], Path(self.folder))
        lines = (said.stdout + said.stderr).decode(errors="replace").strip().splitlines()
        return f"{lines[0].strip() if lines else 'unknown'}/{digest}"

    def score(self, reference: Pcm, coded: Pcm) -> Score:
        """See `tuner.scorer.Scorer.score`."""
        import soundfile

        check_pair(self.name, reference, coded)
        with private_folder() as folder:
            places = {"reference": folder / "reference.wav", "coded": folder / "coded.wav"}
            for path, pcm in zip(places.values(), (reference, coded), strict=True):
                soundfile.write(path, pcm.T, SAMPLE_RATE, SAMPLES[self._definition.samples])
            said = self._run(self._words({k: str(v) for k, v in places.items()}), folder)
        return Score(self.about.points(self._number(said.stdout.decode(errors="replace"))))

    @property
    def _definition(self) -> Definition:
        return _parse(self.text, self.origin)

    def _words(self, places: Mapping[str, str]) -> list[str]:
        """The command; the words for the files are left as they are without `places`."""
        program, *words = (self._located(word) for word in self._definition.command)
        for key, path in places.items():
            words = [word.replace("{" + key + "}", path) for word in words]
        try:
            found = find_binary(program, f"install it, or change `command` in {self.origin}")
        except EncoderError as error:
            where = f"metric {self.name}: {error.where}"
            raise MetricError.of(error, where=where) from error
        return [found, *words]

    def _located(self, word: str) -> str:
        if word.startswith(("./", "../")):
            return str((Path(self.folder) / word).absolute())
        return word

    def _run(self, words: list[str], folder: Path) -> Finished:
        try:
            return run(words, timeout_s=self._definition.timeout_s, cwd=folder)
        except EncoderError as error:
            where = f"metric {self.name}: its program failed"
            raise ScoreError.of(error, where=where) from error

    def _number(self, said: str) -> float:
        found = self._definition.pattern.search(said)
        shown = repr(said.strip()[:200])
        if found is None:
            raise ScoreError(f"no number in its output: {shown}", where=f"metric {self.name}")
        try:
            value = float(found.group(1 if found.re.groups else 0))
        except (TypeError, ValueError):
            raise ScoreError(
                f"{found.group(0)!r} is not a number, in {shown}", where=f"metric {self.name}"
            ) from None
        about = self.about
        if not (math.isfinite(value) and about.low <= value <= about.high):
            raise ScoreError(
                f"printed {value:g}, outside its range {about.low:g} to {about.high:g}",
                where=f"metric {self.name}",
            )
        return value


@dataclass(frozen=True)
class Definition:
    """What a file says, checked."""

    name: str
    command: tuple[str, ...]
    pattern: re.Pattern[str]
    about: About
    samples: str
    version_arguments: tuple[str, ...]
    timeout_s: float


def load(path: Path) -> TomlMetric:
    """The metric that a file declares.

    Raises:
        MetricError: naming the file and everything that is wrong in it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MetricError(f"cannot be read as a metric ({error})", where=path) from error
    _parse(text, str(path))
    return TomlMetric(text, str(path.absolute().parent), str(path))


@functools.lru_cache(maxsize=64)
def _parse(text: str, origin: str) -> Definition:
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MetricError(f"invalid TOML ({error})", where=origin) from error
    problems = [f"{key}: unknown; known: {', '.join(KEYS)}" for key in raw.keys() - KEYS.keys()]
    values: dict[str, Any] = {}
    for key, (kinds, default) in KEYS.items():
        values[key] = raw.get(key, default)
        if type(values[key]) not in kinds:
            told = "missing; " if values[key] is None else ""
            got = "" if values[key] is None else f" (got {values[key]!r})"
            problems.append(f"{key}: {told}must be {KINDS[kinds[0]]}{got}")
    if not problems:
        problems = _find_problems(values)
    if problems:
        raise MetricError("\n  ".join(["invalid metric:", *problems]), where=origin)
    low, high = values["range"]
    return Definition(
        name=values["name"],
        command=tuple(values["command"]),
        pattern=re.compile(values["pattern"]),
        about=About(
            label=values["name"],
            family=values["family"],
            low=float(low),
            high=float(high),
            unit=values["unit"],
            better=values["better"],
            cannot_hear=tuple(values["cannot_hear"]),
        ),
        samples=values["samples"],
        version_arguments=tuple(values["version_arguments"]),
        timeout_s=float(values["timeout_s"]),
    )


def _find_problems(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with values of the right types."""
    problems = []
    if not re.fullmatch(r"[\w.+-]+", values["name"]):
        problems.append("name: may contain only letters, digits, dots, plus and minus")
    for key in ("command", "cannot_hear", "version_arguments"):
        if not all(isinstance(word, str) for word in values[key]):
            problems.append(f"{key}: every word must be a quoted string")
    joined = " ".join(map(str, values["command"][1:]))
    if missing := [word for word in NEEDED if word not in joined]:
        problems.append(f"command: must contain {' and '.join(missing)} after the program")
    try:
        re.compile(values["pattern"])
    except re.error as error:
        problems.append(f"pattern: not a regular expression ({error})")
    ends = values["range"]
    good = len(ends) == 2 and all(type(x) in (int, float) and math.isfinite(x) for x in ends)
    if not (good and ends[0] < ends[1]):
        problems.append("range: must be two numbers, the lower first, as in [1, 5]")
    choices = {"better": get_args(Direction), "family": FAMILIES, "samples": tuple(SAMPLES)}
    for key, known in choices.items():
        if values[key] not in known:
            problems.append(f"{key}: must be one of {', '.join(known)}")
    if values["timeout_s"] <= 0:
        problems.append("timeout_s: must be above 0")
    return problems


def _state(path: str) -> tuple[int, int]:
    """What changes when a file does."""
    stat = Path(path).stat()
    return stat.st_mtime_ns, stat.st_size


@functools.lru_cache(maxsize=64)
def _digest(text: str, states: tuple[tuple[str, int, int], ...]) -> str:
    """First 16 hex digits of the sha256 of a declaration and the files that it names."""
    whole = hashlib.sha256(text.encode())
    for path, _, _ in states:
        whole.update(b"\0" + hashlib.sha256(Path(path).read_bytes()).digest())
    return whole.hexdigest()[:16]
