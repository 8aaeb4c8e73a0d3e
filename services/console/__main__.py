"""`python -m services.console --node-url http://127.0.0.1:8080 --port 8081`: the console as a process of its own."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence

from services.console.static_files import FAVICON

HOST = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the console on loopback until it is stopped."""
    parser = argparse.ArgumentParser(prog="services.console", description=__doc__)
    parser.add_argument("--node-url", required=True, help="where the node's desk answers, http://127.0.0.1:PORT")
    parser.add_argument("--port", type=int, required=True, help="port of the console on 127.0.0.1")
    options = parser.parse_args(arguments)
    # Nothing of a page is kept on disk, but the framework wants to know where it could.
    os.environ.setdefault("NICEGUI_STORAGE_PATH", tempfile.mkdtemp(prefix="casebus-console-"))
    from nicegui import ui  # noqa: PLC0415 - the path above must be set before

    from services.console.app import Console, register  # noqa: PLC0415

    register(Console(options.node_url))
    ui.run(
        host=HOST,
        port=options.port,
        title="casebus",
        favicon=FAVICON,
        show=False,
        reload=False,
        dark=False,
        tailwind=False,
        show_welcome_message=False,
        uvicorn_logging_level="warning",
    )


if __name__ == "__main__":
    main()
