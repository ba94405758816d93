"""The mean of Whisper's LDAs and the models from scratch, and by how much one model beats another."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.differences import uar_difference
from ser.files import write_parquet
from ser.protocols import EMOBOX6, LUNA5, split_by_actor
from ser.ravdess import EMOTIONS, all_clips, parse_clip
from ser.scores import COLUMNS, PROBABILITIES, Tally, tally, uar
from stages import command, fuse_whisper

PARAMS = Path(__file__).parents[1] / "params.yaml"
FOLDS = {"luna5": LUNA5, "emobox6": EMOBOX6}
FEW = [name for name in all_clips() if name[12:17] == "01-01" and name[9:11] == "01"]


def guesses(split: pd.DataFrame, protocol: str, model: str, seed: int, sure: float) -> pd.DataFrame:
    """Predict every tested clip, the better the surer."""
    tested = split[split["role"] == "test"]
    draw = np.random.default_rng([seed, len(model)])
    probabilities = draw.dirichlet(np.ones(8), len(tested))
    own = tested["clip"].map(lambda clip: EMOTIONS.index(parse_clip(clip).emotion)).to_numpy()
    probabilities = (1 - sure) * probabilities + sure * np.eye(8)[own]
    table = pd.DataFrame(probabilities, columns=list(PROBABILITIES))
    places = tested[["fold", "clip"]].reset_index(drop=True)
    return pd.concat([places, table], axis=1).assign(protocol=protocol, model=model, seed=seed)[list(COLUMNS)]


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    monkeypatch.chdir(tmp_path)
    params = yaml.safe_load(PARAMS.read_text())
    params["evaluate"]["bootstrap_samples"] = 100
    Path("params.yaml").write_text(yaml.safe_dump(params))
    table = pd.DataFrame([vars(parse_clip(name)) for name in FEW])
    write_parquet("data/clips.parquet", table)
    pretrained, scratch = [], []
    for protocol, folds in FOLDS.items():
        split = split_by_actor(table, folds)
        write_parquet(f"data/splits/{protocol}.parquet", split)
        pretrained += [guesses(split, protocol, model, 0, 0.3) for model in ("encoders_lda", "whisper_lda")]
        scratch += [guesses(split, protocol, "aligned_fused", seed, 0.2) for seed in (0, 1)]
    write_parquet("data/predictions/whisper.parquet", pd.concat(pretrained))
    write_parquet("data/aligned/fused.parquet", pd.concat(scratch))
    return table


def run() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["fuse_whisper"])
        command.run(fuse_whisper.main)


def test_both_weigh_the_same_and_the_gain_is_that_of_the_tables(clips: pd.DataFrame) -> None:
    run()
    fused = pd.read_parquet("data/predictions/whisper_fused.parquet")
    assert len(fused) == 2 * 2 * len(FEW)
    single = pd.read_parquet("data/predictions/whisper.parquet").query("model == 'encoders_lda'")
    seeded = pd.read_parquet("data/aligned/fused.parquet")
    keys = ["protocol", "fold", "clip"]
    together = fused.merge(single, on=keys, suffixes=("", "_single"))
    together = together.merge(seeded, on=[*keys, "seed"], suffixes=("", "_seeded"))
    assert len(together) == len(fused)
    for name in PROBABILITIES:
        mean = (together[f"{name}_single"] + together[f"{name}_seeded"]) / 2
        assert together[name].to_numpy() == pytest.approx(mean.to_numpy())
    written = json.loads(Path("metrics/whisper_fused.json").read_text())
    for protocol in FOLDS:
        of = {
            name: uar(tally(table[table["protocol"] == protocol], clips).pooled).mean()
            for name, table in (("fused", fused), ("single", single))
        }
        found = written[protocol]
        assert found["uar"] == pytest.approx(of["fused"], abs=1e-4)
        assert found["adds"]["uar"] == pytest.approx(of["fused"] - of["single"], abs=1e-4)
        assert found["adds"]["low"] <= found["adds"]["uar"] <= found["adds"]["high"]


@pytest.mark.usefixtures("clips")
def test_models_of_other_clips_are_refused_and_nothing_is_written() -> None:
    table = pd.read_parquet("data/predictions/whisper.parquet")
    write_parquet("data/predictions/whisper.parquet", table[table["clip"] != FEW[0]])
    with pytest.raises(SystemExit, match=r"do not predict the same clips"):
        run()
    assert not Path("metrics/whisper_fused.json").exists()


COUNTS = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).integers(1, 9, (3, 4, 8, 8), dtype=np.int64)
)


@settings(max_examples=25)
@given(COUNTS, COUNTS, st.integers(1, 3), st.integers(1, 3))
def test_a_difference_is_of_means_over_seeds_and_turns_with_its_sides(
    one: np.ndarray, other: np.ndarray, seeds: int, other_seeds: int
) -> None:
    more, less = (
        Tally(tuple(range(n)), (1, 2, 3, 4), ("male",) * 4, counts[:n])
        for n, counts in ((seeds, one), (other_seeds, other))
    )
    there, back = (uar_difference(*it, samples=50, seed=0) for it in ((more, less), (less, more)))
    assert there["uar"] == pytest.approx(uar(more.pooled).mean() - uar(less.pooled).mean(), abs=1e-4)
    assert there["uar"] == pytest.approx(-back["uar"])
    assert there["low"] == pytest.approx(-back["high"], abs=2e-4)
    itself = uar_difference(more, more, samples=50, seed=0)
    assert itself == {"uar": 0, "low": 0, "high": 0}
