"""The LDAs on the encoder's layers on other folds: whose voices their copies hold, and who trains them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from full_disk import check_full_disk
from params_files import read_params, write_params
from stage_runs import PROJECT, run_in

from experiments.protocols import encode_babble, evaluate_layers, train_layers
from experiments.protocols.babble import HALVES, PROTOCOLS, half_for, places_of_babble, with_babble
from ser.audio import clip_io as audio
from ser.audio.corruptions.mixture import Mixture
from ser.data.fold import Fold, folds
from ser.data.predictions import COLUMNS, PROBABILITIES, SPLIT, check_predictions
from ser.data.protocols import LUNA5, SPEAKER_INDEPENDENT, split_by_actor
from ser.data.ravdess import ACTORS, EMOTIONS, SAMPLE_RATE, all_clips, clip_path, parse_clip
from ser.data.synthetic import synthesize
from ser.errors import InputError
from ser.files import read_table, write_array, write_parquet
from ser.params import load_params
from stages.layers.copies import layers_of_copies

COPIES = ["babble", "noise"]
"""In the order of their names, as `write_params` sorts them."""
BABBLE = COPIES.index("babble")
ONE_OF_EACH = [name for name in all_clips() if name[6:17] == "05-01-01-01"]
"""A clip of each actor."""
KINDS_OF_EACH = [name for name in all_clips() if name[9:17] == "01-01-01"]
"""A clip of each actor with each emotion."""


def table_of(names: list[str]) -> pd.DataFrame:
    return pd.DataFrame([vars(parse_clip(name)) for name in names])


def folds_of(protocol: str, clips: pd.DataFrame) -> list[Fold]:
    return list(folds(clips, split_by_actor(clips, SPEAKER_INDEPENDENT[protocol])))


def make_project(folder: Path, names: list[str]) -> pd.DataFrame:
    """Write parameters with two kinds of copies, the clips, and two folds of each protocol."""
    params = read_params(PROJECT)
    params["encode_layers"]["copies"] = {kind: params["encode_layers"]["copies"][kind] for kind in COPIES}
    params["train_layers"] = {"inner_folds": 2, "lda_shrinkage": [0.5]}
    params["evaluate"]["bootstrap_samples"] = 100
    params["workers"]["jobs"] = 1
    write_params(params, folder)
    clips = table_of(names)
    clips["path"] = [clip_path("data/raw", name).as_posix() for name in names]
    write_parquet(folder / "data/clips.parquet", clips)
    for protocol in PROTOCOLS:
        # The first and the last are tested in different halves.
        both = SPEAKER_INDEPENDENT[protocol][:: len(SPEAKER_INDEPENDENT[protocol]) - 1]
        write_parquet(folder / f"data/splits/{protocol}.parquet", split_by_actor(clips, both))
    return clips


def test_every_actor_is_in_one_half() -> None:
    assert sorted(actor for half in HALVES for actor in half) == list(ACTORS)
    assert [len(half) for half in HALVES] == [12, 12]
    # As many men as women, who are even.
    assert [sum(actor % 2 for actor in half) for half in HALVES] == [6, 6]


@pytest.fixture(scope="module")
def drawn() -> pd.DataFrame:
    """What is drawn for the whole corpus with the parameters in git."""
    settings = load_params(PROJECT / "params.yaml").encode_layers
    return encode_babble.draw_babble(table_of(list(all_clips())), settings.copies, seed=settings.seed)


def voices_in(draws: pd.DataFrame) -> list[set[int]]:
    """List the actors who are heard as babble in each row."""
    return [{parse_clip(it).actor for it in Mixture.from_json(text).voices} for text in draws["corruptions"]]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_test_actor_is_heard_where_a_fold_trains(protocol: str, drawn: pd.DataFrame) -> None:
    clips = table_of(list(all_clips()))
    heard = pd.Series(voices_in(drawn), index=drawn.index)
    for fold in folds_of(protocol, clips):
        tested = set(fold.test["actor"])
        own = drawn["clip"].isin(fold.train["clip"]) & (drawn["half"] == half_for(fold))
        assert own.sum() == len(fold.train)
        voices = set().union(*heard[own])
        assert not voices & tested
        assert voices <= set(fold.train["actor"])
        # The other half would leak, so that the choice decides.
        other = drawn["clip"].isin(fold.train["clip"]) & (drawn["half"] == 1 - half_for(fold))
        assert set().union(*heard[other]) >= tested


def test_nobody_is_heard_behind_a_clip_of_their_own(drawn: pd.DataFrame) -> None:
    assert len(drawn) == 2 * len(list(all_clips()))
    for clip, half, voices in zip(drawn["clip"], drawn["half"], voices_in(drawn), strict=True):
        assert parse_clip(clip).actor not in voices
        assert 2 <= len(voices) <= 3
        assert voices <= HALVES[half]


def test_other_copies_of_the_parameters_hold_no_voice() -> None:
    """They are taken from the main pipeline, whose folds are others."""
    settings = load_params(PROJECT / "params.yaml").encode_layers
    places = places_of_babble(settings.copies)
    for place, (name, ranges) in enumerate(settings.copies.items()):
        if place not in places:
            assert not Mixture.draw(ranges, "clip", name, seed=settings.seed).voices


def test_a_fold_trains_on_its_own_half_and_keeps_all_else() -> None:
    clips = table_of(ONE_OF_EACH)
    recordings, of_luna5, noise = (np.full((24, 2), value, np.float32) for value in (0, 1, 2))
    babble = [[np.full((24, 2), value, np.float32)] for value in (3, 4)]
    for fold in folds_of("emobox6", clips):
        given = with_babble(replace(fold, copies=[recordings, of_luna5, noise]), babble, [BABBLE])
        assert [float(copy.max()) for copy in given.copies] == [0, 4 if fold.number < 3 else 3, 2]
        pd.testing.assert_frame_equal(given.train, fold.train)


def test_folds_with_test_actors_in_both_halves_are_refused() -> None:
    clips = table_of(ONE_OF_EACH)
    with pytest.raises(InputError, match=r"fold 0: .* both halves"):
        half_for(next(folds(clips, split_by_actor(clips, LUNA5))))


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoded")
    make_project(folder, ONE_OF_EACH)
    for name in ONE_OF_EACH:
        path = folder / clip_path("data/raw", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        audio.write_pcm16(path, synthesize(name), sample_rate=SAMPLE_RATE)
    run_in(folder, encode_babble)
    return folder


def test_a_row_holds_the_copy_that_was_drawn_for_it(encoded: Path) -> None:
    babble = np.load(encoded / "data/protocols/babble.npy")
    assert babble.shape == (2, 1, 24, 3, 1024)
    draws = pd.read_parquet(encoded / "data/protocols/babble_draws.parquet")
    paths = {name: str(encoded / clip_path("data/raw", name)) for name in ONE_OF_EACH}
    for place in (0, 25, 47):
        row = draws.iloc[place]
        [again] = layers_of_copies(paths[row["clip"]], [row["corruptions"]], paths)
        np.testing.assert_array_equal(again, babble[row["half"], 0, ONE_OF_EACH.index(row["clip"])])


@pytest.mark.parametrize(
    ("copies", "message"),
    [
        ({"babble": {"babble": {"talkers": [2, 12], "snr_db": [0, 9]}}}, "babble of 12 talkers"),
        ({"noise": {"colored_noise": {"colors": ["pink"], "snr_db": [0, 9]}}}, "none has babble"),
    ],
)
def test_copies_that_cannot_be_made_are_named(tmp_path: Path, copies: object, message: str) -> None:
    make_project(tmp_path, ONE_OF_EACH)
    params = read_params(tmp_path)
    params["encode_layers"]["copies"] = copies
    write_params(params, tmp_path)
    with pytest.raises(InputError, match=rf"encode_layers\.copies.*{message}"):
        run_in(tmp_path, encode_babble)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Made-up layers with a trace of the emotion; the main pipeline's babble must never be read."""
    clips = make_project(tmp_path, KINDS_OF_EACH)
    draw = np.random.default_rng(0)
    trace = draw.normal(0, 1.2, (8, 3, 6))[clips["emotion"].map(EMOTIONS.index)]
    recordings, noise, *babble = (
        (trace + draw.normal(0, 1, trace.shape)).astype(np.float32) for _ in range(2 + len(HALVES))
    )
    monkeypatch.chdir(tmp_path)
    write_array("data/features/clean/layers.npy", recordings)
    write_array("data/features/corrupted/layers.npy", np.stack([np.full_like(noise, np.nan), noise]))
    write_array("data/protocols/babble.npy", np.stack(babble)[:, None])
    yield tmp_path


