"""Which versions and resources are served: kube-apiserver's --runtime-config.

    api/all, api/ga, api/beta, api/alpha        every version of that maturity
    GROUP/VERSION, GROUP/VERSION/RESOURCE       one version (the core group is "": plain "v1"), one of its resources

What is said more precisely wins. Without it stable versions are served and no others.
https://kubernetes.io/docs/reference/using-api/#enabling-or-disabling
"""

from collections.abc import Iterable, Mapping

_MATURITIES = ("ga", "beta", "alpha")


class RuntimeConfigError(ValueError):
    """An entry makes no sense. The message says which."""


def parse(entries: Iterable[str], known: Iterable[tuple[str, str]]) -> dict[str, bool]:
    """KEY=BOOL entries; `=BOOL` may be left out. `known` are (group, version). Raises RuntimeConfigError."""
    named = {f"{group}/{version}" if group else version for group, version in known}
    found: dict[str, bool] = {}
    for entry in entries:
        key, _, value = entry.partition("=")
        if value not in ("", "true", "false"):
            raise RuntimeConfigError(f'runtime-config: {key} must be true or false, not "{value}"')
        general = key == "api/all" or key in {f"api/{maturity}" for maturity in _MATURITIES}
        if not general and key not in named and key.rpartition("/")[0] not in named:
            raise RuntimeConfigError(f"runtime-config: unknown api groups {key}")
        found[key] = value != "false"
    return found


def serves(config: Mapping[str, bool], group: str, version: str, plural: str) -> bool:
    """Whether a resource is served."""
    group_version = f"{group}/{version}" if group else version
    maturity = next((each for each in ("alpha", "beta") if each in version), "ga")
    for key in (f"{group_version}/{plural}", group_version, f"api/{maturity}", "api/all"):
        if key in config:
            return config[key]
    return maturity == "ga"
