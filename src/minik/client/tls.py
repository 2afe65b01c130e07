"""TLS towards servers that nobody vouches for: probed containers, Pods and Services behind the API's proxy."""

import functools
import ssl


@functools.cache
def unverified() -> ssl.SSLContext:
    """Takes any certificate, also one whose key or signature OpenSSL would find too weak: as Go does."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context
