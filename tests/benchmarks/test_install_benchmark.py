"""What an installation took is counted without links, and told beside that of this package."""

from pathlib import Path

from benchmarks.install import PACKAGES, size, table


def test_links_are_not_counted_as_what_they_lead_to(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").write_bytes(bytes(1000))
    alone = size(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "inner" / "file")
    assert alone == 1000
    assert size(tmp_path) < 2000


def test_others_are_told_in_multiples_of_this_package() -> None:
    machine = {"cpu": "Abacus", "cores": 2, "python": "3.11.7"}
    took = ({"wall_s": 20.0, "bytes": 2e8}, {"wall_s": 90.0, "bytes": 5e9})
    shown = table({"machine": machine, "installed": dict(zip(PACKAGES, took, strict=False))})
    assert shown.splitlines()[-2:] == [
        "| this package | 200 | 20 | 1.0 | 1.0 |",
        "| this package, with `ser serve` | 5,000 | 90 | 25.0 | 4.5 |",
    ]
