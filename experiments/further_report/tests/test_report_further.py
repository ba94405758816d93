"""The further report says what the further pipelines' metrics say, all of it, and is whole by itself."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from full_disk import check_full_disk
from html_pages import CHROMIUM, Page, assert_painted_light_and_dark, measure
from matplotlib.figure import Figure
from stage_runs import run_in

from experiments.further_report import report as stage
from experiments.further_report.protocols import EMOBOX_UAR
from experiments.further_report.results import FIGURES, read_further_figures, read_further_results
from experiments.ladder.figures import LEAK_NAMES, LEAKY_MODELS
from experiments.ladder.recipes import RUNGS
from experiments.ladder.scores import Pair, Rung, Worth
from experiments.robustness.scores import MODELS, PAIRS
from ser.errors import InputError
from ser.figures.style import save
from ser.files import write_json

PARAMS = Path(__file__).parents[3] / "params.yaml"
METRICS = ("ladder", "enrolled", "robustness", "protocols/emobox6", "protocols/loso", "protocols/article")
FINAL = ("fused_transfer", "encoder_lda_augmented", "logmel_cnn")
CONDITIONS = ("clean", "white_20", "white_0", "babble_5", "telephone", "level_20_clipped", "start_1")
DAMAGE: dict[str, tuple[str, Any]] = {
    "ladder": ("rungs.3.uar", "high"),
    "enrolled": ("4.uar", 1.5),
    "robustness": ("uar.clean", {}),
    "protocols/emobox6": ("logmel_cnn.seeds", None),
    "protocols/loso": ("logmel_cnn.n", "many"),
    "protocols/article": ("logmel_cnn", {}),
}
PIPELINES = {
    "enrolled": "enrolment",
    "protocols/emobox6": "protocols",
    "protocols/loso": "loso",
    "protocols/article": "protocols",
}


def make_metrics(folder: Path) -> None:
    draw = np.random.default_rng(0)

    def share() -> float:
        return round(float(draw.uniform()), 4)

    def difference() -> float:
        return round(float(draw.uniform(-0.3, 0.3)), 4)

    def interval() -> dict[str, float]:
        return {"uar": share(), "uar_low": share(), "uar_high": share()}

    def headline() -> dict[str, float]:
        return {**interval(), "accuracy": share(), "macro_f1": share()}

    rungs = []
    for place, recipe in enumerate(RUNGS):
        watched = place > 3
        rungs.append(
            Rung(
                recipe=recipe,
                **interval(),
                accuracy=share(),
                per_seed=[share() for _ in range(1 if recipe == "permuted" else 2)],
                shown="watched" if watched else "test",
                best_on_test=share(),
                by_validation=share() if watched else None,
                last_epoch=share(),
                tested_clips=288 if place else 1152,
            )
        )
    leaks = [
        Worth(model, leak, share(), share(), points=low + 0.05, low=low, high=low + 0.1, seeds=3, actors=24)
        for model in LEAKY_MODELS
        for leak in LEAK_NAMES
        if (model, leak) != ("svm_rbf", "byte_identical_pair")
        for low in [difference()]
    ]
    write_json(
        folder / "ladder.json",
        {
            "rungs": list(map(asdict, rungs)),
            "leaks": list(map(asdict, leaks)),
            "byte_identical_pair": [asdict(Pair("svm_rbf", 5, 2, 1, 0.0007))],
        },
    )
    enrolled = {
        str(n): {
            **headline(),
            "n": 1440 - 24 * n,
            "uar_sd": share() if n else None,
            "uar_per_seed": {str(seed): share() for seed in range(2)},
            "lda_uar": share(),
        }
        for n in (0, 4, 16)
    }
    write_json(folder / "enrolled.json", enrolled)
    uar = {condition: {model: interval() for model in MODELS} for condition in CONDITIONS}
    gains = {
        kind: {name: {"gain": difference(), "low": difference(), "high": difference()} for name in CONDITIONS}
        for kind in PAIRS
    }
    write_json(folder / "robustness.json", {"uar": uar, "gain_by_augmentation": gains})
    for protocol, seeds in (("emobox6", [0]), ("loso", [0]), ("article", [0, 1, 2])):
        scores = {
            model: {**headline(), "n": 288, "seeds": seeds, "uar_sd": share() if seeds[1:] else None}
            for model in FINAL
        }
        write_json(folder / f"protocols/{protocol}.json", scores)
    luna5 = {model: headline() for model in FINAL[:2]}
    write_json(folder / "summary.json", {"luna5": luna5, "article": {"cnn": headline()}})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(PARAMS, folder / "params.yaml")
    make_metrics(folder / "metrics")
    for name, figures in FIGURES.items():
        for figure in figures:
            save(Figure(figsize=(8, 2)), folder / "figures" / name / f"{figure}.png")
    run_in(folder, stage)
    return folder


@pytest.fixture(scope="module")
def html(project: Path) -> str:
    return (project / "data/report/further.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def load(project: Path, name: str) -> Any:
    return json.loads((project / "metrics" / f"{name}.json").read_text())


def shares(content: Any) -> Iterator[float]:
    if isinstance(content, dict | list):
        for each in content.values() if isinstance(content, dict) else content:
            yield from shares(each)
    elif isinstance(content, float):
        yield content


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def test_every_number_of_the_metrics_is_on_the_page_and_no_other(html: str, project: Path) -> None:
    known = {value for name in METRICS for value in shares(load(project, name))}
    luna5 = load(project, "summary")["luna5"]
    known |= {it[name] for it in luna5.values() for name in ("uar", "uar_low", "uar_high")}
    written = re.findall(r'<data (?:class="points" )?value="([^"]*)">([^<]*)</data>', html)
    assert {float(value) for value, _ in written} == known | {0.125} | set(EMOBOX_UAR.values())
    for value, words in written:
        assert float(words.replace("\N{MINUS SIGN}", "-")) == pytest.approx(100 * float(value), abs=0.0501)
    assert html.count("<data ") == len(written)
    # Outside of these elements, what has a decimal point is in an address.
    prose = re.sub(r"<style>.*?</style>|<data .*?</data>|<[^>]*>", "", html, flags=re.DOTALL)
    assert set(re.findall(r"\d+\.\d+", prose)) <= {"4.0", "10.1371"}


def test_the_page_is_whole_and_loads_nothing(page: Page, html: str) -> None:
    assert html.startswith("<!DOCTYPE html>")
    assert "$" not in page.text
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    pointing = [a["href"][1:] for a in page.all("a") if a["href"].startswith("#")]
    pointing += [each["aria-labelledby"] for _, each in page.tags if "aria-labelledby" in each]
    assert len(ids) == len(set(ids))
    assert set(pointing) <= set(ids)
    assert not {"script", "link", "iframe", "object", "embed", "audio"} & {tag for tag, _ in page.tags}
    images = list(page.all("img"))
    assert len(images) == sum(map(len, FIGURES.values())) == len({image["alt"] for image in images})
    assert all(image["src"].startswith("data:image/png;base64,") for image in images)
    others = {a["href"] for a in page.all("a") if a["href"][0] != "#"}
    assert {link for link in others if not link.startswith("https://")} == {"index.html"}
    tags = [tag for tag, _ in page.tags]
    assert tags.count("table") == tags.count("caption") == 14
    assert all(head["scope"] in ("row", "col") for head in page.all("th"))


def test_a_rung_and_a_leak_stand_in_their_rows(page: Page, project: Path) -> None:
    ladder = load(project, "ladder")
    first = ladder["rungs"][0]
    uar = f"{percent(first['uar'])}{percent(first['uar_low'])} to {percent(first['uar_high'])}"
    cells = page.row("1. augmented first, then split at random", wide=7)
    assert cells == ["Copies, at random", "Test clips", uar, percent(first["accuracy"]), "2", "1152"]
    permuted = page.row("7. the same, training labels permuted", wide=7)
    assert (permuted[1], permuted[-2]) == ("Validation clips", "1")
    last = ladder["rungs"][-1]
    seeds = [percent(last[name]) for name in ("best_on_test", "by_validation", "last_epoch")]
    seeds += [percent(last["per_seed"][0]), "\N{EN DASH}"]
    assert page.row("7. the same, training labels permuted", wide=6) == seeds
    worth = next(it for it in ladder["leaks"] if (it["leak"], it["model"]) == ("random_split", "encoder_lda"))
    told = [f"{100 * worth[name]:+.1f}".replace("-", "\N{MINUS SIGN}") for name in ("points", "low", "high")]
    row = page.row("Random split, so that test speakers are known", wide=5)
    assert row[-1] == f"{told[0]}{told[1]} to {told[2]}"
    assert page.row("The byte-identical pair", wide=5)[2] == "\N{EN DASH}"


def test_models_are_sorted_by_where_the_interval_of_a_leak_lies(page: Page, project: Path) -> None:
    words = re.findall(r"Above 0: |Below 0: |Not to be told from 0: ", page.text)
    sides = {
        (it["leak"], "above" if it["low"] > 0 else "below" if it["high"] < 0 else "open")
        for it in load(project, "ladder")["leaks"]
    }
    assert len(words) == len(sides)
    assert page.text.count("Above 0: ") == sum(side == "above" for _, side in sides)


def test_words_on_degraded_recordings_follow_the_numbers(page: Page, project: Path) -> None:
    found = load(project, "robustness")
    clean = found["uar"]["clean"]
    best = max(clean, key=lambda model: clean[model]["uar"])
    assert f"has the highest UAR, {percent(clean[best]['uar'])} %." in page.text.replace("\xa0", " ")
    gains = found["gain_by_augmentation"]
    sure = sum(it["clean"]["low"] > 0 for it in gains.values())
    assert f"On clean recordings it does so for {sure} of 3 kinds of model" in page.text
    for it in gains.values():
        above = sum(gain["low"] > 0 for name, gain in it.items() if name != "clean")
        assert f"Under {above} of the 6 other conditions the interval lies above 0" in page.text


def test_models_and_encoders_stand_beside_each_other_by_protocol(page: Page, project: Path) -> None:
    measured = [load(project, f"protocols/{name}")["logmel_cnn"] for name in ("emobox6", "loso", "article")]
    cells = [f"{percent(it['uar'])}{percent(it['uar_low'])} to {percent(it['uar_high'])}" for it in measured]
    assert page.row("Log-mel CNN", wide=5) == ["\N{EN DASH}", *cells]
    assert page.row("WavLM-large", wide=2) == ["72.0"]


def test_another_corpus_is_announced(project: Path, tmp_path: Path, page: Page) -> None:
    assert "Synthetic" not in page.text
    copy = shutil.copytree(project, tmp_path / "project")
    params = (copy / "params.yaml").read_text()
    demo = params.replace("manifest: ser/ravdess_manifest.csv", "manifest: other.csv")
    (copy / "params.yaml").write_text(demo)
    run_in(copy, stage)
    text = Page((copy / "data/report/further.html").read_text(encoding="utf-8")).text
    assert "Synthetic recordings, not RAVDESS." in text


def test_the_page_has_the_same_bytes_on_every_run(html: str, project: Path) -> None:
    run_in(project, stage)
    assert (project / "data/report/further.html").read_text(encoding="utf-8") == html


def test_a_full_disk_is_named(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shutil.copytree(project, tmp_path / "project"))
    check_full_disk(stage)


@pytest.mark.parametrize("name", METRICS)
def test_what_is_missing_or_damaged_is_named_with_its_pipeline(
    name: str, project: Path, tmp_path: Path
) -> None:
    metrics = shutil.copytree(project / "metrics", tmp_path / "metrics")
    path = metrics / f"{name}.json"
    expected = (
        rf"repro experiments/{PIPELINES.get(name, name)}/dvc\.yaml \(1 problem\):\n  {re.escape(str(path))}: "
    )

    content = json.loads(path.read_text())
    keys, value = DAMAGE[name]
    *above, last = keys.split(".")
    inside = content
    for key in above:
        inside = inside[int(key) if isinstance(inside, list) else key]
    inside[int(last) if isinstance(inside, list) else last] = value
    path.write_text(json.dumps(content))
    several = expected.replace(r"1 problem", r"\d+ problems?")
    with pytest.raises(InputError, match=several):
        read_further_results(metrics)
    path.unlink()
    with pytest.raises(InputError, match=expected + "cannot be read"):
        read_further_results(metrics)


@pytest.mark.parametrize(
    ("name", "place", "told"),
    [
        ("ladder", ("rungs", 0, "recipe"), "rungs.recipe must be augment_first"),
        ("ladder", ("leaks", 0, "leak"), "leaks: other of contour_cnn is unknown"),
    ],
)
def test_names_that_nobody_knows_are_told(
    name: str, place: tuple[Any, ...], told: str, project: Path, tmp_path: Path
) -> None:
    metrics = shutil.copytree(project / "metrics", tmp_path / "metrics")
    content = load(project, name)
    content[place[0]][place[1]][place[2]] = "other"
    (metrics / f"{name}.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=re.escape(told)):
        read_further_results(metrics)


def test_a_missing_figure_is_named_with_its_pipeline(project: Path, tmp_path: Path) -> None:
    figures = shutil.copytree(project / "figures", tmp_path / "figures")
    (figures / "enrolled/uar_by_clips.png").unlink()
    with pytest.raises(
        InputError, match=r"experiments/speaker_adaptation/dvc\.yaml again(.|\n)*uar_by_clips\.png: no such"
    ):
        read_further_figures(figures)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on the PATH")
def test_a_browser_shows_it_light_and_dark_without_sideways_scrolling(
    html: str, project: Path, tmp_path: Path
) -> None:
    assert measure(html, tmp_path, width=390) == [390, 0, 0, 0]
    assert_painted_light_and_dark(project / "data/report/further.html", tmp_path, width=1280)
