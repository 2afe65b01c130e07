"""Which address of its node's range a Pod has."""

import ipaddress


class Addresses:
    """One network per node. Addresses go round, so that one that was just freed is not given out at once."""

    def __init__(self) -> None:
        self._of_pod: dict[str, tuple[str, int]] = {}  # Pod's UID -> its network, its address
        self._taken: dict[str, set[int]] = {}
        self._next: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._of_pod)

    def take(self, uid: str, cidr: str) -> str:
        """The Pod's address; "" when the network is full."""
        if (known := self._of_pod.get(uid)) is not None:
            return str(ipaddress.ip_address(known[1]))
        network = ipaddress.ip_network(cidr, strict=False)
        first, count = int(network.network_address), network.num_addresses
        taken, offset = self._taken.setdefault(cidr, set()), self._next.get(cidr, 2)
        for _ in range(min(count, len(taken) + 4)):
            offset = offset if 2 <= offset < count - 1 else 2  # the network's own address, its gateway and broadcast
            if first + offset not in taken and offset < count - 1:
                self._next[cidr] = offset + 1
                self._keep(uid, cidr, first + offset)
                return str(network.network_address + offset)
            offset += 1
        return ""

    def occupy(self, uid: str, cidr: str, address: str) -> None:
        """The Pod has this one already."""
        if uid not in self._of_pod:
            self._keep(uid, cidr, int(ipaddress.ip_address(address)))

    def release(self, uid: str) -> None:
        known = self._of_pod.pop(uid, None)
        if known is not None:
            self._taken[known[0]].discard(known[1])

    def _keep(self, uid: str, cidr: str, address: int) -> None:
        self._of_pod[uid] = (cidr, address)
        self._taken.setdefault(cidr, set()).add(address)
