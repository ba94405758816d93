"""The pipeline's benchmark compares what it says; how fast anything is, no test asks."""

import json
import operator
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from benchmarks import (
    article_notebook,
    layer_profile,
    lighter,
    nkululeko_fold,
    once,
    pipeline,
    rebuild,
    scale,
    subjects,
    training,
    whole,
)
from benchmarks.cases import Case, run_rounds
from benchmarks.subjects import WALL, Column, Ratio, Subject
from ser.audio.clip_io import write_pcm16
from ser.data.ravdess import SAMPLE_RATE
from ser.data.synthetic import synthesize
from ser.errors import InputError
from ser.params import load_params

PROJECT = Path(__file__).parents[2]


def measured(monkeypatch: pytest.MonkeyPatch, **seconds: list[float]) -> dict[str, Any]:
    runs = {name: {"runs": [{"wall_s": it, "loss": 0.5} for it in each]} for name, each in seconds.items()}
    monkeypatch.setattr(subjects, "run_rounds", lambda *_, **__: runs)
    subject = Subject(
        name="walk",
        heading="Walking",
        about="A mile.",
        cases=[Case(name, ()) for name in seconds],
        titles={name: f"by {name}" for name in seconds},
        columns=(WALL, Column("loss", "loss", unit=0.5, digits=1), Column("none", "nothing")),
        ratios=(Ratio("foot to horse", "wall_s", "foot", "horse"), Ratio("no such", "wall_s", "foot", "car")),
        rounds=3,
        findings=lambda: ["It rained."],
    )
    return subjects.measure(subject, tell=print)


def test_tables_tell_ratios_round_by_round_then_medians(monkeypatch: pytest.MonkeyPatch) -> None:
    results = measured(monkeypatch, foot=[8.0, 6.0, 30.0], horse=[2.0, 3.0])
    assert json.loads(json.dumps(results)) == results
    assert subjects.tables(results).splitlines() == [
        *("### Walking", "", "A mile.", ""),
        *("| ratio, round by round | median | least to greatest |", "|---|---|---|"),
        *("| foot to horse | 3.00 | 2.00 to 4.00 |", ""),
        *("| median (least to greatest) | wall, s | loss | nothing |", "|---|---|---|---|"),
        "| by foot | 8.00 (6.00 to 30.00) | 1.0 (1.0 to 1.0) |  |",
        "| by horse | 2.50 (2.00 to 3.00) | 1.0 (1.0 to 1.0) |  |",
        *("", "It rained."),
    ]


def test_a_ratio_over_a_base_is_of_what_each_takes_more() -> None:
    runs = {name: [{"wall_s": it}] for name, it in (("one", 1.0), ("ten", 1.9), ("hundred", 11.0))}
    ratio = Ratio("in line, 10", "wall_s", "hundred", "ten", "one")
    assert subjects._divided(runs, ratio) == pytest.approx([(11.0 - 1.9) / (1.9 - 1.0)])


def test_what_else_is_found_out_fails_before_anything_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> list[str]:
        raise InputError("no")

    monkeypatch.setattr(subjects, "run_rounds", lambda *_, **__: pytest.fail("timed"))
    subject = Subject("walk", "Walking", "", [], {}, (), (), rounds=1, findings=fail)
    with pytest.raises(InputError, match="no"):
        subjects.measure(subject, tell=print)


@pytest.fixture
def tensorflow() -> None:
    """Threads are set before anything is computed; after that TensorFlow refuses."""
    from ser.models import deterministic_tensorflow

    deterministic_tensorflow.start(0)


@pytest.mark.usefixtures("tensorflow")
def test_a_layer_whose_name_begins_with_an_underscore_can_be_timed() -> None:
    from ser.models.logmel_cnn import logmel_cnn

    settings = load_params(PROJECT / "params.yaml").train_cnn.logmel
    model = logmel_cnn(n_mels=16, settings=settings, steps_per_epoch=1)
    values = layer_profile._values(model, batch=2, shape=(24, 16))
    roots = [(layer, inputs) for layer, inputs in values if layer.name.startswith("_")]
    assert len(roots) == 1
    assert layer_profile._time(*roots[0], of_inputs=True) > 0


