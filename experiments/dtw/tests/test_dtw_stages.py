"""Clips in step with their sentence: whom the models hear, what they are told, and what is scored."""

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from full_disk import check_full_disk
from params_files import read_params, write_params
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from voices import spoken

from experiments.dtw import check_leaks as check_aligned
from experiments.dtw import check_leaks_cnn as check_aligned_cnn
from experiments.dtw import cnn as aligned_cnn
from experiments.dtw import evaluate as evaluate_aligned
from experiments.dtw import extract as extract_aligned
from experiments.dtw import lda as aligned_lda
from experiments.dtw import search as search_aligned
from experiments.dtw import train_cnn as train_aligned_cnn
from experiments.dtw import train_lda as train_aligned
from experiments.dtw.cnn import learning_sides
from experiments.dtw.lda import (
    AlignedFeatures,
    LdaPath,
    Sums,
    choose_templates,
    first_columns,
    sides_of,
)
from experiments.dtw.params import Alignment, DtwParams, NetworkSeeds
from ser.data.fold import Array, Part
from ser.data.predictions import PROBABILITIES
from ser.data.protocols import EMOBOX6, LOSO, LUNA5, split_by_actor
from ser.data.ravdess import EMOTIONS, STATEMENTS, all_clips, parse_clip
from ser.errors import InputError
from ser.files import write_array, write_parquet
from ser.models.cnn_runs import TrainingData
from ser.params import load, load_params
from stages import command
from tools.other_machines import MACHINES

PROJECT = Path(__file__).parents[3]
PARAMS = PROJECT / "experiments/dtw/params.yaml"
# Both sentences in both repetitions, in each emotion, of every actor.
FEW = [name for name in all_clips() if name[9:11] == "01"]
PROTOCOLS = {"luna5": LUNA5[:2], "emobox6": EMOBOX6[:1], "loso": LOSO[:2]}
COPIES, FUNCTIONALS, PITCH, COLUMNS = 2, 6, 6, 12
BEFORE = FUNCTIONALS + PITCH


