// Asks a server over stdio with the TypeScript SDK's client, and prints what it said as JSON.
// Usage: node client.mjs COMMAND [ARGUMENT...], with the calls as JSON on stdin.
import { readFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const { calls, uris } = JSON.parse(readFileSync(0, "utf8"));
const [command, ...args] = process.argv.slice(2);
const client = new Client({ name: "interop", version: "1" });
await client.connect(new StdioClientTransport({ command, args, env: process.env }));
const said = {
  version: client.getServerVersion(),
  instructions: client.getInstructions(),
  tools: (await client.listTools()).tools,
  resources: (await client.listResources()).resources,
  templates: (await client.listResourceTemplates()).resourceTemplates,
  results: [],
  contents: [],
};
// The SDK checks each result against the tool's output schema by itself, and throws.
for (const call of calls) said.results.push(await client.callTool(call));
for (const uri of uris) said.contents.push((await client.readResource({ uri })).contents);
await client.close();
console.log(JSON.stringify(said));
