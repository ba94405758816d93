"""What stages read: from where other stages write it, and with a message where that cannot be."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ser.data.fold import Array, Fold
from ser.data.protocols import LUNA5, split_by_actor
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.errors import InputError
from ser.files import write_csv
from ser.models.classical import Refit, model_and_grid
from ser.params import load_params
from stages.inputs import read_chosen, read_features, read_folds, read_split

PROJECT = Path(__file__).parents[2]
NAMES = [name for name in all_clips() if name[12:17] == "01-01"]
CLIPS = pd.DataFrame([vars(parse_clip(name)) for name in NAMES])
SPLIT = split_by_actor(CLIPS, LUNA5)
CLEAN: Array = np.arange(3 * len(CLIPS), dtype=np.float32).reshape(len(CLIPS), 3)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for variant in ("clean", "noise"):
        (tmp_path / "data/features" / variant).mkdir(parents=True)
        np.save(tmp_path / "data/features" / variant / "contour.npy", CLEAN)
    (tmp_path / "data/splits").mkdir()
    CLIPS.to_parquet("data/clips.parquet")
    SPLIT.to_parquet("data/splits/luna5.parquet")
    return tmp_path


@pytest.mark.usefixtures("project")
def test_features_and_splits_are_read_from_where_the_stages_write_them() -> None:
    clean, noise = read_features("contour", ["clean", "noise"])
    np.testing.assert_array_equal(clean, CLEAN)
    np.testing.assert_array_equal(noise, CLEAN)
    clips, split = read_split("luna5")
    assert clips["clip"].tolist() == NAMES
    pd.testing.assert_frame_equal(split, SPLIT)
    read = read_folds("luna5", "contour", ("clean", "noise"))
    assert [set(fold.test["actor"]) for fold in read] == [set(fold.test) for fold in LUNA5]
    np.testing.assert_array_equal(read[0].training().x[0], CLEAN[read[0].train.index[0]])


SPOILED: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "no array": lambda path: path.write_text("these are not features"),
    "pickle": lambda path: np.save(path, np.array([{}]), allow_pickle=True),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_features_that_cannot_be_read_name_the_stage_to_run(
    project: Path, spoil: Callable[[Path], object]
) -> None:
    spoil(project / "data/features/noise/contour.npy")
    with pytest.raises(InputError, match=r"features cannot be read .*; run the stage extract"):
        read_features("contour", ["clean", "noise"])


@pytest.mark.parametrize("lost", ["data/clips.parquet", "data/splits/luna5.parquet"])
def test_a_missing_table_is_named(project: Path, lost: str) -> None:
    (project / lost).unlink()
    with pytest.raises(InputError, match=f"{lost}: no such file"):
        read_split("luna5")


def test_a_split_without_roles_is_named(project: Path) -> None:
    SPLIT.drop(columns="role").to_parquet(project / "data/splits/luna5.parquet")
    with pytest.raises(InputError, match=r"luna5\.parquet: lacks the columns role"):
        read_split("luna5")


def test_a_model_is_fitted_again_as_its_search_fitted_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(0)
    clips = pd.DataFrame({"clip": ["a"] * 64, "actor": 0, "emotion": [*EMOTIONS] * 8})
    x = draw.normal(size=(64, 3, 5)).astype(np.float32)
    fold = Fold(0, clips, clips[:0], clips[:0], [x])
    trials = pd.DataFrame(
        {
            "model": ["encoder_lda", "encoder_lda", "other"],
            "fold": [0, 0, 0],
            "parameters": ["layer=1 shrinkage=0.5", "layer=3 shrinkage=0.25", "C=1"],
            "inner_uar": 0.5,
            "chosen": [False, True, True],
        }
    )
    write_csv("metrics/search/baselines_transfer.csv", trials)
    points = read_chosen("transfer", "encoder_lda")
    assert points == {0: {"layer": 3.0, "shrinkage": 0.25}}
    grids = load_params(PROJECT / "params.yaml").train_baselines.transfer
    part = fold.training()
    again = Refit("encoder_lda", grids, points).fit(fold).predict(part)
    model, _ = model_and_grid("encoder_lda", grids=grids, n_layers=3)
    model.set_params(layerchoice__layer=3, shrinkagelda__shrinkage=0.25)
    np.testing.assert_array_equal(again, model.fit(part.x, part.y).predict_proba(part.x))

    with pytest.raises(InputError, match=r"has no lda; run the stage train_baselines"):
        read_chosen("transfer", "lda")
    write_csv("metrics/search/baselines_transfer.csv", trials.assign(parameters="layer 3"))
    with pytest.raises(InputError, match=r"baselines_transfer\.csv: cannot be read"):
        read_chosen("transfer", "encoder_lda")
