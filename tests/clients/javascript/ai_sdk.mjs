// Vercel's AI SDK: reads a plan on stdin, prints a report of each transport (see client_run.py).
import { readFileSync } from "node:fs";
import { createMCPClient } from "@ai-sdk/mcp";
import { Experimental_StdioMCPTransport as StdioTransport } from "@ai-sdk/mcp/mcp-stdio";
import { asSchema } from "ai";

const plan = JSON.parse(readFileSync(0, "utf8"));

async function run(target) {
  const { requests } = target;
  const transport = target.transport === "stdio"
    ? new StdioTransport({ command: target.command, args: target.args, env: target.env })
    : { type: "http", url: target.url, headers: target.headers };
  const client = await createMCPClient({ transport });
  const report = { tools: [], answers: {}, schemas: {}, without_nulls: false, resources: [], prompts: [], completions: null };
  try {
    const tools = await client.tools();
    report.tools = Object.keys(tools);
    for (const { name, arguments: given } of requests.calls) {
      const result = await tools[name].execute(given, { toolCallId: "1", messages: [] });
      if (result.isError) throw new Error(result.content[0].text);
      report.answers[name] = result.content[0].text;
      report.schemas[name] = await asSchema(tools[name].inputSchema).jsonSchema;
    }
    for (const uri of requests.uris) report.resources.push((await client.readResource({ uri })).contents[0].text);
    for (const prompt of requests.prompts) {
      const { messages } = await client.experimental_getPrompt(prompt);
      report.prompts.push(messages[0].content.text);
    }
  } finally {
    await client.close();
  }
  return report;
}

const reports = {};
for (const target of plan.targets) {
  try {
    reports[target.transport] = await run(target);
  } catch (error) {
    reports[target.transport] = { error: String(error.stack ?? error) };
  }
}
const version = JSON.parse(readFileSync("node_modules/@ai-sdk/mcp/package.json", "utf8")).version;
process.stdout.write(JSON.stringify({ version, reports }), () => process.exit(0));
