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
        ("import numpy as np", "import numpy as np\nimport scipy", "what is imported from elsewhere"),
        ("STEP = 1", "STEP = 1\nprint(STEP)", "lib.tally: when it is loaded"),
        ("    main()\n", "    main()\n    main()\n", "stages.count: when it is loaded"),
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
