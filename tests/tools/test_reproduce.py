"""Reproducing committed results: what can be tested without the recordings."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ser.data.predictions import PROBABILITIES
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.errors import InputError
from ser.evaluation import scores
from ser.files import write_csv
from ser.params import load_params
from tools import compare_metrics, demo, reproduce


def test_targets_are_stages_of_the_pipeline() -> None:
    listing = subprocess.run(
        [sys.executable, "-m", "dvc", "stage", "list", "--name-only"],
        cwd=demo.PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(reproduce.TARGETS) <= set(listing.stdout.split())


def test_folds_are_scored_by_themselves(tmp_path: Path) -> None:
    """Two actors: every clip of actor 1 is right; of actor 2 all are taken for neutral."""
    clips = pd.DataFrame([vars(parse_clip(name)) for name in all_clips() if name[-2:] in ("01", "02")])
    truth = clips["emotion"].map(EMOTIONS.index).to_numpy()
    predicted = np.where(clips["actor"] == 1, truth, 0)
    predictions = pd.DataFrame(np.eye(len(EMOTIONS))[predicted], columns=list(PROBABILITIES))
    predictions = predictions.assign(
        protocol="luna5", model="lda", seed=0, fold=clips["actor"] - 1, clip=clips["clip"]
    )
    other = predictions.assign(protocol="article")
    table = scores.score_folds(pd.concat([predictions, other]), clips)
    assert table.to_numpy().tolist() == [["lda", 0, 0, 60, 1.0, 1.0], ["lda", 0, 1, 60, 0.125, 0.0667]]

    write_csv(tmp_path / "luna5_folds.csv", table)
    figures = compare_metrics.read_figures(tmp_path)
    assert figures[compare_metrics.Key("luna5 fold 1 seed 0", "lda", "accuracy")] == (0.0667, 0.0, 60)


def test_only_outputs_without_computed_floats_must_be_the_same_everywhere(tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").write_text(
        "schema: '2.0'\n"
        "stages:\n"
        "  split@loso:\n    outs: [{path: data/splits/loso.parquet, md5: aa}]\n"
        "  extract@clean:\n    outs: [{path: data/features/clean, md5: bb}]\n"
    )
    assert reproduce.locked_outputs(tmp_path) == {"data/splits/loso.parquet": "aa"}


def test_one_seed_of_the_network_is_trained_and_one_kind_of_copies_made(tmp_path: Path) -> None:
    before = load_params(demo.PROJECT / "params.yaml")
    shutil.copy(demo.PROJECT / "params.yaml", tmp_path)
    reproduce.do_less(tmp_path)
    after = load_params(tmp_path / "params.yaml")
    assert after.train_cnn.logmel.seeds == before.train_cnn.logmel.seeds[:1] == [0]
    kept = after.train_cnn.logmel.model_copy(update={"seeds": before.train_cnn.logmel.seeds})
    assert kept == before.train_cnn.logmel
    assert list(after.encode_layers.copies.items()) == [("noise", before.encode_layers.copies["noise"])]
    others = {"train_cnn": before.train_cnn, "encode_layers": before.encode_layers}
    assert after.model_copy(update=others) == before


def test_a_lock_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no results are committed"):
        reproduce.locked_outputs(tmp_path)


def test_the_clone_holds_what_is_committed_and_spares_other_files(tmp_path: Path) -> None:
    project, folder = tmp_path / "project", tmp_path / "clone"
    project.mkdir()
    (project / "a.txt").write_text("committed")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "-m", "a"]):
        subprocess.run(["git", *arguments], cwd=project, check=True)
    (project / "a.txt").write_text("changed")
    reproduce.clone(project, folder)
    assert (folder / "a.txt").read_text() == "committed"
    with pytest.raises(InputError, match="not empty"):
        reproduce.clone(project, folder)


@pytest.mark.parametrize("recordings", ["", "nowhere"])
def test_the_recordings_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recordings: str) -> None:
    monkeypatch.setenv("RAVDESS_DIR", recordings and str(tmp_path / recordings))
    monkeypatch.setattr(sys, "argv", ["reproduce", "--folder", str(tmp_path / "clone")])
    with pytest.raises(InputError, match="RAVDESS_DIR"):
        reproduce.main()
    assert not (tmp_path / "clone").exists()
