"""The one-way walls of the design, held by reading every module's source.

Dependencies point one way: `encoders` know `tuner.encoder` alone, the quality model knows
no encoder, the search knows encoders and scorers through their protocols only, the report
reads stored results only, and only the command line wires them, prints and configures
logging. Each room imports the rooms below it; the core (`tuner/*.py`) imports no room and never
asks for an encoder by its name.
"""

import ast
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import encoders
import studies
import tuner

#: The packages as they are imported, installed or not.
ROOTS = {m.__name__: Path(m.__file__).parent for m in (tuner, encoders, studies)}
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"

#: The rooms, lowest first -> the rooms that each may import, besides itself and the core, which is
#: every module right in `tuner`, and `tuner.records`. The command line, above all of them, may
#: import everything.
ROOMS = {
    "tuner.system": (),
    "tuner.sound": (),
    "tuner.tags": (),
    "tuner.model": ("tuner.sound", "tuner.system"),
    # A metric that is a program is run as an encoder's is.
    "tuner.metrics": ("tuner.model", "tuner.sound", "tuner.system", "encoders.process"),
    "tuner.training": ("tuner.metrics", "tuner.model", "tuner.sound", "tuner.system"),
    "tuner.study": ("tuner.metrics.registry",),
    "tuner.jobs": ("tuner.sound", "tuner.system"),
    "tuner.rundir": ("tuner.jobs", "tuner.sound", "tuner.study", "tuner.system"),
    "tuner.search": ("tuner.jobs", "tuner.study", "tuner.system"),
    "tuner.answer": ("tuner.jobs", "tuner.search", "tuner.sound", "tuner.study"),
    "tuner.apply": (
        "tuner.answer",
        "tuner.jobs",
        "tuner.search",
        "tuner.sound",
        "tuner.study",
        "tuner.system",
        "tuner.tags",
    ),
    "tuner.target": (
        "tuner.answer",
        "tuner.jobs",
        "tuner.search",
        "tuner.sound",
        "tuner.study",
    ),
    "tuner.driver": (
        "tuner.answer",
        "tuner.apply",
        "tuner.jobs",
        "tuner.rundir",
        "tuner.search",
        "tuner.sound",
        "tuner.study",
        "tuner.target",
    ),
    "tuner.listening": ("tuner.sound",),
    "tuner.testing": ("tuner.jobs", "tuner.sound"),
}
#: Package -> the only modules of the project that it may import, the core's among them.
NARROW = {
    "encoders": (
        "tuner.encoder",
        "tuner.system.children",
        "tuner.system.outputs",
        "tuner.pcm",
        "tuner.layout",
        "tuner.unchanging",
    ),
    "studies": (),
    "tuner.report": (
        "tuner.layout",
        "tuner.records",
        "tuner.results",
        "tuner.rungs",
        "tuner.exhibits",
        "tuner.artefacts",
        "tuner.bootstrap",
        "tuner.atomic",
        "tuner.errors",
        "tuner.extras",
    ),
}
#: What imports everything: the command line, and the library beside it, which it never imports.
TOP = ("tuner.cli", "tuner.library")
#: No room holds more than this share of the lines.
LARGEST_ROOM = 1 / 6
#: Programs of their own, run in a child process: the adapter reads what they print.
CHILDREN = ("encoders.lame_child",)
#: Its worker processes have no command line that would take what they log.
KEEPS_A_LOG = ("tuner.jobs.local",)
#: PEAQ's parts, imported by its metrics when they score.
PEAQ = ("tuner.metrics.peaq_basic", "tuner.metrics.peaq_ear", "tuner.metrics.peaq_frames")
#: Heavy library -> the only packages that may import it when they are imported themselves;
#: elsewhere it belongs inside the function that uses it.
HEAVY_HOMES = {
    "torch": ("tuner.model", "tuner.training", "tuner.library.metric", *PEAQ),
    "optuna": ("tuner.search", "tuner.rundir.database", "tuner.rundir.trials_copy"),
    "ray": (),
    "matplotlib": (),
    "numba": ("tuner.metrics.visqol_filters",),
    "av": (),
    "pyloudnorm": (),
    "starlette": (),
    "uvicorn": (),
    "visqol": (),
    "zimtohrli": (),
}
#: Functions that configure logging.
LOGGING_SETUP = {"basicConfig", "dictConfig", "fileConfig", "addHandler"}


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def find_modules() -> list[tuple[str, str]]:
    """(module name, source) of every module of the project."""
    modules = []
    for name, root in ROOTS.items():
        for path in sorted(root.rglob("*.py")):
            parts = [name, *path.relative_to(root).with_suffix("").parts]
            modules.append((".".join(p for p in parts if p != "__init__"), path.read_text("utf-8")))
    return modules


