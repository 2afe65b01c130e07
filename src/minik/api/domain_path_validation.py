"""Domain-prefixed paths in fields: `acme.io/foo` (IngressClass controllers, managedBy, condition types of others)."""

import re

from minik.api import names
from minik.api.validation import FieldError, invalid_value, required

_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"


def validate_domain_prefixed_path(value: str, path: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    host, _, rest = value.partition("/")
    if not host or not rest:
        return [invalid_value(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    errors = [invalid_value(path, host, text) for text in names.dns_subdomain(host)]
    if not re.fullmatch(_PATH, rest):
        errors.append(invalid_value(path, rest, names.regex_error("Invalid path", _PATH)))
    return errors
