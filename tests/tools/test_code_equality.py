"""What counts as the same code, and above all what does not."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.code_equality import Program, UnclearError, differences

MAIN = '\n\nif __name__ == "__main__":\n    main()\n'
STAGE = "from lib import a\n\n\ndef main():\n    print(a.double(3))" + MAIN
A = '''"""Doubling."""

FACTOR = 2


def double(x: int, *, by: int = FACTOR) -> int:
    """Double it."""
    return x * by
'''


def compare(
    old: dict[str, str],
    new: dict[str, str],
    *,
    moves: dict[str, str] | None = None,
    others: dict[str, str] | None = None,
) -> list[str]:
    """Compare programs whose first module is run."""
    files = others or {}
    before = Program(next(iter(old)), old, other=files.get, moves=moves)
    return differences(before, Program(next(iter(new)), new, other=files.get), renamed=moves)


def one(old: str, new: str) -> list[str]:
    """Compare two texts of one script."""
    return compare({"stage.py": old}, {"stage.py": new})


def of_function(old: str, new: str) -> list[str]:
    """Compare two bodies of a function."""
    text = "import os\nimport numpy as np\nKNOWN = [1]\n\n\ndef main(x=1, y=2):\n    {}\n" + MAIN
    return one(text.format(old.replace("\n", "\n    ")), text.format(new.replace("\n", "\n    ")))


def test_wording_is_no_code() -> None:
    new = A.replace("Doubling.", "Twice.").replace('"""Double it."""', '"""Twice it."""  # quickly\n')
    new = new.replace("FACTOR = 2", 'FACTOR = 2\n"""What doubling is."""')
    assert compare({"stage.py": STAGE, "lib/a.py": A}, {"stage.py": STAGE, "lib/a.py": new}) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("FACTOR = 2", "FACTOR = 3"),
        ("FACTOR = 2", "FACTOR = 2.0"),
        ("FACTOR = 2", "FACTOR = True"),
        ("by: int = FACTOR", "by: int = 2"),
        ("by: int = FACTOR", "by: float = FACTOR"),
        ("x: int, *, by", "x: int, by"),
        ("x * by", "by * x"),
        ("def double", "@cache\ndef double"),
        ("def double", "async def double"),
    ],
)
def test_a_change_of_code_is_one(old: str, new: str) -> None:
    text = "from functools import cache\n" + A
    changed = text.replace(old, new)
    assert changed != text
    problems = compare({"stage.py": STAGE, "lib/a.py": text}, {"stage.py": STAGE, "lib/a.py": changed})
    assert len(problems) == 1
    assert problems[0].startswith("lib/a.py: ")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("print(f'{x} clips')", "print(f'{x} files')"),
        ("print(f'{x:.2f}')", "print(f'{x:.3f}')"),
        ("print(x, end='')", "print(x, sep='')"),
        ("print(sum([x, y]), end='')", "print(end='', *[sum([x, y])])"),
        ("return x + y", "return y + x"),
        ("a = x\nb = y\nreturn a - b", "a = x\nb = y\nreturn b - a"),
        ("a = x\nb = y\na = b\nreturn a", "a = x\nb = y\nb = a\nreturn a"),
        ("os.chdir('a')\nos.chdir('b')", "os.chdir('b')\nos.chdir('a')"),
        ("return np.mean(KNOWN)", "return np.median(KNOWN)"),
        ("return lambda a: a + x", "return lambda a: a + y"),
        ("return [a for a in KNOWN if x]", "return [a for a in KNOWN if y]"),
        ("return -0.0", "return 0.0"),
        ("return 'a'", "return b'a'"),
        ("frame = x\nreturn y.query('@frame > 1')", "table = x\nreturn y.query('@frame > 1')"),
        (
            "try:\n    return x\nexcept ValueError:\n    return y",
            "try:\n    return x\nexcept OSError:\n    return y",
        ),
        ("def inner():\n    return x\nreturn inner", "def other():\n    return x\nreturn other"),
        ("global KNOWN\nKNOWN = x", "KNOWN = x"),
    ],
)
def test_a_change_in_a_function_is_found(old: str, new: str) -> None:
    assert of_function(old, old) == []
    assert of_function(old, new) != []
    assert of_function(new, old) != []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("total = x + y\nreturn total", "both = x + y\nreturn both"),
        ("return [a for a in KNOWN]", "return [b for b in KNOWN]"),
        ("a: int = x\nreturn a", "a = x\nreturn a"),
        ("for a, b in x:\n    print(a, b)", "for c, d in x:\n    print(c, d)"),
        ("with open(x) as f:\n    return f.read()", "with open(x) as g:\n    return g.read()"),
        (
            "try:\n    pass\nexcept OSError as e:\n    print(e)",
            "try:\n    pass\nexcept OSError as f:\n    print(f)",
        ),
        (
            "def inner():\n    a = x\n    return a\nreturn inner",
            "def inner():\n    b = x\n    return b\nreturn inner",
        ),
    ],
)
def test_names_of_local_variables_are_free(old: str, new: str) -> None:
    assert of_function(old, new) == []


def test_two_local_variables_are_not_one() -> None:
    assert of_function("a = x\nb = y\nreturn a + b", "a = x\na = y\nreturn a + a") != []
    assert of_function("a = [x for x in KNOWN]\nreturn x", "a = [z for z in KNOWN]\nreturn x") == []
    assert of_function("a = [y for y in KNOWN]\nreturn y", "a = [y for y in KNOWN]\nreturn x") != []


def test_imports_may_take_another_form() -> None:
    forms = [
        "from lib import a\n\n\ndef main():\n    print(a.double(3))",
        "from lib.a import double\n\n\ndef main():\n    print(double(3))",
        "from lib.a import double as twice\n\n\ndef main():\n    print(twice(3))",
        "import lib.a\n\n\ndef main():\n    print(lib.a.double(3))",
        "import lib.a as it\n\n\ndef main():\n    print(it.double(3))",
    ]
    for old in forms:
        for new in forms:
            assert (
                compare({"stage.py": old + MAIN, "lib/a.py": A}, {"stage.py": new + MAIN, "lib/a.py": A})
                == []
            )


def test_an_import_inside_a_function_is_resolved_too() -> None:
    old = "def main():\n    from lib.a import double\n    print(double(3))" + MAIN
    new = "def main():\n    from pack.b import double as twice\n    print(twice(3))" + MAIN
    assert compare({"stage.py": old, "lib/a.py": A}, {"stage.py": new, "pack/b.py": A}) == []
    other = A.replace("x * by", "x / by")
    assert compare({"stage.py": old, "lib/a.py": A}, {"stage.py": new, "pack/b.py": other}) != []


def test_another_import_is_another_program() -> None:
    b = A.replace("x * by", "x + by")
    both = {"lib/a.py": A, "lib/b.py": b}
    problems = compare(
        {"stage.py": STAGE, **both}, {"stage.py": STAGE.replace("import a", "import b as a"), **both}
    )
    assert problems == ["lib/b.py: double differs (line 8): Mult became Add"]
    old, new = "from os.path import join\n", "from posixpath import join\n"
    use = "\n\ndef main():\n    print(join('a', 'b'))" + MAIN
    assert one(old + use, new + use) == [
        "stage.py: main differs (line 5): os.path.join became posixpath.join",
    ]


def test_a_module_may_be_renamed_split_and_merged() -> None:
    whole = A + "\n\ndef triple(x):\n    return half(x) * 6\n\n\ndef half(x):\n    return x / 2\n"
    stage = "from lib.a import double, triple\n\n\ndef main():\n    print(double(1), triple(2))" + MAIN
    split = {
        "stage.py": "from pack.one import double\nfrom pack.two import triple\n\n\ndef main():\n"
        "    print(double(1), triple(2))" + MAIN,
        "pack/one.py": A,
        "pack/two.py": "from pack.three import half\n\n\ndef triple(x):\n    return half(x) * 6\n",
        "pack/three.py": "def unused():\n    pass\n\n\ndef half(x):\n    return x / 2\n",
    }
    old = {"stage.py": stage, "lib/a.py": whole}
    assert compare(old, split) == []
    assert compare(split, old) == []
    wrong = split | {"pack/three.py": split["pack/three.py"].replace("/ 2", "/ 3")}
    assert compare(old, wrong) == ["pack/three.py: half differs (line 6): int 2 became int 3"]


def test_equal_functions_may_become_one_but_not_things_that_change() -> None:
    stage = "from lib import a, b\n\n\ndef main():\n    a.f(1)\n    b.f(2)" + MAIN
    merged = "from lib import a\n\n\ndef main():\n    a.f(1)\n    a.f(2)" + MAIN
    plain = "def f(x):\n    return x\n"
    assert (
        compare(
            {"stage.py": stage, "lib/a.py": plain, "lib/b.py": plain}, {"stage.py": merged, "lib/a.py": plain}
        )
        == []
    )
    counting = "SEEN = []\n\n\ndef f(x):\n    SEEN.append(x)\n    return len(SEEN)\n"
    two = {"stage.py": stage, "lib/a.py": counting, "lib/b.py": counting}
    assert compare(two, {"stage.py": merged, "lib/a.py": counting}) != []
    cached = "from functools import cache\n\n\n@cache\ndef f(x):\n    return x\n"
    two = {"stage.py": stage, "lib/a.py": cached, "lib/b.py": cached}
    assert compare(two, {"stage.py": merged, "lib/a.py": cached}) != []


def test_a_list_under_two_names_is_not_two_lists() -> None:
    use = "\n\ndef main():\n    A.append(1)\n    print(B)" + MAIN
    assert one("A = B = []" + use, "A = []\nB = []" + use) != []
    assert one("A = B = []" + use, "A = C = []\nB = D = []" + use) != []
    assert one("A = []\nB = A" + use, "A = []\nB = []" + use) != []


@pytest.mark.parametrize(
    "statements",
    [
        ("A = []", "A.append(1)", "B = len(A)"),
        ("A = 1", "B = A", "A = 2"),
        ("import os", "os.environ['A'] = '1'", "os.environ['A'] = '2'"),
        ("A = [1]", "B = list(A)", "del A[0]", "C = list(A)"),
        ("def put(x):\n    A[len(A)] = x\n    return x", "A = {}", "B = put(1)", "C = put(2)"),
    ],
)
def test_statements_that_depend_on_each_other_keep_their_order(statements: tuple[str, ...]) -> None:
    use = "\n\ndef main():\n    print(1)" + MAIN
    before = "\n".join(statements) + use
    assert one(before, before) == []
    for place in range(1, len(statements) - 1):
        moved = [*statements]
        moved[place], moved[place + 1] = moved[place + 1], moved[place]
        assert one(before, "\n".join(moved) + use) != [], moved


def test_definitions_and_independent_constants_may_change_places() -> None:
    parts = [
        "X = 1",
        "Y = X + 1",
        "def f():\n    return Y",
        "class C:\n    z: int = X",
        "def main():\n    print(f(), C)",
    ]
    before = "\n\n\n".join(parts) + MAIN
    after = "\n\n\n".join([parts[0], parts[2], parts[1], parts[4], parts[3]]) + MAIN
    assert one(before, after) == []


def test_a_new_statement_that_does_something_is_found_wherever_it_stands() -> None:
    new = A + "\nprint('loaded')\n"
    assert compare({"stage.py": STAGE, "lib/a.py": A}, {"stage.py": STAGE, "lib/a.py": new}) != []
    assert compare({"stage.py": STAGE, "lib/a.py": new}, {"stage.py": STAGE, "lib/a.py": A}) != []
    face = {"lib/__init__.py": "import os\n\nos.environ['LIB'] = '1'\n"}
    old = Program("stage.py", {"stage.py": STAGE, "lib/a.py": A}, other=lambda _: None)
    with_face = Program("stage.py", {"stage.py": STAGE, "lib/a.py": A}, other=face.get)
    assert differences(old, with_face) != []


def test_a_package_may_hand_names_on() -> None:
    stage = "from pack import double\n\n\ndef main():\n    print(double(3))" + MAIN
    face = {"pack/__init__.py": '"""All of it."""\n\nfrom pack.a import double\n\n__all__ = ["double"]\n'}
    old = {"stage.py": STAGE, "lib/a.py": A}
    assert compare(old, {"stage.py": stage, "pack/a.py": A}, others=face) == []
    wrong = {"pack/__init__.py": "from pack.b import double\n"}
    assert compare(old, {"stage.py": stage, "pack/a.py": A}, others=face | wrong) != []


def test_new_definitions_do_no_harm_unless_they_register() -> None:
    new = A + "\n\nEXTRA = 5\n\n\ndef more():\n    return EXTRA\n"
    assert compare({"stage.py": STAGE, "lib/a.py": A}, {"stage.py": STAGE, "lib/a.py": new}) == []
    registry = "ALL = {}\n\n\ndef register(f):\n    ALL[f.__name__] = f\n    return f\n\n\n" + A
    more = registry + "\n\n@register\ndef more():\n    return 1\n"
    assert compare({"stage.py": STAGE, "lib/a.py": registry}, {"stage.py": STAGE, "lib/a.py": more}) != []
    base = "class Base:\n    def __init_subclass__(cls):\n        ALL.append(cls)\n\n\nALL = []\n" + A
    more = base + "\n\nclass More(Base):\n    pass\n"
    assert compare({"stage.py": STAGE, "lib/a.py": base}, {"stage.py": STAGE, "lib/a.py": more}) != []


FIELDS = """from dataclasses import dataclass
from pydantic import BaseModel


