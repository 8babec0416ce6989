// A small server on the official TypeScript SDK 1.x, stateless: each POST is answered
// as SSE in one shot with Content-Length, or as JSON with JSON=1.
//
//   PORT=18080 [HOST=127.0.0.1] [JSON=1] [BODIES=file] node server_v1.mjs
//
// BODIES gets every request body as received, one JSON line
// {"peer","local","method","body"} each.
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import * as z from "zod";

const { PORT, HOST = "127.0.0.1", JSON: json, BODIES } = process.env;
const CARDS = { 1001: "4111111111111111", 1003: "5555555555554444" }; // published test numbers

function shop() {
  const server = new McpServer({ name: "ts-shop", version: "1.0.0" });
  server.registerTool(
    "lookup_customer",
    {
      description: "The card of a customer.",
      inputSchema: { customer_id: z.string() },
      outputSchema: { customer_id: z.string(), card: z.string().optional() },
    },
    async ({ customer_id }) => {
      const card = CARDS[customer_id];
      const text = card ? `pays with card ${card}` : "no card on file";
      return { content: [{ type: "text", text }], structuredContent: { customer_id, card } };
    },
  );
  server.registerTool(
    "echo",
    { description: "Says the same again.", inputSchema: { text: z.string() } },
    async ({ text }) => ({ content: [{ type: "text", text }] }),
  );
  return server;
}

const http = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString("utf8");
  if (BODIES) {
    const { remoteAddress, remotePort, localAddress, localPort } = request.socket;
    const line = {
      peer: `${remoteAddress}:${remotePort}`,
      local: `${localAddress}:${localPort}`,
      method: request.method,
      body,
    };
    appendFileSync(BODIES, `${globalThis.JSON.stringify(line)}\n`);
  }
  if (request.method !== "POST") return response.writeHead(405, { allow: "POST" }).end();
  let parsed;
  try {
    parsed = globalThis.JSON.parse(body);
  } catch {
    return response.writeHead(400).end("not JSON");
  }
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: undefined,
    enableJsonResponse: Boolean(json),
  });
  const server = shop();
  response.on("close", () => void server.close());
  await server.connect(transport);
  await transport.handleRequest(request, response, parsed);
});
http.listen(Number(PORT), HOST, () => console.log(`listening on ${HOST}:${PORT}`));