@pytest.mark.usefixtures("tensorflow")
def test_each_weight_of_a_kernel_counts_once_for_each_place() -> None:
    import keras

    spectrogram = keras.layers.Input((6, 5, 1))
    x = keras.layers.Conv2D(4, 3, strides=(2, 1), padding="same")(spectrogram)
    x = keras.layers.Dense(7)(keras.layers.Reshape((3, 20))(x))
    model = keras.Model(spectrogram, keras.layers.Activation("relu")(x))
    convolution, dense = 3 * 3 * 4 * (3 * 5), 20 * 7 * 3
    assert lighter.flop_of(model, shape=(6, 5)) == 2 * (convolution + dense)


def test_lighter_ways_have_fewer_flops() -> None:
    flop = {case: lighter.count_flop(case) for case in ("stage", "crop_96", "narrow")}
    assert flop["crop_96"] == pytest.approx(0.8 * flop["stage"], rel=0.01)
    assert 0.5 * flop["stage"] < flop["narrow"] < 0.7 * flop["stage"]


def test_the_code_that_must_be_the_pipelines_is_there() -> None:
    assert [name for name in lighter._CODE if not (PROJECT / name).is_file()] == []


def test_what_the_pipeline_has_is_read_from_its_last_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"seed": seed, "fold": fold, "epoch": epoch, "val_uar": 0.1 * fold + 0.2 * seed + 0.3 * (epoch == 2)}
        for seed in (0, 1)
        for fold in range(5)
        for epoch in (1, 2)
    ]
    (tmp_path / "data" / "curves").mkdir(parents=True)
    pd.DataFrame(rows).to_csv(tmp_path / lighter._CURVES, index=False)
    monkeypatch.chdir(PROJECT)
    told = lighter.run_once("stage", str(tmp_path))
    assert told["uar"] == pytest.approx(0.2 + 0.1 + 0.3)
    assert [told[f"fold_{fold}"] for fold in range(5)] == pytest.approx([0.4, 0.5, 0.6, 0.7, 0.8])
    assert told["deviation"] == pytest.approx(np.std([0.0, 0.2], ddof=1))


def test_an_epoch_is_timed_in_parts_and_the_first_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    # Begins, drawn, fitted: of three epochs; then the end.
    marks = iter([0.0, 50.0, 90.0, 100.0, 101.0, 103.0, 110.0, 113.0, 117.0, 122.0])
    monkeypatch.setattr("benchmarks.training.time.perf_counter", lambda: next(marks))
    clock = training._Clock()
    draw, fit = clock.draw(lambda _: (np.zeros(24), None)), clock.fit(lambda: None)
    for _ in range(3):
        draw(None)
        fit()
    assert clock.taken() == {
        **{"epoch_s": 11.0, "draw_s": 2.0, "gradient_s": 3.0, "rest_s": 6.0},
        "clips_per_s": 24 / 11.0,
    }


def test_epochs_that_are_drawn_ahead_are_the_same() -> None:
    def draw(generator: np.random.Generator) -> float:
        return generator.random()

    with ThreadPoolExecutor(1) as second:
        ahead = training._drawn_ahead(draw, second)
        for epoch in (1, 2, 3):
            assert ahead(np.random.default_rng([0, epoch])) == draw(np.random.default_rng([0, epoch]))


def test_the_page_tells_the_committed_results() -> None:
    page = pipeline.PAGE.read_text(encoding="utf-8")
    committed = json.loads(pipeline.RESULTS.read_text(encoding="utf-8")) if pipeline.RESULTS.exists() else {}
    if committed:
        assert committed.keys() == pipeline.SUBJECTS.keys()
        assert pipeline.fill(page, committed) == page, "run: python -m benchmarks.pipeline"
    else:
        assert page.endswith("<!-- results: pipeline -->\n<!-- end -->\n")


def failing(error: str) -> Subject:
    def fail() -> list[str]:
        raise InputError(error)

    return Subject("walk", "Walking", "", [], {}, (), (), rounds=1, findings=fail)