def small_params() -> dict[str, Any]:
    params = read_params()
    params["workers"]["jobs"] = 1
    params["experiments/dtw"]["lda"] |= {"inner_folds": 2, "shrinkage": [0.3, 0.9]}
    params["experiments/dtw"]["shuffles"] = [0, 1, 2, 3]
    params["experiments/dtw"]["alignment"]["template_actors"] = [2, 12, 7]
    params["evaluate"]["bootstrap_samples"] = 100
    return params


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What split and extract_aligned leave: columns in step tell the emotion, under what was said."""
    monkeypatch.chdir(tmp_path)
    write_params(small_params())
    clips = pd.DataFrame([vars(parse_clip(name)) for name in FEW])
    write_parquet("data/clips.parquet", clips)
    for name, folds in PROTOCOLS.items():
        write_parquet(f"data/splits/{name}.parquet", split_by_actor(clips, folds))
    draw = np.random.default_rng(0)
    emotion = clips["emotion"].map(EMOTIONS.index).to_numpy()
    sentence = clips["statement"].map(STATEMENTS.index).to_numpy()

    def noisy(trace: np.ndarray, by: float) -> np.ndarray:
        return trace + draw.normal(0, by, trace.shape)

    functionals = [noisy(draw.normal(0, 1, (8, FUNCTIONALS))[emotion], 2) for _ in range(COPIES)]
    pitch = [noisy(draw.normal(0, 1, (8, PITCH))[emotion], 1) for _ in range(COPIES)]
    said, how = draw.normal(0, 50, (2, COLUMNS)), draw.normal(0, 1, (8, COLUMNS))
    own = np.stack([noisy(said[sentence] + how[emotion], 1) for _ in range(COPIES)])
    columns = np.full((3, COPIES, len(clips), 2, COLUMNS), 7.0)
    columns[:, :, np.arange(len(clips)), sentence] = own
    cost = np.full((3, COPIES, len(clips), 2), 5.0)
    cost[:, :, np.arange(len(clips)), sentence] = 3.0
    arrays = {"functionals": functionals, "pitch": pitch, "columns": columns, "cost": cost}
    for name, array in arrays.items():
        write_array(f"data/features/aligned/{name}.npy", np.asarray(array, dtype=np.float32))
    return tmp_path


def run(stage: ModuleType, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [stage.__name__, *arguments])
        command.run(stage.main)


def tables(protocol: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    return pd.read_parquet("data/clips.parquet"), pd.read_parquet(f"data/splits/{protocol}.parquet")


def rows_tested(protocol: str, fold: int) -> np.ndarray:
    clips, split = tables(protocol)
    chosen = split.loc[(split["fold"] == fold) & (split["role"] == "test"), "clip"]
    return clips["clip"].isin(set(chosen)).to_numpy()


@pytest.mark.usefixtures("project")
def test_tested_clips_change_nothing_but_their_own_predictions() -> None:
    run(train_aligned, "luna5")
    before = pd.read_parquet("data/aligned/luna5.parquet").query("fold == 0").set_index("clip")
    searched = pd.read_csv("metrics/search/aligned_luna5.csv").query("fold == 0")
    tested = rows_tested("luna5", 0)
    changed = np.flatnonzero(tested)[::2]
    for name, axis in (("functionals", 1), ("pitch", 1), ("columns", 2), ("cost", 2)):
        array = np.load(f"data/features/aligned/{name}.npy")
        rows = (slice(None),) * axis + (changed,)
        array[rows] = array[rows][..., ::-1] if name == "cost" else 1e3
        write_array(f"data/features/aligned/{name}.npy", array)
    run(train_aligned, "luna5")
    after = pd.read_parquet("data/aligned/luna5.parquet").query("fold == 0").set_index("clip")
    again = pd.read_csv("metrics/search/aligned_luna5.csv").query("fold == 0")
    assert again.equals(searched)
    same = (before[list(PROBABILITIES)] == after[list(PROBABILITIES)]).all(axis=1)
    clips, _ = tables("luna5")
    assert set(same[~same].index) == set(clips["clip"].iloc[changed])


@pytest.mark.usefixtures("project")
def test_the_sentence_of_a_tested_clip_is_found_and_not_told() -> None:
    clips, _ = tables("luna5")
    features = AlignedFeatures.read()
    split = pd.read_parquet("data/splits/luna5.parquet")
    plain = sides_of(features, clips, split, fold=0, templates=[0, 1])
    wrong = clips.copy()
    wrong.loc[rows_tested("luna5", 0), "statement"] = "kids"
    told = sides_of(features, wrong, split, fold=0, templates=[0, 1])
    assert np.array_equal(plain[0].x, told[0].x)
    assert np.array_equal(plain[1].x, told[1].x)
    # By the cost alone: where it says the other sentence, the other columns are read.
    other = replace(features, cost=features.cost[..., ::-1])
    misled = sides_of(other, clips, split, fold=0, templates=[0, 1])[1]
    assert (misled.x[:, BEFORE:-1] == 7).all()
    assert (misled.x[:, -1] == 1 - plain[1].x[:, -1]).all()


@pytest.mark.usefixtures("project")
def test_the_template_is_of_somebody_who_is_not_tested() -> None:
    clips, split = tables("luna5")
    actors = load("experiments/dtw/params.yaml", DtwParams).alignment.template_actors
    assert 2 in LUNA5[0].test
    assert 7 in LUNA5[1].test
    assert choose_templates(clips, split, fold=0, actors=actors, count=2) == [1, 2]
    assert choose_templates(clips, split, fold=1, actors=actors, count=2) == [0, 1]
    params = small_params()
    params["experiments/dtw"]["alignment"]["template_actors"] = [2, 12, 5]
    write_params(params)
    with pytest.raises(SystemExit, match=r"fewer than 2 .* of \[2, 12, 5\] are not tested in fold 0"):
        run(train_aligned, "luna5")


@pytest.mark.usefixtures("project")
def test_from_features_to_scores_and_checks() -> None:
    for protocol in PROTOCOLS:
        run(train_aligned, protocol)
        predictions = pd.read_parquet(f"data/aligned/{protocol}.parquet")
        for (_, fold), rows in predictions.groupby(["model", "fold"]):
            clips, _ = tables(protocol)
            assert set(rows["clip"]) == set(clips.loc[rows_tested(protocol, int(str(fold))), "clip"])
    # In place of networks: one seed says what one LDA says, the other what another does.
    seeds = {0: "plain_lda", 1: "pitch_lda"}
    for protocol, n_seeds in (("luna5", 2), ("emobox6", 1), ("loso", 1)):
        ldas = pd.read_parquet(f"data/aligned/{protocol}.parquet")
        of = [
            ldas[ldas["model"] == seeds[seed]].assign(model="logmel_cnn", seed=seed)
            for seed in range(n_seeds)
        ]
        write_parquet(f"data/aligned/{protocol}_cnn.parquet", pd.concat(of))
    run(evaluate_aligned)
    written = json.loads(Path("metrics/aligned.json").read_text())
    for protocol in PROTOCOLS:
        found = written[protocol]
        assert found["aligned_lda"]["uar"] > found["pitch_lda"]["uar"] > found["plain_lda"]["uar"]
        compared = {
            "pitch": ("pitch_lda", "plain_lda"),
            "in_step": ("aligned_lda", "pitch_lda"),
            "network": ("aligned_fused", "aligned_lda"),
        }
        assert set(written["adds"][protocol]) == set(compared)
        for what, (more, less) in compared.items():
            adds = written["adds"][protocol][what]
            assert adds["uar"] == pytest.approx(found[more]["uar"] - found[less]["uar"], abs=2e-4)
            assert adds["low"] <= adds["uar"] <= adds["high"]
        assert ("aligned_ensemble" in found) == (protocol == "luna5")
    fused = pd.read_parquet("data/aligned/fused.parquet").query("protocol == 'luna5'")
    by_model = pd.read_parquet("data/aligned/luna5.parquet").set_index(["fold", "clip"])
    columns = list(PROBABILITIES)
    plain, pitch, aligned = (
        by_model.loc[by_model["model"] == f"{name}_lda", columns] for name in ("plain", "pitch", "aligned")
    )
    expected = {
        ("aligned_fused", 0): (plain + aligned) / 2,
        ("aligned_fused", 1): (pitch + aligned) / 2,
        ("aligned_ensemble", 0): ((plain + pitch) / 2 + aligned) / 2,
    }
    assert set(fused.groupby(["model", "seed"]).groups) == set(expected)
    for (model, seed), table in expected.items():
        rows = fused[(fused["model"] == model) & (fused["seed"] == seed)].set_index(["fold", "clip"])
        assert rows.loc[table.index, columns].to_numpy() == pytest.approx(table.to_numpy())
    assert written["sentences_found"] == dict.fromkeys(PROTOCOLS, 1.0)

    for stage in (evaluate_aligned, check_aligned):
        check_full_disk(stage)
    run(check_aligned)
    checks = json.loads(Path("metrics/aligned_leaks.json").read_text())
    assert checks["unseen_largest_difference"] == 0
    assert checks["canary_of_known_actors_uar"] == 1
    assert checks["canary_uar"] < written["luna5"]["aligned_lda"]["uar"] + 0.02
    # One shuffle of so few clips may keep some order; their mean does not.
    assert np.mean(list(checks["permuted_uar_by_seed"].values())) < 0.2


@pytest.mark.usefixtures("project")
def test_a_model_that_knew_the_tested_clips_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    run(train_aligned, "luna5")

    def leaking(features: AlignedFeatures, *arguments: Any, **options: Any) -> Any:
        # Scaled by the tested clips, where they are there.
        training, test = sides_of(features, *arguments, **options)
        mean = np.nan_to_num(features.functionals[0][rows_tested("luna5", 0)]).mean(axis=0)
        training.x[:, :FUNCTIONALS] += mean
        return training, test

    for stage in (check_aligned, train_aligned):
        monkeypatch.setattr(stage, "sides_of", leaking)
    run(train_aligned, "luna5")
    run(check_aligned)
    checks = json.loads(Path("metrics/aligned_leaks.json").read_text())
    assert checks["unseen_largest_difference"] > 1e-3


def test_it_is_the_lda_of_scikit_learn_once_what_was_said_is_off() -> None:
    draw = np.random.default_rng(0)
    y, sentences = np.repeat(np.arange(8), 12), np.tile([0, 1, 1], 32)
    x = draw.normal(0, 1, (96, 20)) + draw.normal(0, 1, (8, 20))[y]
    x[:, 7] = 3.3  # a column without spread
    x[:, BEFORE:] += draw.normal(0, 50, (2, 20 - BEFORE))[sentences]
    told = np.hstack([x, sentences[:, np.newaxis]]).astype(np.float32)
    centred = told[:, :-1].astype(np.float64)
    for sentence in (0, 1):
        own = sentences == sentence
        centred[own, BEFORE:] -= centred[own, BEFORE:].mean(axis=0)
    # In parts, as inner folds are; sums do not mind.
    path = LdaPath(Sums.over(told[::2], y[::2]) + Sums.over(told[1::2], y[1::2]), n_before=BEFORE)
    for shrinkage in (0.1, 0.7):
        lda = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage))
        expected = lda.fit(centred, y).predict_log_proba(centred)
        assert path.log_probabilities(told, shrinkage=shrinkage) == pytest.approx(expected, abs=1e-4)


def test_an_emotion_without_clips_is_a_message() -> None:
    x = np.random.default_rng(0).normal(0, 1, (70, 4)).astype(np.float32)
    x[:, -1] = 0
    with pytest.raises(InputError, match="no training clip is surprised"):
        LdaPath(Sums.over(x, np.repeat(np.arange(7), 10)), n_before=3)


@pytest.mark.usefixtures("project")
def test_only_the_first_columns_are_taken() -> None:
    clips, split = tables("luna5")
    _, test = sides_of(AlignedFeatures.read(), clips, split, fold=0, templates=[0, 1])
    assert np.array_equal(first_columns(test, FUNCTIONALS).x, test.x[:, [*range(FUNCTIONALS), -1]])


@pytest.mark.usefixtures("project")
def test_missing_features_are_a_message() -> None:
    Path("data/features/aligned/cost.npy").unlink()
    with pytest.raises(SystemExit, match=r"run the stage extract_aligned"):
        run(train_aligned, "luna5")


def test_clips_are_extracted_in_step_with_each_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    params = small_params()
    params["resample"]["speeds"] = [0.9]
    write_params(params)
    names = [
        name for name in FEW if name[-2:] in ("02", "12", "07") and name[6:8] == "01" and name[15:17] == "01"
    ]
    names.append("03-01-05-01-02-01-03")
    for seed, name in enumerate(names):
        soundfile.write(f"{name}.wav", spoken(1.0, rate=48_000, seed=seed), 48_000, subtype="PCM_16")
    clips = pd.DataFrame([vars(parse_clip(name)) | {"path": f"{name}.wav"} for name in names])
    write_parquet("data/clips.parquet", clips)
    run(extract_aligned)
    functionals, pitch, logmel, columns, cost = (
        np.load(f"data/features/aligned/{name}.npy")
        for name in ("functionals", "pitch", "logmel", "columns", "cost")
    )
    assert functionals.shape == (2, len(names), 1135)
    assert logmel.shape == (2, len(names), 160, 64)
    assert pitch.shape == (2, len(names), 19)
    assert columns.shape == (3, 2, len(names), 2, 744)
    assert cost.shape == (3, 2, len(names), 2)
    for array in (columns, cost):
        thousandths = 1000 * array.astype(np.float64)
        assert np.abs(thousandths - np.rint(thousandths)).max() < 0.2
    # A template is no way from itself.
    for place, actor in enumerate((2, 12, 7)):
        own = np.flatnonzero(clips["actor"] == actor)
        told = clips["statement"].map(STATEMENTS.index).to_numpy()[own]
        assert (cost[place, 0, own, told] == 0).all()
        assert (cost[place, 0, own, 1 - told] > 0).all()

    # Trials of the design extract what the stage does, for the sentence that is told.
    loaded, alignment = load_params(), load("experiments/dtw/params.yaml", DtwParams).alignment
    nobody = pd.DataFrame({"clip": names, "role": "train"})
    tried = search_aligned.features_of(nobody, alignment, loaded, evenly=False)
    told = clips["statement"].map(STATEMENTS.index).to_numpy()
    each = np.arange(len(clips))
    np.testing.assert_array_equal(tried.columns[:, :, each, told], columns[:, :, each, told])
    assert aligned_lda.nearer_sentences(tried, [0, 1]).tolist() == told.tolist()
    away = nobody.assign(role=np.where(clips["actor"] == 3, "away", "train"))
    evenly = search_aligned.features_of(away, alignment, loaded, evenly=True)
    assert evenly.columns.shape == tried.columns.shape
    assert not np.array_equal(evenly.columns, tried.columns)
    np.testing.assert_array_equal(evenly.columns[0], evenly.columns[1])
    assert evenly.columns.any(axis=(0, 1, 3, 4)).tolist() == (clips["actor"] != 3).tolist()
    # A clip that is no recording, be it of a template or not, is named, and the former features stay.
    former = Path("data/features/aligned/columns.npy").read_bytes()
    for name in (names[0], names[-1]):
        sound = Path(f"{name}.wav").read_bytes()
        Path(f"{name}.wav").write_bytes(b"no sound")
        with pytest.raises(SystemExit, match=rf"{name}\.wav"):
            run(extract_aligned)
        Path(f"{name}.wav").write_bytes(sound)
        assert Path("data/features/aligned/columns.npy").read_bytes() == former
    write_parquet("data/clips.parquet", clips[clips["actor"] == 2])
    with pytest.raises(SystemExit, match=r"template_actors: 12 has no neutral clip of a sentence"):
        run(extract_aligned)


PRINT = """
import hashlib, sys
from experiments.dtw.dtw import mfcc, shape_of
from ser.params import load, load_params
from experiments.dtw.params import DtwParams
from experiments.dtw.extract import extract_clip, rounded, speech_of
from numpy._core._multiarray_umath import __cpu_features__
params, dtw = load_params(), load("experiments/dtw/params.yaml", DtwParams)
logmel, aligned = params.extract.logmel, dtw.alignment
shapes = [shape_of(mfcc(speech_of(path, 1.0, logmel))) for path in sys.argv[1:3]]
templates = [[[shapes[0]], [shapes[1]]]]
digest = hashlib.sha256()
for path in sys.argv[1:]:
    settings = (logmel, params.extract.functionals, aligned, dtw.pitch)
    for row in extract_clip(path, [1.0, 0.92], templates, *settings):
        for array in row.values():
            digest.update(rounded(array).tobytes())
