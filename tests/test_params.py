"""Every key of every params.yaml is checked, and every program reads the same values from it."""

import copy
import json
import re
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.serialize import load_yaml, modify_yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from params_files import EXPERIMENTS, PROJECT, SCHEMAS

from ser.errors import InputError
from ser.params import ROBUSTNESS_KINDS, load, load_params

COMMITTED = PROJECT / "params.yaml"
EVERY: dict[str, dict[str, Any]] = {
    name: yaml.safe_load((PROJECT / name / "params.yaml").read_text()) for name in SCHEMAS
}
VALUES = EVERY[""]
EVERY_TOP = pytest.mark.parametrize(("name", "top"), [(name, top) for name in EVERY for top in EVERY[name]])


FREE_NAMES = (("encode_layers", "copies"), *(("robustness", kind) for kind in ROBUSTNESS_KINDS))
"""Mappings of corruptions whose keys are names that somebody may choose."""
COMPARED = ("score_corpora", "compared")
"""The same of models, in experiments/cross_corpus."""


def key_paths(section: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All keys, sections among them, but none of `FREE_NAMES` and `COMPARED`."""
    for key, value in section.items():
        yield (*above, key)
        if isinstance(value, dict) and (*above, key) not in {*FREE_NAMES, COMPARED}:
            yield from key_paths(value, (*above, key))


def at(values: dict[str, Any], key: Sequence[str]) -> Any:
    """What stands under a key."""
    return reduce(getitem, key, values)


def changed(key: tuple[str, ...], *, name: str = "", **entries: Any) -> dict[str, Any]:
    """The committed values, with other entries in the section that `key` names; None deletes one."""
    values = copy.deepcopy(EVERY[name])
    section = at(values, key)
    section.update(entries)
    for entry in [entry for entry, value in entries.items() if value is None]:
        del section[entry]
    return values


def write(tmp_path: Path, content: dict[str, Any] | str) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def error_of(tmp_path: Path, content: dict[str, Any] | str, name: str = "") -> str:
    path = write(tmp_path, content)
    with pytest.raises(InputError) as caught:
        load(path, SCHEMAS[name])
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def test_every_params_yaml_has_a_schema_and_is_read_by_it() -> None:
    assert {it.parent for it in PROJECT.glob("experiments/**/params.yaml")} == {
        PROJECT / name for name in EXPERIMENTS
    }
    for name in EXPERIMENTS:
        assert SCHEMAS[name].__module__ == f"{name.replace('/', '.')}.params"


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_committed_file_is_valid_and_reads_the_same_in_yaml_1_1_and_1_2(name: str) -> None:
    committed = PROJECT / name / "params.yaml"
    as_dvc_tracks_it = load_yaml(str(committed))
    as_stages_see_it = load(committed, SCHEMAS[name]).model_dump(exclude_unset=True)
    assert EVERY[name] == as_dvc_tracks_it == as_stages_see_it
    # Equal numbers may still differ in type, and True equals 1.
    assert repr(EVERY[name]) == repr(as_dvc_tracks_it)


@EVERY_TOP
def test_every_key_is_required_and_no_other_allowed(tmp_path: Path, name: str, top: str) -> None:
    values = EVERY[name]
    keys = [key for key in key_paths(values) if key[0] == top]
    assert f"\n  {top}: missing" in error_of(tmp_path, changed((), name=name, **{top: None}), name)
    emptied, misspelt = copy.deepcopy(values), copy.deepcopy(values)
    for *section, key in keys:
        if not isinstance(at(values, (*section, key)), dict):
            del at(emptied, section)[key]
        at(misspelt, section)[f"{key}_"] = 1
    unknown = error_of(tmp_path, misspelt, name)
    for path in keys:
        assert f"\n  {'.'.join(path)}_: unknown key" in unknown
    required = [path for path in keys if not isinstance(at(values, path), dict)]
    # The section of a condition may be empty.
    missing = error_of(tmp_path, emptied, name) if required else ""
    for path in required:
        assert f"\n  {'.'.join(path)}: missing" in missing


@EVERY_TOP
@pytest.mark.parametrize("value", [{"a": 1}, [["b"]], False])
def test_every_value_is_typed(tmp_path: Path, name: str, top: str, value: Any) -> None:
    values = copy.deepcopy(EVERY[name])
    keys = [key for key in key_paths(values) if key[0] == top and not isinstance(at(values, key), dict)]
    for *section, key in keys:
        at(values, section)[key] = value
    message = error_of(tmp_path, values, name) if keys else ""
    assert all(f"\n  {'.'.join(key)}" in message for key in keys)


def test_a_compared_model_has_any_name_but_that_of_the_chosen_one(tmp_path: Path) -> None:
    name = "experiments/cross_corpus"
    values = copy.deepcopy(EVERY[name])
    at(values, COMPARED)["another"] = {"weight": [0.5]}
    load(write(tmp_path, values), SCHEMAS[name])
    for wrong in ({"another": {"weigth": [0.5]}}, {"chosen": {"weight": [0.5]}}):
        values["score_corpora"]["compared"] = wrong
        assert "score_corpora.compared" in error_of(tmp_path, values, name)


@pytest.mark.parametrize("free", FREE_NAMES, ids=".".join)
def test_corruptions_have_any_name_but_the_keys_of_their_ranges(
    tmp_path: Path, free: tuple[str, ...]
) -> None:
    def with_entry(name: str, value: dict[str, Any]) -> dict[str, Any]:
        values = copy.deepcopy(VALUES)
        at(values, free)[name] = value
        return values

    for name, corruptions in at(VALUES, free).items():
        load_params(write(tmp_path, with_entry(f"{name}_", corruptions)))
        place = f"\n  {'.'.join(free)}.{name}."
        if corruptions:
            missing = error_of(tmp_path, with_entry(name, {it: {} for it in corruptions}))
            unknown = error_of(tmp_path, with_entry(name, {f"{it}_": 1 for it in corruptions}))
        for corruption, ranges in corruptions.items():
            assert f"{place}{corruption}_: unknown key" in unknown
            for key in ranges:
                assert f"{place}{corruption}.{key}: missing" in missing


@pytest.mark.parametrize(
    ("name", "section", "entries", "says"),
    [
        ("dtw", "alignment", {"template_actors": [7, 7]}, "must not name an actor twice"),
        ("dtw", "pitch", {"fmin_hz": 800.0}, "must be below fmax_hz"),
        ("recognizer", "listening", {"hop_s": 0.7}, "must divide window_s"),
        ("recognizer", "listening", {"timeline_after_s": 2.0}, "must not exceed timeline_after_s"),
    ],
)
def test_keys_that_contradict_one_another_are_named(
    tmp_path: Path, name: str, section: str, entries: dict[str, Any], says: str
) -> None:
    folder = f"experiments/{name}"
    message = error_of(tmp_path, changed((section,), name=folder, **entries), folder)
    assert f"\n  {section}: " in message
    assert says in message


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("workers.jobs", 0, "greater than or equal to 1, got 0"),
        ("workers.jobs", 2.0, "valid integer, got 2.0"),
        ("workers.jobs", True, "valid integer, got True"),
        ("workers.jobs", "2", "valid integer, got '2'"),
        ("article_window.offset_s", -0.1, "greater than or equal to 0"),
        ("article_window.duration_s", 0, "greater than 0"),
        ("augment.noise.max_amplitude", 1.5, "less than or equal to 1"),
        ("augment.stretch.rate", 5, "less than or equal to 4"),
        ("augment.stretch.seed", -1, "greater than or equal to 0"),
        ("augment.stretch.seed", 2**32, "less than 4294967296"),
        ("split.article.test_size", 1, "less than 1"),
        ("train_cnn.article.output", "linear", "'sigmoid' or 'softmax'"),
        ("train_cnn.article.seeds", [], "at least 1 item"),
        ("train_cnn.article.seeds.1", [0, "a"], "valid integer, got 'a'"),
        ("train_cnn.article.dropout", 1.0, "less than 1"),
        ("evaluate.bootstrap_samples", 99, "greater than or equal to 100"),
        ("calibrate.bins", 1, "greater than or equal to 2"),
        (
            "augment.speed_pitch",
            {**VALUES["augment"]["speed_pitch"], "min_length_change": 2},
            "must not exceed",
        ),
        (
            "extract.article",
            {**VALUES["extract"]["article"], "fmax": 30_000},
            "fmin < fmax <= sample_rate / 2",
        ),
        (
            "extract.logmel",
            {**VALUES["extract"]["logmel"], "win_length": 2048},
            "win_length must not exceed n_fft",
        ),
        ("extract", {**VALUES["extract"], "functionals": {"n_mfcc": 65}}, "n_mfcc must not exceed"),
    ],
)
def test_a_value_out_of_range_is_named_with_what_it_may_be(
    tmp_path: Path, key: str, value: Any, says: str
) -> None:
    *section, name = [part for part in key.split(".") if not part.isdecimal()]
    message = error_of(tmp_path, changed(tuple(section), name="", **{name: value}))
    assert f"\n  {key}: " in message
    assert says in message


def test_all_faults_are_listed_at_once(tmp_path: Path) -> None:
    values = changed(("workers",), jobs=0, backend=None, speed=9)
    values["train_cnn"]["article"]["epochs"] = "40"
    message = error_of(tmp_path, values)
    for key in ("workers.jobs", "workers.backend", "workers.speed", "train_cnn.article.epochs"):
        assert f"\n  {key}: " in message
    assert "(4 problems)" in message


def test_what_yaml_1_1_would_misread_is_read_as_dvc_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(
        COMMITTED.read_text()
        .replace("learning_rate: 0.001 ", "learning_rate: 1e-3 ")
        .replace("learning_rate: 0.001\n", "learning_rate: 1e-3\n")
        .replace("random_state: 0", "random_state: 010")
        .replace("backend: loky", "backend: no")
    )
    params, tracked = load_params(path), load_yaml(str(path))
    assert params.train_cnn.article.learning_rate == tracked["train_cnn"]["article"]["learning_rate"] == 0.001
    assert params.split.article.random_state == tracked["split"]["article"]["random_state"] == 10
    assert params.workers.backend == tracked["workers"]["backend"] == "no"


@pytest.mark.parametrize("decay", [1e-05, 1e-06, 0.0, 2.5e-07])
def test_a_small_number_that_dvc_writes_is_still_a_number(tmp_path: Path, decay: float) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(COMMITTED.read_bytes())
    with modify_yaml(str(path)) as values:
        values["train_cnn"]["article_augmented"]["decay"] = decay
    assert load_params(path).train_cnn.article_augmented.decay == decay


@pytest.mark.parametrize("value", ["no", "12:30", "1e-3s", "0x1G", "~", ".nan", ".inf", "''"])
def test_what_is_no_number_is_refused(tmp_path: Path, value: str) -> None:
    before, after = COMMITTED.read_text().split("duration_s: 3.0")
    assert "\n  article_window.duration_s: " in error_of(tmp_path, f"{before}duration_s: {value}{after}")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "the whole file: Input should be a valid dictionary"),
        ("- a\n- b\n", "the whole file"),
        ("corpus: {manifest: [", "cannot be read as YAML"),
        ("corpus: 1\ncorpus: 2\n", "duplicate key"),
        ("corpus: !!python/object/apply:os.getcwd []\n", "cannot be read as YAML"),
        ("corpus: 2001-99-99\n", "cannot be read as YAML"),
    ],
)
def test_what_is_no_mapping_is_refused(tmp_path: Path, content: str, says: str) -> None:
    assert says in error_of(tmp_path, content)


def test_a_missing_or_binary_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"params\.yaml: no such file; run from the project's root"):
        load_params()
    Path("params.yaml").write_bytes(b"\xff\xfe\0")
    with pytest.raises(InputError, match=r"params\.yaml: cannot be read"):
        load_params()


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("ab:-[]{}!&*'\"#|>%@~?, \n\t0123456789.e\0")))
def test_any_text_is_refused_with_a_message(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "params.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"params\.yaml"):
        load_params(path)


@pytest.mark.parametrize(
    ("section", "key", "value", "words"),
    [
        (("workers",), "backend", "threading", "must be loky"),
        (("workers",), "backend", "multiprocessing", "must be loky"),
        (("train_cnn", "article"), "seeds", [1, 1], "must differ"),
    ],
)
def test_values_that_would_change_or_break_results_are_refused(
    tmp_path: Path, section: tuple[str, ...], key: str, value: Any, words: str
) -> None:
    message = error_of(tmp_path, changed(section, name="", **{key: value}))
    assert re.search(rf"{'.'.join(section)}\.{key}: .*{words}", message)
