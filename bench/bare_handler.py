"""What the machine gives at best right now: a bare aiohttp handler with TLS, 1.5 KB. python bench/bare_handler.py

The figures of get_pod and list_pods are to be read against this one: 33900/s where the budgets were measured.
"""

import asyncio
import ssl
import subprocess
import sys

import uvloop
from aiohttp import web

from api import ApiServer, rate_text, wrk
from table import row

BODY = b"x" * 1500


async def _answer(_: web.BaseRequest) -> web.Response:
    return web.Response(body=BODY, content_type="application/json")


async def _serve(certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(web.Server(_answer, access_log=None), "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # until the parent closes it


def main() -> None:
    with ApiServer() as minik:
        keys = [str(minik.data_dir / "server" / "tls" / f"serving-kube-apiserver.{kind}") for kind in ("crt", "key")]
        command = [sys.executable, __file__, *keys]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            url = f"https://127.0.0.1:{int(server.stdout.readline())}/"
            rates = [wrk(url, "none", 20) for _ in range(3)]
            server.stdin.close()
    row("a bare aiohttp handler, 20 connections", rate_text(rates), "33900/s when quiet")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        uvloop.run(_serve(sys.argv[1], sys.argv[2]))
    else:
        main()
