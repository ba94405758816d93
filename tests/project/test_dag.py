"""The graphs of README.md and docs/pipeline.md are those of dvc.yaml."""

import re
from pathlib import Path

import networkx as nx
import pytest
from ruamel.yaml import YAML

from ser.errors import InputError
from tools.pages import dag

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def graph() -> nx.DiGraph:
    return dag.read_graph(PROJECT)


@pytest.mark.parametrize("name", dag.PAGES)
def test_the_committed_graph_is_that_of_dvc_yaml(name: str, graph: nx.DiGraph) -> None:
    page = (PROJECT / name).read_text(encoding="utf-8")
    assert "```mermaid" in page
    assert dag.fill(page, graph) == page, "run: make dag"


def test_every_script_of_the_main_pipeline_is_a_node(graph: nx.DiGraph) -> None:
    pipeline = (PROJECT / "dvc.yaml").read_text(encoding="utf-8")
    scripts = set(re.findall(r"python -m stages\.([\w.]+)", pipeline))
    assert set(graph) == scripts
    drawn = dag.draw_stages(graph)
    assert all(re.search(rf"^        {re.escape(script)}$", drawn, flags=re.MULTILINE) for script in scripts)


def test_the_pages_say_how_many_stages_there_are() -> None:
    n_stages = len(YAML(typ="safe").load(PROJECT / "dvc.lock")["stages"])
    for name in dag.PAGES:
        said = re.findall(r"(\d+) stages", (PROJECT / name).read_text(encoding="utf-8"))
        assert said and set(map(int, said)) == {n_stages}, name


def test_every_stage_is_in_the_table_of_times() -> None:
    stages = YAML(typ="safe").load(PROJECT / "dvc.lock")["stages"]
    table = re.findall(
        r"^\| `([\w@]+)` \|", (PROJECT / "docs/pipeline.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    listed = {stage if stage in table else re.split("@|_article|_logmel", stage)[0] for stage in stages}
    assert listed == set(table)


def test_an_arrow_that_a_longer_way_says_is_left_out(graph: nx.DiGraph) -> None:
    assert graph.has_edge("fetch", "extract")
    drawn = dag.draw_stages(graph)
    assert "    fetch --> ingest\n" in drawn
    assert "    train_baselines --> fuse & check_leaks & robustness.degrade\n" in drawn


def test_a_new_edge_changes_the_graph(graph: nx.DiGraph) -> None:
    longer = graph.copy()
    longer.remove_edge("fuse", "calibrate")
    assert dag.draw_stages(longer) != dag.draw_stages(graph)


def test_a_script_without_a_group_is_named(graph: nx.DiGraph) -> None:
    longer = graph.copy()
    longer.add_edge("report", "publish")
    for draw in (dag.draw_stages, dag.draw_groups):
        with pytest.raises(InputError, match="publish"):
            draw(longer)