print(digest.hexdigest(), __cpu_features__["X86_V3"])
"""


def test_other_instructions_give_the_same_bytes(tmp_path: Path) -> None:
    # As near as one machine comes to another kind of CPU: other code in OpenBLAS, NumPy and the C library,
    # and what Numba compiles made for any CPU.
    paths = [str(tmp_path / f"{seed}.wav") for seed in range(4)]
    for seed, path in enumerate(paths):
        soundfile.write(path, spoken(1.5, rate=48_000, seed=seed), 48_000, subtype="PCM_16")
    # Of a whisper, or noise, no frame is voiced, and the likeliest are equally likely.
    noise = np.random.default_rng(0).normal(0, 0.1, 60_000)
    soundfile.write(paths[-1], noise, 48_000, subtype="PCM_16")
    for_any_cpu = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ""}
    other = {**MACHINES["without AVX (Nehalem)"], **for_any_cpu}
    digests = []
    for extra in ({}, other):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PRINT, *paths],
            cwd=PROJECT,
            env={"PATH": "", "PYTHONPATH": str(PROJECT), "NUMBA_CACHE_DIR": str(tmp_path), **extra},
            capture_output=True,
            text=True,
            check=True,
        )
        digests.append(done.stdout.split())
    assert digests[1][1] == "False", "NumPy was not made to do without AVX2"
    assert digests[0][0] == digests[1][0]


@pytest.fixture
def heard(project: Path) -> Array:
    """Make the log-mels of one fold of LUNA5, and settings to train on them in a moment."""
    params = small_params()
    params["train_cnn"]["logmel"] |= {"batch_size": 64, "epochs": 1, "warmup_epochs": 0}
    params["train_cnn"]["logmel"] |= {"time_mask_frames": 2, "frequency_mask_bands": 2}
    params["experiments/dtw"]["network_seeds"] = {"luna5": [3], "emobox6": [1], "loso": [5]}
    write_params(params, project)
    _, split = tables("luna5")
    write_parquet("data/splits/luna5.parquet", split[split["fold"] == 0])
    draw = np.random.default_rng(0)
    logmel = draw.normal(-40, 5, (COPIES, len(FEW), 24, 16)).astype(np.float32)
    write_array("data/features/aligned/logmel.npy", logmel)
    return logmel


@dataclass(frozen=True)
class QuickModel:
    """In place of a network: it says the same of every clip, NaN where it learned of NaN."""

    sides: TrainingData

    def predict(self, part: Part) -> Array:
        return np.full((len(part.x), 8), 0.125 + 0 * self.sides.scaler.mean.mean(), dtype=np.float32)


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> list[TrainingData]:
    """Collect what each network would be trained on."""
    collected: list[TrainingData] = []

    def fit(_network: object, _settings: object, sides: TrainingData, **_options: object) -> Any:
        collected.append(sides)
        return QuickModel(sides)

    monkeypatch.setattr(aligned_cnn, "fit", fit)
    return collected


@pytest.mark.usefixtures("heard")
def test_networks_are_trained_and_suspected() -> None:
    run(train_aligned_cnn, "luna5")
    found = pd.read_parquet("data/aligned/luna5_cnn.parquet")
    clips, _ = tables("luna5")
    assert set(found["seed"]) == {3}
    assert set(found["clip"]) == set(clips.loc[rows_tested("luna5", 0), "clip"])
    assert not Path("data/checkpoints/cnn_aligned_luna5").exists()
    run(check_aligned_cnn)
    checks = json.loads(Path("metrics/aligned_cnn_leaks.json").read_text())
    assert checks["unseen_largest_difference"] == 0
    assert 0 <= checks["permuted_uar"] < 0.35


def test_the_network_hears_every_clip_that_is_not_tested_and_no_other(
    heard: Array, learned: list[TrainingData]
) -> None:
    run(train_aligned_cnn, "luna5")
    clips, _ = tables("luna5")
    untested = ~rows_tested("luna5", 0)
    assert set(LUNA5[0].validation) <= set(learned[0].training.actors)
    assert np.array_equal(learned[0].training.x, np.concatenate(heard[:, untested]))
    assert learned[0].scaler.mean == pytest.approx(heard[:, untested].mean(axis=(0, 1, 2)), rel=1e-5)
    emotions = clips["emotion"].map(EMOTIONS.index).to_numpy()[untested]
    assert np.array_equal(learned[0].training.y, np.tile(emotions, COPIES))


@pytest.mark.usefixtures("heard")
def test_each_actor_is_left_out_in_turn(learned: list[TrainingData]) -> None:
    run(train_aligned_cnn, "loso")
    actors = set(pd.read_parquet("data/clips.parquet")["actor"])
    assert [actors - set(sides.training.actors) for sides in learned] == [set(it.test) for it in LOSO[:2]]
    found = pd.read_parquet("data/aligned/loso_cnn.parquet")
    assert set(found["seed"]) == {5}
    clips, _ = tables("loso")
    for fold, rows in found.groupby("fold"):
        assert set(rows["clip"]) == set(clips.loc[rows_tested("loso", int(str(fold))), "clip"])


def test_every_protocol_has_a_network() -> None:
    assert set(NetworkSeeds.model_fields) == set(aligned_lda.PROTOCOLS)


def test_under_suspicion_labels_are_shuffled_and_tested_clips_are_missing(
    heard: Array, learned: list[TrainingData], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[list[Array]] = []

    def recording(clips: Any, split: Any, copies: list[Array], *, fold: int) -> TrainingData:
        given.append(copies)
        return learning_sides(clips, split, copies, fold=fold)

    monkeypatch.setattr(aligned_cnn, "learning_sides", recording)
    run(train_aligned_cnn, "luna5")
    run(check_aligned_cnn)
    plain, permuted, unseen = learned
    assert np.array_equal(permuted.training.x, plain.training.x)
    assert (permuted.training.y != plain.training.y).mean() > 0.5
    first, second = np.split(permuted.training.y, COPIES)
    assert np.array_equal(first, second)
    assert np.array_equal(np.bincount(first), np.bincount(np.split(plain.training.y, COPIES)[0]))
    assert np.array_equal(unseen.training.x, plain.training.x)
    assert np.array_equal(unseen.training.y, plain.training.y)
    lacking, tested = np.stack(given[2]), rows_tested("luna5", 0)
    assert np.isnan(lacking[:, tested]).all()
    assert np.array_equal(lacking[:, ~tested], heard[:, ~tested])
    # Predictions of another origin are told apart.
    found = pd.read_parquet("data/aligned/luna5_cnn.parquet")
    write_parquet("data/aligned/luna5_cnn.parquet", found.assign(p_calm=found["p_calm"] + 0.25))
    run(check_aligned_cnn)
    checks = json.loads(Path("metrics/aligned_cnn_leaks.json").read_text())
    assert checks["unseen_largest_difference"] == pytest.approx(0.25)


@pytest.mark.usefixtures("heard", "learned")
def test_a_network_that_heard_tested_clips_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def leaking(clips: Any, split: pd.DataFrame, copies: list[Array], *, fold: int) -> TrainingData:
        return learning_sides(clips, split.replace({"role": {"test": "train"}}), copies, fold=fold)

    run(train_aligned_cnn, "luna5")
    monkeypatch.setattr(aligned_cnn, "learning_sides", leaking)
    with pytest.raises(SystemExit, match="it heard them"):
        run(check_aligned_cnn)
    assert not Path("metrics/aligned_cnn_leaks.json").exists()


def test_even_parts_are_of_one_length() -> None:
    settings = load(PARAMS, DtwParams).alignment.model_copy(update={"parts": 4, "n_mfcc": 2})
    coefficients = np.arange(24.0).reshape(8, 3)
    found = search_aligned.even_parts(coefficients, settings=settings)
    assert found[:8].tolist() == [1.5, 2.5, 7.5, 8.5, 13.5, 14.5, 19.5, 20.5]
    assert found[8:] == pytest.approx(np.log([2.0] * 4))


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (["--parts", "12", "--n-mfcc", "20"], "parts=12 n_mfcc=20 templates=2"),
        (["--evenly"], "parts=24 n_mfcc=30 evenly"),
        (["--keep-sentence"], "parts=24 n_mfcc=30 templates=2 sentence kept"),
        (["--templates", "1"], "parts=24 n_mfcc=30 templates=1"),
        (["--leave-out", "step"], "parts=24 n_mfcc=30 templates=2 without step"),
        (["--leave-out", "pitch"], "parts=24 n_mfcc=30 templates=2 without pitch"),
    ],
)
def test_trials_of_the_design_are_kept(
    options: list[str], settings: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = FUNCTIONALS if "pitch" in options else BEFORE
    templates = 0 if "step" in options else 1 if {"--evenly", "--templates"} & {*options} else 2
    # None of them is tested in the first fold, nor two of them held out together.
    params = read_params(Path())
    params["experiments/dtw"]["alignment"]["template_actors"] = [12, 7, 21]
    write_params(params)
    asked: list[str] = []

    def features_of(_: Any, aligned: Alignment, __: Any, *, evenly: bool) -> AlignedFeatures:
        asked.append(f"parts={aligned.parts} n_mfcc={aligned.n_mfcc}" + " evenly" * evenly)
        return AlignedFeatures.read()

    def counting(training: Part, *arguments: Any, **settings: Any) -> Any:
        # The last column is the sentence.
        assert training.x.shape[1] == before + templates * COLUMNS + 1
        return aligned_lda.choose_and_recognise(training, *arguments, **settings)

    monkeypatch.setattr(search_aligned, "features_of", features_of)
    monkeypatch.setattr(search_aligned, "choose_and_recognise", counting)
    run(search_aligned, *options)
    kept = pd.read_csv("metrics/search/aligned_trials.csv")
    assert kept["settings"].unique().tolist() == [settings]
    assert kept["inner_fold"].tolist() == [0, 1, 2, 3]
    # The columns in step tell the emotion, once what was said is off.
    assert (kept["uar"].mean() > 0.9) == (not {"--keep-sentence", "step"} & {*options})
    assert settings.startswith(asked[0].removesuffix(" evenly"))
    assert ("evenly" in asked[0]) == ("evenly" in settings)