def find_imports(tree: ast.AST, module: str) -> Iterator[str]:
    """All modules (or their names) that a source imports, at its top or inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # A relative import is rare enough to be refused: the walls read absolute names.
            assert node.level == 0, f"{module}: relative import"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_core(module: str) -> bool:
    """Is it a module right in `tuner`, or a name of one?"""
    rooms = (*ROOMS, *NARROW, *TOP)
    return within(module, "tuner") and not any(within(module, room) for room in rooms)


def find_import_breaks(module: str, tree: ast.AST) -> Iterator[str]:
    """Imports that cross a wall."""
    if module == "tuner.__main__" or any(within(module, top) for top in TOP):
        imports = () if within(module, "tuner.library") else find_imports(tree, module)
        yield from (f"{module} imports {i}" for i in imports if within(i, "tuner.library"))
        return
    if module == "tuner":  # names the library, which it loads when asked
        home = ("tuner.library", "tuner.errors")
        found = (i for i in find_imports(tree, module) if within(i, "tuner"))
        yield from (f"tuner imports {i}" for i in found if not any(within(i, h) for h in home))
        return
    narrow = next((p for p in NARROW if within(module, p)), None)
    room = next((p for p in ROOMS if within(module, p)), None)
    for imported in find_imports(tree, module):
        if not any(within(imported, root) for root in ROOTS):
            continue
        if narrow:
            fits = any(within(imported, p) for p in (narrow, *NARROW[narrow]))
        else:
            allowed = (room, *ROOMS[room]) if room else ()
            fits = is_core(imported) or any(within(imported, p) for p in allowed)
        if not fits:
            yield f"{module} imports {imported}"


def find_heavy_breaks(module: str, tree: ast.Module) -> Iterator[str]:
    """Heavy libraries imported as soon as the module is."""
    for imported in find_imports(ast.Module(list(_top_level(tree)), []), module):
        library = imported.split(".")[0]
        homes = HEAVY_HOMES.get(library, (module,))
        if not any(within(module, home) for home in homes):
            yield f"{module} imports {library} at its top level"


def _top_level(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements that run on import; a block for type checkers does not run."""
    for statement in tree.body:
        guard = isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"
        if not guard and not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            yield statement


def find_print_breaks(module: str, tree: ast.AST) -> Iterator[str]:
    """Printing and configured logging outside the command line."""
    if within(module, "tuner.cli") or module in CHILDREN:
        return
    for imported in find_imports(tree, module):
        if imported.split(".")[0] in {"rich", "typer", "click"}:
            yield f"{module} imports {imported}, which is the command line's"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called == "print" or called.startswith(("sys.stdout.", "sys.stderr.")):
                yield f"{module} prints (line {node.lineno})"
            elif called.split(".")[-1] in LOGGING_SETUP and module not in KEEPS_A_LOG:
                yield f"{module} configures logging (line {node.lineno})"


def find_name_breaks(module: str, tree: ast.AST, names: set[str]) -> Iterator[str]:
    """A built-in encoder's name in the core, or a branch on one in the command line.

    The command line may have one as the default of an option, not compare with it.
    """
    if not within(module, "tuner"):
        return
    nodes: Iterator[ast.AST] = ast.walk(tree)
    if within(module, "tuner.cli"):
        branches = (n for n in ast.walk(tree) if isinstance(n, ast.Compare | ast.match_case))
        nodes = (inner for branch in branches for inner in _condition(branch))
    for node in nodes:
        if isinstance(node, ast.Constant) and node.value in names:
            yield f"{module} names the encoder {node.value!r} (line {node.lineno})"


def _condition(branch: ast.AST) -> Iterator[ast.AST]:
    return ast.walk(branch.pattern if isinstance(branch, ast.match_case) else branch)


def built_in_encoders() -> set[str]:
    """The names under which the project registers its own adapters."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    return set(project["entry-points"]["tuner.encoders"])


def find_breaks(module: str, source: str, names: set[str]) -> list[str]:
    """Every wall that one module breaks."""
    tree = ast.parse(source)
    return [
        *find_import_breaks(module, tree),
        *find_heavy_breaks(module, tree),
        *find_print_breaks(module, tree),
        *find_name_breaks(module, tree, names),
    ]


def test_all_modules_are_read() -> None:
    """The checker sees the project: its packages, and modules in each wall's home."""
    names = [module for module, _ in find_modules()]
    assert {"tuner", "tuner.encoder", "tuner.cli.main", "encoders", "studies"} <= set(names)
    for home in (*ROOMS, *NARROW):
        assert any(within(name, home) for name in names), home


def test_rooms_point_one_way() -> None:
    """A room may import only what stands before it, so no two import each other."""
    rooms = list(ROOMS)
    for place, (room, allowed) in enumerate(ROOMS.items()):
        below = rooms[:place]
        for other in allowed:
            assert other == "encoders.process" or any(within(other, b) for b in below), room


def test_no_module_imports_itself_over_others() -> None:
    """No circle of imports between modules, those inside functions included."""
    modules = dict(find_modules())
    graph = {
        name: {
            found for i in find_imports(ast.parse(source), name) if (found := _module(i, modules))
        }
        for name, source in modules.items()
    }
    # Raises CycleError, which names the modules of a circle.
    list(TopologicalSorter({n: found - {n} for n, found in graph.items()}).static_order())


