"""The project's own code loads and runs nothing that could be somebody else's program."""

import ast
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, RoundTripConstructor, SafeConstructor

PROJECT = Path(__file__).parents[2]
FILES = sorted(
    path.as_posix()
    for folder in ("ser", "stages", "experiments", "tools", "benchmarks")
    for path in (file.relative_to(PROJECT) for file in (PROJECT / folder).rglob("*.py"))
    if "tests" not in path.parts
)

FORBIDDEN_MODULES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "marshal", "shelve", "tarfile"}
FORBIDDEN_NAMES = {
    *("eval", "exec", "compile", "__import__"),
    *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"),
    *("asyncio.create_subprocess_shell", "pty.spawn"),
    *(
        f"os.{kind}{how}"
        for kind in ("exec", "spawn")
        for how in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")
    ),
    *("joblib.load", "pandas.read_pickle", "pandas.eval", "torch.load", "shutil.unpack_archive"),
    *("keras.config.enable_unsafe_deserialization", "runpy.run_path", "code.InteractiveInterpreter"),
}
FORBIDDEN_METHODS = {"extractall", "read_pickle", "to_pickle", "query"}
"""Of whatever object: `query` is that of a pandas table, which evaluates a text."""
SHELLS = ("sh", "bash", "dash", "zsh")
SAFE_YAML = {"yaml.safe_load", "yaml.safe_load_all", "yaml.safe_dump", "yaml.YAMLError"}
REQUIRED_VALUES = {"allow_pickle": False, "shell": False, "trust_remote_code": False, "safe_mode": True}
"""Where such an argument is given, it must be this constant: a variable may hold anything."""

EXCEPTIONS = {
    # The speaker encoder's weights are published as a PyTorch checkpoint. Its unpickler admits six names,
    # none of which is a function of the file's choice; tests/features/test_torch_checkpoint.py attacks it.
    "ser/features/torch_checkpoint.py": {"imports pickle"},
    # Two whole numbers are filled in: params.yaml's schema gives the one, the code the other.
    "experiments/dtw/check_leaks_cnn.py": {"calls .query"},
    # Commands of their own: one is compared with DVC, the other gives a browser its pipes.
    "benchmarks/whole.py": {"starts sh"},
    "tools/pages/chromium.py": {"starts bash"},
}


def faults(code: str) -> set[str]:
    """What a module does that it must not."""
    tree = ast.parse(code)
    names = _imported(tree)
    return {fault for node in ast.walk(tree) for fault in _faults(node, names)}


def _imported(tree: ast.Module) -> dict[str, str]:
    """By the name that the code gives it, what it imports."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            # `import a.b` binds a.
            names |= {it.asname or it.name.partition(".")[0]: _bound(it) for it in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {it.asname or it.name: f"{node.module}.{it.name}" for it in node.names}
    return names


def _bound(alias: ast.alias) -> str:
    return alias.name if alias.asname else alias.name.partition(".")[0]


def _faults(node: ast.AST, names: dict[str, str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        modules = {it.name.partition(".")[0] for it in node.names}
        yield from (f"imports {it}" for it in modules & FORBIDDEN_MODULES)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"imports {it}" for it in {str(node.module).partition(".")[0]} & FORBIDDEN_MODULES)
    elif isinstance(node, ast.Name | ast.Attribute):
        yield from _of_name(_dotted(node, names))
    elif isinstance(node, ast.Call):
        yield from _of_call(node, names)
    elif isinstance(node, ast.List | ast.Tuple):
        words = [str(it.value).rpartition("/")[2] for it in node.elts[:2] if isinstance(it, ast.Constant)]
        if words[:1] == ["env"]:
            del words[0]
        yield from (f"starts {shell}" for shell in SHELLS if words[:1] == [shell])
    elif isinstance(node, ast.Dict):
        # Arguments that are given as **options.
        pairs = zip(node.keys, node.values, strict=True)
        yield from _of_arguments({str(key.value): it for key, it in pairs if isinstance(key, ast.Constant)})


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    """Give the full name: ``np.load`` as ``numpy.load``; of what is computed, only the last part."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        # A variable may be called as a module is, and hold something else.
        known = not isinstance(node.value, ast.Name) or node.value.id in names
        return f"{_dotted(node.value, names) if known else '?'}.{node.attr}"
    return "?"


def _of_name(name: str) -> Iterator[str]:
    # Also where it is not called at once: map(eval, lines).
    if name in FORBIDDEN_NAMES:
        yield f"uses {name}"
    if name.startswith("yaml.") and name not in SAFE_YAML:
        yield f"uses {name}"


def _of_call(node: ast.Call, names: dict[str, str]) -> Iterator[str]:
    name = _dotted(node.func, names)
    if "." in name and (method := name.rpartition(".")[2]) in FORBIDDEN_METHODS:
        yield f"calls .{method}"
    if name.endswith(".eval") and (node.args or node.keywords):
        # A table's evaluates a text; that of a PyTorch model takes nothing.
        yield "calls .eval with an argument"
    yield from _of_arguments({it.arg: it.value for it in node.keywords if it.arg})
    if name == "ruamel.yaml.YAML":
        # Without a kind it is the one that keeps comments: a safe one, see the test at the end.
        kinds = [*node.args[:1], *(it.value for it in node.keywords if it.arg == "typ")]
        yield from (f"reads YAML by {ast.unparse(it)}" for it in kinds if not _is(it, "safe"))
    if name == "numpy.load" and len(node.args) > 1:
        # mmap_mode is the second argument and allow_pickle the third.
        yield "gives numpy.load more than a file without a name"


