"""Models that a teacher tells what may be heard: of whom it speaks, what they are told, what is scored."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from full_disk import check_full_disk
from params_files import read_params, write_params

from experiments.distillation import check_leaks as check_taught
from experiments.distillation import cnn as taught_cnn
from experiments.distillation import evaluate as evaluate_taught
from experiments.distillation import lda as taught_lda
from experiments.distillation import search as search_taught
from experiments.distillation import teach
from experiments.distillation import train_cnn as train_taught_cnn
from experiments.distillation import train_lda as train_taught_lda
from experiments.distillation.params import PROTOCOLS
from experiments.distillation.teacher import opinions, taught_labels
from experiments.dtw import lda as aligned_lda
from experiments.dtw.cnn import learning_sides
from experiments.dtw.params import DtwParams
from experiments.speaker_adaptation.params import AdaptationParams
from ser.data.fold import Array, Part
from ser.data.predictions import COLUMNS, PROBABILITIES
from ser.data.protocols import EMOBOX6, LOSO, LUNA5, split_by_actor
from ser.data.ravdess import EMOTIONS, STATEMENTS, all_clips, parse_clip
from ser.evaluation.inner_trials import inner_split
from ser.files import write_array, write_parquet
from ser.models import cnn_runs, encoder_views
from ser.models.cnn_runs import Network
from ser.models.speaker_adaptation import Speech
from ser.params import LogMelCnn, load, load_params
from stages import command
from stages.inputs import read_split

PROJECT = Path(__file__).parents[3]
ADAPTATION = PROJECT / "experiments/speaker_adaptation/params.yaml"
FEW = [name for name in all_clips() if name[9:11] == "01"]
COPIES = 2
P = list(PROBABILITIES)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What encode_whisper and extract_aligned leave, made up: every view tells the emotion, somewhat."""
    monkeypatch.chdir(tmp_path)
    params = read_params()
    params["workers"]["jobs"] = 1
    params["experiments/speaker_adaptation"] |= {
        "seeds": [0],
        "inner_folds": 2,
        "lda_shrinkage": [0.5],
        "prior_clips": [1],
    }
    params["experiments/dtw"]["lda"] |= {"inner_folds": 2, "shrinkage": [0.3, 0.9]}
    params["experiments/dtw"]["alignment"]["template_actors"] = [2, 12, 7]
    params["experiments/dtw"]["shuffles"] = [0, 1, 2, 3]
    params["experiments/distillation"] |= {
        "epochs": 1,
        "network_seeds": {"luna5": [3], "emobox6": [1], "loso": [2], "article": [4], "untaught": [3]},
    }
    params["train_cnn"]["logmel"] |= {"batch_size": 32, "warmup_epochs": 0}
    params["train_cnn"]["logmel"] |= {"time_mask_frames": 2, "frequency_mask_bands": 2}
    params["evaluate"]["bootstrap_samples"] = 100
    write_params(params)
    clips = pd.DataFrame([vars(parse_clip(name)) for name in FEW])
    write_parquet("data/clips.parquet", clips)
    write_parquet("data/splits/luna5.parquet", split_by_actor(clips, LUNA5[:2]))
    write_parquet("data/splits/emobox6.parquet", split_by_actor(clips, EMOBOX6[:1]))
    write_parquet("data/splits/loso.parquet", split_by_actor(clips, LOSO[:1]))
    role = np.where(np.arange(len(clips)) % 5 == 0, "test", "train")
    write_parquet("data/splits/article.parquet", clips[["clip"]].assign(fold=0, role=role))
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
    bands = hints(COPIES, 16, noise=0.5)[:, :, np.newaxis]
    logmel = (-40 + 8 * bands + draw.normal(0, 1, (COPIES, len(clips), 24, 16))).astype(np.float32)
    for name, array in (arrays | {"columns": columns, "cost": cost, "logmel": logmel}).items():
        write_array(f"data/features/aligned/{name}.npy", array)
    return tmp_path