@dataclass(frozen=True)
class Settings:
    seed: int
    rate: float = 0.5


class Model(BaseModel):
    seed: int


def main():
    print(Settings(1), Model(seed=1))
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed: int\n    rate", "seed: float\n    rate"),
        ("rate: float = 0.5", "rate: float = 0.6"),
        ("class Model(BaseModel):\n    seed: int", "class Model(BaseModel):\n    seed: float"),
        ("frozen=True", "frozen=False"),
        ("frozen=True", "frozen=True, eq=False"),
        ("    seed: int\n    rate: float = 0.5", "    rate: float = 0.5\n    seed: int = 1"),
        ("Settings", "Options"),
    ],
)
def test_fields_and_names_of_classes_count(old: str, new: str) -> None:
    assert one(FIELDS + MAIN, FIELDS.replace(old, new) + MAIN) != []


def test_a_function_keeps_its_name_unless_a_map_says_otherwise() -> None:
    old = {"stage.py": STAGE, "lib/a.py": A}
    new = {"stage.py": STAGE.replace("double", "twice"), "lib/a.py": A.replace("double", "twice")}
    assert compare(old, new) == ["lib/a.py: double is now called twice; vouch for that in --moves"]
    assert compare(old, new, moves={"lib.a.double": "lib.a.twice"}) == []


