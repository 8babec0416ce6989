// A small server on the official TypeScript SDK 1.x, stateless: each POST is answered
// as SSE in one shot with Content-Length. Environment: see http_server.mjs.
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import * as z from "zod";
import { registerTools, serve } from "./http_server.mjs";

serve(async (request, response, parsed) => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  const server = new McpServer({ name: "ts-shop", version: "1.0.0" });
  registerTools(server, z, (fields) => fields);
  response.on("close", () => void server.close());
  await server.connect(transport);
  await transport.handleRequest(request, response, parsed);
});
