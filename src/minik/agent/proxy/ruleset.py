"""A whole nftables table as plain data, and the smallest transaction that turns one such table into another.

Rules and elements are kept as nft's own text. Nothing here knows Services; nothing here talks to the kernel.
Syntax: https://wiki.nftables.org/wiki-nftables/index.php/Main_Page
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Chain:
    """`hook` is the base chain declaration ("type nat hook output priority -100;"), "" for a chain jumped to."""

    rules: tuple[str, ...]
    hook: str = ""


@dataclass(frozen=True, slots=True)
class Set:
    """A set or, when elements have values, a map. `dynamic` sets are filled by the kernel: elements are left alone."""

    declaration: str
    elements: Mapping[str, str] = field(default_factory=dict)  # key -> value ("" in a set)
    is_map: bool = False
    dynamic: bool = False

    @property
    def keyword(self) -> str:
        return "map" if self.is_map else "set"


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The content of one table, e.g. family "ip", name "minik"."""

    family: str
    name: str
    chains: Mapping[str, Chain] = field(default_factory=dict)
    sets: Mapping[str, Set] = field(default_factory=dict)

    @property
    def table(self) -> str:
        return f"{self.family} {self.name}"


def replace(new: Ruleset) -> list[str]:
    """Commands that make the table exactly `new`, whatever it was before."""
    table = new.table
    return [f"add table {table}", f"delete table {table}", f"add table {table}", *_all_of(new)]


def difference(old: Ruleset, new: Ruleset) -> list[str]:
    """Commands that turn `old` into `new` in one transaction; [] when they are equal."""
    table = new.table
    commands: list[str] = []
    redeclared = {
        name for name in old.sets.keys() & new.sets.keys() if old.sets[name].declaration != new.sets[name].declaration
    }
    if redeclared or any(
        old.chains[name].hook != new.chains[name].hook for name in old.chains.keys() & new.chains.keys()
    ):
        return replace(new)
    commands += _declare(new, new.sets.keys() - old.sets.keys(), new.chains.keys() - old.chains.keys())
    for name, wanted in new.sets.items():
        if not wanted.dynamic:
            had = old.sets[name].elements if name in old.sets else {}
            stale = [key for key, value in had.items() if wanted.elements.get(key) != value]
            commands += _elements("delete", table, name, {key: had[key] for key in stale})
    for name in new.chains:
        if name in old.chains and old.chains[name].rules != new.chains[name].rules:
            commands.append(f"flush chain {table} {name}")
            commands += _rules(table, name, new.chains[name])
        elif name not in old.chains:
            commands += _rules(table, name, new.chains[name])
    for name, wanted in new.sets.items():
        if not wanted.dynamic:
            had = old.sets[name].elements if name in old.sets else {}
            commands += _elements(
                "add", table, name, {key: value for key, value in wanted.elements.items() if had.get(key) != value}
            )
    gone = sorted(old.chains.keys() - new.chains.keys())
    commands += [f"flush chain {table} {name}" for name in gone]
    commands += [f"delete chain {table} {name}" for name in gone]
    commands += [
        f"delete {old.sets[name].keyword} {table} {name}" for name in sorted(old.sets.keys() - new.sets.keys())
    ]
    return commands


def _all_of(new: Ruleset) -> list[str]:
    commands = _declare(new, new.sets.keys(), new.chains.keys())
    for name, chain in new.chains.items():
        commands += _rules(new.table, name, chain)
    for name, wanted in new.sets.items():
        commands += _elements("add", new.table, name, wanted.elements)
    return commands


def _declare(new: Ruleset, sets: Iterable[str], chains: Iterable[str]) -> list[str]:
    commands = []
    for name in sorted(sets):
        wanted = new.sets[name]
        commands.append(f"add {wanted.keyword} {new.table} {name} {{ {wanted.declaration} }}")
    for name in sorted(chains):
        hook = new.chains[name].hook
        commands.append(f"add chain {new.table} {name}" + (f" {{ {hook} }}" if hook else ""))
    return commands


def _rules(table: str, name: str, chain: Chain) -> list[str]:
    return [f"add rule {table} {name} {rule}" for rule in chain.rules]


def _elements(action: str, table: str, name: str, elements: Mapping[str, str]) -> list[str]:
    if not elements:
        return []
    listed = ", ".join(f"{key} : {value}" if value else key for key, value in elements.items())
    return [f"{action} element {table} {name} {{ {listed} }}"]