def run(stage: ModuleType, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [stage.__name__, *arguments])
        command.run(stage.main)


def clips_tested(protocol: str = "luna5", *, fold: int | None = None) -> set[str]:
    split = pd.read_parquet(f"data/splits/{protocol}.parquet").query("role == 'test'")
    return set(split["clip"] if fold is None else split.loc[split["fold"] == fold, "clip"])


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
    settings = load(ADAPTATION, AdaptationParams).model_copy(update={"seeds": [0], "lda_shrinkage": [0.1]})
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
    clean = (draw.normal(0, 1, (8, 9))[y] + draw.normal(0, 2, (192, 9))).astype(np.float32)
    clean[:, -1] = np.tile([0, 1, 1], 64)
    moved = clean + np.float32(0.5) * draw.normal(0, 1, clean.shape).astype(np.float32)
    moved[:, -1] = clean[:, -1]
    actors = np.repeat(np.arange(6), 32)
    names = np.array([f"{place}" for place in range(192)])
    training = Part(np.tile(names, 2), np.tile(actors, 2), np.concatenate([clean, moved]), np.tile(y, 2))
    test = Part(names[:40], actors[:40], moved[:40], y[:40])
    settings = load(PROJECT / "experiments/dtw/params.yaml", DtwParams).lda
    about: dict[str, Any] = {"copies": 2, "n_before": 4, "settings": settings}
    meant = np.eye(8)[training.y]
    found, trials = taught_lda.choose_and_recognise(training, meant, test, **about)
    expected, expected_trials = aligned_lda.choose_and_recognise(training, test, **about)
    assert found == pytest.approx(expected)
    assert trials.equals(expected_trials)
    less_sure, _ = taught_lda.choose_and_recognise(training, 0.5 * meant + 0.5 / 8, test, **about)
    assert less_sure.max(axis=1).mean() < found.max(axis=1).mean()


def test_a_clip_of_two_emotions_counts_half_for_each() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(0, 1, (40, 5)).astype(np.float32)
    x[:, -1] = np.tile([0, 1], 20)
    one, other = draw.integers(0, 8, (2, 40))
    blended = taught_lda.sums_over(x, (np.eye(8)[one] + np.eye(8)[other]) / 2)
    each = aligned_lda.Sums.over(x, one), aligned_lda.Sums.over(x, other)
    for name in ("counts", "of_columns", "of_products"):
        halves = [getattr(it, name) / 2 for it in each]
        assert getattr(blended, name) == pytest.approx(halves[0] + halves[1]), name


