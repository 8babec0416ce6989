"""The official Python SDK 2.x over Streamable HTTP.

    python client_v2.py [--token T] [--mode auto|legacy] [--ca PEM] [--cert PEM --key PEM]
                        URL PLAN

Plan, printed line and exit codes are those of ts/driver.mjs, without "bodies".
"""

import argparse
import asyncio
import json
import ssl
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


def describe(error: BaseException) -> dict:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return {
        "code": getattr(getattr(error, "error", None), "code", None),
        "message": str(error) or type(error).__name__,
    }


def verifying(args: argparse.Namespace) -> ssl.SSLContext | bool:
    """TLS as asked for; the client certificate is shown to every server."""
    if not args.ca:
        return True
    context = ssl.create_default_context(cafile=args.ca)
    if args.cert:
        context.load_cert_chain(args.cert, args.key)
    return context


async def run(args: argparse.Namespace) -> dict:
    options = {"timeout": httpx2.Timeout(30, read=300), "trust_env": False}
    options["headers"] = {"authorization": f"Bearer {args.token}"} if args.token else {}
    async with httpx2.AsyncClient(verify=verifying(args), **options) as http:
        transport = streamable_http_client(args.url, http_client=http)
        async with Client(transport, mode=args.mode) as client:
            server = client.server_info
            out = {
                "client": "python 2.x",
                "protocol": client.protocol_version,
                "server": server.name if server else None,
                "tools": [],
                "calls": [],
            }
            try:
                out["tools"] = [tool.name for tool in (await client.list_tools()).tools]
            except Exception as error:
                out["tools_error"] = describe(error)
            for step in args.plan["calls"]:
                out["calls"].append(await call(client, step))
            return out


async def call(client: Client, step: dict) -> dict:
    entry: dict = {"tool": step["tool"], "progress": []}

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        entry["progress"].append({"progress": progress, "total": total, "message": message})

    try:
        result = await client.call_tool(
            step["tool"], step.get("arguments", {}), progress_callback=on_progress
        )
        entry["result"] = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    except Exception as error:
        entry["error"] = describe(error)
    return entry


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--token")
    parser.add_argument("--mode", default="auto")
    parser.add_argument("--ca")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("url")
    parser.add_argument("plan", type=json.loads)
    args = parser.parse_args()
    try:
        print(json.dumps(asyncio.run(run(args))))
        return 0
    except Exception as error:
        print(json.dumps({"client": "python 2.x", "error": describe(error)}))
        return 3


if __name__ == "__main__":
    sys.exit(main())
