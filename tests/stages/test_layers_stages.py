"""The stages on the encoder's layers, on a tiny corpus: who is heard in copies, what is written, no leak."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soxr
from params_files import read_params, write_params
from stage_runs import PROJECT, run_in

from ser.audio import clip_io as audio
from ser.audio.corruptions.babble import Babble
from ser.audio.corruptions.mixture import Mixture
from ser.audio.corruptions.speed import Speed
from ser.data.fold import folds
from ser.data.predictions import COLUMNS, PROBABILITIES
from ser.data.protocols import LUNA5, split_by_actor
from ser.data.ravdess import SAMPLE_RATE, all_clips, clip_path, parse_clip
from ser.data.synthetic import synthesize
from ser.errors import InputError
from ser.files import read_table, write_array, write_parquet
from ser.models.layers.linear import models_in, read_linear
from ser.params import CodecRanges, ColoredNoiseRanges, CorruptionRanges, RoomRanges, load_params
from stages.layers import check_leaks, copies, encode, train
from stages.layers.inputs import read_layers

COPIES = ["babble", "noise"]
ONE_OF_EACH = [name for name in all_clips() if name[6:17] == "05-01-01-01"]
"""A clip of each actor."""
KINDS_OF_EACH = [name for name in all_clips() if name[9:17] == "01-01-01"]
"""A clip of each actor with each emotion."""


def make_project(folder: Path, names: list[str]) -> pd.DataFrame:
    """Write parameters with two kinds of copies, the clips and the split; no recording."""
    params = read_params(PROJECT)
    params["encode_layers"]["copies"] = {kind: params["encode_layers"]["copies"][kind] for kind in COPIES}
    params["train_layers"] = {"inner_folds": 2, "lda_shrinkage": [0.5]}
    params["check_leaks"]["seeds"] = [0]
    params["workers"]["jobs"] = 1
    write_params(params, folder)
    clips = pd.DataFrame([vars(parse_clip(name)) for name in names])
    clips["path"] = [clip_path("data/raw", name).as_posix() for name in names]
    split = split_by_actor(clips, LUNA5)
    write_parquet(folder / "data/clips.parquet", clips.assign(gender="male"))
    write_parquet(folder / "data/splits/luna5.parquet", split)
    return split


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoded")
    make_project(folder, ONE_OF_EACH)
    for name in ONE_OF_EACH:
        path = folder / clip_path("data/raw", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        audio.write_pcm16(path, synthesize(name), sample_rate=SAMPLE_RATE)
    run_in(folder, encode)
    return folder


def layers_of(folder: Path) -> np.ndarray:
    clean, corrupted = (
        np.load(folder / "data/features" / kind / "layers.npy") for kind in ("clean", "corrupted")
    )
    return np.concatenate([clean[None], corrupted])


def test_each_clip_and_copy_has_a_row(encoded: Path) -> None:
    layers = layers_of(encoded)
    assert layers.shape == (1 + len(COPIES), 24, 3, 1024)
    assert np.isfinite(layers).all()
    # Another noise for each clip, and other values than the recording's.
    assert (np.abs(layers[1:] - layers[0]).max(axis=(2, 3)) > 0.01).all()


def test_no_test_actor_is_heard_where_a_clip_trains(encoded: Path) -> None:
    clips = read_table(encoded / "data/clips.parquet", ("clip", "emotion", "actor"))
    split = read_table(encoded / "data/splits/luna5.parquet", ("fold", "clip", "role"))
    draws = read_table(encoded / "data/features/corrupted/draws.parquet", ("clip", "copy", "corruptions"))
    fold_list = [fold.merge_validation() for fold in folds(clips, split)]
    assert check_leaks.heard_test_actors(draws, fold_list) == 0
    babble = draws[draws["copy"] == "babble"]
    assert all(len(Mixture.from_json(text).voices) >= 2 for text in babble["corruptions"])

    # The count can be other than 0: here a test actor talks behind a training clip of the first fold.
    leaky = Mixture((Babble((fold_list[0].test["clip"].iloc[0],), 10.0, 0),)).to_json()
    row = draws["clip"] == fold_list[0].train["clip"].iloc[0]
    draws["corruptions"] = draws["corruptions"].mask(row, leaky)
    assert check_leaks.heard_test_actors(draws, fold_list) > 0


def test_recordings_of_test_actors_change_no_training_copy(encoded: Path, tmp_path: Path) -> None:
    split = make_project(tmp_path, ONE_OF_EACH)
    tested = set(split.loc[(split["fold"] == 0) & (split["role"] == "test"), "clip"])
    for name in ONE_OF_EACH:
        path = tmp_path / clip_path("data/raw", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = synthesize(name)
        audio.write_pcm16(path, samples[::-1] if name in tested else samples, sample_rate=SAMPLE_RATE)
    run_in(tmp_path, encode)
    changed = (layers_of(tmp_path) != layers_of(encoded)).any(axis=(2, 3))  # (copies, clips)
    of_test_actors = np.isin(ONE_OF_EACH, [*tested])
    assert not changed[:, ~of_test_actors].any()
    assert changed[0, of_test_actors].all()


def test_a_draw_can_be_replayed(encoded: Path) -> None:
    draws = read_table(encoded / "data/features/corrupted/draws.parquet", ("clip", "copy", "corruptions"))
    row = draws[draws["copy"] == "babble"].iloc[3]
    paths = {name: str(encoded / clip_path("data/raw", name)) for name in ONE_OF_EACH}
    [again] = copies.layers_of_copies(paths[row["clip"]], [row["corruptions"]], paths)
    copy = 1 + draws["copy"].unique().tolist().index("babble")
    np.testing.assert_array_equal(again, layers_of(encoded)[copy, ONE_OF_EACH.index(row["clip"])])


def test_a_faster_copy_is_read_at_a_lower_rate(encoded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is encoded is as many times shorter, and the recording's own rate bounds the band."""
    path = str(encoded / clip_path("data/raw", ONE_OF_EACH[0]))
    heard: list[np.ndarray] = []

    def listen(samples: np.ndarray) -> np.ndarray:
        heard.append(samples)
        return np.zeros((3, 1024))

    monkeypatch.setattr(copies, "layers_of", listen)
    texts = [Mixture((Speed(factor),)).to_json() for factor in (1.25, 0.8)]
    copies.layers_of_copies(path, [Mixture().to_json(), *texts], {})
    recording, faster, slower = heard
    assert len(faster) == pytest.approx(len(recording) / 1.25, abs=2)
    assert len(slower) == pytest.approx(len(recording) / 0.8, abs=2)
    whole = audio.load(path, sample_rate=SAMPLE_RATE)
    played = soxr.resample(Speed(0.8).apply(whole, SAMPLE_RATE), SAMPLE_RATE, 16_000)
    n = min(len(played), len(slower))
    assert np.abs(played[:n] - slower[:n]).max() < 0.02 * np.abs(whole).max()


