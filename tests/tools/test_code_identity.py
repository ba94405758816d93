"""tools.code_identity: what counts as the same code, and what does not."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.code_identity import Program, UnclearError, difference

PROJECT = Path(__file__).resolve().parents[2]
SCRIPT = '''"""Count words."""

from lib import sums
from lib.tally import STEP, tally
from stages import command


def main() -> None:
    """Print it."""
    command.parser(__doc__).parse_args()
    print(tally(["a"], start=sums.total([STEP])))


if __name__ == "__main__":
    main()
'''
TALLY = '''"""Counting."""

import numpy as np
from dataclasses import dataclass

STEP = 1
UNUSED = 3


@dataclass(frozen=True)
class Words:
    """Some words."""

    n: int = 0


def tally(words: list[str], start: int = 0) -> int:
    """Count them."""
    # One by one.
    if not words:
        return start
    return tally(words[1:], start + STEP) + np.int64(Words().n)
'''
SUMS = "def total(values):\n    return values[0] + sum(values[1:])\n"
BEFORE = {"stages/count.py": SCRIPT, "lib/tally.py": TALLY, "lib/sums.py": SUMS}


def compared(
    today: dict[str, str], *, before: dict[str, str] = BEFORE, script: str = "stages/count.py"
) -> str | None:
    return difference(Program("stages/count.py", before), Program(script, today))


def edited(*pairs: tuple[str, str], before: dict[str, str] = BEFORE) -> dict[str, str]:
    texts = dict(before)
    for old, new in pairs:
        assert any(old in text for text in texts.values())
        texts = {path: text.replace(old, new) for path, text in texts.items()}
    return texts


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Count them."""', '"""Count all words."""'),
        ('    """Some words."""\n', ""),
        ("    # One by one.\n", "    # All of them.\n\n"),
        ("UNUSED = 3", "UNUSED = 4"),
        ("import numpy as np", "import numpy"),
        ("from lib import sums\n", "import lib.sums\n"),
        ("values[1:])", "values[1:])  # the rest"),
    ],
)
def test_words_and_what_nobody_uses_do_not_count(old: str, new: str) -> None:
    more = {"import numpy": ("np.int64", "numpy.int64"), "import lib.sums\n": ("=sums.", "=lib.sums.")}
    assert compared(edited((old, new), *([more[new]] if new in more else []))) is None


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("STEP = 1", "STEP = 2", "lib.tally: STEP"),
        ("start: int = 0", "start: int = 1", "lib.tally: tally"),
        ("n: int = 0", "n: float = 0", "lib.tally: Words"),
        ("@dataclass(frozen=True)", "@dataclass(frozen=False)", "lib.tally: Words"),
        ("values[0] + sum(values[1:])", "sum(values[1:]) + values[0]", "lib.sums: total"),
        ("np.int64", "np.int32", "lib.tally: tally"),
        ("import numpy as np", "import numpy as np\nimport scipy", "the first import of scipy"),
        ("UNUSED = 3", "UNUSED = print(3)", "lib.tally: STEP"),
        ("    main()\n", "    main()\n    main()\n", "stages.count: as a script"),
        ('tally(["a"], start', 'tally(["b"], start', "stages.count: main"),
        ("def total(values):", "def total(values, /):", "lib.sums: total"),
    ],
)
def test_what_may_change_a_result_counts(old: str, new: str, named: str) -> None:
    assert compared(edited((old, new))) == f"{named} differs"


def test_definitions_may_move_and_modules_be_split_renamed_and_merged() -> None:
    steps = "STEP = 1\n"
    split = edited(
        ("STEP = 1\n", ""), ("import numpy as np\n", "import numpy as np\nfrom lib.steps import STEP\n")
    )
    assert compared(split | {"lib/steps.py": steps}) is None
    renamed = edited(("lib.tally", "words.counting"))
    renamed["words/counting.py"] = renamed.pop("lib/tally.py")
    assert compared(renamed) is None
    merged = edited(("from lib import sums\n", "from lib import tally as sums\n"))
    merged["lib/tally.py"] += "\n\n" + merged.pop("lib/sums.py")
    assert compared(merged) is None
    script = {"stages/tell.py": SCRIPT} | {
        path: text for path, text in BEFORE.items() if path != "stages/count.py"
    }
    assert compared(script, script="stages/tell.py") is None


def test_a_name_that_is_handed_on_leads_to_its_definition() -> None:
    face = edited(
        ("from lib.tally import", "from lib import"), ("from lib import sums", "import lib.sums as sums")
    )
    face["lib/__init__.py"] = "from lib.tally import STEP, tally\n"
    assert compared(face) is None
    with pytest.raises(UnclearError, match="has no STEPS"):
        compared(edited(("import STEP, tally", "import STEPS as STEP, tally")))


