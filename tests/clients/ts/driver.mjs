// What the TypeScript drivers share: arguments, the hash of each HTTP body, the
// run of a plan. The SDK's Client and its transport are handed in.
//
//   node <driver>.mjs [--token T] URL PLAN
//
// PLAN is {"calls":[{"tool":NAME,"arguments":{..}}..]}. One JSON line is printed:
// {"client","protocol","server","tools":[..],"calls":[{"tool","result"|"error","progress":[..]}..],
//  "bodies":[{"method","status","type","bytes","sha256","ended"}..]}
// A body that is not `ended` was left by the SDK once it had its answer.
// Exit code 0 whatever the calls gave; 3 when no session came to be.
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";

export function readArguments() {
  const { values, positionals } = parseArgs({
    options: { token: { type: "string" } },
    allowPositionals: true,
  });
  if (positionals.length !== 2) {
    console.error("usage: DRIVER [--token T] URL PLAN");
    process.exit(2);
  }
  const headers = values.token ? { authorization: `Bearer ${values.token}` } : {};
  return { url: new URL(positionals[0]), plan: JSON.parse(positionals[1]), headers };
}

/** A fetch that notes length and hash of each answer body, untouched. */
export function hashingFetch(bodies) {
  return async (input, init) => {
    const response = await fetch(input, init);
    const note = {
      method: init?.method ?? "GET",
      status: response.status,
      type: response.headers.get("content-type"),
      bytes: 0,
      sha256: null,
      ended: !response.body, // false: the SDK left once it had its answer
    };
    bodies.push(note);
    if (!response.body) return response;
    const hash = createHash("sha256");
    const tap = new TransformStream({
      transform(chunk, controller) {
        hash.update(chunk);
        note.sha256 = hash.copy().digest("hex");
        note.bytes += chunk.byteLength;
        controller.enqueue(chunk);
      },
      flush() {
        note.ended = true;
      },
    });
    return new Response(response.body.pipeThrough(tap), response);
  };
}

/** Connects, lists, makes the plan's calls, prints the line. */
export async function drive({ name, client, transport, plan, bodies, protocol, call }) {
  try {
    await client.connect(transport);
  } catch (error) {
    console.log(JSON.stringify({ client: name, error: describe(error), bodies }));
    process.exit(3);
  }
  const out = {
    client: name,
    protocol: protocol(),
    server: client.getServerVersion()?.name,
    tools: [],
    calls: [],
    bodies,
  };
  try {
    out.tools = (await client.listTools()).tools.map((tool) => tool.name);
  } catch (error) {
    out.tools_error = describe(error);
  }
  for (const step of plan.calls) {
    const progress = [];
    const options = { onprogress: (p) => progress.push(p), resetTimeoutOnProgress: true };
    const entry = { tool: step.tool, progress };
    try {
      entry.result = await call({ name: step.tool, arguments: step.arguments ?? {} }, options);
    } catch (error) {
      entry.error = describe(error);
    }
    out.calls.push(entry);
  }
  await client.close().catch(() => {});
  console.log(JSON.stringify(out));
}

function describe(error) {
  return { code: error?.code ?? null, message: String(error?.message ?? error) };
}
