// New leads by day, and how many of them are hot today.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useEntry } from "../answerCache.ts";
import type { Answer, Group, Question } from "../answers.ts";
import { useAfterPaint, useBoard } from "../board.ts";
import { day, pluralize, number, counted } from "../format.ts";
import { Columns, type Column } from "../parts/columns.tsx";
import { Count } from "../parts/figures.tsx";
import { Answered } from "../parts/notices.tsx";
import { narrowed, rowsOf, trend, TREND_DAYS } from "../questions.ts";

const DAY_CHOICES = [14, 30, 90];
const DAY_MS = 86_400_000;

export function Trend({ compact = false }: { compact?: boolean }): JSX.Element {
  const { cache, agent } = useBoard();
  const [chosen, setDays] = useState(TREND_DAYS);
  const days = useAfterPaint(chosen);
  const asked = trend(agent, days);
  const entry = useEntry(cache, asked);
  const show = (span: number): void => {
    void cache.load(trend(agent, span)); // the server answers while the choice is painted
    setDays(span);
  };
  return (
    <>
      {!compact && (
        <div class="choices" role="group" aria-label="Days shown">
          {DAY_CHOICES.map((span) => (
            <button key={span} type="button" aria-pressed={span === chosen} onClick={() => show(span)}>
              {span} days
            </button>
          ))}
        </div>
      )}
      <div aria-busy={days !== chosen}>
        <Answered entry={entry} question={asked} rows={3}>
          {(answer) => (
            <>
              <TrendTotals question={asked} answer={answer} days={days} />
              <DayColumns question={asked} answer={answer} days={days} compact={compact} />
            </>
          )}
        </Answered>
      </div>
    </>
  );
}

function TrendTotals({ question, answer, days }: { question: Question; answer: Answer; days: number }): JSX.Element {
  const { go, platform } = useBoard();
  const { leads = 0, hot = 0 } = answer.totals ?? {};
  const complete = answer.freshness?.complete ?? true;
  const show = (title: string, where: string[]): (() => void) | undefined =>
    platform.canCall ? () => go({ name: "rows", title, question: narrowed(question, where) }) : undefined;
  const title = `New in ${days} days`;
  return (
    <p class="totals">
      <Count value={leads} label="New leads" complete={complete} onOpen={show(title, [])} /> new {pluralize(leads, "lead")} in {days} days,{" "}
      <Count value={Number(hot)} label="New and hot" complete={complete} onOpen={show(`${title}, hot`, ["hot=true"])} /> of them {pluralize(Number(hot), "is", "are")} hot now.
    </p>
  );
}

interface DayColumnsProps {
  question: Question;
  answer: Answer;
  days: number;
  compact: boolean;
}

function DayColumns({ question, answer, days, compact }: DayColumnsProps): JSX.Element {
  const { go, platform } = useBoard();
  const found = new Map((answer.groups ?? []).map((group) => [String(group["day"]), group]));
  const columns = lastDays(answer, days).map((name): Column => {
    const group: Group = found.get(name) ?? { day: name };
    const rows = platform.canCall && group.leads ? rowsOf(question, group, ["day"]) : undefined;
    const hot = typeof group.hot === "number" ? group.hot : 0;
    return {
      key: name,
      label: day(name),
      value: group.leads ?? 0,
      part: hot,
      description: `${day(name, "long")}: ${counted(group.leads ?? 0, "new lead")}, ${number(hot)} hot`,
      onOpen: rows && (() => go({ name: "rows", title: `New on ${day(name, "long")}`, question: rows })),
    };
  });
  return <Columns columns={columns} label="New leads by day" what="New leads" part="Hot now" table={!compact} />;
}

/** The days up to today in the time zone of the answer, also those without a lead. */
function lastDays(answer: Answer, days: number): string[] {
  const timeZone = typeof answer.applied?.["timezone"] === "string" ? answer.applied["timezone"] : "UTC";
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-CA", { timeZone });
  } catch {
    format = new Intl.DateTimeFormat("en-CA", { timeZone: "UTC" });
  }
  const today = Date.parse(`${format.format(Date.now())}T00:00:00Z`);
  return Array.from({ length: days }, (_, back) => new Date(today - (days - 1 - back) * DAY_MS).toISOString().slice(0, 10));
}
