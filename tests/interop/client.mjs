// Sends every kind of request with a client of the TypeScript SDK, and prints the results as JSON.
// Usage: node client.mjs 1|2 [ERA] < plan.json
// 1 is the SDK's first version, which always uses the handshake; 2 is the second version, with ERA
// `legacy` or `auto`. The plan holds the address of the server and the requests.
import { readFileSync } from "node:fs";

const [version, era] = process.argv.slice(2);
const plan = JSON.parse(readFileSync(0, "utf8"));
const first = version === "1";
const sdk = "@modelcontextprotocol/sdk/client";
const [{ Client }, { StdioClientTransport }, { StreamableHTTPClientTransport }, { SSEClientTransport }] =
  await Promise.all(
    first
      ? [`${sdk}/index.js`, `${sdk}/stdio.js`, `${sdk}/streamableHttp.js`, `${sdk}/sse.js`].map((m) => import(m))
      : ["", "/stdio", "", ""].map((part) => import(`@modelcontextprotocol/client${part}`)),
  );

function transport() {
  if (plan.command) return new StdioClientTransport({ command: plan.command, args: plan.args, env: process.env });
  const url = new URL(plan.url);
  return url.pathname.endsWith("/sse") ? new SSEClientTransport(url) : new StreamableHTTPClientTransport(url);
}

const client = new Client({ name: "interop", version: "1" }, first ? {} : { versionNegotiation: { mode: era } });
await client.connect(transport());
const results = {
  version: client.getServerVersion(),
  instructions: client.getInstructions(),
  tools: (await client.listTools()).tools,
  resources: (await client.listResources()).resources,
  templates: (await client.listResourceTemplates()).resourceTemplates,
  prompts: (await client.listPrompts()).prompts,
  toolResults: [],
  resourceContents: [],
  promptMessages: [],
  completions: [],
};
// The SDK itself checks each result against the tool's output schema, and throws if it does not fit.
for (const call of plan.calls) results.toolResults.push(await client.callTool(call));
for (const uri of plan.uris) results.resourceContents.push((await client.readResource({ uri })).contents);
for (const prompt of plan.prompts) results.promptMessages.push((await client.getPrompt(prompt)).messages);
for (const request of plan.completions) results.completions.push((await client.complete(request)).completion.values);
await client.close();
// Exit even if a transport still holds something open, but only after all output is written.
process.stdout.write(JSON.stringify(results), () => process.exit(0));
