"""Every dvc.yaml says exactly what each stage reads: its code, its files, its keys of each params.yaml."""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from dvc.repo import Repo
from dvc.stage import PipelineStage
from stage_runs import SCRIPTS

PROJECT = Path(__file__).resolve().parents[2]
PIPELINES = (
    "dvc.yaml",
    *sorted(it.relative_to(PROJECT).as_posix() for it in PROJECT.glob("experiments/**/dvc.yaml")),
)
SETTINGS = (
    "params.yaml",
    *sorted(it.relative_to(PROJECT).as_posix() for it in PROJECT.glob("experiments/*/params.yaml")),
)
# No output can depend on these: they report errors, and give values that DVC tracks key by key.
NEUTRAL = {
    *("ser/__init__.py", "ser/errors.py", "ser/params.py", "stages/__init__.py", "stages/command.py"),
    *(it.relative_to(PROJECT).as_posix() for it in PROJECT.glob("experiments/*/params.py")),
}
# How fast, never what.
NEUTRAL_SECTIONS = {"workers"}


def module_files(source: Path) -> set[Path]:
    """List the project's modules that a module imports itself."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    files = {PROJECT / f"{name.replace('.', '/')}.py" for name in names}
    return {
        file
        for file in files
        if file.exists() and file.relative_to(PROJECT).parts[0] in ("ser", "stages", "experiments")
    }


def imported(script: Path) -> set[str]:
    """Follow the imports of a stage script, but not beyond the neutral modules."""
    found: set[Path] = set()
    waiting = {script}
    while waiting:
        file = waiting.pop()
        found.add(file)
        if file.relative_to(PROJECT).as_posix() not in NEUTRAL:
            waiting |= module_files(file) - found
    return {file.relative_to(PROJECT).as_posix() for file in found} - NEUTRAL


def other_networks(stage_name: str) -> set[str]:
    """List what stages/train_cnn.py imports for other networks than this stage's."""
    logmel = {"ser/models/logmel_cnn.py", "ser/models/spec_augment.py"}
    if stage_name.startswith("train_cnn_"):
        return {"ser/models/article_cnn.py"} if stage_name == "train_cnn_logmel" else logmel
    return set()


def file_read(call: ast.AST) -> str | None:
    """Tell which params.yaml a call reads, if any."""
    match call:
        case ast.Call(ast.Name("load_params")):
            return "params.yaml"
        case ast.Call(ast.Name("load"), [ast.Constant(str(file)), *_]):
            return file
    return None


def keys_read(script: Path) -> set[str]:
    """List the attribute chains on what is read of params.yaml files, each after its file's path.

    A key chosen at run time is ``*``. An experiment's settings may be passed on whole, and their path alone
    stands for that; the main pipeline's may not.
    """

    def chain(node: ast.AST, names: dict[str, str]) -> list[str] | None:
        match node:
            case ast.Name(name, ast.Load()) if name in names:
                return [names[name]]
            case ast.Attribute(value, attribute):
                before = chain(value, names)
                return None if before is None else [*before, attribute]
            case ast.Call(ast.Name("getattr"), [value, *_]):
                before = chain(value, names)
                return None if before is None else [*before, "*"]
        file = file_read(node)
        return file if file is None else [file]

    def visit(node: ast.AST, names: dict[str, str]) -> Iterator[list[str]]:
        if isinstance(node, ast.FunctionDef):
            names = {}
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            file = file_read(node.value)
            if file is not None:
                names[node.targets[0].id] = file
                return
        keys = chain(node, names)
        if keys is None:
            for child in ast.iter_child_nodes(node):
                yield from visit(child, names)
        else:
            assert keys != ["params.yaml"], f"{script}: params itself is passed on; read keys by name"
            yield keys

    chains = visit(ast.parse(script.read_text(encoding="utf-8")), {})
    return {".".join(keys) for keys in chains if keys[0] != "params.yaml" or keys[1] not in NEUTRAL_SECTIONS}


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PipelineStage]:
    folder = tmp_path_factory.mktemp("graph")
    for name in (*PIPELINES, *SETTINGS):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, folder / name)
    Repo.init(str(folder), no_scm=True)
    with Repo(str(folder)) as repo:
        found = list(repo.index.stages)
        # Paths below are compared as they are written: all must start from the root, whatever the pipeline.
        for stage in found:
            assert Path(stage.wdir) == folder, f"{stage.addressing}: wdir must be the root"
        assert {Path(stage.path).relative_to(folder).as_posix() for stage in found} == set(PIPELINES)
        names = [stage.name for stage in found]
        assert len(set(names)) == len(names), f"stages of one name in two pipelines: {sorted(names)}"
        return {stage.name: stage for stage in found}