def test_what_cannot_be_measured_is_told_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(*_: object) -> Subject:
        raise InputError("no road")

    walk = Subject("walk", "Walking", "A mile.", [], {}, (), (), rounds=1)
    known = {"drive": missing, "ride": lambda *_: failing("no horse"), "walk": lambda *_: walk}
    monkeypatch.setattr(pipeline, "SUBJECTS", known)
    results = tmp_path / "results.json"
    with pytest.raises(InputError, match=r"above: ride$"):
        pipeline.main(["--results", str(results)])
    out, err = capsys.readouterr()
    assert "drive: left out: no road" in err
    assert "ride: not measured: no horse" in err
    assert "### Walking" in out
    assert json.loads(results.read_text()).keys() == {"walk"}
    with pytest.raises(InputError, match=r"above: drive$"):
        pipeline.main(["--only", "drive", "--results", str(results)])
    with pytest.raises(SystemExit):
        pipeline.options(["--only", "walk", "--before", "HEAD"])
    assert "of rebuild alone" in capsys.readouterr().err


def test_the_recognizers_block_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    page = "<!-- results: recognizer -->\nfast\n<!-- end -->\n<!-- results: pipeline -->\n<!-- end -->\n"
    machine = {"cpu": "Abacus", "cores": 2, "load_before": 0.0, "python": "3", "versions": {"beads": "7"}}
    filled = pipeline.fill(page, {"walk": {"machine": machine, **measured(monkeypatch, foot=[1.0])}})
    assert filled.startswith("<!-- results: recognizer -->\nfast\n<!-- end -->\n")
    assert "Walking" in filled
    assert "Abacus, 2 cores" in filled
    assert "beads 7" in filled


def test_only_speed_and_pitch_changes_what_the_notebook_computes_of() -> None:
    samples = np.sin(np.arange(44_100) / 20).astype(np.float32)
    for change, acts in ((article_notebook.noise, False), (article_notebook.speed_and_pitch, True)):
        given = samples.copy()
        change(given)
        assert (given != samples).any() == acts


def test_the_notebook_reads_labels_and_splits_with_all_actors_on_both_sides(tmp_path: Path) -> None:
    names = [
        f"03-01-{emotion:02}-01-{statement:02}-{take:02}-{actor:02}"
        for emotion in (1, 2)
        for statement in (1, 2)
        for take in (1, 2)
        for actor in (1, 2)
    ]
    for name in names:
        path = tmp_path / f"Actor_{name[-2:]}" / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    recordings = article_notebook.list_recordings(tmp_path)
    assert len(recordings) == len(names)
    train, test = article_notebook.split(recordings)
    assert sorted([*train, *test]) == list(range(len(names)))
    assert set(recordings["actor"].iloc[test]) == {1, 2}


def test_a_case_runs_its_way_and_leaves_its_figures(tmp_path: Path) -> None:
    (tmp_path / "wav").mkdir()
    clip = "03-01-05-02-02-01-07"
    write_pcm16(tmp_path / "wav" / f"{clip}.wav", synthesize(clip), sample_rate=SAMPLE_RATE)
    case = once.case_of("features", "ours_1", str(tmp_path / "wav"), folder=tmp_path)
    (run,) = run_rounds([case], rounds=1, tell=print, warm_up=False)["ours_1"]["runs"]
    assert min(run["wall_s"], run["peak_bytes"], run["clip_ms"], run["clip_cpu_ms"]) > 0


@pytest.mark.parametrize("network", training.TIMED_EPOCHS)
def test_a_training_case_names_its_network_and_what_is_changed(network: str) -> None:
    for name, variant in training.VARIANTS.items():
        assert training._split(f"{network}_{name}") == (network, variant)


def test_training_without_results_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run make repro there"):
        training.subject(tmp_path, workspace=tmp_path, rounds=1)
    with pytest.raises(InputError, match="run make repro there"):
        lighter.subject(tmp_path, workspace=tmp_path)


