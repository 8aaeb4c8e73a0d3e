"""`python -m services.auditor --log DIR/audit --index DIR/audit-index.db`: what `node up` runs beside the node.

It is ended by its signal, at any moment: what was not written is read again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from schemas.errors import CasebusError
from security.audit.errors import AuditMissingError
from security.logging import configure, get_logger
from services.auditor.following import PERIOD_SECONDS, IndexFollower, give_way

AGAIN_SECONDS = 5.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Follow until ended; what cannot be done now is tried again."""
    parser = argparse.ArgumentParser(prog="services.auditor", description=__doc__)
    parser.add_argument("--log", type=Path, required=True, help="the audit log's directory")
    parser.add_argument("--index", type=Path, required=True, help="the index's file")
    options = parser.parse_args(arguments)
    configure()
    give_way()
    follower, log, told = IndexFollower(options.log, options.index), get_logger("auditor"), ""
    while True:
        try:
            follower.look()
        except (CasebusError, OSError) as error:
            code = error.code if isinstance(error, CasebusError) else type(error).__name__
            # A node that is just being made has no log yet.
            if code not in {told, AuditMissingError.code}:
                log.warning("index.waiting", code=code)
            told = code
            time.sleep(PERIOD_SECONDS if code == AuditMissingError.code else AGAIN_SECONDS)
        else:
            told = ""
            time.sleep(PERIOD_SECONDS)


if __name__ == "__main__":
    main()
