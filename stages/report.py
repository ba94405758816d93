"""Write the report: one HTML page with the headline, the tables, the figures and the protocol in words.

Reads   metrics/{summary,details,article_comparison,human_comparison,calibration}.json, metrics/examples.csv,
        figures/{explore,results,calibration}, data/clips.parquet
Writes  data/report/index.html

The page needs nothing beside itself: no script, no network. Open it in a browser, or send it to somebody.
Only its players stay silent elsewhere, since they load recordings from data/raw. `make report` writes it with
the experiments' results as well.
"""

from collections.abc import Sequence

from ser.evaluation import listening_examples as examples
from ser.files import read_table, replacing
from ser.params import load_params
from ser.report import page as report
from stages import command


def render(sections: Sequence[report.Section] = ()) -> str:
    """Gather the results and write the page.

    Parameters
    ----------
    sections
        Further sections of the page, beside those of the main pipeline.

    Returns
    -------
    str
        The page as HTML.
    """
    params = load_params()
    columns = ("clip", "emotion", "actor", "gender", "duration_s", "sample_rate", "duplicate")
    return report.render(
        report.read_results("metrics"),
        read_table("data/clips.parquet", columns),
        read_table("metrics/examples.csv", examples.COLUMNS),
        explore=report.read_explore_figures("figures/explore"),
        result_figures=report.read_result_figures("figures/results"),
        calibration_figures=report.read_calibration_figures("figures/calibration"),
        sections=sections,
        manifest=params.corpus.manifest,
        bootstrap_samples=params.evaluate.bootstrap_samples,
        bins=params.calibrate.bins,
        test_size=params.split.article.test_size,
    )


def main() -> None:
    """Write the page of the main pipeline alone."""
    command.parser(__doc__).parse_args()
    page = render()
    with replacing("data/report/index.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    print("data/report/index.html")


if __name__ == "__main__":
    command.run(main)