def predictions(protocol: str) -> pd.DataFrame:
    run_in(Path(), train_layers, protocol)
    table = read_table(f"data/protocols/{protocol}/layers.parquet", COLUMNS)
    # A row of NaN would be equal to itself.
    assert np.isfinite(table[list(PROBABILITIES)].to_numpy()).all()
    return table


@pytest.mark.usefixtures("project")
def test_neither_a_test_clip_nor_a_test_actors_voice_takes_part_in_training() -> None:
    """All copies of test clips, and both clips' copies with voices of their half, become NaN."""
    before = predictions("emobox6")
    clips = pd.read_parquet("data/clips.parquet")
    fold = folds_of("emobox6", clips)[0]
    tested = fold.test.index.to_numpy()
    for name in ("features/corrupted/layers", "protocols/babble"):
        array = np.load(f"data/{name}.npy")
        array[..., tested, :, :] = np.nan
        if name == "protocols/babble":
            array[0] = np.nan  # the half in which the actors are whom the first fold tests
        write_array(f"data/{name}.npy", array)
    far_off = tested[::2]
    recordings = np.load("data/features/clean/layers.npy")
    recordings[far_off] = 900
    write_array("data/features/clean/layers.npy", recordings)
    split = pd.read_parquet("data/splits/emobox6.parquet")
    write_parquet("data/splits/emobox6.parquet", split[split["fold"] == 0])
    after = predictions("emobox6")
    same = after["clip"].isin(clips["clip"].drop(far_off))
    former = before[before["fold"] == 0].reset_index(drop=True)
    assert 0 < same.sum() < len(after)
    pd.testing.assert_frame_equal(after[same], former[same], check_exact=True)


