"""Odd params.yaml: whatever stands in it, a stage gets valid values or a message that names the key."""

import copy
import json
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from params_files import EXPERIMENTS, PROJECT, SCHEMAS, read_params

from ser.errors import InputError
from ser.params import Params, Section, load

from .bounds import LONGEST_LINE, Bounded
from .bounds import bounded as bounded

COMMITTED = (PROJECT / "params.yaml").read_text(encoding="utf-8")
VALUES: dict[str, Any] = yaml.safe_load(COMMITTED)
OF_EXPERIMENTS = {name: read_params()[name] for name in EXPERIMENTS}
LINES = COMMITTED.splitlines()


def keys_of(section: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in section.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from keys_of(value, (*above, key))


NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([0, -1, 2**31, 2**32, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308, 5e-324]),
)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=30)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
SPELLINGS = st.sampled_from(
    [
        *("~", "yes", "off", "0o17", "0x", "0b", "1_0", "1:30", ".nan", "-.inf", "=", "<<", "@", "`", "%"),
        *("!!bool maybe", "!!int one", "!!float one", "!!null x", "!!binary x", "!!timestamp x", "!!set {a}"),
        *(
            "!!omap [1]",
            "!!pairs [1]",
            "!!python/name:os.system",
            "!!python/object/apply:os.system [ls]",
            "!x y",
        ),
        *(
            "2020-99-99",
            "2020-01-01T25:00:00",
            "&a [*a]",
            "*nothing",
            "{? [1]: 2}",
            "{? {a: 1}: 2}",
            "{<<: 1}",
        ),
        *(
            '"\\ud800"',
            '"\\x07\\n"',
            "'",
            "|",
            ">",
            "[",
            "{",
            "? ",
            "- - - 1",
            "\t",
            "---",
            "...",
            "%YAML 9.9",
        ),
    ]
)


@st.composite
def changed_values(draw: st.DrawFn, committed: dict[str, Any]) -> str:
    """The committed values with some keys set to anything, removed, renamed or added; written as JSON."""
    values, keys = copy.deepcopy(committed), sorted(keys_of(committed))
    for *above, name in draw(st.lists(st.sampled_from(keys), min_size=1, max_size=4)):
        try:
            section = reduce(getitem, above, values)
            match draw(st.sampled_from(["set", "remove", "rename", "add"])):
                case "set":
                    section[name] = draw(ANYTHING)
                case "remove":
                    del section[name]
                case "rename":
                    section[draw(st.text(max_size=12))] = section.pop(name)
                case "add":
                    section[draw(st.text(max_size=12))] = draw(ANYTHING)
        except (LookupError, TypeError, AttributeError):
            # An earlier change took it away.
            continue
    return json.dumps(values)


@st.composite
def changed_text(draw: st.DrawFn) -> str:
    """The committed lines, some of them with another value, indented otherwise, doubled, moved or removed."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(lines) - 1))
        line, odd = lines[place], draw(SPELLINGS | st.text(max_size=20))
        match draw(st.sampled_from(["value", "line", "indent", "remove", "double", "another"])):
            case "value":
                new = [f"{line.partition(':')[0]}: {odd}"]
            case "line":
                new = [odd]
            case "indent":
                new = [" " * draw(st.integers(0, 8)) + line.strip()]
            case "remove":
                new = [""]
            case "double":
                new = [line, line]
            case _:
                new = [line, draw(st.sampled_from(LINES))]
        lines[place : place + 1] = new
    return "\n".join(lines)


def instead_of_jobs(value: str) -> str:
    """The committed file with another value of workers.jobs."""
    assert COMMITTED.count("\n  jobs: ") == 1
    before, _, rest = COMMITTED.partition("\n  jobs: ")
    return f"{before}\n  jobs: {value}\n{rest.partition(chr(10))[2]}"


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@given(
    text=st.one_of(
        changed_values(VALUES), changed_text(), st.text(), st.binary().map(lambda it: it.decode("latin1"))
    )
)
# Found: each of these was another exception, a message of many lines, or took all memory.
@example(text=instead_of_jobs("0x" + "f" * 5000))
@example(text=instead_of_jobs("9" * 5000))
@example(text=instead_of_jobs("!!bool maybe"))
@example(text=BOMB + instead_of_jobs("*a11"))
@example(text=BOMB)
@example(text="[" * 5000 + "]" * 5000)
@example(text="{a: " * 2000 + "}" * 2000)
@example(text=COMMITTED + COMMITTED)
@example(text='"a\\nb\\u202e": 1\n' + COMMITTED)
@example(text=f"? {'a' * 5000}\n: 1\n" + COMMITTED)
def test_values_or_a_message(text: str, bounded: Bounded, tmp_path_factory: pytest.TempPathFactory) -> None:
    values_or_message(text, Params, bounded, tmp_path_factory.getbasetemp())


@given(data=st.data(), name=st.sampled_from(EXPERIMENTS))
def test_values_or_a_message_of_experiments(
    data: st.DataObject, name: str, bounded: Bounded, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = data.draw(changed_values(OF_EXPERIMENTS[name]))
    values_or_message(text, SCHEMAS[name], bounded, tmp_path_factory.getbasetemp())


def values_or_message(text: str, schema: type[Section], bounded: Bounded, folder: Path) -> None:
    path = folder / "params.yaml"
    path.write_bytes(text.encode(errors="surrogatepass"))
    try:
        with bounded():
            assert isinstance(load(path, schema), schema)
    except InputError as error:
        heading, *problems = str(error).split("\n  ")
        assert heading.startswith(f"{path}: ")
        for line in (heading, *problems):
            assert line.isprintable()
            assert len(line) < len(str(path)) + LONGEST_LINE
