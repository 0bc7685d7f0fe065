// Numbers, money, times and the CRM's words, in the viewer's language and time zone.

import { isObject, getOwn, type Money } from "./answers.ts";

let locale: string | undefined;
let timeZone: string | undefined;
let formatters = new Map<string, unknown>();

/** Use the host's language and time zone. Values that the browser does not know are ignored. */
export function setLocale(hostLocale: unknown, hostTimeZone: unknown): void {
  locale = validOption(hostLocale, (value) => new Intl.Locale(value));
  timeZone = validOption(hostTimeZone, (value) => new Intl.DateTimeFormat("en", { timeZone: value }));
  formatters = new Map();
}

function validOption(value: unknown, check: (value: string) => unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  try {
    check(value);
    return value;
  } catch {
    return undefined;
  }
}

/** Formatters are slow to make, and a list has thousands of numbers. */
function cached<T>(key: string, make: () => T): T {
  if (!formatters.has(key)) formatters.set(key, make());
  return formatters.get(key) as T;
}

export function number(value: number, digits = 2): string {
  return cached(`n${digits}`, () => new Intl.NumberFormat(locale, { maximumFractionDigits: digits })).format(value);
}

export function percent(share: number): string {
  return cached("%", () => new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 })).format(share);
}

export function money(amount: number, currency: string | undefined): string {
  if (!currency || currency === "unknown") return `${number(amount)} (no currency)`;
  const digits = Math.abs(amount) >= 1000 || Number.isInteger(amount) ? 0 : 2;
  try {
    return cached(
      `$${currency}${digits}`,
      () => new Intl.NumberFormat(locale, { style: "currency", currency, maximumFractionDigits: digits }),
    ).format(amount);
  } catch {
    return `${number(amount)} ${currency}`; // not an ISO code
  }
}

/**
 * Amounts by currency, never added up: in the order of `like`, so that the lines of a table begin with
 * the same currency, else the largest first. What has no currency comes last.
 */
export function amounts(value: Money | undefined, like: Money = value ?? {}): [currency: string, amount: number][] {
  const known = Object.entries(value ?? {}).filter(([, amount]) => amount !== 0);
  const place = (currency: string): number => (currency === "unknown" ? -1 : (getOwn(like, currency) ?? 0));
  return known.sort(([a], [b]) => place(b) - place(a));
}

const TIME_UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

export function ago(at: number, now: number): string {
  const seconds = (at - now) / 1000;
  const [unit, size] = TIME_UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return cached("ago", () => new Intl.RelativeTimeFormat(locale, { numeric: "auto" })).format(
    Math.trunc(seconds / size),
    unit,
  );
}

/**
 * The greatest age that something can have: rounded up, so that a change that was read since then never seems
 * to be newer than the data.
 */
export function atMostAgo(at: number, now: number): string {
  const seconds = Math.max(1, Math.ceil((now - at) / 1000));
  const [unit, size] = TIME_UNITS.find(([, length]) => seconds >= length) ?? ["second", 1];
  return cached("at most", () => new Intl.RelativeTimeFormat(locale)).format(-Math.ceil(seconds / size), unit);
}

/** How long ago a day or a time of the CRM was, in days; empty if it is neither, or in the future. */
export function timeSince(text: string, now: number): string {
  const today = cached("today", () => new Intl.DateTimeFormat("en-CA", { timeZone })).format(now);
  const isDay = DAY.test(text);
  const elapsed = isDay ? Date.parse(today) - Date.parse(text) : TIME.test(text) ? now - Date.parse(text) : 0;
  if (!(elapsed > 0)) return "";
  const days = Math.floor(elapsed / 86_400_000);
  return days ? cached("days ago", () => new Intl.RelativeTimeFormat(locale)).format(-days, "day") : ago(now - elapsed, now);
}

