"""One line a message on stderr: time, level, component, text."""

import logging
import sys
import time


class _Formatter(logging.Formatter):
    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"


def configure(*, debug: bool, verbosity: int) -> None:
    """Log at INFO; everything with --debug or -v 4 and up. Libraries only speak up when something is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("minik").setLevel(logging.DEBUG if debug or verbosity >= 4 else logging.INFO)
