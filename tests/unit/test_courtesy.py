"""Searches before background work, in one process and between processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from app.indexes.courtesy import Courtesy
from app.ingestion.priority import NICE
from tests.waiting import PATIENCE

OF_EVERY_THREAD = """
import os, threading
from app.ingestion.priority import give_way
ended = threading.Event()
earlier = threading.Thread(target=ended.wait)
earlier.start()
give_way()
give_way()
nice = {os.getpriority(os.PRIO_PROCESS, int(task)) for task in os.listdir("/proc/self/task")}
ended.set()
print(*nice)
"""


def test_background_work_waits_for_the_search_there_is() -> None:
    courtesy = Courtesy(patience=10 * PATIENCE)
    began, order = threading.Event(), list[str]()

    def work() -> None:
        began.set()
        courtesy.portion(100, 10)
        order.append("work")

    thread = threading.Thread(target=work, daemon=True)
    with courtesy.search():
        thread.start()
        assert began.wait(PATIENCE)
        thread.join(0.05)
        order.append("search")
    thread.join(PATIENCE)
    assert order == ["search", "work"]


def test_portions_are_small_while_people_search_and_large_when_they_are_gone() -> None:
    courtesy = Courtesy(patience=0.01, calm=30)
    assert courtesy.portion(100, 10) == 100
    with courtesy.search():
        assert courtesy.portion(100, 10) == 10, "under searches without end it goes on, slowly"
    assert courtesy.portion(100, 10) == 10
    courtesy.calm = 0
    assert courtesy.portion(100, 10) == 100


def test_a_process_that_gives_way_does_so_with_every_thread_and_no_further_each_time() -> None:
    command = [sys.executable, "-c", OF_EVERY_THREAD]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert told.stdout.split() == [str(max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))]
