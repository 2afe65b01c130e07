"""The paths by which others learn how to verify service account tokens.

https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery
"""

from minik.api.request import Request, Response
from minik.api.types import UserInfo
from minik.server.apiserver.authn.signing_key import JWKS_PATH, SigningKey, jwks, openid_configuration
from minik.server.apiserver.registry.answer import to_json
from minik.server.apiserver.routes import Routes, get_only


def install(routes: Routes, key: SigningKey, issuer: str, keys_url: str) -> None:
    """`keys_url` is where the JWKS can be fetched."""
    configuration = to_json(openid_configuration(issuer, keys_url, list(key.public_keys.values())))
    keys = to_json(jwks(key.public_keys))

    async def serve_configuration(_request: Request, _user: UserInfo, _below: str) -> Response:
        return Response(body=configuration, headers={"Cache-Control": "public, max-age=3600"})

    async def serve_keys(_request: Request, _user: UserInfo, _below: str) -> Response:
        headers = {"Cache-Control": "public, max-age=3600"}
        return Response(content_type="application/jwk-set+json", body=keys, headers=headers)

    routes.add("/.well-known/openid-configuration", get_only(serve_configuration), slashed=True)
    routes.add(JWKS_PATH, get_only(serve_keys), slashed=True)
