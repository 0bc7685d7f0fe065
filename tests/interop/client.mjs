// Asks a server for everything with a client of the TypeScript SDK, and prints what it said as JSON.
// Usage: node client.mjs 1|2 [ERA] < plan.json; 1 is the SDK's first version, which knows only the
// handshake, 2 the second, with ERA `legacy` or `auto`. The plan says where the server is and what to ask.
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
const said = {
  version: client.getServerVersion(),
  instructions: client.getInstructions(),
  tools: (await client.listTools()).tools,
  resources: (await client.listResources()).resources,
  templates: (await client.listResourceTemplates()).resourceTemplates,
  prompts: (await client.listPrompts()).prompts,
  called: [],
  read: [],
  got: [],
  completed: [],
};
// The SDK checks each result against the tool's output schema by itself, and throws.
for (const call of plan.calls) said.called.push(await client.callTool(call));
for (const uri of plan.uris) said.read.push((await client.readResource({ uri })).contents);
for (const prompt of plan.prompts) said.got.push((await client.getPrompt(prompt)).messages);
for (const asked of plan.completions) said.completed.push((await client.complete(asked)).completion.values);
await client.close();
// Whatever a transport still holds open is left behind, but not before all is written.
process.stdout.write(JSON.stringify(said), () => process.exit(0));