@pytest.mark.usefixtures("project")
def test_the_teacher_speaks_of_training_clips_and_hears_no_tested_one() -> None:
    run(teach, "luna5")
    before = pd.read_parquet("data/taught/luna5_opinions.parquet")
    for fold, told in before.groupby("fold"):
        assert set(told["clip"]) == set(FEW) - clips_tested(fold=int(str(fold)))
        meant = told["clip"].map(lambda name: EMOTIONS.index(parse_clip(name).emotion))
        assert (told[P].to_numpy().argmax(axis=1) == meant).mean() > 0.25
    clips = pd.read_parquet("data/clips.parquet")
    tested = clips["clip"].isin(clips_tested(fold=0)).to_numpy()
    write_parquet("data/clips.parquet", clips.assign(emotion=clips["emotion"].mask(tested, "sad")))
    for name in ("whisper", "whisper_speaker"):
        states = np.load(f"data/features/clean/{name}.npy")
        states[tested] = 1e3
        write_array(f"data/features/clean/{name}.npy", states)
    run(teach, "luna5")
    after = pd.read_parquet("data/taught/luna5_opinions.parquet")
    assert after[after["fold"] == 0].equals(before[before["fold"] == 0])
    assert not after.equals(before)


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
    (taught, settings, labels), _, (plain, as_it_was, meant), _ = given
    assert (taught.model, plain.model) == ("taught_cnn", "logmel_cnn")
    assert settings.label_smoothing == 0
    assert as_it_was.label_smoothing == load_params().train_cnn.logmel.label_smoothing > 0
    assert settings.epochs == as_it_was.epochs == 1
    assert set(np.unique(meant)) == {0.0, 1.0}
    # Drawn alike, so that only the labels differ: half of each is what was meant.
    assert labels.sum(axis=1) == pytest.approx(np.ones(len(labels)), abs=1e-6)
    assert (labels[meant == 1] >= 0.5).all()
    told = pd.read_parquet("data/taught/luna5_opinions.parquet").query("fold == 0")[P].to_numpy()
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
    assert set(written["adds"]["luna5"]) == {"lda", "network", "mean", "network_to_lda"}
    for protocol in set(PROTOCOLS) - {"luna5"}:
        assert set(written[protocol]) == {"aligned_lda", "taught_lda", "taught_cnn", "taught_fused"}
        assert set(written["adds"][protocol]) == {"lda", "network_to_lda"}
    adds = written["adds"]["luna5"]["mean"]
    difference = written["luna5"]["taught_fused"]["uar"] - written["luna5"]["untaught_fused"]["uar"]
    assert adds["uar"] == pytest.approx(difference, abs=2e-4)

    check_full_disk(teach, "luna5")
    check_full_disk(train_taught_lda, "luna5")
    check_full_disk(evaluate_taught)
    run(check_taught)
    checks = json.loads(Path("metrics/taught_leaks.json").read_text())
    for whose in ("", "teacher_", "network_"):
        assert checks[f"{whose}unseen_largest_difference"] == 0
    assert np.mean(list(checks["permuted_uar_by_seed"].values())) < 0.2
    assert checks["network_permuted_uar"] < 0.25 < written["luna5"]["taught_cnn"]["uar"]
    assert checks["canary_uar"] < written["luna5"]["taught_lda"]["uar"] + 0.05
    assert checks["canary_of_known_actors_uar"] > 0.9


def opinion_table(model: str, seed: int, rows: list[list[float]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=P).assign(protocol="luna5", model=model, seed=seed, fold=0)
    return table.assign(clip=[f"{place}" for place in range(len(rows))])[list(COLUMNS)]


def test_the_mean_is_that_of_logarithms() -> None:
    even = [0.125] * 8
    surely = [0.93, *[0.01] * 7]
    never = [0.0, 1.0, *[0.0] * 6]
    networks = pd.concat(
        [opinion_table("taught_cnn", 0, [surely, even]), opinion_table("taught_cnn", 1, [even, even])]
    )
    ldas = pd.concat(
        [opinion_table("taught_lda", 0, [never, surely]), opinion_table("aligned_lda", 0, [even, even])]
    )
    fused = evaluate_taught.fuse(networks, ldas)
    first = fused[(fused["model"] == "taught_fused") & (fused["seed"] == 0)][P].to_numpy()
    roots = np.sqrt(np.array(surely) * np.maximum(never, 1e-7))
    assert first[0] == pytest.approx(roots / roots.sum())
    assert first[1] == pytest.approx(np.sqrt(surely) / np.sqrt(surely).sum())
    together = fused[fused["model"] == "taught_ensemble"][P].to_numpy()
    roots = np.sqrt((np.array(surely) + even) / 2 * np.maximum(never, 1e-7))
    assert together[0] == pytest.approx(roots / roots.sum())
    assert "untaught_fused" not in set(fused["model"])


@pytest.mark.usefixtures("project")
def test_a_teacher_that_hears_tested_clips_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def leaking(views: dict[str, Array], clips: pd.DataFrame, split: pd.DataFrame, *, fold: int) -> Any:
        training, test = encoder_views.sides_of(views, clips, split, fold=fold)
        first = next(iter(views))
        moved = training.views[first] + np.nan_to_num(test.views[first]).mean(axis=0) * training.y[:, None]
        return Speech(training.clips, training.actors, training.y, {**training.views, first: moved}), test

    def scaled_by_tested(clips: Any, split: Any, copies: list[Array], *, fold: int) -> Any:
        sides = learning_sides(clips, split, copies, fold=fold)
        tested = split.loc[(split["fold"] == fold) & (split["role"] == "test"), "clip"]
        mean = np.nan_to_num(copies[0][clips["clip"].isin(set(tested))]).mean()
        return replace(sides, scaler=replace(sides.scaler, mean=sides.scaler.mean + mean))

    monkeypatch.setattr(teach, "sides_of", leaking)
    monkeypatch.setattr(check_taught, "speech_of", leaking)
    run(teach, "luna5")
    run(train_taught_lda, "luna5")
    monkeypatch.setattr(taught_cnn, "learning_sides", scaled_by_tested)
    run(train_taught_cnn, "luna5")
    run(check_taught)
    checks = json.loads(Path("metrics/taught_leaks.json").read_text())
    assert checks["teacher_unseen_largest_difference"] > 1e-3
    assert checks["unseen_largest_difference"] > 1e-6
    assert checks["network_unseen_largest_difference"] > 1e-3


def have_templates_in_every_inner_fold() -> None:
    params = read_params(Path())
    # None of them is tested in the first fold, nor two of them held out together.
    params["experiments/dtw"]["alignment"]["template_actors"] = [12, 7, 21]
    write_params(params)


@pytest.mark.usefixtures("project")
def test_trials_of_teaching_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    have_templates_in_every_inner_fold()
    for options in (["--share", "0"], ["--shuffled"]):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["search_taught", "--without-network", *options])
            command.run(search_taught.main)
    kept = pd.read_csv("metrics/search/taught_trials.csv")
    assert kept["settings"].tolist() == 4 * ["share=0"] + 4 * ["share=0.5 shuffled"]
    assert kept["inner_fold"].tolist() == [0, 1, 2, 3] * 2
    assert set(kept["model"]) == {"lda"}
    assert (kept["uar"] > 0.2).all()
    assert "lda" in capsys.readouterr().out


