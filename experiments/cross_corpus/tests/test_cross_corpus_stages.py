"""The stages on made-up corpora: what is encoded, who is heard, and that EMO-DB decides nothing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from full_disk import check_full_disk
from params_files import read_params, write_params
from stage_runs import PROJECT, run_in

from experiments.cross_corpus import adapt, encode, encode_copies, evaluate, score_trust
from experiments.cross_corpus.inputs import read_corpus, read_ravdess
from ser.audio import clip_io as audio
from ser.audio.corruptions.mixture import Mixture
from ser.data.predictions import PROBABILITIES
from ser.data.protocols import LUNA5, split_by_actor
from ser.data.ravdess import EMOTIONS, SAMPLE_RATE, all_clips, clip_path, parse_clip
from ser.data.synthetic import synthesize
from ser.errors import InputError
from ser.files import read_table, write_array, write_json, write_parquet
from ser.models.layers.linear import LinearLayers, read_linear, write_linear
from ser.params import load_params
from ser.recognizer.certainty import WORDS
from stages.layers.check_leaks import heard_test_actors
from stages.layers.copies import layers_of_copies
from stages.layers.encode import draw_copies
from stages.layers.inputs import read_layer_folds

OWN = "experiments/cross_corpus"
SPEAKERS = {"nemo": ("KD0", "KS0", "WR0"), "emodb": ("03", "08")}
HAS = {
    "nemo": ("neutral", "happy", "sad", "angry", "fearful", "surprised"),
    "emodb": ("neutral", "happy", "sad", "angry"),
}
COPIES = {"ravdess": ["babble", "noise"], "nemo": ["noise"]}
CLIPS = [name for name in all_clips() if name[12:17] == "01-01" and name[9:11] == "01"]
"""A clip of each actor with each emotion."""


def configure(folder: Path, **changes: object) -> None:
    params = read_params(PROJECT)
    copies = params["encode_layers"]["copies"]
    params["encode_layers"]["copies"] = {kind: copies[kind] for kind in COPIES["ravdess"]}
    params["workers"]["jobs"] = 1
    params["evaluate"]["bootstrap_samples"] = 100
    own = params[OWN]["score_corpora"]
    own["speaker_folds"] = 3
    own["settings"] |= {"shrinkage": [0.3, 0.6], "weight": [0, 0.3]}
    own["compared"] = {"ravdess": {"weight": [0]}, "uncentred": {"weight": [0.3], "centred": [False]}}
    params[OWN]["adapt_corpora"] |= {
        "copies": ["noise"],
        "set_up_clips": [8],
        "set_up_seeds": [0],
        "speaker_clips": [4],
        "speaker_seeds": [0],
        "thresholds": [3, 5],
    }
    own |= changes
    write_params(params, folder)


def write_features(folder: Path) -> None:
    """Write what ingest, split and the encoding stages leave, with four columns a layer."""
    configure(folder)
    draw = np.random.default_rng(0)
    emotions = draw.normal(0, 1, (8, 3, 4))

    def features(labels: pd.Series, n_copies: int) -> np.ndarray:
        place = labels.map(EMOTIONS.index).to_numpy()
        clean = emotions[place] + draw.normal(0, 1.5, (3, 4)) + draw.normal(0, 0.7, (len(place), 3, 4))
        return np.stack([clean, *(clean + draw.normal(0, 0.3, clean.shape) for _ in range(n_copies))]).astype(
            np.float32
        )

    clips = pd.DataFrame([vars(parse_clip(name)) for name in CLIPS])
    write_parquet(folder / "data/clips.parquet", clips)
    write_parquet(folder / "data/splits/luna5.parquet", split_by_actor(clips, LUNA5))
    x = features(clips["emotion"], len(COPIES["ravdess"]))
    write_array(folder / "data/features/clean/layers.npy", x[0])
    write_array(folder / "data/features/corrupted/layers.npy", x[1:])
    for name, speakers in SPEAKERS.items():
        rows = [
            (f"{actor}_{emotion}_{take}", actor, emotion)
            for actor in speakers
            for emotion in HAS[name]
            for take in range(3)
        ]
        table = pd.DataFrame(rows, columns=["clip", "actor", "emotion"])
        own = folder / "data/cross_corpus" / name
        write_parquet(own / "clips.parquet", table)
        x = features(table["emotion"], len(COPIES.get(name, [])))
        write_array(own / "layers.npy", x[0])
        if name in COPIES:
            write_array(own / "copies.npy", x[1:])
            write_parquet(own / "draws.parquet", pd.DataFrame({"copy": COPIES[name]}))


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluated")
    write_features(folder)
    run_in(folder, evaluate)
    return folder


def metrics(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "metrics/cross_corpus.json").read_text())
    return content


def spoil_features(folder: Path) -> None:
    path = folder / "data/cross_corpus/emodb/layers.npy"
    write_array(path, 1e3 * np.random.default_rng(1).standard_normal(np.load(path).shape).astype(np.float32))


def swap_labels(folder: Path) -> None:
    path = folder / "data/cross_corpus/emodb/clips.parquet"
    table = pd.read_parquet(path)
    write_parquet(path, table.assign(emotion=table["emotion"].replace({"happy": "sad", "sad": "happy"})))


def drop_clips(folder: Path) -> None:
    own = folder / "data/cross_corpus/emodb"
    write_parquet(own / "clips.parquet", pd.read_parquet(own / "clips.parquet")[3:])
    write_array(own / "layers.npy", np.load(own / "layers.npy")[3:])


@pytest.mark.parametrize("change", [spoil_features, swap_labels, drop_clips])
def test_emodb_changes_its_own_scores_and_nothing_else(
    evaluated: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    shutil.copytree(evaluated, tmp_path, dirs_exist_ok=True)
    change(tmp_path)
    run_in(tmp_path, evaluate)
    for name in (
        "metrics/search/cross_corpus.csv",
        *(f"models/cross_corpus/{it}_fold0.npz" for it in MODELS),
    ):
        assert (tmp_path / name).read_bytes() == (evaluated / name).read_bytes()
    before, after = metrics(evaluated), metrics(tmp_path)
    assert before.pop("emodb") != after.pop("emodb")
    assert before.pop("differences").keys() == after.pop("differences").keys()
    assert before == after


MODELS = ("chosen", "ravdess", "uncentred")


def test_what_is_written_says_who_was_held_out(evaluated: Path) -> None:
    found = metrics(evaluated)
    assert set(found["emodb"]) == {*MODELS}
    assert found["settings_scored_on_emodb"] in (2, 3)
    assert set(found["nemo"]) >= {"ravdess"}
    assert set(found["nemo"]) <= {"chosen", "ravdess"}
    assert found["development"]["settings"] == 2 * (1 + 2 * 2 * 2)
    assert set(found["ravdess"]) == {"clean", "corrupted"}
    assert found["emodb"]["chosen"]["n"] == 24
    assert found["emodb"]["chosen"]["emotions"] == list(HAS["emodb"])
    assert found["compared"]["ravdess"]["weight"] == 0
    assert found["compared"]["uncentred"]["centred"] is False

    table = pd.read_parquet(evaluated / "data/cross_corpus/predictions.parquet")
    assert not table.duplicated(["held_out", "model", "corpus", "copy", "clip"]).any()
    np.testing.assert_allclose(table[list(PROBABILITIES)].sum(axis=1), 1)
    left_out = table[(table["held_out"] == "speakers") & (table["model"] == "chosen")]
    # RAVDESS's two kinds of copies too.
    assert left_out["corpus"].value_counts().to_dict() == {"nemo": 54, "ravdess": len(CLIPS) * 3}
    for name in MODELS:
        linear = read_linear(evaluated / "models/cross_corpus", model=name, fold=0)
        emodb = table[(table["model"] == name) & (table["corpus"] == "emodb")]
        x = np.load(evaluated / "data/cross_corpus/emodb/layers.npy")
        np.testing.assert_allclose(linear.probabilities(x), emodb[list(PROBABILITIES)])


def test_a_second_run_writes_the_same_bytes(evaluated: Path, tmp_path: Path) -> None:
    shutil.copytree(evaluated, tmp_path, dirs_exist_ok=True)
    written = ("metrics/cross_corpus.json", "data/cross_corpus/predictions.parquet")
    for name in written:
        (tmp_path / name).unlink()
    run_in(tmp_path, evaluate)
    for name in written:
        assert (tmp_path / name).read_bytes() == (evaluated / name).read_bytes()


def test_a_full_disk_is_told(evaluated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(evaluated, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    check_full_disk(evaluate)


def test_speakers_of_ravdess_are_held_out_as_luna5_tests_them(
    evaluated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their babble is of actors of the same fold, so that nobody who is held out is heard in training."""
    monkeypatch.chdir(evaluated)
    clips = read_ravdess(COPIES["ravdess"])
    for number, fold in enumerate(LUNA5):
        assert set(clips.actor[clips.fold == number]) == {str(actor) for actor in fold.test}
    table = read_table("data/clips.parquet", ("clip", "emotion", "actor"))
    split = read_table("data/splits/luna5.parquet", ("fold", "clip", "role"))
    draws = draw_copies(table, split, load_params().encode_layers)
    assert any(Mixture.from_json(text).voices for text in draws["corruptions"])
    trained = [fold.merge_validation() for fold in read_layer_folds("luna5", [])]
    assert heard_test_actors(draws, trained) == 0