NAMING = {
    "keras": "import keras\n\n\n@keras.saving.register_keras_serializable(package='p')\nclass C:\n    pass\n",
    "alias": "from keras.saving import register_keras_serializable as r\n\n\n@r()\nclass C:\n    pass\n",
    "layer": "from keras import layers\n\n\nclass C(layers.Layer):\n    pass\n",
    "module": "class C:\n    pass\n\n\nC.__module__\n",
    "qualname": "class D:\n    pass\n\n\ndef C():\n    return D.__qualname__\n",
    "name": "def C():\n    return __name__\n",
    "file": "from pathlib import Path\n\n\ndef C():\n    return Path(__file__).parent / 'x'\n",
    "pickle": "import pickle\n\n\ndef C():\n    return pickle.dumps(1)\n",
    "joblib": "from joblib import dump\n\n\ndef C():\n    return dump(1, 'x')\n",
    "handed": "import keras\n\n\ndef f(x):\n    return x\n\n\ndef C():\n    return keras.layers.Lambda(f)\n",
    "compiled": "import keras\n\n\ndef f(x):\n    return x\n\n\ndef C():\n    m = keras.Model()\n"
    "    m.compile(loss=f)\n",
    "value": "from lib import b\n\n\ndef C():\n    return vars(b)\n",
}


