"""Tables of unsupervised speaker adaptation: scores by the number of enrolment clips."""

from pathlib import Path

from tools.result_tables.cells import interval_of, markdown, percent, read, with_interval


def scores(metrics: Path) -> str:
    """Tabulate the models on the speaker encoder."""
    rows = []
    for n_clips, it in read(metrics / "enrolled.json").items():
        spread = "" if it["uar_sd"] is None else percent(it["uar_sd"])
        figures = [percent(it["uar"]), interval_of(it), percent(it["accuracy"]), spread]
        rows.append([n_clips, *figures, percent(it["lda_uar"])])
    heading = ["enrolment clips", "UAR", "95 % interval", "accuracy", "SD over draws", "UAR without the CNN"]
    return markdown(heading, rows)


def whisper_scores(metrics: Path) -> str:
    """Tabulate the ensemble on Whisper and the speaker encoder."""
    found = read(metrics / "whisper.json")
    rows = []
    for n_clips, it in {"0": found["luna5"]["encoders_lda"], **found["enrolled"]}.items():
        spread = percent(it["uar_sd"]) if it.get("uar_sd") else ""
        others = [percent(it["accuracy"]), percent(it["macro_f1"])]
        rows.append([n_clips, percent(it["uar"]), interval_of(it), *others, spread])
    heading = ["enrolment clips", "UAR", "95 % interval", "accuracy", "macro-F1", "SD over draws"]
    return markdown(heading, rows)


def brief(metrics: Path) -> str:
    """Tabulate both by the number of clips."""
    whisper = read(metrics / "whisper.json")
    with_whisper = {"0": whisper["luna5"]["encoders_lda"], **whisper["enrolled"]}
    rows = [
        [n_clips, with_interval(it), with_interval(with_whisper[n_clips])]
        for n_clips, it in read(metrics / "enrolled.json").items()
    ]
    return markdown(
        ["enrolment clips", "speaker encoder, functionals and CNN", "Whisper and speaker encoder"], rows
    )
