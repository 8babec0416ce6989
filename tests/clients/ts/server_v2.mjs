// A small server on the official TypeScript SDK 2.x, both protocol eras.
// Environment: see http_server.mjs.
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import * as z from "zod";
import { registerTools, serve } from "./http_server.mjs";

const handler = createMcpHandler(() => {
  const server = new McpServer({ name: "ts2-shop", version: "1.0.0" });
  return registerTools(server, z, z.object);
});
serve(toNodeHandler(handler));
