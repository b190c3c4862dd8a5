"""Questions before batches."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from app.embedding.gate import Gate
from tests.waiting import PATIENCE

ENDLESS = 10 * PATIENCE


def ends(work: Callable[[], None]) -> bool:
    """Whether it comes to its end by itself, and waits for nobody's patience."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return not thread.is_alive()


def test_a_batch_does_not_begin_while_a_question_runs() -> None:
    gate = Gate(patience=PATIENCE)
    order: list[str] = []

    def batch() -> None:
        with gate.batch():
            order.append("batch")

    thread = threading.Thread(target=batch)
    with gate.question():
        thread.start()
        thread.join(0.05)
        assert thread.is_alive()
        order.append("question")
    thread.join(PATIENCE)
    assert order == ["question", "batch"]


def test_a_question_runs_beside_a_batch_that_has_begun() -> None:
    gate = Gate(patience=ENDLESS)

    def both() -> None:
        with gate.batch(), gate.question():
            pass

    assert ends(both)


def test_a_batch_goes_through_when_its_patience_ends() -> None:
    gate = Gate(patience=0.01)

    def both() -> None:
        with gate.question(), gate.batch():
            pass

    assert ends(both)


def test_batches_run_one_at_a_time() -> None:
    gate = Gate()
    inside, most = 0, 0

    def batch() -> None:
        nonlocal inside, most
        for _ in range(20):
            with gate.batch():
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=batch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert most == 1


def test_a_question_that_fails_lets_the_batches_go_on() -> None:
    gate = Gate(patience=ENDLESS)
    with pytest.raises(ZeroDivisionError), gate.question():
        _ = 1 / 0

    def batch() -> None:
        with gate.batch():
            pass

    assert ends(batch)
