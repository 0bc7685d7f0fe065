// What the tools answer (docs/contract.md), as far as the board shows it, and the error where there is no answer.

export type Arguments = Record<string, unknown>;
export interface Question {
  tool: string;
  arguments: Arguments;
}

export type Money = Record<string, number>;
export type Counts = Record<string, number>;

export interface Freshness {
  as_of?: string;
  complete: boolean;
  conversations?: number;
  oldest?: string;
  progress?: number;
  notes?: string[];
}

export interface Row {
  id?: string;
  lead_id?: string;
  agent_id?: string;
  name?: string;
  company?: string;
  contact?: string;
  channel?: string;
  stage?: string;
  label?: string;
  score?: number;
  hot?: boolean;
  value?: number;
  value_text?: string;
  currency?: string;
  assignee?: string;
  last_activity?: string;
  next_due?: string;
  waiting_since?: string;
  preview?: string;
  state?: string;
  [field: string]: unknown;
}

export interface Step {
  type?: string;
  title?: string;
  due?: string;
  overdue?: boolean;
}

export interface HotLead extends Row {
  lead_id: string;
  conversation_id?: string;
  why: string[];
  wants?: string;
  next_step?: Step;
}

export interface Lead extends Row {
  lead_id: string;
  why: string[];
  hot: boolean;
  emails?: string[];
  phones?: string[];
  links?: string[];
  country?: string;
  language?: string;
  said?: string[];
  expected_close?: string;
  lost_reason?: string;
  demo?: string;
  campaign?: string;
  tags?: string[];
  summary?: string;
  notes?: string;
  extracted?: Record<string, unknown>;
  alerts?: string[];
  next_steps?: Step[];
  timeline?: { at: string; kind: string; text?: string }[];
  conversations: { id: string; channel?: string; state?: string; last_activity?: string; messages?: number }[];
  conversations_total?: number;
}

export interface Group {
  leads?: number;
  conversations?: number;
  hot?: number | boolean;
  value?: Money;
  unparsed_values?: number;
  waiting_for_human?: number;
  overdue?: number;
  [key: string]: unknown;
}

export interface Change {
  event_id: string;
  at: string;
  seen: string;
  kind: string;
  id: string;
  agent_id?: string;
  lead_id?: string;
  name?: string;
  stage?: string;
  hot?: boolean;
  became?: string[];
  changed?: Record<string, unknown>;
}

export interface Turn {
  at?: string;
  from?: string;
  text?: string;
}

export interface Answer {
  freshness?: Freshness;
  applied?: Arguments;
  total?: number;
  next_cursor?: string;
  relax?: Counts;
  // summarize_hot_leads
  hot?: number;
  leads_considered?: number;
  by_stage?: Counts;
  by_channel?: Counts;
  value?: Money;
  unparsed_values?: number;
  waiting_for_human?: number;
  unassigned?: number;
  overdue?: number;
  definition?: string;
  near_misses?: { count: number; leads: { lead_id: string; name?: string; why_not?: string }[] };
  // the lists
  leads?: HotLead[];
  conversations?: Row[];
  // conversation_stats
  totals?: Group;
  groups?: Group[];
  groups_total?: number;
  // get_lead
  lead?: Lead;
  candidates?: Row[];
  matched_on?: string;
  ignored?: string[];
  // list_changes
  changes?: Change[];
  has_more?: boolean;
  known_since?: string;
  // get_conversation
  conversation?: Row;
  transcript?: { turns?: Turn[]; total?: number; unavailable?: string };
}

/** The code of the error that leads to the token form; no view shows it. */
export const TOKEN_NEEDED = "token_needed";

/** Why there is no answer: a tool's error object, or what happened on the way to the tool. */
export class CallError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint = "",
  ) {
    super(message);
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An own property of `record`. Names may come from visitors, and every object inherits `constructor` and `__proto__`. */
export function getOwn<T>(record: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
