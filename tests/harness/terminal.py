"""Drives a program as a person at a terminal does: types, and waits for what should appear."""

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence


class Terminal:
    """A program on a pseudo terminal of 24 lines and 80 columns. Use as a context manager."""

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self._text = ""
        self._seen = 0
        self._process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=dict(environment),
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(theirs)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        os.close(self._ours)

    @property
    def text(self) -> str:
        """Everything that has appeared."""
        return self._text

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def expect(self, pattern: str, *, within: float = 30.0) -> re.Match[str]:
        """The first match of the pattern in what has not been expected yet. Raises AssertionError with the text."""
        deadline = time.monotonic() + within
        while True:
            match = re.search(pattern, self._text[self._seen :])
            if match:
                self._seen += match.end()
                return match
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(left):
                raise AssertionError(f"{pattern!r} did not appear; the terminal shows: {self._text[-3000:]!r}")

    def interrupt(self) -> None:
        """Ctrl-C to the program itself."""
        self._process.send_signal(signal.SIGINT)

    def wait(self, *, within: float = 30.0) -> int:
        """The exit code, after reading to the end."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline and self._read(deadline - time.monotonic()):
            continue
        return self._process.wait(max(deadline - time.monotonic(), 0.1))

    def _read(self, timeout: float) -> bool:
        """Take what has appeared. False at the end of the program or the time."""
        if not select.select([self._ours], [], [], timeout)[0]:
            return False
        try:
            piece = os.read(self._ours, 65536)
        except OSError:  # EIO: nobody holds the other side any more
            return False
        self._text += piece.decode(errors="replace")
        return bool(piece)


def _take_terminal() -> None:
    import fcntl
    import struct
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