@pytest.mark.parametrize("kind", NAMING)
def test_what_can_write_its_name_must_not_move(kind: str) -> None:
    text = NAMING[kind]
    old = "from lib.a import C\n\n\ndef main():\n    print(C())" + MAIN
    new = old.replace("lib.a", "pack.a")
    b, moved_b = {"lib/b.py": "X = 1\n"}, {"pack/b.py": "X = 1\n"}
    before = {"stage.py": old, "lib/a.py": text, **b}
    worded = text.replace("    pass", '    """Worded."""\n    pass')
    assert compare(before, before | {"lib/a.py": worded}) == []
    moved = {"stage.py": new, "pack/a.py": text.replace("from lib ", "from pack "), **moved_b}
    problems = compare(before, moved)
    assert any("moved, and" in it for it in problems), problems


@pytest.mark.parametrize(
    "use",
    ["import pickle\n    pickle.dump(C(), x)", "print(C().__module__)", "print(f'{C}')", "print(str(C))"],
)
def test_who_writes_names_of_any_class_asks_all_to_stay(use: str) -> None:
    old = f"from lib.a import C\n\n\ndef main(x=1):\n    {use}" + MAIN
    text = "class C:\n    pass\n"
    assert compare({"stage.py": old, "lib/a.py": text}, {"stage.py": old, "lib/a.py": "# C\n" + text}) == []
    problems = compare(
        {"stage.py": old, "lib/a.py": text}, {"stage.py": old.replace("lib", "pack"), "pack/a.py": text}
    )
    assert any("moved, and C" in it for it in problems)


