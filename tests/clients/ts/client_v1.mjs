// The official TypeScript SDK 1.x over Streamable HTTP.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { drive, hashingFetch, readArguments } from "./driver.mjs";

const { url, plan, headers } = readArguments();
const bodies = [];
const transport = new StreamableHTTPClientTransport(url, {
  fetch: hashingFetch(bodies),
  requestInit: { headers },
});
const client = new Client({ name: "ts-1", version: "1.0.0" });
await drive({
  name: "typescript 1.x",
  client,
  transport,
  plan,
  bodies,
  protocol: () => transport.protocolVersion,
  call: (params, options) => client.callTool(params, undefined, options),
});
