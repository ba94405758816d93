"""Models that a teacher tells what may be heard: of whom it speaks, what they are told, what is scored."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from ser import aligned_lda, cnn_runs, encoder_views, taught_cnn, taught_lda
from ser.aligned_lda import PROTOCOLS
from ser.cnn_runs import Network
from ser.datasets import Array, Part
from ser.enrolment import Speech
from ser.files import write_array, write_parquet
from ser.params import LogMelCnn, TaughtSeeds, load_params
from ser.protocols import EMOBOX6, LOSO, LUNA5, split_by_actor
from ser.ravdess import EMOTIONS, STATEMENTS, all_clips, parse_clip
from ser.scores import PROBABILITIES
from ser.teaching import opinions, taught_labels
from stages import check_taught, command, evaluate_taught, teach, train_taught_cnn, train_taught_lda

PARAMS = Path(__file__).parents[1] / "params.yaml"
FEW = [name for name in all_clips() if name[9:11] == "01"]
COPIES = 2
P = list(PROBABILITIES)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What encode_whisper and extract_aligned leave, made up: every view tells the emotion, somewhat."""
    monkeypatch.chdir(tmp_path)
    params = yaml.safe_load(PARAMS.read_text())
    params["workers"]["jobs"] = 1
    params["enrolled"] |= {"seeds": [0], "inner_folds": 2, "lda_shrinkage": [0.5], "prior_clips": [1]}
    params["aligned"]["lda"] |= {"inner_folds": 2, "shrinkage": [0.3, 0.9]}
    params["aligned"]["alignment"]["template_actors"] = [2, 12, 7]
    params["aligned"]["shuffles"] = [0, 1, 2, 3]
    params["taught"] |= {
        "epochs": 1,
        "network_seeds": {"luna5": [3], "emobox6": [1], "untaught": [3]},
    }
    params["train_cnn"]["logmel"] |= {"batch_size": 64, "warmup_epochs": 0}
    params["train_cnn"]["logmel"] |= {"time_mask_frames": 2, "frequency_mask_bands": 2}
    params["evaluate"]["bootstrap_samples"] = 100
    Path("params.yaml").write_text(yaml.safe_dump(params))
    clips = pd.DataFrame([vars(parse_clip(name)) for name in FEW])
    write_parquet("data/clips.parquet", clips)
    write_parquet("data/splits/luna5.parquet", split_by_actor(clips, LUNA5[:1]))
    write_parquet("data/splits/emobox6.parquet", split_by_actor(clips, EMOBOX6[:1]))
    write_parquet("data/splits/loso.parquet", split_by_actor(clips, LOSO[:1]))
    draw = np.random.default_rng(0)
    emotion = clips["emotion"].map(EMOTIONS.index).to_numpy()
    sentence = clips["statement"].map(STATEMENTS.index).to_numpy()

    def hints(*shape: int, noise: float) -> Array:
        traces = draw.normal(0, 1, (8, shape[-1]))[emotion]
        by_clip = np.broadcast_to(traces, (*shape[:-1], *traces.shape))
        return (by_clip + draw.normal(0, noise, by_clip.shape)).astype(np.float32)

    for name in ("whisper", "whisper_speaker"):
        write_array(f"data/features/clean/{name}.npy", hints(2, 9, noise=2).transpose(1, 0, 2))
    arrays = {"functionals": hints(COPIES, 6, noise=3), "pitch": hints(COPIES, 6, noise=3)}
    columns = np.repeat(hints(3, COPIES, 12, noise=3)[:, :, :, np.newaxis], 2, axis=3)
    cost = np.full((3, COPIES, len(clips), 2), 5.0, dtype=np.float32)
    cost[:, :, np.arange(len(clips)), sentence] = 3.0
    logmel = draw.normal(-40, 5, (COPIES, len(clips), 24, 16)).astype(np.float32)
    for name, array in (arrays | {"columns": columns, "cost": cost, "logmel": logmel}).items():
        write_array(f"data/features/aligned/{name}.npy", array)
    return tmp_path


def run(stage: ModuleType, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [stage.__name__, *arguments])
        command.run(stage.main)


def clips_tested(protocol: str = "luna5") -> set[str]:
    split = pd.read_parquet(f"data/splits/{protocol}.parquet")
    return set(split.loc[split["role"] == "test", "clip"])


