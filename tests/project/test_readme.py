"""The README fits a page, its script runs, and what it quotes is what the model and the metrics say."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ser.data.predictions import PROBABILITIES
from ser.data.protocols import LUNA5, split_by_actor
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from tools.check_current import ask_dvc

PROJECT = Path(__file__).resolve().parents[2]
README = PROJECT / "README.md"
HEADINGS = (
    "Quick start",
    "Results at a glance",
    "Why random-split numbers are too good",
    "The pipeline",
    "Rebuild, change one thing, compare",
    "Recognise a recording",
    "Compare your own model",
    "Limits",
    "Experiments",
    "Layout",
    "Contributing",
    "Licence and citation",
)
RECORDINGS = Path(os.environ.get("RAVDESS_DIR") or PROJECT.parent / "shared" / "ravdess")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def code_blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def section(heading: str) -> str:
    return re.split(r"^## ", read(README), flags=re.MULTILINE)[1 + HEADINGS.index(heading)]


def test_the_readme_fits_a_page() -> None:
    text = read(README)
    assert len(text.splitlines()) <= 250
    assert len(text.split()) <= 2500


def test_the_sections_stand_in_their_order() -> None:
    assert tuple(re.findall(r"^## (.+)$", read(README), flags=re.MULTILINE)) == HEADINGS


def test_the_first_screen_has_doors_start_output_and_warning() -> None:
    screen = "\n".join(read(README).splitlines()[:40])
    assert all(f"**{door}**" in screen for door in ("use", "copy", "compare"))
    for needed in ("make install", "ser predict", "angry 88%", "no commercial use", "acted speech"):
        assert needed in screen


def test_the_index_has_every_page_of_docs() -> None:
    index = read(PROJECT / "docs" / "README.md")
    linked = {(PROJECT / "docs" / target).resolve() for target in re.findall(r"\]\(([^)#\s]+)", index)}
    # The results have an index of their own.
    expected = {
        path
        for path in (PROJECT / "docs").glob("*.md")
        if path.name not in ("README.md", "package_readme.md")
    }
    assert expected <= linked
    assert PROJECT / "docs" / "results" / "README.md" in linked


def test_every_experiment_has_a_line() -> None:
    folders = {path.parent.name for path in (PROJECT / "experiments").glob("*/README.md")}
    assert (
        set(re.findall(r"^\| \[(\w+)\]\(experiments/\1\)", section("Experiments"), flags=re.MULTILINE))
        == folders
    )


def test_the_score_to_cite_is_the_committed_one() -> None:
    best = json.loads(read(PROJECT / "metrics" / "luna5" / "fused_transfer.json"))
    figures = [f"{100 * best[key]:.1f}" for key in ("uar", "uar_low", "uar_high")]
    cited = " ".join(section("Licence and citation").split())
    assert f"UAR {figures[0]} % (95 % interval over actors {figures[1]} to {figures[2]};" in cited


def write_predictions(tmp_path: Path) -> pd.DataFrame:
    """Write labels, folds, and predictions of a model `mine` that has every second emotion right."""
    clips = pd.DataFrame([vars(parse_clip(clip)) for clip in all_clips()])
    split = split_by_actor(clips, LUNA5)
    for folder in ("data/splits", "data"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    clips.to_parquet(tmp_path / "data/clips.parquet")
    split.to_parquet(tmp_path / "data/splits/luna5.parquet")
    tested = split[split["role"] == "test"].merge(clips[["clip", "emotion"]], on="clip")
    labels = tested["emotion"].map(EMOTIONS.index).to_numpy()
    probabilities = np.eye(8)[np.where(labels % 2 == 0, labels, labels - 1)]
    table = tested[["fold", "clip"]].assign(protocol="luna5", model="mine", seed=0)
    table[list(PROBABILITIES)] = probabilities
    table.to_parquet(tmp_path / "predictions.parquet")
    return table


def test_the_readmes_script_scores_predictions(tmp_path: Path) -> None:
    """The recall is 1 for the emotions that are right and 0 for the others."""
    table = write_predictions(tmp_path)
    (script, *_) = code_blocks(section("Compare your own model"), "python")
    done = run_python(script, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "'mine': {'uar': 0.5," in done.stdout

    table[1:].to_parquet(tmp_path / "predictions.parquet")
    refused = run_python(script, tmp_path)
    assert refused.returncode
    assert "not tested where the split has them: 1" in refused.stderr


def test_the_pages_script_compares_with_our_predictions(tmp_path: Path) -> None:
    """Half of the emotions right are 0.5 less than all of them right, whichever actors are drawn."""
    table = write_predictions(tmp_path)
    actual = table["clip"].str[6:8].astype(int).to_numpy() - 1
    ours = table.assign(model="fused_transfer")
    ours[list(PROBABILITIES)] = np.eye(8)[actual]
    (tmp_path / "data/predictions").mkdir()
    ours.to_parquet(tmp_path / "data/predictions/fused.parquet")
    page = read(PROJECT / "docs" / "protocols.md").split("## Compare your own model")[1]
    (script,) = code_blocks(page, "python")
    done = run_python(script, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "{'uar': -0.5, 'low': -0.5, 'high': -0.5}\n"


def run_python(script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_quoted_difference_is_what_dvc_prints() -> None:
    (block,) = re.findall(
        r"^```\n(\$ dvc metrics diff .*?)^```$", read(README), flags=re.DOTALL | re.MULTILINE
    )
    command, *quoted = block.splitlines()
    match = re.fullmatch(r"\$ dvc metrics diff (\w+) \| grep -E \"(.*)\"", command)
    assert match
    known = subprocess.run(["git", "cat-file", "-e", f"{match[1]}^{{commit}}"], cwd=PROJECT, check=False)
    if known.returncode:
        pytest.skip("a clone without that commit")
    printed = ask_dvc(PROJECT, "metrics", "diff", match[1]).stdout.splitlines()
    # The columns are as wide as all rows need, those that grep leaves out, too; DVC 3.67 sorts no rows, and
    # their order differs between clones.
    kept = [line.split() for line in printed if re.search(match[2], line)]
    assert sorted(kept) == sorted(line.split() for line in quoted)


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="needs a folder of RAVDESS")
def test_the_quoted_answers_are_the_models(tmp_path: Path) -> None:
    import soundfile

    def clip(emotion: str) -> Path:
        (found,) = RECORDINGS.glob(f"**/03-01-{emotion}-01-01-01-05.*")
        return found

    signals = [soundfile.read(clip(emotion), dtype="int16") for emotion in ("02", "03", "05", "08")]
    soundfile.write(tmp_path / "call.wav", np.concatenate([signal for signal, _ in signals]), signals[0][1])
    soundfile.write(tmp_path / "angry.wav", *signals[2])
    command = [sys.executable, "-m", "ser.cli", "predict"]
    for name, heading in (("call.wav", "Recognise a recording"), ("angry.wav", "Quick start")):
        done = subprocess.run(
            [*command, name],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout in section(heading)
