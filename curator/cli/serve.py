"""`curator serve`: the app in the browser, for machines without speakers and for those who like a window better."""

from __future__ import annotations

import click

from catalog.errors import BadRequest
from catalog.library import Library
from curator.cli.output import DONE, pass_library, say

USUAL_PORT = 8472


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=USUAL_PORT,
    show_default=True,
    metavar="N",
    help="The port to answer on; 0 takes a free one.",
)
@click.option("--open", "open_", is_flag=True, help="Open the browser of this machine at the address.")
@pass_library
def serve(library: Library, port: int, open_: bool) -> int:
    """Serve the app to a browser on this machine. It plays the clips there.

    Only the loopback address answers, and only to the printed address with its secret. From another machine, forward
    the port: ssh -L 8472:127.0.0.1:8472 HOST, and open the printed address there. Ctrl+C ends it.
    """
    try:
        from curator.serve import serve as run
    except ImportError as error:
        raise BadRequest("The browser way needs textual-serve: pip install textual-serve") from error

    library.create()

    def tell(address: str) -> None:
        say(f"The app is at {address}")
        say("Ctrl+C ends it; jobs go on.")
        if open_:
            click.launch(address)

    try:
        run(library.root, host="127.0.0.1", port=port, tell=tell)
    except OSError as error:
        raise BadRequest(
            f"Port {port} cannot be used ({error.strerror or error}); let one be chosen: --port 0"
        ) from error
    say("Ended.")
    return DONE