@pytest.mark.parametrize("kind", ["keras", "alias", "layer"])
def test_a_class_for_keras_may_move_if_it_keeps_its_name(kind: str) -> None:
    old = "from lib.a import C\n\n\ndef main():\n    print(C())" + MAIN
    moved = NAMING[kind].replace("    pass", '    __module__ = "lib.a"')
    before = {"stage.py": old, "lib/a.py": NAMING[kind]}
    new = old.replace("lib.a", "pack.a")
    assert compare(before, {"stage.py": new, "pack/a.py": moved}) == []
    assert compare({"stage.py": new, "pack/a.py": moved}, before) == []
    assert compare(before, {"stage.py": new, "pack/a.py": moved.replace("lib.a", "lib.b")}) != []
    assert compare(before, {"stage.py": old, "lib/a.py": moved.replace("lib.a", "lib.b")}) != []


def test_all_of_a_module_that_can_write_its_name_must_be_equal() -> None:
    old = "from lib.a import C\n\n\ndef main():\n    print(C())" + MAIN
    text = NAMING["name"] + "\n\ndef beside():\n    return 1\n"
    before = {"stage.py": old, "lib/a.py": text}
    assert compare(before, before | {"lib/a.py": text.replace("return 1", "return 2")}) != []


@pytest.mark.parametrize(
    "use",
    [
        "import inspect\n    print(inspect.getsource(main))",
        "print(main.__doc__)",
        "import importlib\n    importlib.import_module('lib.a').double(1)",
        "print(__import__('lib.a'))",
        "import traceback\n    print(traceback.format_exc())",
        "print(str(type(main)))",
        "print(locals())",
        "print(open(__file__).read())",
        "print(open('lib/a.py').read())",
        "import sys\n    print(sys.modules)",
    ],
)
def test_what_may_read_any_code_is_never_proved(use: str) -> None:
    text = f"def main():\n    {use}"
    assert one(text + MAIN, '"""New words."""\n\n' + text + MAIN) != []


def test_a_docstring_counts_where_it_is_read_unless_as_help() -> None:
    for use, equal in (("command.parser(__doc__)", True), ("print(__doc__)", False)):
        text = f"from stages import command\n\n\ndef main():\n    {use}" + MAIN
        assert (one(text, '"""New words."""\n' + text) == []) == equal


def test_the_fingerprint_of_a_checkpoint_may_know_its_file() -> None:
    old = "from lib.a import NETWORK\n\n\ndef main():\n    print(NETWORK)" + MAIN
    text = (
        "from dataclasses import make_dataclass as Network\n\nNETWORK = Network('n', [], code=(__file__,))\n"
    )
    assert (
        compare(
            {"stage.py": old, "lib/a.py": text}, {"stage.py": old.replace("lib", "pack"), "pack/a.py": text}
        )
        == []
    )
    other = text.replace("code=", "path=")
    moved = {"stage.py": old.replace("lib", "pack"), "pack/a.py": other}
    assert compare({"stage.py": old, "lib/a.py": other}, moved) != []


