// The questions behind the views, and those behind their numbers.

import type { Arguments, Group, Question } from "./answers.ts";
import type { View } from "./board.ts";
import { CLOSED } from "./format.ts";

const HOT_SHOWN = 24;
/** How many days the chart of new leads shows at first. */
export const TREND_DAYS = 30;

/** More than any screen shows at first: a server needs twice as long for a page of a hundred. */
const FIRST_ROWS = 40;

export const hotLeads = (agent: string): Question => ({
  tool: "summarize_hot_leads",
  arguments: { top: HOT_SHOWN, explain: true, agent_id: agent },
});

/** Since when hot leads wait for a human: `summarize_hot_leads` tells it in words only. */
export const hotWaits = (agent: string): Question => ({
  tool: "list_leads",
  arguments: {
    where: ["hot=true", "waiting=true"],
    fields: ["name", "waiting_since"],
    sort: "score",
    limit: 100,
    agent_id: agent,
  },
});

export const pipeline = (agent: string): Question => ({
  tool: "conversation_stats",
  arguments: { of: "leads", group_by: ["stage"], agent_id: agent },
});

/** Conversations, not leads: somebody who waits may have named nobody yet. Tests and blocked ones don't count. */
export const waiting = (agent: string): Question => ({
  tool: "list_conversations",
  arguments: {
    attention: ["waiting_for_human"],
    where: ["test=false", "blocked=false"],
    sort: "waiting",
    limit: FIRST_ROWS,
    agent_id: agent,
  },
});

export const trend = (agent: string, days: number): Question => ({
  tool: "conversation_stats",
  arguments: { of: "leads", group_by: ["day"], by_time: "created", where: [`created>=${days}d`], agent_id: agent },
});

export const leadsWith = (agent: string, filters: Arguments): Question =>
  tellingOverdue({ tool: "list_leads", arguments: { ...filters, limit: FIRST_ROWS, agent_id: agent } });

/** The fields of a row of leads that also tells what is overdue. */
export const OVERDUE_ROW = [
  "name", "email", "phone", "company", "channel", "stage", "score", "hot", "value", "currency", "assignee", "last_activity",
  "overdue_activity", "overdue_close", "expected_close",
];

/** Whoever asks who is overdue also wants to know with what. */
export function tellingOverdue(question: Question): Question {
  const asked = question.arguments;
  const isAbout = [asked["attention"] ?? []].flat().includes("overdue") && question.tool === "list_leads" && !asked["fields"];
  return isAbout ? { ...question, arguments: { ...asked, fields: OVERDUE_ROW } } : question;
}

/** One lead. Only a lead of an agent that was named is asked for by agent. */
export const lead = (id: string, agent: string | undefined): Question => ({
  tool: "get_lead",
  arguments: { lead: id, ...(agent && agent !== "all" && { agent_id: agent }) },
});

/** What a view shows, the most important first; `opening` is what the page was opened with. */
export function questionsOf(view: View, agent: string, opening: Question | undefined): Question[] {
  switch (view.name) {
    case "overview":
      return [hotLeads(agent), waiting(agent), pipeline(agent), trend(agent, TREND_DAYS)];
    case "hot":
      return [opening?.tool === "summarize_hot_leads" ? opening : hotLeads(agent), hotWaits(agent)];
    case "pipeline":
      return [pipeline(agent)];
    case "waiting":
      return [waiting(agent)];
    case "trend":
      return [trend(agent, TREND_DAYS)];
    case "changes":
      return []; // the feed of changes reads them
    case "rows":
    case "groups":
      return [view.question];
    case "lead":
      return [opening?.tool === "get_lead" && opening.arguments["lead"] === view.lead ? opening : lead(view.lead, view.agent)];
  }
}

const OF_GROUPS = new Set(["of", "group_by", "by_time", "measure"]);

const NOT_OF_LEADS = new Set(["state", "channel", "tag", "assignee", "min_score"]);
/** Groups that are no values of a field. */
const UNREACHABLE = new Set(["weekday", "hour"]);

/** The rows that a group of `conversation_stats` counts, or nothing where no filter names them. */
export function rowsOf(question: Question, group: Group, keys: string[]): Question | undefined {
  const asked = question.arguments;
  const ofLeads = asked["of"] === "leads";
  const filters = Object.fromEntries(Object.entries(asked).filter(([name]) => !OF_GROUPS.has(name)));
  const where = Array.isArray(filters["where"]) ? [...(filters["where"] as string[])] : [];
  for (const key of keys) {
    const condition = conditionOf(key, group[key], String(asked["by_time"] ?? "last_activity"));
    if (!condition) return undefined;
    where.push(...condition);
  }
  for (const name of NOT_OF_LEADS) {
    if (ofLeads && filters[name] !== undefined && name !== "min_score") {
      where.push(`${name}=${(Array.isArray(filters[name]) ? filters[name] : [filters[name]]).map(String).join("|")}`);
      delete filters[name];
    }
  }
  return {
    tool: ofLeads ? "list_leads" : "list_conversations",
    arguments: { ...filters, ...(where.length && { where }), limit: FIRST_ROWS },
  };
}

function conditionOf(key: string, value: unknown, time: string): string[] | undefined {
  if (UNREACHABLE.has(key) || value === undefined || value === "(other)") return undefined;
  const text = String(value);
  if (key === "day") return text === "none" ? [`${time} missing`] : [`${time}=${text}`];
  if (key === "week" || key === "month") return between(key, text, time);
  if (text === "none") return [`${key} missing`];
  return typeof value === "boolean" ? [`${key}=${text}`] : [`${key}=${quoted(text)}`];
}

/** A value in quotes that do not occur in it: bars and quotes inside it are text. */
export function quoted(text: string): string {
  const quote = text.includes('"') ? "'" : '"';
  return text.includes(quote) ? text : quote + text + quote;
}

function between(unit: "week" | "month", text: string, time: string): string[] | undefined {
  const [year, part] = text.split(/-W?/).map(Number);
  if (!year || !part) return undefined;
  const start = unit === "month" ? Date.UTC(year, part - 1, 1) : mondayOf(year, part);
  const end = unit === "month" ? Date.UTC(year, part, 0) : start + 6 * 86_400_000;
  const iso = (at: number): string => new Date(at).toISOString().slice(0, 10);
  return [`${time}>=${iso(start)}`, `${time}<=${iso(end)}`];
}

/** The Monday of an ISO week: week 1 is the one with 4 January. */
function mondayOf(year: number, week: number): number {
  const fourth = new Date(Date.UTC(year, 0, 4));
  return fourth.getTime() - ((fourth.getUTCDay() + 6) % 7) * 86_400_000 + (week - 1) * 7 * 86_400_000;
}

export const STILL_OPEN = [`stage!=${[...CLOSED].join("|")}`];

/** All rows that a question of numbers is about, narrowed further. */
export function narrowed(question: Question, where: string[]): Question {
  const all = rowsOf(question, {}, [])!;
  const before = (all.arguments["where"] as string[] | undefined) ?? [];
  return { ...all, arguments: { ...all.arguments, where: [...before, ...where] } };
}
