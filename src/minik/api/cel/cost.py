"""How expensive an expression can get, before it has ever run: cel-go's estimate, to the last digit.

Every step costs one, loops cost what their longest list allows, and what reads strings costs a tenth of their length.
How long lists, maps and strings can be comes from the schema (declared_sizes.py).
Upstream: cel-go's checker/cost.go with Kubernetes' call costs (call_costs.py).
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from minik.api.cel import call_costs, standard_costs
from minik.api.cel.call_costs import Part
from minik.api.cel.declared_sizes import ANYTHING, Declared, at
from minik.api.cel.function import FORMAT, MESSAGES, URL
from minik.api.cel.ranges import (
    LIMIT,
    NEVER,
    NEW_LIST,
    NEW_MAP,
    NEW_MESSAGE,
    NOTHING,
    ONE,
    PER_CHARACTER,
    UNKNOWN,
    Entries,
    Range,
    exactly,
)
from minik.api.cel.syntax_tree import (
    DYN,
    Call,
    Checked,
    Comprehension,
    Constant,
    Identifier,
    ListLiteral,
    MapLiteral,
    Node,
    Select,
    Type,
)

Path = tuple[str, ...]
_SCALARS = frozenset({"bool", "double", "duration", "int", "timestamp", "uint"})
_LONGEST_FORMAT = 64
_REWRITTEN = re.compile(r"items\d+__")  # what two_variables.py binds the looped-over value to
_KEYS = "keys__"
_OPTIONAL_OLD = "oldSelf__"


class _Local(NamedTuple):
    """A variable of a macro."""

    path: Path
    size: Range | None
    entries: Entries | None = None


def estimate(checked: Checked, root: Declared | None) -> Range:
    """The cost of an expression whose variables are all of type `root`, as self and oldSelf are."""
    return _Estimator(checked, root).cost(checked.tree)


def most(checked: Checked, items: int, characters: int) -> int:
    """The cost over values without longer lists, maps and strings."""
    root = Declared(ANYTHING, 0, max(items, characters))
    return _Estimator(checked, root, items).cost(checked.tree).most


class _Estimator:
    def __init__(self, checked: Checked, root: Declared | None, longest_loop: int = LIMIT) -> None:
        self._longest_loop = longest_loop
        self._anything = root is not None and root.kind == ANYTHING
        self._types = checked.types
        self._overloads = checked.overloads
        self._root = root
        self._paths: dict[int, Path] = {}
        self._sizes: dict[int, Range] = {}
        self._entries: dict[int, Entries] = {}
        self._locals: dict[str, list[_Local]] = {}

    def cost(self, node: Node) -> Range:
        match node:
            case Constant():
                return NOTHING
            case Identifier():
                local = self._local(node.name)
                self._paths[node.id] = local.path if local else (node.name,)
                return ONE
            case Select():
                return self._select(node)
            case ListLiteral():
                return self._list(node)
            case MapLiteral():
                return self._map(node)
            case Comprehension():
                return self._bind(node) if _is_bind(node) else self._comprehension(node)
        return self._call(node)

    def _select(self, node: Select) -> Range:
        cost = self.cost(node.operand)
        if node.test_only:
            return cost
        if self._anything or self._type(node.operand).kind in ("map", "message", "parameter"):
            cost = cost.plus(ONE)
        path = self._path(node.operand)
        if path:
            self._paths[node.id] = (*path, node.field)
        return cost

    def _list(self, node: ListLiteral) -> Range:
        cost, item = NOTHING, NEVER if node.elements else UNKNOWN._replace(most=0)
        for element in node.elements:
            cost = cost.plus(self.cost(element))
            item = item.union(self._size(element) or UNKNOWN)
        self._entries[node.id] = Entries("list", ONE, item)
        return cost.plus(exactly(NEW_LIST))

    def _map(self, node: MapLiteral) -> Range:
        if node.message:
            return _sum(self.cost(part) for part in node.parts[1::2]).plus(exactly(NEW_MESSAGE))
        cost = NOTHING
        sizes = [NEVER, NEVER] if node.parts else [NOTHING, NOTHING]
        for place, part in enumerate(node.parts):
            cost = cost.plus(self.cost(part))
            sizes[place % 2] = sizes[place % 2].union(self._size(part) or UNKNOWN)
        self._entries[node.id] = Entries("map", *sizes)
        return cost.plus(exactly(NEW_MAP))

    # -- macros

    def _comprehension(self, node: Comprehension) -> Range:
        cost = self.cost(node.items).plus(self.cost(node.start))
        self._push(node.accumulator, self._bound(node.start))
        self._push(node.variable, self._looped(node.items))
        once = self.cost(node.condition).plus(self.cost(node.step))
        entries = self._entries_of(node.step)
        self._locals[node.variable].pop()
        cost = cost.plus(self.cost(node.result))
        self._locals[node.accumulator].pop()
        rounds = self._size(node.items) or UNKNOWN
        if isinstance(node.start, Constant):
            self._set_size(node, self._size(node.start))
        elif isinstance(node.start, ListLiteral | MapLiteral):
            self._set_size(node, rounds)
            if entries is not None:
                self._entries[node.id] = entries
        path = self._path(node.items)
        if path and self._longest_loop < rounds.most:
            rounds = Range(0, self._longest_loop)
        return cost.plus(rounds.times(once))

    def _looped(self, items: Node) -> _Local:
        """The variable of a loop over `items`."""
        if isinstance(items, Call) and items.function == _KEYS:
            inner = items.arguments[0]
            is_list = self._type(inner).kind == "list"
            return _Local((), ONE) if is_list else _Local(self._step(inner, "@keys"), None)
        entries = self._entries_of(items)
        container = entries.container if entries else self._type(items).kind
        if container == "list":
            return _Local(self._step(items, "@items"), entries.value if entries else None)
        return _Local(self._step(items, "@keys"), entries.key if entries else None)

    def _step(self, node: Node, step: str) -> Path:
        path = self._path(node)
        return (*path, step) if path else ()

    def _bind(self, node: Comprehension) -> Range:
        cost = exactly(NEW_LIST).plus(self.cost(node.start))
        if _is_rewriting(node):
            # a part of what upstream does in one macro, or of what it has as a variable
            cost = NOTHING
        elif _REWRITTEN.fullmatch(node.accumulator):
            cost = self.cost(node.start)
        local = self._bound(node.start)
        if isinstance(node.start, Call) and _is_optional_old(node.start):
            local = _Local(("oldSelf",), None)
        self._push(node.accumulator, local)
        cost = cost.plus(self.cost(node.result))
        self._locals[node.accumulator].pop()
        self._copy(node, node.result)
        return cost

    def _bound(self, node: Node) -> _Local:
        return _Local(self._path(node), self._size(node), self._entries_of(node))

    def _push(self, name: str, local: _Local) -> None:
        self._locals.setdefault(name, []).append(local)

    def _local(self, name: str) -> _Local | None:
        stack = self._locals.get(name)
        return stack[-1] if stack else None

    # -- calls

    def _call(self, node: Call) -> Range:
        if node.function in ("dyn", _KEYS):
            cost = self.cost(node.arguments[0])
            self._copy(node, node.arguments[0])
            if node.function == _KEYS:
                return NOTHING  # has been paid where its argument was bound
            return cost.plus(ONE)
        costs = [self.cost(argument) for argument in node.arguments]
        own = self.cost(node.target) if node.target is not None else NOTHING
        cost, size = NEVER, None
        for overload in self._resolved(node):
            once, result = self._called(node, overload, costs)
            cost = cost.union(once)
            if result is not None:
                size = result if size is None else size.union(result)
            if overload in ("index_list", "index_map"):
                entries = self._entries_of(node.arguments[0])
                size = entries.value if entries else None
                path = self._path(node.arguments[0])
                if path:
                    self._paths[node.id] = (*path, "@items" if overload == "index_list" else "@values")
            if size is None:
                size = self._size(node)
        self._set_size(node, size)
        return own.plus(cost)

    def _resolved(self, node: Call) -> tuple[str, ...]:
        """The overloads in question: fewer than the checker's when the schema knows the types better."""
        found = self._overloads.get(node.id) or ("",)
        operands = [*((node.target,) if node.target is not None else ()), *node.arguments]
        if len(found) == 1 or not operands:
            return found
        kind = self._type(operands[-1] if node.function in ("@in", "in") else operands[0]).kind
        fitting = tuple(each for each in found if kind in each.replace("int64", "int").split("_"))
        return fitting or found

    def _called(self, node: Call, overload: str, costs: list[Range]) -> tuple[Range, Range | None]:
        everything = _sum(costs)
        target = self._part(node.target) if node.target is not None else None
        parts = [self._part(argument) for argument in node.arguments]
        known = call_costs.estimate(node.function, target, parts)
        if known is None and node.function == "_==_":
            known = _opaque_equality(self._type(node.arguments[0]), parts)
        if known is not None:
            return known.cost.plus(everything), known.size
        sizes = [part.size for part in ([target] if target else []) + parts]
        match overload:
            case "logical_or" | "logical_and":
                return Range(costs[0].least, costs[0].plus(costs[1]).most), None
            case "conditional":
                return self._conditional(node, costs)
            case "add_string" | "add_bytes" | "add_list":
                result = sizes[0].plus(sizes[1])
                self._join_entries(node, node.arguments[0], node.arguments[1])
                own = ONE if overload == "add_list" else result.scaled(PER_CHARACTER)
                return own.plus(everything), result
        own, size = standard_costs.estimate(overload, sizes)
        return own.plus(everything), size

    def _conditional(self, node: Call, costs: list[Range]) -> tuple[Range, Range | None]:
        yes, no = node.arguments[1:]
        self._join_entries(node, yes, no)
        size = (self._size(yes) or UNKNOWN).union(self._size(no) or UNKNOWN)
        return costs[0].plus(costs[1].union(costs[2])), size

    def _join_entries(self, node: Node, one: Node, other: Node) -> None:
        entries = self._entries_of(one)
        joined = entries.union(self._entries_of(other)) if entries else None
        if joined is not None:
            self._entries[node.id] = joined

    def _part(self, node: Node) -> Part:
        kind = self._type(node)
        item_kind, item_size = "", None
        if kind.parts and kind.kind in ("list", "map"):
            path = self._path(node)
            found = at(self._root, (*path, "@items")) if path else None
            item_kind = found.kind if found else kind.parts[0].kind
            item_size = Range(0, found.most) if found else None
        elif self._anything:
            item_kind = "dyn"
        whole = node.value if isinstance(node, Constant) and node.kind == "int" else None
        return Part(self._size(node) or UNKNOWN, kind.kind, item_kind, item_size, whole)

    # -- what is known of a node

    def _type(self, node: Node) -> Type:
        """The schema's word counts before the checker's, which knows less of lists in lists."""
        checked = self._types.get(node.id, DYN)
        found = at(self._root, self._path(node)) if checked.kind == "dyn" and self._path(node) else None
        if found is None or found.kind in ("dyn", ANYTHING):
            return checked
        kind = "message" if found.kind == "object" else found.kind
        inner = {"list": (DYN,), "map": (Type("string"), DYN)}.get(kind, ())
        return Type(kind, parts=inner)

    def _path(self, node: Node) -> Path:
        path: Path = ()
        if isinstance(node, Identifier):
            local = self._local(node.name)
            path = local.path if local else self._paths.get(node.id, ())
        else:
            path = self._paths.get(node.id, ())
        return () if path and path[0].startswith("@") else path

    def _set_size(self, node: Node, size: Range | None) -> None:
        if size is not None:
            self._sizes[node.id] = size

    def _copy(self, node: Node, source: Node) -> None:
        self._set_size(node, self._size(source))
        entries = self._entries_of(source)
        if entries is not None:
            self._entries[node.id] = entries

    def _size(self, node: Node) -> Range | None:
        known = self._sizes.get(node.id) or _literal_size(node)
        if known is not None:
            return known
        path = self._path(node)
        found = at(self._root, path) if path else None
        if found is not None:
            size = Range(0, found.most)
            self._sizes[node.id] = size
            return size
        if _is_scalar(self._types.get(node.id, DYN)):
            return ONE
        local = self._local(node.name) if isinstance(node, Identifier) else None
        known = local.size if local else None
        if known is None and self._anything and self._root is not None:
            return Range(0, self._root.most)
        return known

    def _entries_of(self, node: Node) -> Entries | None:
        found = self._entries.get(node.id)
        if found is None and isinstance(node, Identifier):
            local = self._local(node.name)
            return local.entries if local else None
        return found


