"""The table of differences between machines says what differs, and nothing where nothing does."""

import numpy as np

from tools.other_machines import RESULTS, Arrays, as_table, describe_difference

SCORES = np.array([[0.6, 0.4], [0.3, 0.7], [0.9, 0.1]])


def test_equal_results_are_0() -> None:
    assert describe_difference("probability:lda", SCORES, SCORES.copy()) == "0"


def test_changed_decisions_are_counted() -> None:
    other = SCORES + np.array([[-0.15, 0.15], [0, 0], [0.02, -0.02]])
    assert describe_difference("probability:lda", SCORES, other) == "0.2 (1 of 3 decisions)"


def test_functionals_are_measured_in_deviations_of_their_column() -> None:
    one = np.array([[0.0, 5.0], [20.0, 5.0]])
    other = one + np.array([[0.0, 0.25], [-1.0, 0.0]])
    # The first column deviates by 10; the second has no spread, and is left as it is.
    assert describe_difference("feature:functionals", one, other) == "0.2"


def test_the_table_has_a_column_for_each_machine_but_the_first() -> None:
    results: dict[str, Arrays] = {
        machine: dict.fromkeys(RESULTS, SCORES + shift) for machine, shift in (("a", 0.0), ("b", 0.5))
    }
    lines = as_table(results).splitlines()
    assert lines[0] == "| greatest difference | b |"
    assert len(lines) == 2 + len(RESULTS)
    assert lines[-1].endswith("| 0.5 (0 of 3 decisions) |")
