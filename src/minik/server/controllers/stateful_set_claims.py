"""The PersistentVolumeClaims of a StatefulSet's Pods: made before their Pod, owned as the retention policy says.

https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#persistentvolumeclaim-retention
"""

from collections.abc import Callable, Iterable, Sequence

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.events import NORMAL, WARNING
from minik.client.informer import Informer
from minik.client.resources import PERSISTENT_VOLUME_CLAIMS
from minik.server.controllers import stateful_set_pods as identity
from minik.server.controllers.objects import is_deleting, own_copy

Tell = Callable[[Obj, str, str, str], None]  # StatefulSet, type, reason, message


class ClaimControl:
    def __init__(self, client: Client, claims: Informer, tell: Tell) -> None:
        self._client, self._claims, self._tell = client, claims, tell

    def obstacle(self, stateful_set: Obj, ordinal: int) -> str | None:
        """Why the Pod cannot be made yet; "" when that needs no words. The end of the claim removes it."""
        pod = identity.pod_name(stateful_set, ordinal)
        for claim in self._present(stateful_set, ordinal):
            if any(_is_pod(reference, pod) for reference in claim["metadata"].get("ownerReferences") or ()):
                return ""  # left by an earlier Pod: the garbage collector is about to take it
        for claim in self._present(stateful_set, ordinal):
            if is_deleting(claim):
                return f"pvc {claim['metadata']['name']} is being deleted"
        return None

    async def create(self, stateful_set: Obj, ordinal: int) -> None:
        """Make the claims that are missing. Raises StatusError."""
        namespace = stateful_set["metadata"]["namespace"]
        for wanted in identity.build_claims(stateful_set, ordinal):
            if self._claims.get(wanted["metadata"]["name"], namespace) is not None:
                continue
            owners = identity.claim_owners(stateful_set, None, ordinal)
            if owners:
                wanted["metadata"]["ownerReferences"] = owners
            await self._create(stateful_set, wanted, identity.pod_name(stateful_set, ordinal))

    async def _create(self, stateful_set: Obj, wanted: Obj, pod: str) -> None:
        claim, name = wanted["metadata"]["name"], stateful_set["metadata"]["name"]
        try:
            await self._client.create(PERSISTENT_VOLUME_CLAIMS, wanted, stateful_set["metadata"]["namespace"])
        except StatusError as error:
            if error.reason == "AlreadyExists":
                return
            text = f"create Claim {claim} for Pod {pod} in StatefulSet {name} failed error: {error.message}"
            self._tell(stateful_set, WARNING, "FailedCreate", text)
            raise
        text = f"create Claim {claim} Pod {pod} in StatefulSet {name} success"
        self._tell(stateful_set, NORMAL, "SuccessfulCreate", text)

    async def settle(self, stateful_set: Obj, pods: Sequence[Obj]) -> None:
        """Owner references of existing claims follow the retention policy."""
        for pod in pods:
            ordinal = identity.ordinal_of(pod)
            for claim in self._present(stateful_set, ordinal):
                references = claim["metadata"].get("ownerReferences") or []
                wanted = identity.claim_references(stateful_set, pod, references)
                if wanted is None or is_deleting(claim) or _owners(wanted) == _owners(references):
                    continue
                changed = own_copy(claim)
                changed["metadata"]["ownerReferences"] = wanted
                await self._client.update(PERSISTENT_VOLUME_CLAIMS, changed, claim["metadata"]["namespace"])

    def _present(self, stateful_set: Obj, ordinal: int) -> Iterable[Obj]:
        namespace = stateful_set["metadata"]["namespace"]
        for name in identity.claim_names(stateful_set, ordinal).values():
            if (claim := self._claims.get(name, namespace)) is not None:
                yield claim


def is_claim_of(stateful_set: Obj, claim: Obj) -> bool:
    """Whether the claim has the name of one of the set's."""
    name, own = claim["metadata"]["name"], stateful_set["metadata"]["name"]
    prefixes = [f"{t['metadata']['name']}-{own}-" for t in stateful_set["spec"].get("volumeClaimTemplates") or ()]
    return any(name.startswith(prefix) and name.removeprefix(prefix).isdecimal() for prefix in prefixes)


def _is_pod(reference: Obj, name: str) -> bool:
    return (reference["apiVersion"], reference["kind"], reference["name"]) == ("v1", "Pod", name)


def _owners(references: Iterable[Obj]) -> list[tuple[str, bool]]:
    """An owner that does not control the claim any more has to do so again."""
    return [(reference["uid"], bool(reference.get("controller"))) for reference in references]
