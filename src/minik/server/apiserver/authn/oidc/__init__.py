"""Tokens of OpenID Connect issuers, as an AuthenticationConfiguration describes them."""
