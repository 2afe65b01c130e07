"""Names: which strings may name things, and what is said about those that may not.

Every validator takes a string and returns a list of complaints (empty: fine), worded as upstream's
apimachinery `util/validation` and `api/validate/content` packages word them.
Rules: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

LABEL_MAX = 63  # DNS-1123 and DNS-1035 labels, name parts and label values
SUBDOMAIN_MAX = 253

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = _LABEL + r"(\." + _LABEL + ")*"
_UNDERSCORE_LABEL = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_UNDERSCORE_SUBDOMAIN = _UNDERSCORE_LABEL + r"(\." + _UNDERSCORE_LABEL + ")*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_WILDCARD = r"\*\." + _SUBDOMAIN
_NAME_PART = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_NAME_PART})?"
_C_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_HTTP_HEADER = "[-A-Za-z0-9]+"
_PERCENT = "[0-9]+%"
_HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"

_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character"
)
_UNDERSCORE_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', "
    "and must start and end with an alphanumeric character"
)
_LABEL_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character"
)
_WILDCARD_TEXT = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, "
    "which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
)
_NAME_PART_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_LABEL_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
_NAME_PART_EXAMPLES = ("MyName", "my.name", "123-abc")


def regex_error(text: str, pattern: str, *examples: str) -> str:
    """What upstream says when a value does not match `pattern`."""
    if not examples:
        return f"{text} (regex used for validation is '{pattern}')"
    listed = " or ".join(f"'{example}', " for example in examples)
    return f"{text} (e.g. {listed}regex used for validation is '{pattern}')"


def max_length_error(length: int) -> str:
    return f"must be no more than {length} characters"


def _max_bytes_error(length: int) -> str:
    return f"must be no more than {length} bytes"


def range_error(low: int, high: int) -> str:
    return f"must be between {low} and {high}, inclusive"


def _matches(pattern: str, value: str) -> bool:
    return re.fullmatch(pattern, value) is not None


def _size(value: str) -> int:
    return len(value) if value.isascii() else len(value.encode())


def dns_label(value: str) -> list[str]:
    """RFC 1123 label: most names of parts (containers, ports of Services, namespaces)."""
    errors = [max_length_error(LABEL_MAX)] if _size(value) > LABEL_MAX else []
    if not _matches(_LABEL, value):
        if _matches(_SUBDOMAIN, value):
            errors.append("must not contain dots")
        else:
            errors.append(regex_error(_LABEL_TEXT, _LABEL, "my-name", "123-abc"))
    return errors


def dns_subdomain(value: str) -> list[str]:
    """RFC 1123 subdomain: the names of most kinds."""
    errors = [max_length_error(SUBDOMAIN_MAX)] if _size(value) > SUBDOMAIN_MAX else []
    if not _matches(_SUBDOMAIN, value):
        errors.append(regex_error(_SUBDOMAIN_TEXT, _SUBDOMAIN, "example.com"))
    return errors


def dns_subdomain_with_underscore(value: str) -> list[str]:
    """As dns_subdomain, labels may start with or contain an underscore (DNS search paths)."""
    errors = [max_length_error(SUBDOMAIN_MAX)] if _size(value) > SUBDOMAIN_MAX else []
    if not _matches(_UNDERSCORE_SUBDOMAIN, value):
        errors.append(regex_error(_UNDERSCORE_SUBDOMAIN_TEXT, _UNDERSCORE_SUBDOMAIN, "example.com"))
    return errors


def dns_1035_label(value: str) -> list[str]:
    """RFC 1035 label: as a DNS label, beginning with a letter."""
    errors = [max_length_error(LABEL_MAX)] if _size(value) > LABEL_MAX else []
    if not _matches(_LABEL_1035, value):
        errors.append(regex_error(_LABEL_1035_TEXT, _LABEL_1035, "my-name", "abc-123"))
    return errors


def wildcard_dns_subdomain(value: str) -> list[str]:
    """`*.` and a DNS subdomain (Ingress hosts, certificates)."""
    errors = [max_length_error(SUBDOMAIN_MAX)] if _size(value) > SUBDOMAIN_MAX else []
    if not _matches(_WILDCARD, value):
        errors.append(regex_error(_WILDCARD_TEXT, _WILDCARD, "*.example.com"))
    return errors


def qualified_name(value: str) -> list[str]:
    """`name` or `prefix/name`: keys of labels and annotations, finalizers, resource names."""
    parts = value.split("/")
    errors: list[str] = []
    if len(parts) > 2:
        text = regex_error(_NAME_PART_TEXT, _NAME_PART, *_NAME_PART_EXAMPLES)
        return [f"a valid label key {text} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    if len(parts) == 2:
        if not parts[0]:
            errors.append("prefix part must be non-empty")
        else:
            errors += [f"prefix part {text}" for text in _long_name(parts[0])]
    name = parts[-1]
    if not name:
        errors.append("name part must be non-empty")
    elif _size(name) > LABEL_MAX:
        errors.append("name part " + _max_bytes_error(LABEL_MAX))
    if not _matches(_NAME_PART, name):
        errors.append("name part " + regex_error(_NAME_PART_TEXT, _NAME_PART, *_NAME_PART_EXAMPLES))
    return errors


def _long_name(value: str) -> list[str]:
    """A DNS subdomain to upstream's newer validators, which tell its length in other words."""
    errors = [_max_bytes_error(SUBDOMAIN_MAX)] if _size(value) > SUBDOMAIN_MAX else []
    return errors + [text for text in dns_subdomain(value) if text != max_length_error(SUBDOMAIN_MAX)]