def test_each_change_of_the_rebuilding_changes_its_parameter(tmp_path: Path) -> None:
    recordings = tmp_path / "workspace" / "data" / "raw"
    with pytest.raises(InputError, match="run make repro there"):
        rebuild.subject(tmp_path, workspace=tmp_path / "workspace")
    recordings.mkdir(parents=True)
    subject = rebuild.subject(tmp_path, workspace=tmp_path / "workspace")
    assert {f"`{key}` changed, s" for key in rebuild.CHANGES} <= {it.heading for it in subject.columns}
    before = load_params(PROJECT / "params.yaml")
    path = tmp_path / "params.yaml"
    shutil.copy(PROJECT / "params.yaml", path)
    for key, other in rebuild.CHANGES.items():
        value = operator.attrgetter(key)
        assert value(before) != other
        rebuild.change_param(path, key, other)
        assert value(load_params(path)) == other


@pytest.mark.skipif(not (PROJECT / ".git").exists(), reason="needs git's history")
def test_an_earlier_commit_is_run_from_nothing(tmp_path: Path) -> None:
    rebuild.check_out("HEAD", tmp_path / "then", recordings=tmp_path)
    assert (tmp_path / "then" / "dvc.yaml").exists()
    assert [path.parent.name for path in (tmp_path / "then").rglob("dvc.*")] == ["then"]
    assert (tmp_path / "then" / "corpus").samefile(tmp_path)
    now, then = (load_params(folder / "params.yaml") for folder in (PROJECT, tmp_path / "then"))
    assert then.train_cnn == now.train_cnn
    (tmp_path / "data" / "raw").mkdir(parents=True)
    with pytest.raises(InputError, match="--before never"):
        rebuild.subject(tmp_path, workspace=tmp_path, before="never")


def test_the_growing_corpus_has_a_clip_an_actor_and_every_emotion() -> None:
    assert len({clip[-2:] for clip in scale._BASE}) == 24
    assert len(set(scale._BASE)) == 72
    assert len({clip[6:8] for clip in scale._BASE}) == 8


HOLDING = """
import json, subprocess, sys, time
import numpy as np
from benchmarks.own_memory import OwnMemory

peaks = []
with OwnMemory() as memory:
    held = np.memmap(sys.argv[1], mode="r")
    held.sum()
    time.sleep(0.3)
peaks.append(memory.peak_bytes)
with OwnMemory() as memory:
    held = np.ones(2**26, dtype=np.uint8)
    time.sleep(0.3)
peaks.append(memory.peak_bytes)
del held
with OwnMemory() as memory:
    subprocess.run([sys.executable, "-c", "import time; held = b'x' * 2**27; time.sleep(0.5)"], check=True)
peaks.append(memory.peak_bytes)
print(json.dumps(peaks))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_own_memory_is_what_is_allocated_and_not_what_is_mapped(tmp_path: Path) -> None:
    np.zeros(2**26, dtype=np.uint8).tofile(tmp_path / "zeros")
    # In a process of its own: workers of other tests may still be there, and larger.
    done = subprocess.run(
        [sys.executable, "-c", HOLDING, str(tmp_path / "zeros")],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        check=True,
    )
    mapped, allocated, of_child = json.loads(done.stdout)
    assert 0 < mapped < allocated - 2**25
    assert of_child > 2**27


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A pipeline of one stage that tells the seed of `evaluate`, run; and another that never was."""
    folder = tmp_path / "a workspace"
    (folder / "elsewhere").mkdir(parents=True)
    (folder / "params.yaml").write_text("evaluate: {bootstrap_seed: 3}\n", encoding="utf-8")
    stage = {
        "cmd": "cp params.yaml told.txt && echo run >> runs.txt",
        "params": ["evaluate.bootstrap_seed"],
        "outs": [{"told.txt": {"persist": True}}],
    }
    (folder / "dvc.yaml").write_text(json.dumps({"stages": {"tell": stage}}), encoding="utf-8")
    never = "stages: {never: {cmd: exit 1, outs: [nothing.txt]}}\n"
    (folder / "elsewhere/dvc.yaml").write_text(never, encoding="utf-8")
    for arguments in (("init", "--no-scm", "--quiet"), ("repro", "--quiet", "dvc.yaml")):
        subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=folder, check=True)
    return folder


def test_only_the_roots_pipeline_must_have_been_run(workspace: Path, tmp_path: Path) -> None:
    subject = whole.subject(tmp_path, workspace=workspace, rounds=1, nkululeko=None)
    assert subject.titles.keys() == {case.name for case in subject.cases}


