"""Worker processes that do not outlive the run that started them."""

from __future__ import annotations

import functools
import multiprocessing
import os
import threading
import time

__all__ = ["follow_parent"]

EVERY_S = 1.0


@functools.cache
def follow_parent() -> None:
    """End this process when the one that started it is gone; called at the start of each task.

    A run that is killed cannot tell its workers, which would wait for more work, each with its
    memory, for minutes. Nothing happens outside of joblib's local workers, and on Windows.
    """
    if os.name == "posix" and multiprocessing.current_process().name.startswith("Loky"):
        threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(EVERY_S)
    os._exit(1)
