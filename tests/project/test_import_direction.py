"""The architecture: packages import from the ground up, and none grows into a drawer of everything."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
FLOORS = (
    ("errors",),
    ("files", "complete_files", "params"),
    ("parallel", "worker_watchdog"),
    ("audio",),
    ("data",),
    ("features",),
    ("models",),
    ("evaluation", "recognizer"),
    ("figures", "report", "export"),
    ("web",),
    ("cli",),
)
"""The packages and modules of ser/, from the ground up: each imports from the floors below it alone."""
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
BUILT_ON = {("distillation", "dtw"), ("recognizer", "cross_corpus")}
"""Experiments that are built on another."""
MOST_MODULES = {"ser": 17, "stages": 19, "tests": 15, "tools": 15}
"""In any one folder."""


def modules(folder: str) -> list[Path]:
    return sorted(path for path in (PROJECT / folder).rglob("*.py") if "tests" not in path.parts[:-1])


def imports(folder: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Give each import of the project's own: where it stands, and the parts of both modules' names."""
    for path in modules(folder):
        own = path.relative_to(PROJECT).with_suffix("")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [it.name for it in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{name}" for name in names]
            for name in names:
                yield f"{own}: {name}", list(own.parts), name.split(".")


def test_packages_of_ser_import_from_the_floors_below() -> None:
    wrong = []
    for place, (_, own, *_), to in imports("ser"):
        # The package's face loads the recognizer when it is asked for.
        if own != "__init__" and to[0] in ("ser", "stages", "experiments", "tools"):
            allowed = to[0] == "ser" and (own == to[1] or FLOOR[to[1]] < FLOOR[own])
            wrong += [] if allowed else [place]
    assert not wrong
    assert {path.stem for path in (PROJECT / "ser").iterdir() if path.suffix == ".py"} - {"__init__"} <= {
        *FLOOR
    }


def is_stage(to: list[str]) -> bool:
    """Tell what stages/ runs from what is shared: `command`, `inputs`, and modules of its folders."""
    if to[1] in ("command", "inputs"):
        return False
    module = PROJECT.joinpath(*to[:3]).with_suffix(".py")
    return not module.exists() or "command.run(main)" in module.read_text(encoding="utf-8")


def test_experiments_stand_on_their_own() -> None:
    wrong = []
    for place, (_, own, *_), to in imports("experiments"):
        # What an experiment's params.yaml holds may be of use to others as well.
        settings = to[2:3] == ["params"]
        foreign = to[0] == "experiments" and to[1] != own and (own, to[1]) not in BUILT_ON and not settings
        if foreign or to[0] == "tools" or (to[0] == "stages" and is_stage(to)):
            wrong.append(place)
    assert not wrong


def test_stages_import_the_library_alone() -> None:
    """Nor do they import one another: only what they share, and modules in their folders that are none."""
    wrong = []
    for place, (_, own, *_), to in imports("stages"):
        other = to[0] == "stages" and own != "command" and is_stage(to)
        if other or to[0] in ("tools", "benchmarks", "experiments"):
            wrong.append(place)
    assert not wrong


def test_the_library_opens_no_output_of_a_stage() -> None:
    """A stage reads its inputs in plain sight, and hands them down."""
    prefixes = tuple(f"{folder}/" for folder in ("data", "models", "metrics"))
    wrong = []
    for path in modules("ser"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # Messages may name a file that the user must make again.
        messages = {id(it) for node in ast.walk(tree) if isinstance(node, ast.Raise) for it in ast.walk(node)}
        wrong += [
            f"{path.relative_to(PROJECT)}: {node.value}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in messages
            if node.value.startswith(prefixes) and "\n" not in node.value
        ]
    assert not wrong


@pytest.mark.parametrize("folder", MOST_MODULES)
def test_a_folder_can_be_seen_at_a_glance(folder: str) -> None:
    paths = (path for path in (PROJECT / folder).rglob("*.py") if path.name != "__init__.py")
    counts = Counter(path.parent.relative_to(PROJECT).as_posix() for path in paths)
    assert {name: n for name, n in counts.items() if n > MOST_MODULES[folder]} == {}
