"""The webhooks that configurations ask for, compiled once, and looked up by kind of write.

Follows Mutating- or ValidatingWebhookConfigurations (objects.py); while there are none, a lookup is one comparison.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.matching import Criteria, Matcher, of_webhook

_REVIEW_VERSIONS = ("v1", "v1beta1")
_TIMEOUT = 10  # seconds, when the webhook names none
_CACHED_KINDS = 1000  # kinds of writes remembered at most


@dataclass(frozen=True, slots=True, eq=False)
class Webhook:
    """One webhook of a configuration, ready to be asked. Its identity tells it apart in reinvocations."""

    name: str
    configuration: str
    criteria: Criteria
    client: Obj
    review_version: str  # "" when it knows none that this server speaks
    ignore_failures: bool
    seconds: int
    side_effects: str
    conditions: Sequence[Obj]
    reinvoke: bool
    state: dict[str, object] = field(default_factory=dict)  # what was made of it when it was first asked

    @property
    def free_of_side_effects(self) -> bool:
        return self.side_effects in ("None", "NoneOnDryRun")


def compiled(configuration: Obj) -> tuple[Webhook, ...]:
    return tuple(_webhook(configuration["metadata"]["name"], hook) for hook in configuration.get("webhooks") or ())


def _webhook(configuration: str, hook: Obj) -> Webhook:
    spoken = hook.get("admissionReviewVersions") or ()
    return Webhook(
        name=hook["name"],
        configuration=configuration,
        criteria=of_webhook(hook),
        client=hook.get("clientConfig") or {},
        review_version=next((version for version in spoken if version in _REVIEW_VERSIONS), ""),
        ignore_failures=hook.get("failurePolicy") == "Ignore",
        seconds=hook.get("timeoutSeconds") or _TIMEOUT,
        side_effects=hook.get("sideEffects") or "",
        conditions=hook.get("matchConditions") or (),
        reinvoke=hook.get("reinvocationPolicy") == "IfNeeded",
    )


class Webhooks:
    """All webhooks of one kind of configuration, in the order of the configurations' names."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self._by_configuration: dict[str, tuple[Webhook, ...]] = {}
        self._all: tuple[Webhook, ...] = ()
        self._places: dict[Webhook, int] = {}
        self._by_write: dict[tuple[int, str, GVR, str], tuple[Webhook, ...]] = {}

    def reset(self) -> None:
        self._by_configuration = {}
        self._rebuild()

    def change(self, _: GVR, new: Obj | None, last: Obj | None) -> None:
        if new is not None:
            self._by_configuration[new["metadata"]["name"]] = compiled(new)
        elif last is not None:
            self._by_configuration.pop(last["metadata"]["name"], None)
        self._rebuild()

    def __bool__(self) -> bool:
        return bool(self._all)

    def may_concern(self, attributes: AdmissionAttributes) -> tuple[Webhook, ...]:
        """Those whose rules allow for this kind of write."""
        key = (self._matcher.generation, attributes.operation.value, attributes.gvr, attributes.subresource)
        found = self._by_write.get(key)
        if found is None:
            resources = self._matcher.same_objects(attributes)
            found = tuple(
                hook
                for hook in self._all
                if hook.criteria.may_match(attributes.operation, resources, attributes.subresource)
            )
            if len(self._by_write) >= _CACHED_KINDS:
                self._by_write.clear()
            self._by_write[key] = found
        return found

    def place(self, webhook: Webhook) -> int:
        """Which of all webhooks it is, whether the others are meant or not."""
        return self._places.get(webhook, 0)

    def _rebuild(self) -> None:
        self._all = tuple(hook for _, hooks in sorted(self._by_configuration.items()) for hook in hooks)
        self._places = {hook: place for place, hook in enumerate(self._all)}
        self._by_write = {}