@pytest.mark.usefixtures("project")
def test_copies_train_the_one_model_alone() -> None:
    before = predictions("emobox6")
    write_array("data/protocols/babble.npy", -np.load("data/protocols/babble.npy"))
    after = predictions("emobox6")
    columns = list(PROBABILITIES)
    clean = before["model"] == "layers_lda_clean"
    pd.testing.assert_frame_equal(after[clean], before[clean], check_exact=True)
    for _, rows in before[~clean].groupby("fold"):
        assert not np.allclose(after.loc[rows.index, columns], rows[columns])


@pytest.mark.usefixtures("project")
def test_from_features_to_scores() -> None:
    for protocol in PROTOCOLS:
        table = predictions(protocol)
        check_predictions(table, {protocol: read_table(f"data/splits/{protocol}.parquet", SPLIT)})
        trials = pd.read_csv(f"metrics/search/protocol_{protocol}_layers.csv")
        assert (trials[trials["chosen"]].groupby(["model", "fold"]).size() == 4).all()
    run_in(Path(), evaluate_layers)
    content = json.loads(Path("metrics/protocols/layers.json").read_text())
    assert [*content] == list(PROTOCOLS)
    for protocol, models in content.items():
        split = pd.read_parquet(f"data/splits/{protocol}.parquet")
        assert set(models) == {"layers_lda", "layers_lda_clean"}
        for scores in models.values():
            assert scores["n"] == (split["role"] == "test").sum()
            assert scores["seeds"] == [0]
            assert scores["uar_sd"] is None
            # The features tell the emotion, so that a mix-up of clips or labels would show.
            assert 0.7 < scores["uar"] <= scores["uar_high"]
    check_full_disk(evaluate_layers)


@pytest.mark.usefixtures("project")
def test_babble_of_other_copies_is_refused() -> None:
    write_array("data/protocols/babble.npy", np.load("data/protocols/babble.npy")[:1])
    with pytest.raises(InputError, match="run the stage encode_protocol_babble"):
        run_in(Path(), train_layers, "loso")
    Path("data/protocols/babble.npy").write_bytes(b"no array")
    with pytest.raises(InputError, match="run the stage encode_protocol_babble"):
        run_in(Path(), train_layers, "loso")