@pytest.mark.usefixtures("project")
def test_opinions_are_dealt_anew_among_clips_of_one_emotion() -> None:
    clips, split = read_split("luna5")
    inner, settings = inner_split(clips, split), load(ADAPTATION, AdaptationParams)
    plain, dealt = (search_taught.ask(inner, 0, settings, shuffled) for shuffled in (False, True))
    assert dealt["clip"].equals(plain["clip"])
    emotion = plain["clip"].map(clips.set_index("clip")["emotion"])
    for _, rows in emotion.groupby(emotion):
        before, after = (it.loc[rows.index, P].to_numpy().tolist() for it in (plain, dealt))
        assert before != after
        assert sorted(before) == sorted(after)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("share", "model"), [("0", "logmel_cnn"), ("0.5", "taught_cnn")])
def test_trials_have_networks_with_labels_as_the_pipeline_has(
    share: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_templates_in_every_inner_fold()
    smoothing: list[float] = []
    real = cnn_runs.fit

    def recording(network: Network, settings: LogMelCnn, *arguments: Any, **named: Any) -> Any:
        assert network.model == model
        smoothing.append(settings.label_smoothing)
        return real(network, settings, *arguments, **named)

    monkeypatch.setattr(cnn_runs, "fit", recording)
    run(search_taught, "--share", share)
    assert smoothing == 4 * [0.1 if share == "0" else 0]
    kept = pd.read_csv("metrics/search/taught_trials.csv")
    assert kept["settings"].unique().tolist() == [f"share={share} epochs=1"]
    assert set(kept["model"]) == {"lda", "network", "both"}


def test_every_protocol_has_seeds() -> None:
    assert {*evaluate_taught.NETWORKS} == {*PROTOCOLS}
    stages = yaml.safe_load((PROJECT / "experiments/distillation/dvc.yaml").read_text())["stages"]
    for name in ("teach", "train_taught_lda", "train_taught_cnn"):
        assert {*stages[name]["matrix"]["protocol"]} == {*PROTOCOLS}