def test_packages_that_are_loaded_count() -> None:
    assert one(
        STAGE.replace("from lib import a", "import numpy"), STAGE.replace("from lib import a", "import scipy")
    )
    setting = "import os\n\nos.environ['A'] = '1'\n"
    use = "\n\ndef main():\n    print(1)" + MAIN
    assert one(setting + "import numpy\n" + use, "import numpy\n" + setting + use) != []
    assert one("import numpy\nimport pandas\n" + use, "import pandas\nimport numpy\n" + use) == []


def test_modules_that_are_not_compared_are_known_by_their_names() -> None:
    stage = "from lib.params import load\n\n\ndef main():\n    print(load())" + MAIN
    new = stage.replace("lib.params", "lib.config.params")
    others = {"lib/params.py": "def load():\n    pass\n", "lib/config/params.py": "def load():\n    pass\n"}
    assert compare({"stage.py": stage}, {"stage.py": new}, others=others) != []
    assert (
        compare(
            {"stage.py": stage}, {"stage.py": new}, others=others, moves={"lib.params": "lib.config.params"}
        )
        == []
    )


def test_a_module_that_is_imported_but_not_listed_is_unclear() -> None:
    assert compare({"stage.py": STAGE, "lib/a.py": A}, {"stage.py": STAGE}, others={"lib/a.py": A}) != []


def test_no_python_and_a_star_import_are_unclear() -> None:
    with pytest.raises(UnclearError, match=r"stage\.py: no Python"):
        one("def", "def")
    text = "from lib import *\n\n\ndef main():\n    print(what())" + MAIN
    assert any("star import" in it for it in one(text, text))


NAMES = st.sampled_from(["a", "b", "c", "d"])
ATOMS = NAMES | st.integers(0, 3).map(str)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(
        lambda it: f"({it[0]} {it[1]} {it[2]})"
    ),
    max_leaves=4,
)
BODIES = st.lists(st.tuples(NAMES, EXPRESSIONS), min_size=1, max_size=4)


def function(body: list[tuple[str, str]], *, start: str = "a = b = c = d = 1") -> str:
    lines = [start, *(f"{name} = {value}" for name, value in body), f"return {body[-1][0]}"]
    return "def main():\n" + "".join(f"    {it}\n" for it in lines) + MAIN


@given(BODIES, BODIES)
def test_functions_that_are_called_equal_compute_the_same(
    old: list[tuple[str, str]], new: list[tuple[str, str]]
) -> None:
    texts = [function(old), function(new)]
    if one(*texts) == []:
        results = []
        for text in texts:
            names: dict[str, object] = {"__name__": "test"}
            exec(compile(text, "test", "exec"), names)
            results.append(names["main"]())  # type: ignore[operator]
        assert results[0] == results[1]


@given(BODIES, st.permutations(["a", "b", "c", "d"]))
def test_a_function_with_other_names_for_its_variables_is_equal(
    body: list[tuple[str, str]], names: list[str]
) -> None:
    other = dict(zip("abcd", names, strict=True))

    class Renamed(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Name:
            return ast.Name(other.get(node.id, node.id), node.ctx)

    tree = ast.parse(function(body))
    assert one(function(body), ast.unparse(ast.fix_missing_locations(Renamed().visit(tree)))) == []


STATEMENTS = st.lists(
    st.sampled_from(
        ["X = 1", "Y = 2", "X = Y", "Y = X", "Z = [X, Y]", "Z = [Y, X]", "Z.append(X)", "X = len(Z)"]
    ),
    max_size=6,
)


@given(STATEMENTS, STATEMENTS)
def test_modules_that_are_called_equal_leave_the_same_behind(old: list[str], new: list[str]) -> None:
    texts = [
        "\n".join(["X = Y = 0", "Z = []", *it, "def main():", "    return X, Y, Z"]) + MAIN
        for it in (old, new)
    ]
    if one(*texts) == []:
        results = []
        for text in texts:
            names: dict[str, object] = {"__name__": "test"}
            exec(compile(text, "test", "exec"), names)
            results.append(names["main"]())  # type: ignore[operator]
        assert results[0] == results[1]
