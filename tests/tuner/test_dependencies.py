"""What is imported is declared, and what is declared is imported; extras are named when missing."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import encoders
import studies
import tuner
from tuner.cli.commands.listen_serve import serve
from tuner.cli.commands.report import report
from tuner.cli.commands.spectrogram import spectrogram
from tuner.errors import ExtraMissing
from tuner.extras import EXTRAS, need_extra
from tuner.report.plots import write_plots
from tuner.training.compose import compose

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))[
    "project"
]
OPTIONAL = PROJECT["optional-dependencies"]
ROOTS = {module.__name__: Path(module.__file__).parent for module in (tuner, encoders, studies)}
#: Distribution -> who needs it in place of an import of ours.
NOT_IMPORTED = {"cmaes": "Optuna's CMA-ES sampler"}
#: Only who writes an adapter runs the contract suites.
CONTRACTS = "tuner/testing/"


def names_of(requirements: list[str]) -> set[str]:
    """Distributions of requirements, under their normal names (PEP 503)."""
    return {normal(re.match(r"[\w.-]+", each)[0]) for each in requirements}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def find_imports(source: str) -> Iterator[tuple[str, bool]]:
    """Top-level packages that a module imports, and whether as soon as it is imported itself."""
    tree = ast.parse(source)
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    late = {id(n) for f in ast.walk(tree) if isinstance(f, functions) for n in ast.walk(f)}
    late |= {
        id(n)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for n in ast.walk(block)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], id(node) not in late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.split(".")[0], id(node) not in late


def find_undeclared(sources: dict[str, str], declared: set[str]) -> set[str]:
    """Packages that are imported, but of no declared distribution."""
    own = {*ROOTS, *sys.stdlib_module_names}
    known = packages_distributions()
    return {
        package
        for path, source in sources.items()
        if CONTRACTS not in path
        for package, _ in find_imports(source)
        # One that is not installed here goes by the name of its package.
        if package not in own and not {normal(d) for d in known.get(package, [package])} & declared
    }


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    return {
        path.relative_to(root.parent).as_posix(): path.read_text("utf-8")
        for root in ROOTS.values()
        for path in sorted(root.rglob("*.py"))
    }


def all_declared() -> set[str]:
    extras = [each for extra in EXTRAS for each in OPTIONAL[extra]]
    return names_of([*PROJECT["dependencies"], *extras])


def test_what_is_imported_is_declared(sources) -> None:
    assert len(sources) > 100
    assert find_undeclared(sources, all_declared()) == set()


def test_an_undeclared_import_is_found() -> None:
    """Also of what another dependency brings along, and inside a function."""
    source = "import numpy\ndef f():\n    from requests import get\n    import tqdm.auto"
    assert find_undeclared({"tuner/x.py": source}, {"numpy"}) == {"requests", "tqdm"}


def test_what_is_declared_is_imported(sources) -> None:
    """A dependency that went out of use does not stay."""
    known = packages_distributions()
    used = {
        normal(distribution)
        for source in sources.values()
        for package, _ in find_imports(source)
        for distribution in known.get(package, [])
    }
    core = names_of(PROJECT["dependencies"])
    assert core - used - NOT_IMPORTED.keys() == set()
    assert (
        names_of([r for extra in EXTRAS if extra != "dashboard" for r in OPTIONAL[extra]]) <= used
    )


def test_the_extras_are_those_of_the_package() -> None:
    """The table that messages are made from, `all`, and what tests need."""
    known = packages_distributions()
    for extra, modules in EXTRAS.items():
        if extra != "dashboard":  # which no test needs
            assert names_of(OPTIONAL[extra]) == {normal(d) for m in modules for d in known[m]}
    assert OPTIONAL["all"] == [f"codec-tuner[{','.join(sorted(EXTRAS))}]"]
    assert OPTIONAL.keys() == {*EXTRAS, "all", "docs", "test"}
    assert "codec-tuner[docs,listen,notebook,plots,tags,train]" in OPTIONAL["test"]


def test_extras_are_imported_where_they_are_used(sources) -> None:
    """Importing a module never needs an extra, but for those that are all about tags."""
    early = {
        path
        for path, source in sources.items()
        for package, at_once in find_imports(source)
        if at_once and any(package in modules for modules in EXTRAS.values())
    }
    assert {path for path in early if not path.startswith("tuner/tags/")} == set()
    for path, source in sources.items():
        if not path.startswith("tuner/tags/"):
            tree = ast.parse(source)
            at_top = (n for n in tree.body if isinstance(n, ast.ImportFrom))
            assert not any(n.module.startswith("tuner.tags") for n in at_top), path


def test_no_copyleft_library_comes_by_default() -> None:
    """mutagen is GPL-2.0-or-later."""
    assert "mutagen" not in names_of(PROJECT["dependencies"])


@pytest.mark.parametrize(
    ("extra", "call"),
    [
        ("plots", lambda: report([Path("run")], plots=Path("plots"))),
        ("plots", lambda: write_plots([], Path("plots"))),
        ("plots", lambda: spectrogram(Path("a.wav"), Path("b.wav"))),
        ("listen", lambda: serve(Path("test"))),
        ("train", lambda: compose("pop", 0, 1.0)),
    ],
)
def test_commands_say_what_they_need_before_they_begin(extra, call, monkeypatch) -> None:
    for module in EXTRAS[extra]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ExtraMissing, match=rf"pip install 'codec-tuner\[{extra}\]'"):
        call()


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_missing_extra_says_what_to_install(extra, monkeypatch) -> None:
    for module in EXTRAS[extra]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ExtraMissing) as error:
        need_extra(extra, "this command")
    assert str(error.value) == (
        f"this command needs {' and '.join(EXTRAS[extra])}: pip install 'codec-tuner[{extra}]'"
    )