def label_value(value: str) -> list[str]:
    errors = [_max_bytes_error(LABEL_MAX)] if _size(value) > LABEL_MAX else []
    if not _matches(_LABEL_VALUE, value):
        errors.append(regex_error(_LABEL_VALUE_TEXT, _LABEL_VALUE, "MyValue", "my_value", "12345"))
    return errors


def c_identifier(value: str) -> list[str]:
    if _matches(_C_IDENTIFIER, value):
        return []
    text = (
        "a valid C identifier must start with alphabetic character or '_', "
        "followed by a string of alphanumeric characters or '_'"
    )
    return [regex_error(text, _C_IDENTIFIER, "my_name", "MY_NAME", "MyName")]


def _path_step_errors(value: str) -> list[str]:
    """Complaints about names that would walk up when they become file names."""
    if value == ".":
        return ["must not be '.'"]
    if value == "..":
        return ["must not be '..'"]
    if value.startswith(".."):
        return ["must not start with '..'"]
    return []


def config_map_key(value: str) -> list[str]:
    """A key of a ConfigMap or Secret, which may become a file name."""
    errors = [max_length_error(SUBDOMAIN_MAX)] if _size(value) > SUBDOMAIN_MAX else []
    if not _matches(_CONFIG_KEY, value):
        text = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        errors.append(regex_error(text, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    return errors + _path_step_errors(value)


def environment_variable_name(value: str) -> list[str]:
    """Any printable ASCII but `=` (KEP-4369)."""
    if not value:
        return ["environment variable name must be non-empty"]
    if all(" " <= char <= "~" and char != "=" for char in value):
        return []
    return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]


def http_header_name(value: str) -> list[str]:
    if _matches(_HTTP_HEADER, value):
        return []
    text = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return [regex_error(text, _HTTP_HEADER, "X-Header-Name")]


def percent(value: str) -> list[str]:
    if _matches(_PERCENT, value):
        return []
    text = "a valid percent string must be a numeric string followed by an ending '%'"
    return [regex_error(text, _PERCENT, "1%", "93%")]


def port_number(value: int) -> list[str]:
    return [] if 1 <= value <= 65535 else [range_error(1, 65535)]


def port_name(value: str) -> list[str]:
    """IANA service name: at most 15 of a-z, 0-9 and `-`, at least one letter."""
    errors = [max_length_error(15)] if _size(value) > 15 else []
    if not _matches("[-a-z0-9]+", value):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        errors.append("must contain at least one letter (a-z)")
    if "--" in value:
        errors.append("must not contain consecutive hyphens")
    if value and (value[0] == "-" or value[-1] == "-"):
        errors.append("must not begin or end with a hyphen")
    return errors


def path_segment(value: str) -> list[str]:
    """What may stand between two slashes of a URL: names of kinds with no rule of their own (RBAC)."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{part}'" for part in ("/", "%") if part in value]


def domain_prefixed_path(value: str) -> list[str]:
    """`example.com/some/path` (CSRs' signer names, scheduling gates of other groups)."""
    if not value:
        return ["must be non-empty"]
    host, slash, path = value.partition("/")
    if not slash or not host:
        return [f'must be a domain-prefixed path (such as "acme.io/foo"), got {value!r}']
    errors = dns_subdomain(host)
    if not path:
        errors.append('must be a domain-prefixed path (such as "acme.io/foo")')
    elif not _matches(_HTTP_PATH, path):
        errors.append(regex_error("Invalid path", _HTTP_PATH))
    return errors


def strict_ip(value: str) -> IPv4Address | IPv6Address | None:
    """The address, or None for what is no address (zones such as `fe80::1%eth0` are none)."""
    if "%" in value:
        return None
    try:
        return ip_address(value)
    except ValueError:
        return None


# --- name rules of kinds: (name, is_prefix) -> complaints, as Strategy.name_errors wants them


def without_trailing_dash(name: str) -> str:
    """A generateName without its dash: with what will follow, the dash does no harm."""
    return name[:-2] + "a" if len(name) > 1 and name.endswith("-") else name


def subdomain_name(name: str, is_prefix: bool) -> list[str]:
    return dns_subdomain(without_trailing_dash(name) if is_prefix else name)


def declared_long_name(name: str, is_prefix: bool) -> list[str]:
    """The rule of kinds whose name is validated declaratively (k8s-long-name): generateName is not looked at."""
    return [] if is_prefix else _long_name(name)


def label_name(name: str, is_prefix: bool) -> list[str]:
    return dns_label(without_trailing_dash(name) if is_prefix else name)


def path_segment_name(name: str, is_prefix: bool) -> list[str]:
    if is_prefix:
        return [f"may not contain '{part}'" for part in ("/", "%") if part in name]
    return path_segment(name)
