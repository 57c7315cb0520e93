"""What is said when a thread of the app meets an error that nobody foresaw.

Separate because it may happen in any room: the app goes on, the person learns of it, and the log has the traceback.
"""

from __future__ import annotations

import os
import traceback
from typing import Any

from textual.app import App
from textual.worker import Worker, WorkerState

from curator.words import one_line

STDERR = 2


def tell_failure(app: App[Any], event: Worker.StateChanged) -> None:
    """Say that a worker failed, and write its traceback where the app's log is."""
    error = event.worker.error
    if event.state is not WorkerState.ERROR or error is None:
        return
    os.write(STDERR, "".join(traceback.format_exception(error)).encode(errors="replace"))
    words = f"Something unforeseen went wrong ({type(error).__name__}: {error}); app.log in the library has more."
    app.notify(one_line(words), severity="error", timeout=15, markup=False)
