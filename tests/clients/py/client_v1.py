"""The official Python SDK 1.x over Streamable HTTP.

    python client_v1.py [--token T] URL PLAN

Plan, printed line and exit codes are those of ts/driver.mjs, without "bodies".
"""

import argparse
import asyncio
import json
import sys

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client


def describe(error: BaseException) -> dict:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return {
        "code": getattr(getattr(error, "error", None), "code", None),
        "message": str(error) or type(error).__name__,
    }


async def run(args: argparse.Namespace) -> dict:
    headers = {"authorization": f"Bearer {args.token}"} if args.token else {}
    timeout = httpx.Timeout(30, read=300)
    async with httpx.AsyncClient(headers=headers, timeout=timeout, trust_env=False) as http:
        async with streamable_http_client(args.url, http_client=http) as (read, write, _):
            async with ClientSession(read, write) as session:
                hello = await session.initialize()
                out = {
                    "client": "python 1.x",
                    "protocol": str(hello.protocolVersion),
                    "server": hello.serverInfo.name,
                    "tools": [],
                    "calls": [],
                }
                try:
                    out["tools"] = [tool.name for tool in (await session.list_tools()).tools]
                except Exception as error:
                    out["tools_error"] = describe(error)
                for step in args.plan["calls"]:
                    out["calls"].append(await call(session, step))
                return out


async def call(session: ClientSession, step: dict) -> dict:
    entry: dict = {"tool": step["tool"], "progress": []}

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        entry["progress"].append({"progress": progress, "total": total, "message": message})

    try:
        result = await session.call_tool(
            step["tool"], step.get("arguments", {}), progress_callback=on_progress
        )
        entry["result"] = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    except Exception as error:
        entry["error"] = describe(error)
    return entry


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--token")
    parser.add_argument("url")
    parser.add_argument("plan", type=json.loads)
    args = parser.parse_args()
    try:
        print(json.dumps(asyncio.run(run(args))))
        return 0
    except Exception as error:
        print(json.dumps({"client": "python 1.x", "error": describe(error)}))
        return 3


if __name__ == "__main__":
    sys.exit(main())
