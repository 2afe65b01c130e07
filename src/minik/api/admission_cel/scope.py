"""What an expression of admission may mention."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """Which variables there are besides object, oldObject, request and namespaceObject.

    `variables`: the names under `variables`, which is there without any if `composed`. `definitions`: their
    expressions, if they are known. `literals`: Object{} and JSONPatch{} may be written.
    """

    params: bool
    authorizer: bool
    variables: tuple[str, ...] = ()
    literals: bool = False
    definitions: tuple[tuple[str, str], ...] = ()
    composed: bool = False