def script_of(stage: PipelineStage) -> Path:
    module = stage.cmd.split()[2]
    return PROJECT / f"{module.replace('.', '/')}.py"


def declared_code(stage: PipelineStage) -> set[str]:
    return {dep.def_path for dep in stage.deps if dep.def_path.endswith(".py")}


def declared_keys(stage: PipelineStage) -> set[str]:
    """List the keys after their file's path, which stands alone where the whole file is declared."""
    return {
        ".".join(filter(None, (param.def_path, key)))
        for param in stage.params
        for key in param.params or [""]
    }


def test_every_stage_runs_its_own_script(stages: dict[str, PipelineStage]) -> None:
    """No script is forgotten: not in stages/, and not of an experiment, but for its search for settings."""
    assert {stage.cmd.split()[2] for stage in stages.values()} == set(SCRIPTS)


def test_finished_experiments_are_frozen_and_nothing_else_is(stages: dict[str, PipelineStage]) -> None:
    frozen = {script_of(stage).parent.name for stage in stages.values() if stage.frozen}
    free = {script_of(stage).parent.name for stage in stages.values() if not stage.frozen}
    assert frozen == {"dtw", "distillation"}
    assert not frozen & free


def test_code_dependencies_are_the_transitive_imports(stages: dict[str, PipelineStage]) -> None:
    declared = {name: declared_code(stage) for name, stage in stages.items()}
    assert declared == {
        name: imported(script_of(stage)) - other_networks(name) for name, stage in stages.items()
    }


def test_declared_keys_are_those_the_script_reads(stages: dict[str, PipelineStage]) -> None:
    for name, stage in stages.items():
        read = keys_read(script_of(stage))
        # The key of a matrix cell is its last argument.
        cell = stage.cmd.split()[-1]
        read = {key.replace("*", cell) for key in read}
        if script_of(stage) == PROJECT / "stages/train_baselines.py":
            # Its groups of models have settings of their own, each behind its own branch.
            read = {key for key in read if key.endswith(cell)}
        declared = declared_keys(stage)
        covered = {key for key in read if any(f"{key}.".startswith(f"{known}.") for known in declared)}
        assert covered == read, f"{name} reads keys that dvc.yaml does not declare: {read - covered}"
        used = {known for known in declared if any(f"{key}.".startswith(f"{known}.") for key in read)}
        needed = {known for known in declared if any(f"{known}.".startswith(f"{key}.") for key in read)}
        assert used | needed == declared, (
            f"{name} declares keys that it does not read: {declared - used - needed}"
        )


def test_every_dependency_is_in_git_or_another_stages_output(stages: dict[str, PipelineStage]) -> None:
    outputs = {out.def_path for stage in stages.values() for out in stage.outs}
    for name, stage in stages.items():
        for dep in stage.deps:
            path = dep.def_path
            if path in SETTINGS:
                # As DVC reads it, not beside the pipeline's own dvc.yaml.
                assert Path(dep.fs_path) == Path(stage.wdir) / path, name
            else:
                assert path in outputs or (PROJECT / path).is_file(), f"{name}: nobody makes {path}"


def test_what_is_small_is_in_git_and_the_rest_is_cached(stages: dict[str, PipelineStage]) -> None:
    for stage in stages.values():
        for out in stage.outs:
            in_git = out.def_path.startswith(("metrics/", "figures/", "ser/bundle"))
            assert out.use_cache != in_git, out.def_path


def test_networks_declare_the_copies_they_read(stages: dict[str, PipelineStage]) -> None:
    """What normalize and train_cnn read is chosen in the code, so DVC must be told the same."""
    from ser.models.network_inputs import INPUTS

    for name, wanted in INPUTS.items():
        files = {f"data/features/{variant}/{wanted.features}.npy" for variant in wanted.copies}
        files |= {"data/clips.parquet", f"data/splits/{wanted.protocol}.parquet"}
        for stage, more in (
            (f"normalize_{name}", set()),
            (f"train_cnn_{name}", {f"data/normalized/{name}.npz"}),
        ):
            declared = {dep.def_path for dep in stages[stage].deps if dep.def_path.startswith("data/")}
            assert declared == files | more, stage