def test_two_definitions_that_change_places_are_told_apart() -> None:
    before = {"stages/count.py": "from lib import a, b\nprint(a() - b())\n"}
    one, two = "def a():\n    return 1\n", "def b():\n    return 2\n"
    assert (
        compared(before | {"lib/__init__.py": two + one}, before=before | {"lib/__init__.py": one + two})
        is None
    )
    swapped = {"stages/count.py": "from lib import a, b\nprint(b() - a())\n", "lib/__init__.py": one + two}
    assert compared(swapped, before=before | {"lib/__init__.py": one + two})


def test_an_import_inside_a_function_counts() -> None:
    before = edited(("from lib import sums\n", ""), ('    """Print it."""\n', "    from lib import sums\n\n"))
    assert compared(before, before=before) is None
    assert (
        compared(edited(("values[0]", "values[1]"), before=before), before=before)
        == "lib.sums: total differs"
    )


def test_a_variable_with_the_name_of_a_definition_is_not_taken_for_it() -> None:
    before = {
        "stages/count.py": "A = 1\nB = 1\n\n\ndef f(A, B):\n    return A - B\n\n\nprint(f(1, 2), A, B)\n"
    }
    assert compared(edited(("return A - B", "return B - A"), before=before), before=before)


@pytest.mark.parametrize(
    "own",
    [
        "def tell():\n    return __name__\n",
        "import pickle\n\n\ndef tell():\n    return pickle.dumps(tell)\n",
        "import keras\n\n\n@keras.saving.register_keras_serializable()\nclass tell:\n    pass\n",
        "import keras\n\n\nclass tell(keras.Model):\n    pass\n",
        "class tell:\n    __module__ = 'a'\n",
        "from pathlib import Path\n\n\ndef tell():\n    return Path(__file__)\n",
    ],
)
def test_a_module_that_can_write_its_name_must_stay(own: str) -> None:
    before = {"stages/count.py": "from lib.own import tell\n\nprint(tell())\n", "lib/own.py": own}
    assert compared(before | {"lib/own.py": f'"""Words."""\n{own}'}, before=before) is None
    moved = {"stages/count.py": "from lib.moved import tell\n\nprint(tell())\n", "lib/moved.py": own}
    assert str(compared(moved, before=before)).startswith("lib.moved: ")


@pytest.mark.parametrize(
    "text",
    [
        "exec('a = 1')\n",
        "print(globals())\n",
        "print(__doc__)\n",
        "from lib import *\n",
        "from . import a\n",
        "a b\n",
    ],
)
def test_what_may_reach_any_code_is_never_called_the_same(text: str) -> None:
    with pytest.raises(UnclearError, match=r"stages\.count: "):
        Program("stages/count.py", {"stages/count.py": text})


PAIRS = {
    "bindings in another order": ("A = 1\nB = A\nA = 2\nprint(B)\n", "A = 1\nA = 2\nB = A\nprint(B)\n"),
    "an action between them": (
        "A = [1]\nN = len(A)\nA.append(2)\nprint(N)\n",
        "A = [1]\nA.append(2)\nN = len(A)\nprint(N)\n",
    ),
    "a binding that takes": (
        "I = iter([1, 2])\nA = next(I)\nB = next(I)\nprint(B)\n",
        "I = iter([1, 2])\nB = next(I)\nprint(B)\n",
    ),
    "the class body": (
        "L = []\n\n\nclass A:\n    L.append(1)\n\n\nprint(L)\n",
        "L = []\n\n\nclass A:\n    L.append(2)\n\n\nprint(L)\n",
    ),
    "a default": (
        "L = []\n\n\ndef f(x=L.append(1)):\n    pass\n\n\nprint(L)\n",
        "L = []\n\n\ndef f(x=L.append(2)):\n    pass\n\n\nprint(L)\n",
    ),
    "the environment before an import": (
        "import os\n\nos.environ['K'] = '1'\nimport json\n\nprint(json)\n",
        "import os\nimport json\n\nos.environ['K'] = '1'\n\nprint(json)\n",
    ),
    "imports in another order": ("import csv\nimport json\n", "import json\nimport csv\n"),
    "an attribute": (
        "class C:\n    pass\n\n\nC.n = 1\nprint(C.n)\n",
        "class C:\n    pass\n\n\nC.n = 2\nprint(C.n)\n",
    ),
    "annotations as text": (
        "print(1)\n\n\ndef f(x: int):\n    pass\n",
        "from __future__ import annotations\n\nprint(1)\n\n\ndef f(x: int):\n    pass\n",
    ),
    "an own decorator": (
        "L = []\n\n\ndef cache(f):\n    L.append(f)\n\n\n@cache\ndef f():\n    pass\n\n\nprint(L)\n",
        "L = []\n\n\ndef cache(f):\n    L.append(f)\n\n\n@cache\ndef g():\n    pass\n\n\nprint(L)\n",
    ),
    "the rest of a block for types": (
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    pass\nelse:\n    A = 1\nprint(A)\n",
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    pass\nelse:\n    A = 2\nprint(A)\n",
    ),
}


