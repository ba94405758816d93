"""Tables of human baseline and calibration: human listeners and models, ECE, and accuracy by coverage."""

from pathlib import Path

from ser.export.summary import MODEL
from tools.result_tables.cells import markdown, percent, read
from tools.result_tables.models import short_name, table_name


def humans(metrics: Path) -> str:
    """Tabulate accuracy with neutral and calm as one emotion, of listeners and of every model."""
    found = read(metrics / "human_comparison.json")
    rows = [
        [
            "human listeners (published)",
            percent(found["human"]["accuracy"]),
            "",
            percent(found["human"]["uar"]),
        ]
    ]
    for model, it in found["models"].items():
        interval = f"{percent(it['accuracy_low'])} to {percent(it['accuracy_high'])}"
        rows.append([table_name(model), percent(it["accuracy"]), interval, percent(it["uar"])])
    return markdown(["7 options: neutral and calm as one", "accuracy, %", "95 % interval", "UAR, %"], rows)


def humans_by_emotion(metrics: Path) -> str:
    """Tabulate the recall of each emotion, of listeners and of the exported model's recipe."""
    found = read(metrics / "human_comparison.json")
    both = {"human listeners (published)": found["human"], short_name(MODEL): found["models"][MODEL]}
    emotions = list(found["human"]["per_emotion"])
    rows = [
        [name, *(percent(it["per_emotion"][emotion]) for emotion in emotions)] for name, it in both.items()
    ]
    return markdown(["recall, %", *emotions], rows)


def calibration(metrics: Path) -> str:
    """Tabulate each model's calibration before and after a temperature fitted to validation actors."""
    rows = []
    for model, it in read(metrics / "calibration.json").items():
        before, after = it["before"], it["after"]
        pairs = [f"{100 * before['ece']:.1f}, {100 * after['ece']:.1f}"]
        pairs += [f"{before[key]:.3f}, {after[key]:.3f}" for key in ("nll", "brier", "aurc")]
        rows.append([short_name(model), f"{it['temperature']['mean']:.2f}", *pairs])
    heading = ["before, after", "temperature (mean)", "ECE, %", "NLL", "Brier", "AURC"]
    return markdown(heading, rows)


def coverage(metrics: Path) -> str:
    """Tabulate accuracy where only the most confident clips are answered."""
    exported = read(metrics / "final_calibration.json")["accuracy_at_coverage"]
    lda = read(metrics / "calibration.json")["encoder_lda_augmented"]["accuracy_at_coverage"]
    shares = list(exported)
    rows = [
        [short_name(model), *(percent(found[share]) for share in shares)]
        for model, found in ((MODEL, exported), ("encoder_lda_augmented", lda))
    ]
    return markdown(["accuracy, % at coverage", *(f"{100 * float(share):g} %" for share in shares)], rows)
