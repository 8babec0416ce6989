// What the TypeScript servers share: listening, the log of request bodies, the shop.
//
//   PORT=18080 [HOST=127.0.0.1] [BODIES=file] node server_vN.mjs
//
// BODIES gets every request body as received, one JSON line
// {"peer","local","method","headers","body"} each.
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";

const { PORT, HOST = "127.0.0.1", BODIES } = process.env;
const CARDS = { 1001: "4111111111111111", 1003: "5555555555554444" }; // published test numbers

/** Registers the shop's tools; `object` makes a schema of fields as the SDK wants it. */
export function registerTools(server, z, object) {
  server.registerTool(
    "lookup_customer",
    {
      description: "The card of a customer.",
      inputSchema: object({ customer_id: z.string() }),
      outputSchema: object({ customer_id: z.string(), card: z.string().optional() }),
    },
    async ({ customer_id }) => {
      const card = CARDS[customer_id];
      const text = card ? `pays with card ${card}` : "no card on file";
      return { content: [{ type: "text", text }], structuredContent: { customer_id, card } };
    },
  );
  server.registerTool(
    "echo",
    { description: "Says the same again.", inputSchema: object({ text: z.string() }) },
    async ({ text }) => ({ content: [{ type: "text", text }] }),
  );
  return server;
}

/** Listens; `handle(request, response, parsed)` gets each POST whose body is JSON. */
export function serve(handle) {
  const http = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString("utf8");
    if (BODIES) log(request, body);
    if (request.method !== "POST") return response.writeHead(405, { allow: "POST" }).end();
    let parsed;
    try {
      parsed = JSON.parse(body);
    } catch {
      return response.writeHead(400).end("not JSON");
    }
    await handle(request, response, parsed);
  });
  http.listen(Number(PORT), HOST, () => console.log(`listening on ${HOST}:${PORT}`));
}

function log(request, body) {
  const { remoteAddress, remotePort, localAddress, localPort } = request.socket;
  const line = {
    peer: `${remoteAddress}:${remotePort}`,
    local: `${localAddress}:${localPort}`,
    method: request.method,
    headers: request.headers,
    body,
  };
  appendFileSync(BODIES, `${JSON.stringify(line)}\n`);
}
