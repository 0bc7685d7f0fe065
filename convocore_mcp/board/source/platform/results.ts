// How a tool's result is read. A result may be of an older version, or changed by a host on its way:
// a value of another shape than the page expects is left out, and the rest is shown.

import { isObject, CallError, type Answer } from "../answers.ts";

/** The answer in a tool's result. Throws a `CallError` if the result is an error or can't be read. */
export function readResult(result: unknown): Answer {
  const { content, structuredContent, isError } = isObject(result) ? result : {};
  const blocks = Array.isArray(content) ? content.filter(isObject) : [];
  const text = asText(blocks.find((block) => block["type"] === "text")?.["text"]);
  const body = isObject(structuredContent) ? structuredContent : parsed(text);
  if (isError || isObject(body?.["error"])) {
    const error = isObject(body?.["error"]) ? body["error"] : {};
    const message = asText(error["message"]) || text || "The tool failed and did not say why.";
    throw new CallError(asText(error["code"]) || "internal", message, asText(error["hint"]));
  }
  if (!body) throw new CallError("internal", "The answer could not be read.", "Ask again.");
  return validated(body, ANSWER) as unknown as Answer;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** What a field holds: a text, a number, an object with such fields, or a list of such values. */
type Shape = "text" | "number" | "object" | Fields | readonly [Shape];
interface Fields {
  [name: string]: Shape;
}

const fieldsOf = (shape: Shape, ...names: string[]): Fields => Object.fromEntries(names.map((name) => [name, shape]));
const TEXTS: Shape = ["text"];
const STEP = fieldsOf("text", "type", "title", "due");
const ROW: Fields = {
  ...fieldsOf("text", "id", "lead_id", "agent_id", "name", "company", "contact", "channel", "stage", "label", "value_text", "currency"),
  ...fieldsOf("text", "assignee", "last_activity", "next_due", "waiting_since", "preview", "state", "wants", "why_not"),
  ...fieldsOf("number", "score", "value"),
  why: TEXTS,
  next_step: STEP,
};
const LEAD: Fields = {
  ...ROW,
  ...fieldsOf("text", "summary", "notes"),
  ...fieldsOf(TEXTS, "emails", "phones", "links", "said", "tags", "alerts"),
  extracted: "object",
  next_steps: [STEP],
  timeline: [fieldsOf("text", "at", "kind", "text")],
  conversations: [{ ...fieldsOf("text", "id", "channel", "state", "last_activity"), messages: "number" }],
  conversations_total: "number",
};
const CHANGE: Fields = {
  ...fieldsOf("text", "event_id", "at", "seen", "kind", "id", "lead_id", "agent_id", "name"),
  became: TEXTS,
  changed: "object",
};
const GROUP: Fields = { value: "object" };
const ANSWER: Fields = {
  freshness: { ...fieldsOf("text", "as_of", "oldest"), ...fieldsOf("number", "conversations", "progress"), notes: TEXTS },
  ...fieldsOf("text", "next_cursor", "definition", "matched_on", "known_since"),
  ...fieldsOf("object", "applied", "relax", "value", "by_stage", "by_channel"),
  ...fieldsOf([ROW], "leads", "conversations", "candidates"),
  total: "number",
  near_misses: { count: "number", leads: [ROW] },
  lead: LEAD,
  ignored: TEXTS,
  totals: GROUP,
  groups: [GROUP],
  changes: [CHANGE],
  conversation: ROW,
  transcript: { turns: [fieldsOf("text", "at", "from", "text")], total: "number", unavailable: "text" },
};
/** Fields that the page reads without a check, with their values where an answer lacks them. */
const DEFAULTS = new Map<Shape, Record<string, unknown>>([
  [ROW, { why: [] }],
  [LEAD, { why: [], conversations: [] }],
  [CHANGE, { seen: "", kind: "" }],
]);

/** The value without the parts of another shape; `undefined` if the value itself has another shape. */
function validated(value: unknown, shape: Shape): unknown {
  if (shape === "text") return typeof value === "number" ? String(value) : typeof value === "string" ? value : undefined;
  if (shape === "number") return typeof value === "number" && Number.isFinite(value) ? value : undefined;
  if (shape === "object") return isObject(value) ? value : undefined;
  if (isList(shape)) return Array.isArray(value) ? value.map((one) => validated(one, shape[0])).filter((one) => one !== undefined) : undefined;
  if (!isObject(value)) return undefined;
  const fields = Object.entries(value).map(([name, field]): [string, unknown] => {
    const fieldShape = Object.hasOwn(shape, name) ? shape[name] : undefined;
    return [name, fieldShape ? validated(field, fieldShape) : field];
  });
  const valid = fields.filter(([, field]) => field !== undefined);
  return { ...DEFAULTS.get(shape), ...Object.fromEntries(valid) };
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}

/** The tools whose answers open the page. */
const OPENING_TOOLS = ["summarize_hot_leads", "list_leads", "conversation_stats", "get_lead"];

/** The tool that a host names; some put the server's name in front. */
export function openingTool(name: unknown): string | undefined {
  return typeof name === "string" ? OPENING_TOOLS.find((tool) => name.endsWith(tool)) : undefined;
}

/** Which tool gave an answer; hosts need not tell. */
export function toolThatAnswered(answer: Answer): string {
  if (answer.lead || answer.candidates) return "get_lead";
  if (answer.totals) return "conversation_stats";
  return answer.leads_considered === undefined ? "list_leads" : "summarize_hot_leads";
}