def test_speakers_are_dealt_into_folds_with_all_their_copies(
    evaluated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(evaluated)
    clips = read_corpus("nemo", n_folds=2, with_copies=True)
    assert clips.x.shape == (2 * 54, 3, 4)
    assert list(dict.fromkeys(clips.copy)) == ["", "noise"]
    dealt = dict(zip(clips.actor.tolist(), clips.fold.tolist(), strict=True))
    assert dealt == {"KD0": 0, "KS0": 1, "WR0": 0}
    own = Path("data/cross_corpus/nemo")
    np.testing.assert_array_equal(clips.x[clips.copy == "noise"], np.load(own / "copies.npy")[0])
    with pytest.raises(InputError, match="nemo has 3 speakers, fewer than 4 folds"):
        read_corpus("nemo", n_folds=4)


def test_features_of_other_clips_are_refused(evaluated: Path, tmp_path: Path) -> None:
    shutil.copytree(evaluated, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "data/cross_corpus/nemo/copies.npy"
    write_array(path, np.load(path)[:, 1:])
    with pytest.raises(InputError, match="cross_corpus/nemo: features of other clips than the table's"):
        run_in(tmp_path, evaluate)
    path.unlink()
    with pytest.raises(InputError, match=r"copies\.npy: cannot be read"):
        run_in(tmp_path, evaluate)


def test_copies_that_no_setting_has_are_not_read(evaluated: Path, tmp_path: Path) -> None:
    shutil.copytree(evaluated, tmp_path, dirs_exist_ok=True)
    (tmp_path / "data/cross_corpus/nemo/copies.npy").unlink()
    one = {"shrinkage": [0.3], "weight": [0, 0.3], "centred": [True], "copies": [False], "blend": [1]}
    configure(tmp_path, settings=one, compared={"ravdess": {"weight": [0]}})
    run_in(tmp_path, evaluate)
    assert metrics(tmp_path)["development"]["settings"] == 2


def test_a_comparison_that_no_setting_meets_is_named(evaluated: Path, tmp_path: Path) -> None:
    shutil.copytree(evaluated, tmp_path, dirs_exist_ok=True)
    configure(tmp_path, compared={"heavy": {"weight": [3]}})
    with pytest.raises(InputError, match=r"score_corpora\.compared\.heavy: no setting has"):
        run_in(tmp_path, evaluate)


def test_clips_are_encoded_and_their_copies_have_no_babble(tmp_path: Path) -> None:
    configure(tmp_path)
    names = CLIPS[:3]
    own = tmp_path / "data/cross_corpus/nemo"
    paths = [clip_path("data/cross_corpus/nemo/raw", name) for name in names]
    for name, path in zip(names, paths, strict=True):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        audio.write_pcm16(tmp_path / path, synthesize(name), sample_rate=SAMPLE_RATE)
    table = pd.DataFrame({"clip": names, "path": [path.as_posix() for path in paths]})
    write_parquet(own / "clips.parquet", table)
    run_in(tmp_path, encode, "nemo")
    run_in(tmp_path, encode_copies, "nemo")
    clean, copies = np.load(own / "layers.npy"), np.load(own / "copies.npy")
    draws = read_table(own / "draws.parquet", ("copy", "clip", "corruptions"))
    assert clean.shape == (3, 3, 1024)
    assert copies.shape == (1, 3, 3, 1024)
    assert (np.abs(copies[0] - clean).max(axis=(1, 2)) > 0.01).all()
    assert draws["copy"].tolist() == ["noise"] * 3
    assert draws["clip"].tolist() == names
    assert not any(Mixture.from_json(text).voices for text in draws["corruptions"])
    replayed = layers_of_copies(str(tmp_path / paths[1]), [draws["corruptions"][1]], {})
    np.testing.assert_array_equal(replayed[0], copies[0, 1])


def test_copies_that_all_have_babble_are_refused() -> None:
    babble = {"babble": load_params(PROJECT / "params.yaml").encode_layers.copies["babble"]}
    with pytest.raises(InputError, match=r"encode_layers\.copies: all have babble"):
        encode_copies.draw_copies(["a"], babble, seed=0)


@pytest.fixture(scope="module")
def trusted(evaluated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What score_trust reads of experiments/recognizer and of the main pipeline, and what it writes."""
    folder = tmp_path_factory.mktemp("trusted")
    shutil.copytree(evaluated, folder, dirs_exist_ok=True)
    linear = read_linear(folder / "models/cross_corpus", model="ravdess", fold=0)
    for name in ("layers", "final"):
        (folder / "models" / name).mkdir()
    for fold in range(5):
        write_linear(folder / "models/layers", linear, model="layers_lda", fold=fold)
    write_linear(folder / "models/final", linear, model="ravdess", fold=0)
    (folder / "models/final/ravdess_fold0.npz").rename(folder / "models/final/ravdess.npz")
    for name in ("final", "general"):
        write_json(folder / f"metrics/{name}_calibration.json", {"temperature": 2.0})
    score_trust_in(folder)
    return folder


def score_trust_in(folder: Path) -> None:
    def read_small(path: Path) -> LinearLayers:
        with np.load(path) as arrays:
            return LinearLayers(arrays["coefficients"], arrays["biases"], arrays["weights"])

    with pytest.MonkeyPatch.context() as patch:
        # The features are of four columns a layer; the recognizer's are of 1024.
        patch.setattr(score_trust, "read_arrays", read_small)
        run_in(folder, score_trust)


def trust(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "metrics/trust.json").read_text())
    return content


def test_trust_is_measured_on_whoever_was_left_out(trusted: Path) -> None:
    found = trust(trusted)
    general, ravdess = found["general"], found["ravdess"]
    assert set(general["development"]) == {"ravdess", "nemo_speakers", "ravdess_unseen", "nemo"}
    assert set(ravdess["development"]) == {"ravdess", "nemo"}
    n = {name: it["n"] for name, it in general["measured"].items()}
    assert n == {
        "ravdess": len(CLIPS),
        "ravdess_corrupted": 2 * len(CLIPS),
        "nemo_speakers": 54,
        "nemo": 54,
        "emodb": 24,
    }
    # Without the emotions that nEMO lacks.
    assert general["development"]["ravdess_unseen"]["n"] == len(CLIPS) * 6 // 8
    for it in (*general["measured"].values(), *ravdess["measured"].values()):
        assert sum(it[word]["share"] for word in WORDS) == pytest.approx(1, abs=1e-3)
    assert (trusted / "figures/trust/risk_coverage.png").stat().st_size > 10_000


@pytest.mark.parametrize("change", [spoil_features, swap_labels])
def test_emodb_chooses_no_threshold(trusted: Path, tmp_path: Path, change: Callable[[Path], None]) -> None:
    shutil.copytree(trusted, tmp_path, dirs_exist_ok=True)
    change(tmp_path)
    score_trust_in(tmp_path)
    before, after = trust(trusted), trust(tmp_path)
    for model in ("general", "ravdess"):
        assert before[model]["measured"].pop("emodb") != after[model]["measured"].pop("emodb")
    assert before == after


def test_a_full_disk_is_told_by_score_trust(
    trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(trusted, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        score_trust, "read_arrays", lambda _: read_linear(Path("models/layers"), model="layers_lda", fold=0)
    )
    check_full_disk(score_trust)


def test_emodb_has_no_part_in_what_else_is_said_of_adaptation(evaluated: Path, tmp_path: Path) -> None:
    found = []
    for change in (lambda _: None, spoil_features):
        shutil.copytree(evaluated, tmp_path, dirs_exist_ok=True)
        change(tmp_path)
        run_in(tmp_path, adapt)
        found.append(json.loads((tmp_path / "metrics/adaptation_of_layers.json").read_text()))
    before, after = found
    for kind in ("set_up", "speaker"):
        assert list(before[kind]) == ["ravdess", "ravdess_noise", "nemo", "nemo_speakers", "emodb"]
        assert before[kind].pop("emodb") != after[kind].pop("emodb")
    assert before == after
    assert before["set_up"]["nemo"]["balanced"]["8"]["draws"] == 1