def _is_bind(node: Comprehension) -> bool:
    return (
        isinstance(node.items, ListLiteral)
        and not node.items.elements
        and node.condition == Constant(node.condition.id, "bool", False)
        and not node.accumulator.startswith("@")
    )


def _is_rewriting(node: Comprehension) -> bool:
    """Whether a bind is only there because the engine has no such macro or variable."""
    start = node.start
    if not isinstance(start, Call) or not start.arguments or not isinstance(start.arguments[0], Identifier):
        return False
    name = start.arguments[0].name
    return (start.function == "_[_]" and _REWRITTEN.fullmatch(name) is not None) or _is_optional_old(start)


def _is_optional_old(start: Call) -> bool:
    first = start.arguments[0] if start.arguments else None
    return start.function == "_[?_]" and isinstance(first, Identifier) and first.name == _OPTIONAL_OLD


def _opaque_equality(of: Type, parts: list[Part]) -> call_costs.Estimate | None:
    """What comparing two values of one of Kubernetes' own types costs; None for other types."""
    if of.name not in MESSAGES:
        return None
    longest = {URL: parts[1].size.most, FORMAT: _LONGEST_FORMAT}.get(of.name)
    return call_costs.Estimate(ONE if longest is None else Range(1, longest).scaled(PER_CHARACTER))


def _is_scalar(of: Type) -> bool:
    if of.kind == "opaque" and of.name == "optional_type" and of.parts:
        return _is_scalar(of.parts[0])
    return of.kind in _SCALARS


def _literal_size(node: Node) -> Range | None:
    match node:
        case Constant():
            return exactly(len(node.value) if node.kind in ("string", "bytes") else 1)
        case ListLiteral():
            return exactly(len(node.elements))
        case MapLiteral() if not node.message:
            return exactly(len(node.parts) // 2)
    return None


def _sum(costs: Iterable[Range]) -> Range:
    total = NOTHING
    for cost in costs:
        total = total.plus(cost)
    return total
