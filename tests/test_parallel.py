"""Parallel calls: in order, by one BLAS thread each, with errors that arrive."""

import os
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from ser.errors import InputError
from ser.parallel import run_all
from ser.params import Workers

PROCESSES = Workers(backend="loky", jobs=2)
ANY_WORKERS = [
    Workers(backend="loky", jobs=1),
    PROCESSES,
]


def later_ones_are_quicker(number: int, n: int) -> tuple[int, int]:
    time.sleep(0.02 * (n - number))
    return number, os.getpid()


def blas_threads(_: int) -> list[int]:
    np.ones((2, 2)) @ np.ones((2, 2))
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def refuse(number: int) -> int:
    if number == 2:
        raise InputError(f"clip {number}: not readable")
    return number


@pytest.mark.parametrize("workers", ANY_WORKERS, ids=lambda each: f"{each.backend} {each.jobs}")
def test_results_come_in_the_order_of_the_calls(workers: Workers) -> None:
    n = 6
    results = run_all(later_ones_are_quicker, [(i, n) for i in range(n)], workers=workers, what="test")
    assert [number for number, _ in results] == list(range(n))


def test_the_work_is_done_in_other_processes() -> None:
    results = run_all(later_ones_are_quicker, [(i, 4) for i in range(4)], workers=PROCESSES, what="test")
    assert os.getpid() not in {process for _, process in results}


def test_each_worker_uses_one_blas_thread() -> None:
    for threads in run_all(blas_threads, [(0,), (1,)], workers=PROCESSES, what="test"):
        assert threads
        assert set(threads) == {1}


@pytest.mark.parametrize("workers", ANY_WORKERS, ids=lambda each: f"{each.backend} {each.jobs}")
def test_an_error_arrives_as_itself(workers: Workers) -> None:
    with pytest.raises(InputError, match="clip 2: not readable"):
        run_all(refuse, [(i,) for i in range(4)], workers=workers, what="test")


def test_no_call_is_no_result() -> None:
    assert run_all(refuse, [], workers=PROCESSES, what="test") == []


def test_the_bar_names_the_work_and_its_unit(capsys: pytest.CaptureFixture[str]) -> None:
    run_all(refuse, [(0,), (1,)], workers=Workers(backend="loky", jobs=1), what="spin", unit="wheel")
    bar = capsys.readouterr().err
    assert "spin: 100%" in bar
    assert "2/2" in bar
    assert "wheel" in bar


def test_an_unknown_backend_is_told_by_its_key() -> None:
    with pytest.raises(InputError, match=r"workers\.backend.*steam"):
        run_all(refuse, [(0,)], workers=Workers(backend="steam", jobs=2), what="test")
