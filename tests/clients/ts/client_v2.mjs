// The official TypeScript SDK 2.x over Streamable HTTP: it asks for the current
// protocol revision first and falls back to the handshake.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { drive, hashingFetch, readArguments } from "./driver.mjs";

const { url, plan, headers } = readArguments();
const bodies = [];
const transport = new StreamableHTTPClientTransport(url, {
  fetch: hashingFetch(bodies),
  requestInit: { headers },
});
const client = new Client(
  { name: "ts-2", version: "1.0.0" },
  { versionNegotiation: { mode: process.env.MCP_ERA === "legacy" ? "legacy" : "auto" } },
);
await drive({
  name: "typescript 2.x",
  client,
  transport,
  plan,
  bodies,
  protocol: () => client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion,
  call: (params, options) => client.callTool(params, options),
});