def test_an_opinion_is_not_a_memory() -> None:
    # Every clip has a column of its own, by which a model that was fitted to it would know it again.
    n = 240
    draw = np.random.default_rng(0)
    speech = Speech(
        clips=np.array([f"{place}" for place in range(n)]),
        actors=np.repeat(np.arange(10), n // 10),
        y=draw.permutation(np.tile(np.arange(8), n // 8)),
        views={"own": np.eye(n, dtype=np.float32)},
    )
    settings = load_params(PARAMS).enrolled.model_copy(update={"seeds": [0], "lda_shrinkage": [0.1]})
    found = opinions(speech, settings)
    assert found.sum(axis=1) == pytest.approx(np.ones(n))
    assert (found.argmax(axis=1) == speech.y).mean() < 0.3


def part_of(clips: list[str], y: list[int]) -> Part:
    n = len(clips)
    return Part(np.array(clips), np.zeros(n, dtype=np.int64), np.zeros((n, 1), np.float32), np.array(y))


def test_labels_blend_what_was_meant_and_what_is_heard_by_clip() -> None:
    heard = np.full((3, 8), 0.05)
    heard[[0, 1, 2], [7, 1, 2]] = 0.65
    told = pd.DataFrame(heard, columns=P).assign(clip=["c", "b", "a"])
    part = part_of(["a", "c", "a", "c"], [2, 0, 2, 0])
    labels = taught_labels(part, told, share=0.4)
    assert labels.sum(axis=1) == pytest.approx(np.ones(4))
    assert labels[0] == pytest.approx([0.02, 0.02, 0.86, 0.02, 0.02, 0.02, 0.02, 0.02])
    assert labels[1][[0, 7]] == pytest.approx([0.62, 0.26])
    assert np.array_equal(labels[:2], labels[2:])
    assert np.array_equal(taught_labels(part, told, share=0.0), np.eye(8)[part.y])
    with pytest.raises(KeyError):
        taught_labels(part_of(["unheard"], [0]), told, share=0.4)


def test_untaught_it_is_the_lda_in_step() -> None:
    draw = np.random.default_rng(0)
    y = np.tile(np.arange(8), 24)
    x = (draw.normal(0, 1, (8, 9))[y] + draw.normal(0, 2, (192, 9))).astype(np.float32)
    x[:, -1] = np.tile([0, 1, 1], 64)
    actors = np.repeat(np.arange(6), 32)
    training = Part(np.array([f"{place}" for place in range(192)]), actors, x, y)
    heard = np.hstack([x[:40, :-1] + np.float32(0.1), x[:40, -1:]])
    test = Part(training.clips[:40], actors[:40], heard, y[:40])
    settings = load_params(PARAMS).aligned.lda
    about: dict[str, Any] = {"copies": 1, "n_before": 4, "settings": settings}
    found, trials = taught_lda.choose_and_recognise(training, np.eye(8)[y], test, **about)
    expected, expected_trials = aligned_lda.choose_and_recognise(training, test, **about)
    assert found == pytest.approx(expected)
    assert trials.equals(expected_trials)
    softened = 0.5 * np.eye(8)[y] + 0.5 / 8
    less_sure, _ = taught_lda.choose_and_recognise(training, softened, test, **about)
    assert less_sure.max(axis=1).mean() < found.max(axis=1).mean()


@pytest.mark.usefixtures("project")
def test_the_teacher_speaks_of_training_clips_and_hears_no_tested_one() -> None:
    run(teach, "luna5")
    told = pd.read_parquet("data/taught/luna5_opinions.parquet").set_index("clip")
    assert set(told.index) == set(FEW) - clips_tested()
    meant = told.index.map(lambda name: EMOTIONS.index(parse_clip(str(name)).emotion))
    assert (told[P].to_numpy().argmax(axis=1) == meant).mean() > 0.25
    gone = pd.read_parquet("data/clips.parquet")["clip"].isin(clips_tested()).to_numpy()
    for name in ("whisper", "whisper_speaker"):
        states = np.load(f"data/features/clean/{name}.npy")
        states[gone] = 1e3
        write_array(f"data/features/clean/{name}.npy", states)
    run(teach, "luna5")
    assert pd.read_parquet("data/taught/luna5_opinions.parquet").set_index("clip").equals(told)


@pytest.mark.usefixtures("project")
def test_what_networks_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    run(teach, "luna5")
    given: list[tuple[Network, LogMelCnn, Array]] = []
    real = cnn_runs.fit

    def recording(network: Network, settings: LogMelCnn, sides: Any, **options: Any) -> Any:
        calm = settings.model_copy(update={"mixup_share": 0.0})
        draw = network.epochs(sides.training, sides.scaler, sides.copies, calm)
        given.append((network, settings, draw(np.random.default_rng(0))[1]))
        return real(network, settings, sides, **options)

    monkeypatch.setattr(taught_cnn, "fit", recording)
    run(train_taught_cnn, "luna5")
    run(train_taught_cnn, "untaught")
    (taught, settings, labels), (plain, as_it_was, meant) = given
    assert (taught.model, plain.model) == ("taught_cnn", "logmel_cnn")
    assert settings.label_smoothing == 0
    assert as_it_was.label_smoothing == load_params().train_cnn.logmel.label_smoothing > 0
    assert settings.epochs == as_it_was.epochs == 1
    assert set(np.unique(meant)) == {0.0, 1.0}
    # Drawn alike, so that only the labels differ: half of each is what was meant.
    assert labels.sum(axis=1) == pytest.approx(np.ones(len(labels)), abs=1e-6)
    assert (labels[meant == 1] >= 0.5).all()
    told = pd.read_parquet("data/taught/luna5_opinions.parquet")[P].to_numpy()
    assert np.sort((2 * labels - meant).ravel()) == pytest.approx(np.sort(told.ravel()), abs=1e-5)
    for name, model in (("luna5", "taught_cnn"), ("luna5_untaught", "logmel_cnn")):
        found = pd.read_parquet(f"data/taught/{name}_cnn.parquet")
        assert set(found["model"]) == {model}
        assert set(found["seed"]) == {3}
        assert set(found["clip"]) == clips_tested()
        assert not Path(f"data/checkpoints/cnn_taught_{name}").exists()


@pytest.mark.usefixtures("project")
def test_from_features_to_scores_and_checks() -> None:
    for protocol in PROTOCOLS:
        run(teach, protocol)
        run(train_taught_lda, protocol)
        if protocol != "loso":
            run(train_taught_cnn, protocol)
        ldas = pd.read_parquet(f"data/taught/{protocol}_lda.parquet")
        for _, rows in ldas.groupby("model"):
            assert set(rows["clip"]) == clips_tested(protocol)
    run(train_taught_cnn, "untaught")
    run(evaluate_taught)
    written = json.loads(Path("metrics/taught.json").read_text())
    assert set(written["luna5"]) == {
        *("aligned_lda", "taught_lda", "logmel_cnn", "taught_cnn", "taught_fused", "untaught_fused"),
    }
    assert set(written["emobox6"]) == {"aligned_lda", "taught_lda", "taught_cnn", "taught_fused"}
    assert set(written["loso"]) == {"aligned_lda", "taught_lda"}
    assert set(written["adds"]["loso"]) == {"lda"}
    assert set(written["adds"]["luna5"]) == {"lda", "network", "mean", "network_to_lda"}
    assert set(written["adds"]["emobox6"]) == {"lda", "network_to_lda"}
    adds = written["adds"]["luna5"]["mean"]
    difference = written["luna5"]["taught_fused"]["uar"] - written["luna5"]["untaught_fused"]["uar"]
    assert adds["uar"] == pytest.approx(difference, abs=2e-4)

    fused = pd.read_parquet("data/taught/fused.parquet").query("model == 'taught_fused'")
    lda = pd.read_parquet("data/taught/luna5_lda.parquet").query("model == 'taught_lda'")
    network = pd.read_parquet("data/taught/luna5_cnn.parquet")
    parts = [it.set_index("clip").sort_index()[P].to_numpy() for it in (lda, network)]
    expected = np.sqrt(parts[0] * parts[1])
    own = fused[fused["protocol"] == "luna5"].set_index("clip").sort_index()[P].to_numpy()
    assert own == pytest.approx(expected / expected.sum(axis=1, keepdims=True), abs=1e-4)

    run(check_taught)
    checks = json.loads(Path("metrics/taught_leaks.json").read_text())
    for whose in ("", "teacher_", "network_"):
        assert checks[f"{whose}unseen_largest_difference"] == 0
    assert np.mean(list(checks["permuted_uar_by_seed"].values())) < 0.2
    assert 0 <= checks["network_permuted_uar"] < 0.35
    assert checks["canary_uar"] < written["luna5"]["taught_lda"]["uar"] + 0.05


@pytest.mark.usefixtures("project")
def test_a_teacher_that_hears_tested_clips_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def leaking(views: dict[str, Array], clips: pd.DataFrame, split: pd.DataFrame, *, fold: int) -> Any:
        training, test = encoder_views.sides_of(views, clips, split, fold=fold)
        first = next(iter(views))
        moved = training.views[first] + np.nan_to_num(test.views[first]).mean(axis=0) * training.y[:, None]
        return Speech(training.clips, training.actors, training.y, {**training.views, first: moved}), test

    monkeypatch.setattr(teach, "sides_of", leaking)
    monkeypatch.setattr(check_taught, "speech_of", leaking)
    run(teach, "luna5")
    run(train_taught_lda, "luna5")
    run(train_taught_cnn, "luna5")
    run(check_taught)
    checks = json.loads(Path("metrics/taught_leaks.json").read_text())
    assert checks["teacher_unseen_largest_difference"] > 1e-3
    assert checks["unseen_largest_difference"] > 1e-6


def test_every_protocol_has_seeds() -> None:
    assert set(TaughtSeeds.model_fields) == {*evaluate_taught.NETWORKS, "untaught"}
    assert {*evaluate_taught.NETWORKS} < {*PROTOCOLS}
