"""Write the further report: leaks, enrolment, degraded recordings and other protocols, on one HTML page.

Reads   metrics/{ladder,enrolled,robustness,summary}.json, metrics/protocols/{emobox6,loso,article}.json,
        figures/{ladder,enrolled,robustness}
Writes  data/report/further.html

Like the main pipeline's report, beside which it lies, the page needs nothing else: no script, no network.
"""

from experiments.further_report import page as report_further
from experiments.further_report.results import read_further_figures, read_further_results
from ser.files import replacing
from ser.params import load_params
from stages import command


def main() -> None:
    """Gather the results and write the page."""
    command.parser(__doc__).parse_args()
    params = load_params()
    page = report_further.render(
        read_further_results("metrics"),
        read_further_figures("figures"),
        manifest=params.corpus.manifest,
        bootstrap_samples=params.evaluate.bootstrap_samples,
    )
    with replacing("data/report/further.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    print("data/report/further.html")


if __name__ == "__main__":
    command.run(main)