def _of_arguments(given: dict[str, ast.expr]) -> Iterator[str]:
    for name, value in given.items():
        if name in REQUIRED_VALUES and not _is(value, REQUIRED_VALUES[name]):
            yield f"gives {name}={ast.unparse(value)}"


def _is(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value == value


@pytest.mark.parametrize("file", FILES)
def test_nothing_unsafe_is_used(file: str) -> None:
    assert faults((PROJECT / file).read_text(encoding="utf-8")) == EXCEPTIONS.get(file, set())


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("import pickle", "imports pickle"),
        ("from dill import loads", "imports dill"),
        ("import marshal as m", "imports marshal"),
        ("import shelve, os", "imports shelve"),
        ("eval('1')", "uses eval"),
        ("list(map(exec, lines))", "uses exec"),
        ("import os\nos.system('ls')", "uses os.system"),
        ("from os import system as run\nrun('ls')", "uses os.system"),
        ("import subprocess\nsubprocess.run(['sh', '-c', command])", "starts sh"),
        ("import subprocess\nsubprocess.run(('/bin/bash', script), check=True)", "starts bash"),
        ("command = ['env', 'sh', '-ec', text]", "starts sh"),
        ("import os\nos.execlp('sh', 'sh', '-c', text)", "uses os.execlp"),
        ("import asyncio\nasyncio.create_subprocess_shell(text)", "uses asyncio.create_subprocess_shell"),
        ("import yaml\nyaml.load(text, yaml.Loader)", "uses yaml.load"),
        ("import yaml\nyaml.unsafe_load(text)", "uses yaml.unsafe_load"),
        ("from ruamel.yaml import YAML\nYAML(typ='unsafe')", "reads YAML by 'unsafe'"),
        ("from ruamel.yaml import YAML\nYAML(typ=kind)", "reads YAML by kind"),
        ("import numpy as np\nnp.load(path, allow_pickle=True)", "gives allow_pickle=True"),
        ("import numpy\nnumpy.load(path, None, True)", "gives numpy.load more than a file without a name"),
        ("np.save(path, array, allow_pickle=wanted)", "gives allow_pickle=wanted"),
        ("import joblib\njoblib.load(path)", "uses joblib.load"),
        ("from joblib import load\nload(path)", "uses joblib.load"),
        ("import pandas as pd\npd.read_pickle(path)", "uses pandas.read_pickle"),
        ("table.query(text)", "calls .query"),
        ("read(path).query(expr=text)", "calls .query"),
        ("table.eval(text)", "calls .eval with an argument"),
        ("import pandas as pd\npd.DataFrame(rows).eval(expr=text)", "calls .eval with an argument"),
        ("keras.saving.load_model(path, safe_mode=False)", "gives safe_mode=False"),
        ("import subprocess\nsubprocess.run('ls', shell=True)", "gives shell=True"),
        ("zip_file.extractall()", "calls .extractall"),
        ("import tarfile", "imports tarfile"),
        ("import torch\ntorch.load(path)", "uses torch.load"),
        ("load(**{'trust_remote_code': True})", "gives trust_remote_code=True"),
        ("AutoModel.from_pretrained(folder, trust_remote_code=True)", "gives trust_remote_code=True"),
    ],
)
def test_what_is_unsafe_is_found(code: str, fault: str) -> None:
    assert fault in faults(code)


def test_what_is_safe_is_let_through() -> None:
    code = """
import re, yaml, joblib, numpy as np, subprocess
from ruamel.yaml import YAML
yaml.safe_load(text), YAML(typ="safe").load(text), YAML().load(text)
np.load(path, mmap_mode="r", allow_pickle=False), re.compile("a"), model.compile(), model.eval()
subprocess.run(["ls"]), reader.load(text), keras.saving.load_model(path), joblib.Parallel()
"""
    assert faults(code) == set()


TAGGED = "a: {} [touch ran]\n"


@pytest.mark.parametrize("kind", [None, "safe"])
@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!!python/object/new:os.system"])
def test_yaml_that_names_a_function_runs_nothing(
    kind: str | None, tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both kinds that are let through; that which keeps comments keeps unknown tags as such, too."""
    monkeypatch.chdir(tmp_path)
    assert issubclass(RoundTripConstructor, SafeConstructor)
    with suppress(ConstructorError):
        assert YAML(typ=kind).load(TAGGED.format(tag)) == {"a": ["touch ran"]}
    assert list(tmp_path.iterdir()) == []


def test_the_canary_an_unsafe_yaml_loader_would_run_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    yaml.unsafe_load(TAGGED.format("!!python/object/apply:os.system"))
    assert [path.name for path in tmp_path.iterdir()] == ["ran"]