def test_a_changed_parameter_runs_what_reads_it(workspace: Path) -> None:
    rebuild.change_param(workspace / "params.yaml", "evaluate.bootstrap_seed", 4)
    assert rebuild.timed_repro(workspace, "dvc.yaml") > 0
    assert "4" in (workspace / "told.txt").read_text()
    assert (workspace / "runs.txt").read_text().split() == ["run"] * 2
    with pytest.raises(InputError, match="dvc repro failed"):
        rebuild.timed_repro(workspace, "elsewhere/dvc.yaml")


def test_a_workspace_that_is_not_up_to_date_is_refused(workspace: Path, tmp_path: Path) -> None:
    (workspace / "params.yaml").write_text("evaluate: {bootstrap_seed: 4}\n", encoding="utf-8")
    with pytest.raises(InputError, match="run make repro there"):
        whole.subject(tmp_path, workspace=workspace, rounds=1, nkululeko=None)


def test_of_nkululekos_network_the_last_epoch_counts(tmp_path: Path) -> None:
    results = tmp_path / "run" / "results" / "run_0"
    results.mkdir(parents=True)
    figures = tmp_path / "figures.json"
    last = {"angry": {"recall": 0.9}, "accuracy": 0.5, "macro avg": {"precision": 0.2, "recall": 0.25}}
    (results / "cnn_BEST-dev_0_001.txt").write_text('{"macro avg": {"precision": 0.7, "recall": 0.75}}')
    (results / "cnn_conf.txt").write_text("Confusion matrix result for epoch: 1, UAR: 0.750, ACC: 0.750")
    (results / "cnn_last_0_004.txt").write_text(json.dumps(last) + "\nfrom epoch: 4")
    nkululeko_fold._read_score(tmp_path, figures, of="_last_")()
    assert json.loads(figures.read_text()) == {"uar": 0.25}
    # Its features are gone, which the next run would find.
    assert not (tmp_path / "run").exists()
    results.mkdir(parents=True)
    (results / "svm_conf.txt").write_text("Confusion matrix result for epoch: 0, UAR: 0.431, ACC: 0.440")
    nkululeko_fold._read_score(tmp_path, figures)()
    assert json.loads(figures.read_text()) == {"uar": 0.431}
    with pytest.raises(InputError, match="reported no UAR"):
        nkululeko_fold._read_score(tmp_path, figures)()


def test_nkululeko_gets_every_clip_on_its_side(tmp_path: Path) -> None:
    clips = pd.DataFrame({"clip": ["a", "b"], "emotion": ["calm", "sad"], "actor": [1, 2]})
    clips = clips.assign(path=[f"data/raw/{clip}.wav" for clip in clips["clip"]], gender="male")
    split = pd.DataFrame({"fold": [0, 0, 1], "clip": ["a", "b", "a"], "role": ["test", "train", "train"]})
    (tmp_path / "data/splits").mkdir(parents=True)
    (tmp_path / "data/raw").mkdir()
    clips.to_parquet(tmp_path / "data/clips.parquet")
    split.to_parquet(tmp_path / "data/splits/luna5.parquet")
    for clip in clips["clip"]:
        write_pcm16(tmp_path / f"data/raw/{clip}.wav", np.ones(4800, np.int16), sample_rate=SAMPLE_RATE)
    cases = nkululeko_fold.cases(tmp_path / "fold", workspace=tmp_path, python=Path("python"))
    assert {case.name for case in cases} == nkululeko_fold.TITLES.keys()
    for model, rate in (("svm", SAMPLE_RATE), ("cnn", 16_000)):
        work = tmp_path / "fold" / model
        settings = ConfigParser()
        settings.read(work / "fold.ini")
        assert settings["MODEL"]["type"] == model
        for side, clip in (("test", "a"), ("train", "b")):
            (row,) = pd.read_csv(settings["DATA"][side]).to_dict("records")
            assert (Path(row["file"]).stem, row["emotion"]) == (
                clip,
                clips.set_index("clip")["emotion"][clip],
            )
            assert soundfile.info(row["file"]).samplerate == rate
