"""Draw the main pipeline as Mermaid graphs: its stages into docs/pipeline.md, groups of them into README.md.

A node is a script of stages/, whichever variants it is run for, or a group of scripts. An arrow says that one
reads what the other writes; an arrow is left out where a longer way says the same. `dvc dag` draws every
variant of every pipeline, thousands of columns wide.
"""

from collections.abc import Mapping
from pathlib import Path

import networkx as nx
from dvc.repo import Repo

from ser.errors import InputError
from stages import command
from tools.pages.marked_blocks import fill_blocks

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Recordings": ("fetch", "ingest", "explore", "split"),
    "Augmentation": ("augment",),
    "Features": ("extract", "resample", "encode", "layers.encode"),
    "Scalers": ("normalize",),
    "Classical models": ("train_baselines", "layers.train"),
    "Networks": ("train_cnn",),
    "Robustness": ("robustness.degrade", "robustness.evaluate", "robustness.draw"),
    "Evaluation": (
        *("fuse", "check_leaks", "layers.check_leaks", "calibrate", "draw_calibration", "evaluate"),
    ),
    "Report": ("report",),
}
"""Scripts of stages/ by what a reader looks for, in the order of the pipeline."""
PAGES = ("README.md", "docs/pipeline.md")


def read_graph(project: Path) -> nx.DiGraph:
    """Read which script of the main pipeline reads an output of another one.

    Parameters
    ----------
    project
        Root of the project, where dvc.yaml is.

    Returns
    -------
    networkx.DiGraph
        Graph with a node a script, named without its ending, and an edge from writer to reader.
    """
    with Repo(str(project)) as repo:
        stages = [stage for stage in repo.index.stages if Path(stage.path) == project / "dvc.yaml"]
        # `python -m stages.NAME`, and perhaps a variant.
        script = {stage.addressing: stage.cmd.split()[2].removeprefix("stages.") for stage in stages}
        writers = {out.def_path: script[stage.addressing] for stage in stages for out in stage.outs}
        graph = nx.DiGraph()
        graph.add_nodes_from(script.values())
        for stage in stages:
            read = {writers[dep.def_path] for dep in stage.deps if dep.def_path in writers}
            graph.add_edges_from((writer, script[stage.addressing]) for writer in read)
    return graph


def draw_stages(graph: nx.DiGraph) -> str:
    """Draw every script, each inside its group."""
    _group_of(graph)
    lines = ["flowchart TD"]
    for number, (group, scripts) in enumerate(GROUPS.items(), start=1):
        lines += [f'    subgraph g{number}["{group}"]', *(f"        {name}" for name in scripts), "    end"]
    return _fenced([*lines, *_arrows(graph, {name: name for name in graph})])


def draw_groups(graph: nx.DiGraph) -> str:
    """Draw the groups of scripts."""
    group_of = _group_of(graph)
    ids = {group: f"g{number}" for number, group in enumerate(GROUPS, start=1)}
    among = nx.DiGraph((group_of[a], group_of[b]) for a, b in graph.edges if group_of[a] != group_of[b])
    nodes = [f'    {ids[group]}["<b>{group}</b><br>{", ".join(GROUPS[group])}"]' for group in GROUPS]
    return _fenced(["flowchart LR", *nodes, *_arrows(among, ids)])


def fill(page: str, graph: nx.DiGraph) -> str:
    """Replace each marked graph of a page."""
    return fill_blocks(page, {"stages": draw_stages(graph), "groups": draw_groups(graph)}.get)


def _group_of(graph: nx.DiGraph) -> dict[str, str]:
    group_of = {script: group for group, scripts in GROUPS.items() for script in scripts}
    if group_of.keys() != set(graph):
        names = ", ".join(sorted(group_of.keys() ^ set(graph)))
        raise InputError(
            f"tools/pages/dag.py and dvc.yaml do not name the same scripts: {names}; put GROUPS right"
        )
    return group_of


def _arrows(graph: nx.DiGraph, ids: Mapping[str, str]) -> list[str]:
    order = {name: place for place, name in enumerate(ids)}
    reduced = nx.transitive_reduction(graph)
    arrows = []
    for writer in sorted(graph, key=order.__getitem__):
        readers = sorted(reduced.successors(writer), key=order.__getitem__)
        if readers:
            arrows.append(f"    {ids[writer]} --> {' & '.join(ids[reader] for reader in readers)}")
    return arrows


def _fenced(lines: list[str]) -> str:
    return "\n".join(["```mermaid", *lines, "```"])


def main() -> None:
    """Draw both graphs anew."""
    command.parser(__doc__).parse_args()
    graph = read_graph(Path.cwd())
    for name in PAGES:
        page = Path(name)
        before = page.read_text(encoding="utf-8")
        after = fill(before, graph)
        page.write_text(after, encoding="utf-8")
        print(f"{name}: {'unchanged' if after == before else 'drawn anew'}")


if __name__ == "__main__":
    command.run(main)