def _module(imported: str, modules: dict[str, str]) -> str | None:
    """The module that an imported name is or lies in."""
    if imported in modules:
        return imported
    return parent if (parent := imported.rpartition(".")[0]) in modules else None


def test_no_room_is_overfull() -> None:
    """One room, one idea: no more than a sixth of the lines."""
    lines = {name: source.count("\n") for name, source in find_modules()}
    total = sum(lines.values())
    for room in (*ROOMS, *NARROW, *TOP):
        share = sum(n for name, n in lines.items() if within(name, room)) / total
        assert share <= LARGEST_ROOM, f"{room} holds {share:.0%}"


def test_the_walls_stand() -> None:
    """No module of the project breaks a wall."""
    names = built_in_encoders()
    assert names
    broken = [b for module, source in find_modules() for b in find_breaks(module, source, names)]
    assert broken == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "encoders.aac",
            "from tuner.encoder import Settings\nimport numpy\nimport encoders.process",
        ),
        ("tuner.report.render", "from tuner.results import Results\nfrom tuner.report import data"),
        (
            "tuner.search.loop",
            "import optuna\nfrom tuner.scorer import Scorer\nfrom tuner.jobs import cache",
        ),
        ("tuner.model.insenet", "import torch\nfrom tuner.scorer import Score"),
        ("tuner.library.study", "def f():\n    from tuner.cli.commands.run import assemble"),
        ("tuner", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch"),
        (
            "tuner.cli.commands.run",
            "import tuner.search.loop, encoders\nname = 'opus'\nprint(name)",
        ),
        ("tuner.jobs.cache", "def f():\n    import torch\n    return 'opusenc'"),
        ("tuner.plugins", "'''Finds aac, lame and opus.'''\nimport logging\nlogging.getLogger()"),
        ("tuner.metrics.visqol", "from tuner.metrics.scales import VISQOL_SCALE"),
        ("tuner.testing.executor_contract", "from tuner.jobs.job import Job"),
        ("tuner.scorer", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch"),
    ],
)
def test_what_the_walls_allow_passes(module: str, source: str) -> None:
    """Sources within the walls are not complained of."""
    assert find_breaks(module, source, {"aac", "lame", "opus"}) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("encoders.aac", "from tuner.sound.audio import resample"),
        ("encoders.aac", "def f():\n    import tuner.cli.main"),
        ("encoders.aac", "from tuner.jobs import cache"),
        ("encoders.aac", "import studies"),
        ("tuner.training.labels", "from encoders.aac import Aac"),
        ("tuner.training.labels", "def f():\n    from tuner.search import loop"),
        ("tuner.search.loop", "from tuner.model.scorer import InseNetScorer"),
        ("tuner.search.loop", "import encoders"),
        ("tuner.listening.stimuli", "def f():\n    from tuner.jobs import job"),
        ("tuner.listening.server", "from starlette.routing import Route"),
        ("tuner.jobs.ray", "import ray"),
        ("tuner.report.data", "from tuner.answer.verdict import decide"),
        ("tuner.metrics.peaq", "from tuner.jobs.job import Job"),
        ("tuner.metrics.toml_file", "from encoders.lame import find_lame"),
        ("tuner.metric", "from tuner.metrics.registry import load_metric"),
        ("tuner.report.data", "from tuner.sound import audio"),
        ("tuner.jobs.cache", "import tuner.search.loop"),
        ("tuner.plugins", "from encoders import lame"),
        ("tuner", "from tuner.cli import main"),
        ("tuner.cli.commands.run", "from tuner.library.study import Study"),
        ("tuner.library.study", "import torch"),
        ("tuner.library.study", "print('best')"),
        ("tuner.sound.audio", "import torch"),
        ("tuner.sound.audio", "try:\n    import av\nexcept ImportError:\n    av = None"),
        ("tuner.cli.commands.score", "import torch.nn"),
        ("tuner.search.loop", "print('best')"),
        ("tuner.search.loop", "import sys\nsys.stderr.write('best')"),
        ("tuner.search.loop", "from rich.progress import track"),
        ("tuner.training.train", "import logging\nlogging.basicConfig()"),
        ("encoders.lame", "import logging\nlogging.getLogger().addHandler(None)"),
        ("tuner.study.space", "if encoder.name == 'opus':\n    pass"),
        ("tuner.jobs.cache", "suffix = {'aac': '.m4a'}"),
        ("tuner.cli.commands.run", "if name in ('aac', 'opus'):\n    pass"),
        ("tuner.cli.commands.run", "match name:\n    case 'lame':\n        pass"),
    ],
)
def test_a_broken_wall_is_found(module: str, source: str) -> None:
    """Each kind of break is reported, once and with the module's name."""
    broken = find_breaks(module, source, {"aac", "lame", "opus"})
    assert broken
    assert all(line.startswith(module) for line in broken)


def test_a_relative_import_is_refused() -> None:
    """A relative import would slip past the walls."""
    with pytest.raises(AssertionError, match="relative import"):
        find_breaks("tuner.search.loop", "from . import space", set())
