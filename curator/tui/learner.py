"""Learning while a person decides: in a thread, kept through the one writer, silent while there is too little.

Separate from the screens because it runs in a thread and touches no widget.
"""

from __future__ import annotations

from functools import partial

from catalog.errors import BadRequest
from catalog.judgement import Judgement
from catalog.store import Store
from curator.tui.writer import Writer


def learn_from(store: Store, writer: Writer) -> Judgement | None:
    """Learn from all verdicts and keep it; None while they are too few. Called in a thread."""
    from curator.learning import learn

    try:
        judgement = learn(store.clip_table())
    except BadRequest:
        return None
    writer.hand_in(partial(store.keep_judgement, judgement)).result()
    return judgement
