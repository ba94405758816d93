"""The page is well-formed, needs nothing beside itself, and says what the metrics say."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from full_disk import check_full_disk
from html_pages import CHROMIUM, Page, assert_painted_light_and_dark, measure
from matplotlib.figure import Figure
from stage_runs import run_in

from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.errors import InputError
from ser.evaluation.article_results import compare
from ser.evaluation.human_listeners import MERGED
from ser.figures.style import save
from ser.files import write_csv, write_json, write_parquet
from ser.report import page as report
from stages import report as stage

PARAMS = Path(__file__).parents[2] / "params.yaml"
MODELS = {
    "luna5": ("logmel_cnn", "lda", "logistic_regression", "svm_rbf"),
    "article": ("cnn_augmented", "cnn", "decision_tree", "dummy"),
}
FIGURES = {
    "explore": (
        "class_distribution",
        "gender_distribution",
        "intensity_distribution",
        "waveforms",
        "logmels",
        "durations",
        "loudness",
    ),
    "results": (
        "overview",
        "per_emotion",
        "per_actor",
        "article_comparison",
        "human_comparison",
        "learning_curves",
        "confusion_luna5_lda",
        "confusion_article_cnn",
    ),
    "calibration": ("reliability", "risk_coverage"),
}
SAD = "03-01-04-01-02-02-12"


def make_metrics(folder: Path) -> None:
    draw = np.random.default_rng(0)

    def share() -> float:
        return round(float(draw.uniform()), 4)

    def score() -> dict[str, float]:
        return {"uar": share(), "accuracy": share()}

    summary: dict[str, Any] = {}
    details: dict[str, Any] = {}
    for protocol, models in MODELS.items():
        n_seeds = 3 if protocol == "article" else 1
        summary[protocol] = {
            model: {**score(), "uar_low": share(), "uar_high": share(), "macro_f1": share()}
            for model in models
        }
        details[protocol] = {
            model: {
                "n": 288 if protocol == "article" else 1440,
                "seeds": list(range(n_seeds)),
                "uar_sd": share() if n_seeds > 1 else None,
                "accuracy_sd": share() if n_seeds > 1 else None,
                "per_seed": {str(seed): score() for seed in range(n_seeds)},
                "per_emotion": {emotion: share() for emotion in EMOTIONS},
                "per_gender": {gender: score() for gender in ("female", "male")},
                "per_intensity": {name: score() for name in ("normal", "normal_without_neutral", "strong")},
                "per_statement": {statement: score() for statement in ("kids", "dogs")},
                "per_actor": {str(actor): score() for actor in range(1, 25)},
                "confusions": [
                    {"actual": "sad", "predicted": "calm", "clips": 40.5, "share": share()},
                    {"actual": "calm", "predicted": "sad", "clips": 20.0, "share": share()},
                ],
            }
            for model in models
        }
    accuracies = {
        "dummy": [0.12, 0.11],
        "decision_tree": [0.25, 0.28],
        "cnn": [0.6, 0.64],
        "cnn_augmented": [0.4],
    }
    compared = {model: asdict(comparison) for model, comparison in compare(accuracies).items()}

    def heard() -> dict[str, Any]:
        return {"accuracy": share(), "uar": share(), "per_emotion": {name: share() for name in MERGED}}

    humans = {
        "human": heard(),
        "models": {
            model: {**heard(), "accuracy_low": 0.1, "accuracy_high": 0.9, "accuracy_summed": share()}
            for model in MODELS["luna5"]
        },
    }
    quality = {"ece": 0.2, "nll": 2.251, "brier": 0.8, "aurc": 0.3}
    calibration = {
        model: {
            "temperature": {"mean": 4.1977, "least": 2.8008, "greatest": 6.1113},
            "before": quality,
            "after": {**quality, "ece": share()},
            "accuracy_at_coverage": {"1.0": share(), "0.5": share()},
        }
        for model in MODELS["luna5"][1:]
    }
    contents = {
        "summary": summary,
        "details": details,
        "article_comparison": compared,
        "human_comparison": humans,
        "calibration": calibration,
    }
    for name, content in contents.items():
        write_json(folder / f"{name}.json", content)
    examples = {"right": [True, False, True], "clip": ["03-01-04-02-01-02-09", SAD, "03-01-02-01-02-01-10"]}
    more = {"emotion": ["sad", "sad", "calm"], "predicted": ["sad", "angry", "calm"], "confidence": 0.987}
    write_csv(folder / "examples.csv", pd.DataFrame(more | examples))


def fill(project: Path) -> None:
    """Write all that the stage reads."""
    shutil.copy(PARAMS, project / "params.yaml")
    clips = pd.DataFrame([vars(parse_clip(clip)) for clip in all_clips()])
    duplicate = clips["clip"].isin(["03-01-03-01-02-01-07", "03-01-03-01-02-02-07"])
    clips = clips.assign(duration_s=3.7, sample_rate=48_000, duplicate=duplicate)
    write_parquet(project / "data/clips.parquet", clips)
    make_metrics(project / "metrics")
    for folder, names in FIGURES.items():
        for number, name in enumerate(names):
            save(Figure(figsize=(8, 1 + number)), project / "figures" / folder / f"{name}.png")


def run(project: Path) -> Path:
    run_in(project, stage)
    return project / "data/report/index.html"


def load(project: Path, name: str) -> Any:
    return json.loads((project / "metrics" / f"{name}.json").read_text())


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    fill(folder)
    run(folder)
    return folder


@pytest.fixture(scope="module")
def html(project: Path) -> str:
    return (project / "data/report/index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_page_is_whole_and_its_inner_links_lead_somewhere(page: Page, html: str) -> None:
    assert html.startswith("<!DOCTYPE html>")
    assert "$" not in page.text
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    pointing = [a["href"][1:] for a in page.all("a") if a["href"].startswith("#")]
    pointing += [each["aria-labelledby"] for _, each in page.tags if "aria-labelledby" in each]
    assert pointing
    assert set(pointing) <= set(ids)


def test_the_page_loads_nothing_from_outside(page: Page, html: str) -> None:
    assert not {"script", "link", "iframe", "object", "embed"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "srcset", "poster", "data", "action", "background"):
            wanted = "../raw/Actor_" if tag == "audio" else "data:"
            assert attributes.get(name, wanted).startswith(wanted), (tag, attributes)
    links = {a["href"] for a in page.all("a") if not a["href"].startswith("#")}
    hosts = {"https://creativecommons.org", "https://doi.org"}
    assert {"/".join(link.split("/")[:3]) for link in links} == hosts
    style = "".join(words for tag, words in page.words if tag == "style")
    assert "@import" not in style
    assert "url(" not in style
    assert not any("url(" in attributes.get("style", "") for _, attributes in page.tags)


def test_every_figure_is_there_with_an_alternative_text(page: Page) -> None:
    images = list(page.all("img"))
    assert len(images) == sum(map(len, FIGURES.values()))
    sizes = sorted(int(image["height"]) for image in images)
    wanted = sorted(144 * (1 + number) for names in FIGURES.values() for number in range(len(names)))
    assert sizes == wanted
    assert all(len(image["alt"]) > 20 for image in images)
    assert len({image["alt"] for image in images}) == len(images)


def test_every_table_has_a_caption_and_every_row_a_head(page: Page) -> None:
    tags = [tag for tag, _ in page.tags]
    assert tags.count("table") == tags.count("caption") == 13
    assert all(head["scope"] in ("row", "col") for head in page.all("th"))
    assert [attributes["scope"] for attributes in page.all("th")].count("row") == len(page.rows) - 13


def test_the_headline_is_that_of_the_best_speaker_independent_model(page: Page, project: Path) -> None:
    luna5 = load(project, "summary")["luna5"]
    best, score = max(luna5.items(), key=lambda item: item[1]["uar"])
    name = {"logmel_cnn": "log-mel CNN", "lda": "LDA", "svm_rbf": "SVM (RBF)"}.get(
        best, best.replace("_", " ")
    )
    low, high = percent(score["uar_low"]), percent(score["uar_high"])
    sentence = (
        f"The best of 4 speaker-independent models by its test score, {name}, recognises on average "
        f"{percent(score['uar'])} % of the clips of each emotion (UAR; 95 % interval {low} to {high} %), "
        "where the chance level is 12.5 %."
    )
    assert sentence in page.text
    assert page.text.index(sentence) < page.text.index("Accuracy")


def test_the_tables_hold_the_numbers_of_the_metrics(page: Page, project: Path) -> None:
    summary, details = load(project, "summary"), load(project, "details")
    luna5 = summary["luna5"]
    best = max(luna5, key=lambda model: luna5[model]["uar"])
    scored = details["luna5"][best]
    lda = luna5["lda"]
    interval = f"{percent(lda['uar_low'])} to {percent(lda['uar_high'])}"
    numbers = [percent(lda["uar"]), interval, percent(lda["accuracy"]), percent(lda["macro_f1"])]
    assert page.row("LDA", wide=7) == [*numbers, "1", "–"]  # noqa: RUF001
    for emotion in EMOTIONS:
        recalls = [details["luna5"][model]["per_emotion"][emotion] for model in luna5]
        assert page.row(emotion.capitalize(), wide=5) == list(map(percent, recalls))
    for actor, score in scored["per_actor"].items():
        _, fold, *numbers = page.row(f"Actor {actor}", wide=5)
        assert numbers == [percent(score["uar"]), percent(score["accuracy"])]
        assert actor in page.row(f"Fold {fold}", wide=4)[0].split(", ")
    for gender in ("Female", "Male"):
        score = details["luna5"]["svm_rbf"]["per_gender"][gender.lower()]
        wanted = ["SVM (RBF)", gender, percent(score["uar"]), percent(score["accuracy"])]
        assert wanted in page.rows


def test_people_stand_beside_every_model(page: Page, project: Path) -> None:
    compared = load(project, "human_comparison")
    columns = [compared["human"], *compared["models"].values()]
    for emotion in MERGED:
        recalls = [percent(it["per_emotion"][emotion]) for it in columns]
        assert page.row(emotion.capitalize(), wide=6) == recalls
    assert page.row("Accuracy on all clips", wide=6) == [percent(it["accuracy"]) for it in columns]
    assert page.row("Its 95 % interval", wide=6)[1:] == 4 * ["10.0 to 90.0"]


def test_groups_confusions_and_the_extreme_actors_are_shown(page: Page, project: Path) -> None:
    summary, details = load(project, "summary")["luna5"], load(project, "details")["luna5"]
    for group, name, shown in (
        ("per_intensity", "normal_without_neutral", "Normal without neutral"),
        ("per_statement", "dogs", "“Dogs”"),
    ):
        wanted = [percent(details[model][group][name]["uar"]) for model in summary]
        assert page.row(shown, wide=5) == wanted
    best = max(summary, key=lambda model: summary[model]["uar"])
    for it in details[best]["confusions"]:
        assert page.row(it["actual"].capitalize(), wide=3) == [
            it["predicted"].capitalize(),
            percent(it["share"]),
        ]
    actors = {actor: score["uar"] for actor, score in details["lda"]["per_actor"].items()}
    ends = sorted(actors, key=actors.__getitem__)
    expected = [cell for it in (ends[0], ends[-1]) for cell in (f"Actor {it}", percent(actors[it]))]
    assert ["LDA", *expected] in page.rows


def test_calibration_is_told_for_the_models_that_have_it(page: Page, project: Path) -> None:
    lda = load(project, "calibration")["lda"]
    ece = ["20.0", percent(lda["after"]["ece"])]
    assert page.row("LDA", wide=10) == ["4.20", "2.80", "6.11", *ece, "2.25", "2.25", "30.0", "30.0"]
    assert page.row("LDA", wide=3) == [percent(it) for it in lda["accuracy_at_coverage"].values()]
    assert "Not here: log-mel CNN, without predictions of validation actors." in page.text


def test_players_load_recordings_from_where_fetch_puts_them_and_nothing_before_a_click(page: Page) -> None:
    players = list(page.all("audio"))
    assert [player["src"] for player in players] == [
        "../raw/Actor_09/03-01-04-02-01-02-09.wav",
        f"../raw/Actor_12/{SAD}.wav",
        "../raw/Actor_10/03-01-02-01-02-01-10.wav",
    ]
    assert all(player["preload"] == "none" and "controls" in player for player in players)
    assert players[1]["aria-label"] == "sad, actor 12: Taken for angry"
    wrong = "Taken for angry, confidence 98.7 %. Actor 12, female, normal intensity: “Dogs are sitting by the"
    assert wrong in page.text
    assert "run dvc repro fetch" in page.text


def test_the_article_stands_beside_ours_with_a_verdict(page: Page, project: Path) -> None:
    compared = load(project, "article_comparison")
    names = {"dummy": "Dummy", "decision_tree": "Decision tree", "cnn": "First CNN"}
    verdicts = {}
    for model, it in compared.items():
        row = page.row(names.get(model, "Augmented CNN"), wide=9)
        assert row[0] == percent(it["article"])
        assert row[1] == f"{percent(it['article_low'])} to {percent(it['article_high'])}"
        assert row[2] == percent(it["measured"])
        assert row[3] == f"{percent(it['measured_low'])} to {percent(it['measured_high'])}"
        assert row[5] == str(it["seeds"])
        assert row[7] == percent(load(project, "summary")["article"][model]["uar"])
        verdicts[model] = row[6].replace("\N{NO-BREAK SPACE}", " ")
    assert verdicts == {
        "dummy": "Yes",
        "decision_tree": "Yes",
        "cnn": "No (above)",
        "cnn_augmented": "No (below)",
    }
    assert "2 of 4 of our means lie inside the article's 95 % interval. Outside: first CNN" in page.text


def test_every_result_on_the_page_is_one_of_the_metrics(html: str, project: Path) -> None:
    def numbers(content: Any) -> Iterator[float]:
        if isinstance(content, dict | list):
            for each in content.values() if isinstance(content, dict) else content:
                yield from numbers(each)
        elif isinstance(content, float):
            yield content

    known = {0.125, 0.2, 0.987}  # chance, the article's test share, an example's confidence
    for name in ("summary", "details", "article_comparison", "human_comparison", "calibration"):
        known |= set(numbers(load(project, name)))
    shown = re.findall(r'<data value="([^"]*)">([^<]*)</data>', html)
    assert {float(value) for value, _ in shown} <= known
    assert all(float(words) == pytest.approx(100 * float(value), abs=0.05) for value, words in shown)
    # Outside of these elements, what has a decimal point is a fact of the article, of the clips or the page.
    plain = re.findall(r'<data class="plain" value="([^"]*)">([^<]*)</data>', html)
    assert {float(value) for value, _ in plain} == {4.1977, 2.8008, 6.1113, 2.251}
    assert all(float(words) == pytest.approx(float(value), abs=0.005) for value, words in plain)
    prose = re.sub(r"<style>.*?</style>|<data .*?</data>|<[^>]*>", "", html, flags=re.DOTALL)
    assert set(re.findall(r"\d+\.\d+", prose)) <= {"0.5", "3.5", "4.0", "3.70", "10.1371", "10.5281"}


def test_the_corpus_and_its_licence_are_named(page: Page) -> None:
    assert page.row("Clips", wide=2) == ["1,440"]
    assert page.row("Actors", wide=2) == ["24 (12 female, 12 male)"]
    assert page.row("Clips with the samples of another", wide=2) == [
        "03-01-03-01-02-01-07, 03-01-03-01-02-02-07"
    ]
    assert "CC BY-NC-SA 4.0" in page.text
    assert "Livingstone SR, Russo FA (2018)" in page.text
    assert "2,000 bootstrap samples" in page.text


def test_another_corpus_is_announced_before_the_headline(page: Page, project: Path, tmp_path: Path) -> None:
    assert "Synthetic" not in page.text
    copy = shutil.copytree(project, tmp_path / "project")
    params = (copy / "params.yaml").read_text()
    demo = params.replace("manifest: ser/ravdess_manifest.csv", "manifest: corpus/<b>&manifest.csv")
    (copy / "params.yaml").write_text(demo)
    demo_page = Page(run(copy).read_text(encoding="utf-8"))
    banner = demo_page.text.index("Synthetic recordings, not RAVDESS.")
    assert banner < demo_page.text.index("speaker-independent models by its test score")
    assert "corpus/<b>&manifest.csv" in demo_page.text
    assert "b" not in {tag for tag, _ in demo_page.tags}


def test_the_page_has_the_same_bytes_on_every_run(html: str, project: Path) -> None:
    assert run(project).read_bytes() == html.encode()


def test_a_recall_that_does_not_exist_is_shown_as_none(project: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(project, tmp_path / "project")
    details = load(copy, "details")
    details["luna5"]["lda"]["per_emotion"]["calm"] = None
    write_json(copy / "metrics/details.json", details)
    column = list(load(copy, "summary")["luna5"]).index("lda")
    page = Page(run(copy).read_text(encoding="utf-8"))
    assert page.row("Calm", wide=5)[column] == "–"  # noqa: RUF001


@pytest.mark.parametrize(
    ("broken", "content"),
    [
        ("metrics/summary.json", None),
        ("metrics/summary.json", "{"),
        ("metrics/summary.json", "[]"),
        ("metrics/summary.json", '{"luna5": {}}'),
        ("metrics/summary.json", '{"luna5": {"lda": {"uar": 60.1}}}'),
        ("metrics/details.json", None),
        ("metrics/details.json", "{}"),
        ("metrics/details.json", "NaN"),
        ("metrics/article_comparison.json", None),
        ("metrics/article_comparison.json", "{}"),
        ("metrics/human_comparison.json", "{}"),
        ("metrics/calibration.json", None),
        ("metrics/calibration.json", "{}"),
        ("metrics/examples.csv", None),
        ("figures/calibration/reliability.png", None),
        ("data/clips.parquet", None),
        ("data/clips.parquet", "no table"),
        ("figures/explore/waveforms.png", None),
        ("figures/explore/waveforms.png", ""),
        ("figures/results/overview.png", None),
        ("figures/results/overview.png", "GIF89a" + 20 * " "),
    ],
)
def test_bad_input_is_named_and_the_former_page_stays(
    project: Path, tmp_path: Path, broken: str, content: str | None
) -> None:
    copy = shutil.copytree(project, tmp_path / "project")
    (copy / broken).unlink()
    if content is not None:
        (copy / broken).write_text(content)
    former = (copy / "data/report/index.html").read_bytes()
    with pytest.raises(InputError, match=re.escape(broken)):
        run(copy)
    assert (copy / "data/report/index.html").read_bytes() == former
    assert [path.name for path in (copy / "data/report").iterdir()] == ["index.html"]


def test_a_full_disk_is_named(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shutil.copytree(project, tmp_path / "project"))
    check_full_disk(stage)


def test_all_that_is_wrong_with_the_metrics_is_listed_at_once(project: Path, tmp_path: Path) -> None:
    metrics = shutil.copytree(project / "metrics", tmp_path / "metrics")
    (metrics / "summary.json").unlink()
    details = load(project, "details")
    details["luna5"]["lda"]["per_actor"]["7"]["uar"] = "high"
    write_json(metrics / "details.json", details)
    with pytest.raises(InputError) as caught:
        report.read_results(metrics)
    assert "summary.json" in str(caught.value)
    assert "luna5.lda.per_actor.7.uar" in str(caught.value)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on the PATH")
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_it_without_sideways_scrolling(html: str, tmp_path: Path, width: int) -> None:
    assert measure(html, tmp_path, width=width) == [width, 0, 0, 0]


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on the PATH")
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_paints_it_light_and_dark(project: Path, tmp_path: Path, width: int) -> None:
    assert_painted_light_and_dark(project / "data/report/index.html", tmp_path, width=width)