def test_every_copy_of_the_parameters_can_be_drawn_and_applied() -> None:
    copies = load_params(PROJECT / "params.yaml").encode_layers.copies
    samples = np.sin(np.arange(32_000) / 8).astype(np.float32)
    for name, ranges in copies.items():
        drawn = Mixture.draw(ranges, "clip", name, seed=0, candidates={1: ["a"], 2: ["b"], 3: ["c"]})
        assert Mixture.from_json(drawn.to_json()) == drawn
        copy = drawn.after_speed.apply(samples, 16_000, voices=dict.fromkeys("abc", samples[::-1]))
        assert np.isfinite(copy).all()
        assert len(copy) >= 0.7 * 16_000
        assert not np.array_equal(copy, samples)


def test_too_many_talkers_are_an_error_that_names_the_key(tmp_path: Path) -> None:
    make_project(tmp_path, ONE_OF_EACH)
    params = read_params(tmp_path)
    params["encode_layers"]["copies"]["babble"]["babble"]["talkers"] = [2, 9]
    write_params(params, tmp_path)
    with pytest.raises(InputError, match=r"encode_layers\.copies\.babble: babble of 9 talkers"):
        run_in(tmp_path, encode)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up layers, with a trace of the emotion in them, and what the stages make of those."""
    folder = tmp_path_factory.mktemp("trained")
    make_project(folder, KINDS_OF_EACH)
    clips = read_table(folder / "data/clips.parquet", ("clip", "emotion", "actor"))
    write_parquet(folder / "data/splits/article.parquet", split_at_random(clips))
    draw = np.random.default_rng(0)
    trace = draw.normal(0, 0.7, (8, 3, 6))[pd.factorize(clips["emotion"])[0]]
    layers = (trace + draw.normal(0, 1, (1 + len(COPIES), *trace.shape))).astype(np.float32)
    write_array(folder / "data/features/clean/layers.npy", layers[0])
    write_array(folder / "data/features/corrupted/layers.npy", layers[1:])
    draws = pd.DataFrame({"copy": "noise", "clip": clips["clip"], "corruptions": Mixture().to_json()})
    write_parquet(folder / "data/features/corrupted/draws.parquet", draws)
    run_in(folder, train)
    run_in(folder, check_leaks)
    return folder


def split_at_random(clips: pd.DataFrame) -> pd.DataFrame:
    """Let every fourth clip be tested, so that all actors are in training."""
    role = np.where(np.arange(len(clips)) % 4 == 0, "test", "train")
    return pd.DataFrame({"fold": 0, "clip": clips["clip"], "role": role})


def test_tables_hold_the_two_reported_models_and_the_folder_all(trained: Path) -> None:
    predictions = read_table(trained / "data/predictions/layers.parquet", ("model", "fold", "clip"))
    assert set(predictions["model"]) == {"layers_lda", "layers_lda_clean"}
    assert len(predictions) == 2 * len(KINDS_OF_EACH)
    folder = trained / "models/layers"
    assert models_in(folder) == [
        *("layers_lda", "layers_lda_clean", "layers_lda_without_babble", "layers_lda_without_noise")
    ]
    assert len([*folder.iterdir()]) == 4 * 5


def test_what_is_kept_of_a_fold_predicts_its_test_clips(trained: Path) -> None:
    predictions = read_table(trained / "data/predictions/layers.parquet", COLUMNS)
    clean = np.load(trained / "data/features/clean/layers.npy")
    for (model, fold), rows in predictions.groupby(["model", "fold"]):
        linear = read_linear(trained / "models/layers", model=str(model), fold=int(str(fold)))
        places = [KINDS_OF_EACH.index(clip) for clip in rows["clip"]]
        np.testing.assert_allclose(
            linear.probabilities(clean[places]), rows[list(PROBABILITIES)].to_numpy(), atol=1e-6
        )


def test_models_are_trained_on_what_their_names_say() -> None:
    line = CodecRanges(codes=["gsm"], opus_kbit_s=[8, 8])
    room = RoomRanges(rt60_s=[0.3, 0.3], direct_to_reverberant_db=[0, 0])
    noise = ColoredNoiseRanges(colors=["pink"], snr_db=[0, 9])
    copies = {
        "hiss": CorruptionRanges(colored_noise=noise),
        "far": CorruptionRanges(room=room, colored_noise=noise),
        "call": CorruptionRanges(codec=line),
    }
    assert train.copies_of_models(copies) == {
        "layers_lda": [0, 1, 2, 3],
        "layers_lda_clean": [0],
        "layers_lda_without_noise": [0, 3],
        "layers_lda_without_line": [0, 1, 2],
        "layers_lda_without_room": [0, 1, 3],
    }


def test_every_corruption_that_is_trained_on_is_left_out_once() -> None:
    trained = {
        name
        for it in load_params(PROJECT / "params.yaml").encode_layers.copies.values()
        for name in it.model_fields_set
    }
    assert set().union(*train.LEFT_OUT.values()) == trained - {"speed"}


def test_leakage_tests_find_what_they_should(trained: Path) -> None:
    found = json.loads((trained / "metrics/layers_leaks.json").read_text())
    assert found["unseen_largest_difference"] == 0
    assert found["copies_with_a_test_actor"] == 0
    assert found["permuted_uar"] < 0.25 < found["canary_of_known_actors_uar"]


def test_features_of_other_copies_are_refused(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    with pytest.raises(InputError, match="not of the copies in params"):
        read_layers(["noise"])