@pytest.mark.parametrize(("before", "today"), PAIRS.values(), ids=list(PAIRS))
def test_what_happens_when_a_module_is_loaded_counts_in_its_order(before: str, today: str) -> None:
    assert compared({"stages/count.py": today}, before={"stages/count.py": before})
    module = {"stages/count.py": "import lib.own\n", "lib/own.py": before}
    assert compared(module | {"lib/own.py": today}, before=module)
    assert compared(module | {"lib/own.py": f'"""Words."""\n{before}# The end.\n'}, before=module) is None


@pytest.mark.parametrize(
    ("script", "own"),
    [
        ("from lib.own import P\n\nprint(P)\n", "class P:\n    a: 'Q'\n\n\nclass Q:\n    n: int = NUMBER\n"),
        ("import lib.own\n\nprint(getattr(lib.own, 'N'))\n", "N = NUMBER\n"),
        ("from lib.own import *\n", "N = NUMBER\n"),
        ("try:\n    from lib.own import N\nexcept ImportError:\n    N = 0\nprint(N)\n", "N = NUMBER\n"),
        ("class A:\n    from lib.own import N\n\n\nprint(A.N)\n", "N = NUMBER\n"),
        ("N = 0\nfrom lib.own import N\n\nprint(N)\n", "N = NUMBER\n"),
        ("def f():\n    global own\n    from lib import own\n\n\nf()\nprint(own.N)\n", "N = NUMBER\n"),
        ("import lib.own\n", "if __name__ == '__main__':\n    pass\nelse:\n    print(NUMBER)\n"),
        ("import lib.own\n\nprint(getattr(lib, 'own').N)\n", "N = NUMBER\n"),
        ("from lib.own import N, f\n\nprint(f.__globals__['N'])\n", "N = NUMBER\n\n\ndef f():\n    pass\n"),
        (
            "from lib.own import A\n",
            "class B:\n    def __init_subclass__(cls):\n        print(NUMBER)\n\n\nclass A(B):\n    pass\n",
        ),
    ],
)
def test_what_a_name_leads_to_in_odd_ways_is_found_or_refused(script: str, own: str) -> None:
    def program(number: str) -> Program:
        return Program(
            "stages/count.py", {"stages/count.py": script, "lib/own.py": own.replace("NUMBER", number)}
        )

    try:
        found = difference(program("1"), program("2"))
    except UnclearError:
        found = "refused"
    assert found


def test_a_variable_is_told_from_an_import_of_the_same_name() -> None:
    before = {
        "stages/count.py": "from lib import tally\n\n\ndef f(tally):\n    return tally.first\n\n\nf(1)\n",
        "lib/tally.py": "from lib.x import one as first\nfrom lib.x import one as second\n",
        "lib/x.py": "one = 1\n",
    }
    assert compared(edited(("tally.first", "tally.second"), before=before), before=before)


def test_packages_do_nothing_when_they_are_loaded() -> None:
    """No dvc.yaml names them. The two that do more are not loaded by any stage for what they do."""
    acting = [
        path.relative_to(PROJECT).as_posix()
        for top in ("ser", "stages", "experiments")
        for path in (PROJECT / top).rglob("__init__.py")
        if any(not isinstance(it, ast.Expr) for it in ast.parse(path.read_text(encoding="utf-8")).body)
    ]
    assert sorted(acting) == ["ser/__init__.py", "ser/cli/__init__.py"]


def modules() -> list[str]:
    return sorted(path.relative_to(PROJECT).as_posix() for path in PROJECT.glob("ser/*/*.py"))


@given(st.data())
def test_any_other_number_in_a_real_module_is_noticed(data: st.DataObject) -> None:
    """A script that hands the module about reaches all of it."""
    path = data.draw(st.sampled_from(modules()))
    text = (PROJECT / path).read_text(encoding="utf-8")
    tree = ast.parse(text)
    numbers = [
        it
        for it in ast.walk(tree)
        if isinstance(it, ast.Constant) and type(it.value) in (int, float) and it.end_col_offset
    ]
    if not numbers:
        return
    number = data.draw(st.sampled_from(numbers))
    lines = text.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: number.lineno - 1])) + number.col_offset
    raw = text.encode()
    length = len(ast.get_source_segment(text, number) or "")
    other = (raw[:start] + b"(12345)" + raw[start + length :]).decode()
    dotted = path.removesuffix(".py").replace("/", ".")
    script = f"import {dotted} as module\n\nprint(module)\n"
    try:
        before = Program("stages/count.py", {"stages/count.py": script, path: text})
    except UnclearError:
        return
    assert difference(before, Program("stages/count.py", {"stages/count.py": script, path: other}))
