"""A small server on the official Python SDK 2.x.

    PORT=18081 [HOST=127.0.0.1] [JSON=1] [BODIES=file] python server_v2.py

BODIES gets every request body as received, one JSON line
{"peer","local","method","body"} each.
"""

import json
import os

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.transport_security import TransportSecuritySettings

CARDS = {"1001": "4111111111111111", "1003": "5555555555554444"}  # published test numbers

server = MCPServer("py-shop")


@server.tool()
def lookup_customer(customer_id: str) -> dict[str, str]:
    """The card of a customer."""
    found = {"customer_id": customer_id}
    if customer_id in CARDS:
        found["card"] = CARDS[customer_id]
    return found


@server.tool()
def echo(text: str) -> str:
    """Says the same again."""
    return text


@server.tool()
async def stream(n: int, ctx: Context) -> str:
    """Reports progress n times, then ends."""
    for step in range(1, n + 1):
        await ctx.report_progress(step, n, f"step {step} of {n}")
    return f"done after {n} steps"


def logging_bodies(app, path: str):
    """The app, with every request body written down whole once it has been read."""

    async def wrapped(scope, receive, send):
        if scope["type"] != "http":
            return await app(scope, receive, send)
        body = bytearray()

        async def tapped():
            message = await receive()
            if message["type"] == "http.request":
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    write(path, scope, bytes(body))
            return message

        return await app(scope, tapped, send)

    return wrapped


def write(path: str, scope, body: bytes) -> None:
    line = {
        "peer": ":".join(map(str, scope["client"])),
        "local": ":".join(map(str, scope["server"])),
        "method": scope["method"],
        "body": body.decode("utf-8", "replace"),
    }
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def main() -> None:
    app = server.streamable_http_app(
        json_response=bool(os.environ.get("JSON")),
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    if path := os.environ.get("BODIES"):
        app = logging_bodies(app, path)
    host = os.environ.get("HOST", "127.0.0.1")
    uvicorn.run(app, host=host, port=int(os.environ["PORT"]), log_level="info", access_log=False)


if __name__ == "__main__":
    main()
