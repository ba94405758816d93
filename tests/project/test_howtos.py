"""The how-tos in docs/ are true: their changes apply to the code, which then does what they say."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from ser.audio.clip_io import sha256_of
from ser.data.ravdess import EMOTIONS, ManifestEntry, all_clips, parse_clip, read_manifest

PROJECT = Path(__file__).resolve().parents[2]
PAGES = ("add_a_model", "add_an_augmentation", "add_a_protocol", "add_a_stage", "score_another_corpus")
COPIED = (
    "ser",
    "stages",
    "experiments",
    "tools",
    "tests",
    "dvc.yaml",
    "params.yaml",
    "pyproject.toml",
    "conftest.py",
    "Makefile",
)


def page(name: str) -> str:
    return (PROJECT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def git_apply(name: str, project: Path, *options: str) -> None:
    """Apply the diff of a page as a reader does: ``git apply`` in the project's root."""
    (diff,) = blocks(page(name), "diff")
    done = subprocess.run(
        ["git", "apply", *options, "-"], cwd=project, input=diff, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"docs/{name}.md: {done.stderr}"


def run(project: Path, *command: str, folder: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder or project,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_data(project: Path) -> None:
    """Every clip, with features that tell half of its emotions."""
    clips = pd.DataFrame([vars(parse_clip(name)) for name in all_clips()])
    (project / "data/features/clean").mkdir(parents=True)
    clips.to_parquet(project / "data/clips.parquet")
    generator = np.random.default_rng(0)
    features = generator.standard_normal((len(clips), 10)).astype(np.float32)
    told = clips["emotion"].map(EMOTIONS.index).to_numpy()
    features[:, :4] += 8 * np.eye(8, dtype=np.float32)[told][:, :4]
    np.save(project / "data/features/clean/functionals.npy", features)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code with the changes of all pages."""
    folder = tmp_path_factory.mktemp("changed")
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "bundle"))
        else:
            shutil.copy(source, folder / name)
    # A folder that git knows, or git apply takes the paths to be those of a repository above it.
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    for name in PAGES:
        git_apply(name, folder)
    return folder


@pytest.mark.parametrize("name", PAGES)
def test_the_diff_applies_by_itself(name: str) -> None:
    git_apply(name, PROJECT, "--check")


@pytest.mark.parametrize("name", ["add_a_model", "add_an_augmentation", "score_another_corpus"])
def test_the_snippet_runs(name: str, project: Path) -> None:
    for snippet in blocks(page(name), "python"):
        assert "assert" in snippet
        run(project, "-c", snippet)


def test_the_script_scores_the_new_protocol(project: Path) -> None:
    write_data(project)
    run(project, "-m", "stages.split")
    (script,) = blocks(page("add_a_protocol"), "python")
    told = run(project, "-c", script)
    match = re.fullmatch(r"UAR (0\.\d+), 95 % interval (0\.\d+) to (0\.\d+)\n", told)
    assert match, told
    uar, low, high = map(float, match.groups())
    # Four emotions are told apart, the others guessed among each other.
    assert 0.55 < low < uar < high < 0.72


def test_the_new_stage_runs(project: Path, tmp_path: Path) -> None:
    clips = pd.DataFrame({"emotion": ["calm", "sad", "calm"], "duration_s": [3.0, 4.5, 5.0]})
    (tmp_path / "data").mkdir()
    clips.to_parquet(tmp_path / "data/clips.parquet")
    run(project, "-m", "stages.durations", folder=tmp_path)
    found = json.loads((tmp_path / "metrics/durations.json").read_text(encoding="utf-8"))
    assert found == {"calm": 4.0, "sad": 4.5}
    for part in ("Reads ", "Writes "):
        assert part in run(project, "-m", "stages.durations", "--help")
    assert '"durations"' in (project / "tools/pages/dag.py").read_text(encoding="utf-8")


def test_the_manifest_is_that_of_the_recordings(tmp_path: Path) -> None:
    clip = "03-01-06-01-02-01-12"
    samples = np.random.default_rng(0).integers(-9000, 9000, 48_000).astype(np.int16)
    (tmp_path / "recordings/Actor_12").mkdir(parents=True)
    soundfile.write(tmp_path / f"recordings/Actor_12/{clip}.wav", samples, 48_000, subtype="PCM_16")
    (script,) = blocks(page("copy_the_pipeline"), "python")
    run(PROJECT, "-c", script, folder=tmp_path)
    manifest = read_manifest(tmp_path / "manifest.csv")
    assert manifest == {clip: ManifestEntry(frames=48_000, sha256=sha256_of(samples))}


def test_dvc_yaml_is_as_the_tests_want_it(project: Path) -> None:
    run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/stages/test_dvc_yaml.py")


def test_the_tests_of_the_models_hold_for_the_new_one(project: Path) -> None:
    searched = "test_the_searched_baselines_predict_each_fold_by_models_of_the_others"
    tests = ("tests/models/test_classical.py", f"tests/stages/test_training_stages.py::{searched}")
    # Those of the other models are run anyway.
    chosen = ("-k", f"extra_trees or {searched}")
    told = run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen, *tests)
    assert int(re.findall(r"(\d+) passed", told)[0]) > 5


def test_commands_exist(project: Path) -> None:
    stages = (project / "dvc.yaml").read_text(encoding="utf-8")
    makefile = (project / "Makefile").read_text(encoding="utf-8")
    text = "\n".join(map(page, PAGES))
    repro = re.findall(r"dvc repro ((?:[a-z_]+(?:@\w+)?(?![\w/]) ?)+)", text)
    targets = [target for line in repro for target in line.split() if target not in ("makes", "writes")]
    assert {"extract@clean", "extract@louder", "split"} <= set(targets)
    for target in targets:
        stage, _, cell = target.partition("@")
        assert re.search(rf"^  {stage}:$", stages, flags=re.MULTILINE), target
        assert cell in stages
    for target in re.findall(r"^make ([\w-]+)", text, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_short_and_names_what_exists(name: str, project: Path) -> None:
    text = page(name)
    assert len(re.sub(r"^```diff.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE).splitlines()) <= 60
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    for path in re.findall(r"`((?:ser|stages|experiments|tests|tools)/[\w/]+\.py)`", prose):
        assert (project / path).is_file(), path
    code = "".join(path.read_text(encoding="utf-8") for path in project.glob("[st]*/**/*.py"))
    for symbol in re.findall(r"`([A-Za-z_]{4,})`", prose):
        assert symbol in code or symbol in (project / "dvc.yaml").read_text(encoding="utf-8"), symbol
