"""Late fusion: clip by clip, whatever the order of the tables."""

import numpy as np
import pandas as pd
import pytest

from ser.data.predictions import COLUMNS, PROBABILITIES
from ser.errors import InputError
from ser.evaluation.fusion import mean_of

CLIPS = [f"clip{number}" for number in range(12)]


def predictions(model: str, *, seeds: list[int], draw: int) -> pd.DataFrame:
    tables = []
    for seed in seeds:
        shares = np.random.default_rng([draw, seed]).dirichlet(np.ones(8), len(CLIPS))
        table = pd.DataFrame(shares, columns=list(PROBABILITIES))
        table = table.assign(protocol="luna5", model=model, seed=seed, fold=np.arange(len(CLIPS)) % 3)
        tables.append(table.assign(clip=CLIPS))
    return pd.concat(tables, ignore_index=True)[list(COLUMNS)]


NETWORK = predictions("network", seeds=[0, 1], draw=0)
OTHER = predictions("other", seeds=[0], draw=1)


def test_each_seed_is_averaged_with_the_other_clip_by_clip() -> None:
    fused = mean_of(NETWORK, OTHER.sample(frac=1, random_state=0), model="both")
    assert set(fused["model"]) == {"both"}
    pd.testing.assert_frame_equal(fused[["seed", "fold", "clip"]], NETWORK[["seed", "fold", "clip"]])
    columns = list(PROBABILITIES)
    for _, rows in fused.groupby("seed"):
        seed = NETWORK.loc[rows.index, columns].to_numpy()
        np.testing.assert_allclose(rows[columns], (seed + OTHER[columns].to_numpy()) / 2)
    np.testing.assert_allclose(fused[columns].sum(axis=1), 1)


@pytest.mark.parametrize(
    "other",
    [OTHER[1:], OTHER.assign(fold=0), OTHER.assign(clip="another"), NETWORK],
    ids=["lacking", "fold", "clip", "seeds"],
)
def test_models_of_other_clips_or_folds_are_refused(other: pd.DataFrame) -> None:
    with pytest.raises((InputError, pd.errors.MergeError)):
        mean_of(NETWORK, other, model="both")
