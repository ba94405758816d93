"""The report has a section for each experiment whose metrics are there, and says what the metrics say."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from html_pages import CHROMIUM, Page, assert_painted_light_and_dark, measure
from stage_runs import run_in

from ser.data.ravdess import all_clips, parse_clip
from ser.errors import InputError
from ser.files import write_parquet
from tools import report
from tools.result_tables import TABLES

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed results, as in a clone that has the table of clips."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("metrics", "figures"):
        shutil.copytree(PROJECT / name, folder / name)
    shutil.copy(PROJECT / "params.yaml", folder)
    clips = pd.DataFrame([vars(parse_clip(clip)) for clip in all_clips()])
    clips = clips.assign(duration_s=3.7, sample_rate=48_000, duplicate=False)
    write_parquet(folder / "data/clips.parquet", clips)
    run_in(folder, report)
    return folder


@pytest.fixture(scope="module")
def html(project: Path) -> str:
    return (project / report.PAGE).read_text(encoding="utf-8")


def test_every_experiment_has_a_section_with_its_figures_and_a_link_to_it(html: str) -> None:
    page = Page(html)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    links = [link["href"][1:] for link in page.all("a") if link["href"].startswith("#")]
    assert len(ids) == len(set(ids))
    assert set(report.EXPERIMENTS) <= set(ids) & set(links)
    described = [image["alt"] for image in page.all("img")]
    for experiment in report.EXPERIMENTS.values():
        assert (PROJECT / "docs/results" / f"{experiment.page}.md").exists()
        for caption in experiment.figures.values():
            assert sum(caption in words for words in described) == 1


def test_tables_say_what_those_of_the_pages_in_markdown_say(html: str, project: Path) -> None:
    rows = [" ".join(row).replace("\N{MINUS SIGN}", "-") for row in Page(html).rows]
    for experiment in report.EXPERIMENTS.values():
        for name in experiment.tables:
            *_, last = TABLES[name](project / "metrics").splitlines()
            numbers = re.findall(r"[-+]?\d+\.\d", last)
            assert any(re.findall(r"[-+]?\d+\.\d", row) == numbers for row in rows), name


def test_a_row_becomes_cells_with_intervals_below() -> None:
    html = report.html_table(
        "| gain | LDA (b) |\n|---|---|\n| late <fusion> (`fused`) | -0.5 (-1.0 to +0.2) |", "Gain"
    )
    assert '<th scope="row">Late &lt;fusion&gt;</th>' in html
    minus = "\N{MINUS SIGN}"
    assert f'<td class="number">{minus}0.5<small>{minus}1.0 to +0.2</small></td>' in html


def test_a_section_without_metrics_is_left_out(project: Path, tmp_path: Path) -> None:
    metrics = shutil.copytree(project / "metrics", tmp_path / "metrics")
    (metrics / "robustness.json").unlink()
    (metrics / "protocols/loso.json").unlink()
    found = [section.anchor for section in report.sections(metrics, project / "figures")]
    assert found == ["leakage", "adaptation"]
    assert report.sections(tmp_path / "nothing", project / "figures") == []


def test_damaged_metrics_and_missing_figures_are_named(project: Path, tmp_path: Path) -> None:
    metrics = shutil.copytree(project / "metrics", tmp_path / "metrics")
    with pytest.raises(InputError, match=r"ladder\.png: no such file"):
        report.sections(metrics, tmp_path / "figures")
    (metrics / "ladder.json").write_text("{")
    with pytest.raises(InputError, match=r"ladder\.json: cannot be read"):
        report.sections(metrics, project / "figures")


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on the PATH")
def test_a_browser_shows_it_without_sideways_scrolling(html: str, project: Path, tmp_path: Path) -> None:
    assert measure(html, tmp_path, width=390) == [390, 0, 0, 0]
    assert_painted_light_and_dark(project / report.PAGE, tmp_path, width=1280)
