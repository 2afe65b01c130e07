"""Node ports of Services: https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport ."""

from minik.server.apiserver.allocators.pool import (
    ExhaustedError,
    NumberPool,
    OutOfRangeError,
    TakenError,
    reserved_ports,
)


class PortError(Exception):
    """Why a port cannot be had, in upstream's words."""


class NodePorts:
    """The range of node ports, given as "30000-32767"."""

    def __init__(self, port_range: str) -> None:
        first, _, last = port_range.partition("-")
        self._range = port_range
        self._pool = NumberPool(int(first), int(last), reserved_ports(int(last) - int(first) + 1))

    def take(self, port: int) -> None:
        """Raises PortError."""
        try:
            self._pool.take(port)
        except OutOfRangeError:
            raise PortError(
                f"provided port is not in the valid range. The range of valid ports is {self._range}"
            ) from None
        except TakenError:
            raise PortError("provided port is already allocated") from None

    def take_next(self) -> int:
        """Raises PortError."""
        try:
            return self._pool.take_next()
        except ExhaustedError:
            raise PortError("range is full") from None

    def is_taken(self, port: int) -> bool:
        return self._pool.is_taken(port)

    def remember(self, port: int) -> None:
        """Count a port as taken that is in use already, wherever it lies."""
        if port in self._pool and not self._pool.is_taken(port):
            self._pool.take(port)

    def release(self, port: int) -> None:
        self._pool.release(port)


class PortClaim:
    """The ports taken for one write: given back all at once if it fails; a dry run takes none."""

    def __init__(self, ports: NodePorts, *, dry_run: bool) -> None:
        self._ports = ports
        self._dry_run = dry_run
        self.taken: list[int] = []

    def take(self, port: int) -> None:
        """Raises PortError. A dry run does not look at the range, as upstream's."""
        if self._dry_run and port in self.taken:
            raise PortError("provided port is already allocated")
        try:
            self._ports.take(port)
        except PortError:
            if not self._dry_run or self._ports.is_taken(port):
                raise
            self.taken.append(port)
            return
        self.taken.append(port)

    def take_next(self) -> int:
        port = self._ports.take_next()
        self.taken.append(port)
        return port

    def give_back(self) -> None:
        while self.taken:
            self._ports.release(self.taken.pop())