/** A time; empty if it is no valid time, for which `Intl` would throw. */
export function dateTime(at: number): string {
  if (Number.isNaN(at)) return "";
  return cached("dt", () => new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", timeZone })).format(at);
}

export function timeOfDay(at: number): string {
  if (Number.isNaN(at)) return "";
  return cached("t", () => new Intl.DateTimeFormat(locale, { timeStyle: "medium", timeZone })).format(at);
}

/** A day of an answer (`2026-07-19`): a day of the server's time zone, so no zone may move it. The year is told if it is another. */
export function day(text: string, style: "short" | "weekday" | "long" = "short"): string {
  const at = Date.parse(`${text}T00:00:00Z`);
  if (Number.isNaN(at)) return text;
  const year = style === "long" && text.slice(0, 4) !== String(new Date().getFullYear()) ? "numeric" : undefined;
  const options: Intl.DateTimeFormatOptions =
    style === "long" ? { weekday: "long", day: "numeric", month: "long", year } : { day: "numeric", month: "short", ...(style === "weekday" && { weekday: "short" }) };
  return cached(`day${style}${year}`, () => new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" })).format(at);
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;
/** `Date.parse` also reads `4711-08` and `2026-07-19 (or later)`, and would turn both into a date. */
const TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$/;

/** A date or a time of the CRM: a day is shown as a day, anything that is neither as it is. */
export function dateOrTime(text: string): string {
  if (DAY.test(text)) return day(text, "long");
  return (TIME.test(text) && dateTime(Date.parse(text))) || text;
}

/** A running time: `02:13:04`, or `3d 02:13:04` (in German `3 T 02:13:04`). */
export function clock(milliseconds: number): string {
  const all = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (value: number): string => cached("00", () => new Intl.NumberFormat(locale, { minimumIntegerDigits: 2 })).format(value);
  const time = `${two(Math.floor(all / 3600) % 24)}:${two(Math.floor(all / 60) % 60)}:${two(all % 60)}`;
  const days = Math.floor(all / 86_400);
  const unit = cached("d", () => new Intl.NumberFormat(locale, { style: "unit", unit: "day", unitDisplay: "narrow" }));
  return days ? `${unit.format(days)} ${time}` : time;
}

/** The length of a wait in words, without seconds; a screen reader hears two units. */
export function spokenWait(milliseconds: number, units = 2): string {
  const minutes = Math.floor(milliseconds / 60_000);
  const parts: [number, string][] = [
    [Math.floor(minutes / 1440), "day"],
    [Math.floor(minutes / 60) % 24, "hour"],
    [minutes % 60, "minute"],
  ];
  const shown = parts.filter(([count]) => count).slice(0, units);
  return shown.map(([count, unit]) => `${count} ${unit}${count === 1 ? "" : "s"}`).join(" ") || "less than a minute";
}

export const STAGES = [
  "new", "engaged", "email_sent", "follow_up", "info_req", "demo_req", "demo_conf", "demo_done",
  "proposal", "negotiation", "trial", "won", "lost",
];
export const CLOSED = new Set(["won", "lost"]);
const LABELS: Record<string, string> = {
  follow_up: "Follow-up",
  info_req: "Info requested",
  demo_req: "Demo requested",
  demo_conf: "Demo confirmed",
  requested_chat: "Waits for a human",
  "human-chatting": "With a human",
  "ai-chatting": "With the AI",
  ended_chat: "Ended",
  "web-chat": "Web chat",
  whatsapp: "WhatsApp",
  instagram: "Instagram",
  messenger: "Messenger",
  telegram: "Telegram",
  discord: "Discord",
  sms: "SMS",
  ai: "AI",
  none: "None",
  query: "Words",
  ai_usd: "AI cost",
  call_usd: "Cost of calls",
  usd: "Cost",
  rating_avg: "Rating",
  unparsed_values: "Values not read",
  overdue_activity: "Activity overdue",
  overdue_close: "Expected close has passed",
  overdue_ecd: "Expected close has passed",
  stale_lead: "Stale",
  waiting_for_human: "Waiting for a human",
};

/** A channel inside a sentence: "by phone", "by WhatsApp". */
export function humanizeChannel(value: string): string {
  return getOwn(LABELS, value) && value !== "web-chat" ? humanize(value) : humanize(value).toLowerCase();
}

/** A value of the CRM as people write it: `demo_done` is "Demo done". */
export function humanize(text: string): string {
  const value = recordText(text);
  const known = getOwn(LABELS, value);
  if (known) return known;
  if (!/^[a-z][a-z0-9_-]*$/.test(value)) return value;
  const spaced = value.replace(/[_-]+/g, " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

const REASON_TEXTS: Record<string, string> = { "score decides": "hot by score", "label hot decides": "labelled hot" };

/** A reason of the server's, which names the rule that decided. */
export function reasonText(text: string): string {
  return getOwn(REASON_TEXTS, text) ?? text;
}

/** Fields that may hold the name of a record of another system; the first that is there counts. */
const NAME_FIELDS = ["type", "name", "title", "label", "channel"];

/** The word in a value that may be a whole record of another system: `{"type":"sms"}` is `sms`. */
export function recordText(text: string): string {
  const value = /^[[{]/.test(text) ? parsed(text) : undefined;
  if (!isObject(value)) return value === undefined ? text : valueText(value);
  const naming = NAME_FIELDS.map((name) => getOwn(value, name)).find((found) => typeof found === "string" && found);
  return naming === undefined ? valueText(value) : (naming as string);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Any value in words: lists with commas, records as names and values; never as JSON. */
export function valueText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return number(value);
  if (typeof value === "boolean") return value ? "Yes" : "No";
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  if (!isObject(value)) return "–";
  return Object.entries(value).map(([name, held]) => `${humanize(name)}: ${valueText(held)}`).join("; ");
}

/** The form of a word that goes with `count`; also of a verb: `pluralize(1, "waits", "wait")`. */
export function pluralize(count: number | undefined, one: string, many = `${one}s`): string {
  return count === 1 ? one : many;
}

export function counted(count: number, one: string, many?: string): string {
  return `${number(count)} ${pluralize(count, one, many)}`;
}
