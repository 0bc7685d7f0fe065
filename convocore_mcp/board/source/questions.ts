// The questions behind the views, and those behind their numbers.

import type { Arguments, Group, Question } from "./answers.ts";
import type { View } from "./board.ts";
import { CLOSED } from "./format.ts";

const MAX_HOT_LEADS = 24;
/** How many days the chart of new leads shows at first. */
export const TREND_DAYS = 30;

/** More rows than any screen shows at first; a page of a hundred takes the server twice as long. */
const FIRST_PAGE_SIZE = 40;

export const hotLeads = (agent: string): Question => ({
  tool: "summarize_hot_leads",
  arguments: { top: MAX_HOT_LEADS, explain: true, agent_id: agent },
});

/** Since when hot leads wait for a human: `summarize_hot_leads` tells it in words only. */
export const waitingTimesOfHotLeads = (agent: string): Question => ({
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
    limit: FIRST_PAGE_SIZE,
    agent_id: agent,
  },
});

export const trend = (agent: string, days: number): Question => ({
  tool: "conversation_stats",
  arguments: { of: "leads", group_by: ["day"], by_time: "created", where: [`created>=${days}d`], agent_id: agent },
});

export const leadsWith = (agent: string, filters: Arguments): Question =>
  withOverdueFields({ tool: "list_leads", arguments: { ...filters, limit: FIRST_PAGE_SIZE, agent_id: agent } });

/** The fields of a row of leads that also tells what is overdue. */
export const OVERDUE_FIELDS = [
  "name", "email", "phone", "company", "channel", "stage", "score", "hot", "value", "currency", "assignee", "last_activity",
  "overdue_activity", "overdue_close", "expected_close",
];

/** Adds the fields that say what is overdue to a question about overdue leads. */
export function withOverdueFields(question: Question): Question {
  const asked = question.arguments;
  const asksForOverdue = [asked["attention"] ?? []].flat().includes("overdue") && question.tool === "list_leads" && !asked["fields"];
  return asksForOverdue ? { ...question, arguments: { ...asked, fields: OVERDUE_FIELDS } } : question;
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
      return [opening?.tool === "summarize_hot_leads" ? opening : hotLeads(agent), waitingTimesOfHotLeads(agent)];
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

const GROUPING_ARGUMENTS = new Set(["of", "group_by", "by_time", "measure"]);

const CONVERSATION_FILTERS = new Set(["state", "channel", "tag", "assignee", "min_score"]);
/** Groups that no filter can name. */
const UNFILTERABLE_KEYS = new Set(["weekday", "hour"]);

/** The rows that a group of `conversation_stats` counts, or nothing where no filter names them. */
export function rowsOf(question: Question, group: Group, keys: string[]): Question | undefined {
  const asked = question.arguments;
  const ofLeads = asked["of"] === "leads";
  const filters = Object.fromEntries(Object.entries(asked).filter(([name]) => !GROUPING_ARGUMENTS.has(name)));
  const where = Array.isArray(filters["where"]) ? [...(filters["where"] as string[])] : [];
  for (const key of keys) {
    const condition = conditionOf(key, group[key], String(asked["by_time"] ?? "last_activity"));
    if (!condition) return undefined;
    where.push(...condition);
  }
  for (const name of CONVERSATION_FILTERS) {
    if (ofLeads && filters[name] !== undefined && name !== "min_score") {
      where.push(`${name}=${(Array.isArray(filters[name]) ? filters[name] : [filters[name]]).map(String).join("|")}`);
      delete filters[name];
    }
  }
  return {
    tool: ofLeads ? "list_leads" : "list_conversations",
    arguments: { ...filters, ...(where.length && { where }), limit: FIRST_PAGE_SIZE },
  };
}

function conditionOf(key: string, value: unknown, time: string): string[] | undefined {
  if (UNFILTERABLE_KEYS.has(key) || value === undefined || value === "(other)") return undefined;
  const text = String(value);
  if (key === "day") return text === "none" ? [`${time} missing`] : [`${time}=${text}`];
  if (key === "week" || key === "month") return periodConditions(key, text, time);
  if (text === "none") return [`${key} missing`];
  return typeof value === "boolean" ? [`${key}=${text}`] : [`${key}=${quoted(text)}`];
}

/** A value in quotes that do not occur in it: bars and quotes inside it are text. */
export function quoted(text: string): string {
  const quote = text.includes('"') ? "'" : '"';
  return text.includes(quote) ? text : quote + text + quote;
}

function periodConditions(unit: "week" | "month", text: string, time: string): string[] | undefined {
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

export const IN_OPEN_STAGES = [`stage!=${[...CLOSED].join("|")}`];

/** All rows that a question of numbers is about, narrowed further. */
export function narrowed(question: Question, where: string[]): Question {
  const all = rowsOf(question, {}, [])!;
  const before = (all.arguments["where"] as string[] | undefined) ?? [];
  return { ...all, arguments: { ...all.arguments, where: [...before, ...where] } };
}
