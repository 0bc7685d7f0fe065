// Any other statistics: a row for each group, with bars, in the order of the answer.

import type { JSX } from "preact";
import { useEntry } from "../answerCache.ts";
import { isObject, own, type Answer, type Group, type Question } from "../answers.ts";
import { useBoard } from "../board.ts";
import { day, money, number, plain, plural, word } from "../format.ts";
import { Amounts, Count } from "../parts/figures.tsx";
import { Bar } from "../parts/bar.tsx";
import { Answered, Empty, Relaxed } from "../parts/notices.tsx";
import { Cell, StatRow, StatTable, type Head } from "../parts/statTable.tsx";
import { Text } from "../parts/text.tsx";
import { rowsOf } from "../questions.ts";
import { Pipeline } from "./pipeline.tsx";

export function Groups({ question }: { question: Question }): JSX.Element {
  const { cache } = useBoard();
  const entry = useEntry(cache, question);
  const keys = keysOf(question, entry.answer);
  if (keys.length === 1 && keys[0] === "stage" && question.arguments["of"] === "leads") return <Pipeline question={question} />;
  return (
    <Answered entry={entry} question={question} rows={6}>
      {(answer) => (
        <>
          <Totals of={answer.totals ?? {}} complete={answer.freshness?.complete ?? true} />
          {answer.groups?.length ? (
            <GroupTable question={question} answer={answer} keys={keys} />
          ) : (
            keys.length > 0 && (
              <Empty>
                <p>
                  <strong>Nothing to count.</strong>
                </p>
                <Relaxed question={question} answer={answer} />
              </Empty>
            )
          )}
        </>
      )}
    </Answered>
  );
}

export function keysOf(question: Question, answer: Answer | undefined): string[] {
  const asked = answer?.applied?.["group_by"] ?? question.arguments["group_by"] ?? [];
  return [asked].flat().map(String);
}

/** Amounts in US dollars, as the names of these fields say. */
const DOLLARS = new Set(["usd", "ai_usd", "call_usd"]);

function figure(name: string, value: number): string {
  return DOLLARS.has(name) ? money(value, "USD") : number(value);
}

function Totals({ of, complete }: { of: Group; complete: boolean }): JSX.Element {
  const told = Object.entries(of).filter(([, value]) => typeof value === "number");
  return (
    <dl class="totals-list">
      {told.map(([name, value]) => (
        <div key={name}>
          <dt>{word(name)}</dt>
          <dd>
            {figure(name, value as number)}
            {!complete && <small> so far</small>}
          </dd>
        </div>
      ))}
      {of.value && (
        <div>
          <dt>Value, by currency</dt>
          <dd>
            <Amounts of={of.value} most={3} />
          </dd>
        </div>
      )}
      <Measures of={of["measures"]} />
    </dl>
  );
}

const FIGURES: Record<string, string> = { n: "count", avg: "average", max: "largest" };

/** A figure of a measure; those of money are by currency. */
function measured(value: unknown, kind: string, currency: string): string {
  return kind !== "n" && typeof value === "number" && currency !== "unknown" ? money(value, currency) : plain(value);
}

function Measures({ of }: { of: unknown }): JSX.Element | null {
  if (!isObject(of)) return null;
  const told = Object.entries(of).flatMap(([name, figures]) =>
    isObject(figures)
      ? Object.entries(figures).map(([part, value]): [string, string] => [
          `${word(name)}, ${part === "unknown" ? "no currency" : (own(FIGURES, part) ?? part)}`,
          isObject(value) ? Object.entries(value).map(([kind, amount]) => `${own(FIGURES, kind) ?? kind} ${measured(amount, kind, part)}`).join(", ") : plain(value),
        ])
      : [],
  );
  return (
    <>
      {told.map(([name, text]) => (
        <div class="measure" key={name}>
          <dt>
            <Text of={name} />
          </dt>
          <dd>
            <Text of={text} />
          </dd>
        </div>
      ))}
    </>
  );
}

/** The head of a column of numbers, which is narrow. */
function headOf(name: string): string {
  return name === "waiting_for_human" ? "Waiting" : word(name);
}

interface GroupTableProps {
  question: Question;
  answer: Answer;
  keys: string[];
}

function GroupTable({ question, answer, keys }: GroupTableProps): JSX.Element {
  const { go, home } = useBoard();
  const groups = answer.groups ?? [];
  const counted = question.arguments["of"] === "leads" ? "leads" : "conversations";
  const columns = ["hot", "waiting_for_human", "overdue", "messages", "tokens", "usd", "rating_avg"].filter(
    (name) => !keys.includes(name) && groups.some((group) => typeof group[name] === "number"),
  );
  const withValue = groups.some((group) => group.value);
  const largest = Math.max(...groups.map((group) => Number(group[counted] ?? 0)), 1);
  const complete = answer.freshness?.complete ?? true;
  const heads: Head[] = [
    ...keys.map((key) => ({ name: word(key) })),
    { name: word(counted), kind: "bar-column" },
    ...columns.map((name) => ({ name: headOf(name), kind: "numeric" })),
    ...(withValue ? [{ name: "Worth, by currency", kind: "amounts-column" }] : []),
  ];
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label="Groups">
      <StatTable heads={heads}>
          {groups.map((group) => {
            const behind = home.canCall ? rowsOf(question, group, keys) : undefined;
            const name = keys.map((key) => keyText(key, group[key])).join(", ");
            const count = Number(group[counted] ?? 0);
            return (
              <StatRow key={name}>
                {keys.map((key) => (
                  <th scope="row" role="rowheader" key={key} {...(keys.length > 1 && { "data-head": word(key) })}>
                    <Text of={keyText(key, group[key])} />
                  </th>
                ))}
                <Cell of={word(counted)} kind="bar-column">
                  <div>
                    <Bar share={count / largest} part={typeof group.hot === "number" && count ? group.hot / count : 0} />
                    <Count value={count} label={`${word(counted)}, ${name}`} complete={complete} onOpen={behind && (() => go({ name: "rows", title: name, question: behind }))} />
                  </div>
                </Cell>
                {columns.map((column) => (
                  <Cell of={headOf(column)} kind="numeric" key={column}>
                    {typeof group[column] === "number" ? figure(column, group[column]) : <span class="zero">–</span>}
                  </Cell>
                ))}
                {withValue && (
                  <Cell of="Worth, by currency" kind="amounts-column">
                    <Amounts of={group.value} like={answer.totals?.value} />
                  </Cell>
                )}
              </StatRow>
            );
          })}
      </StatTable>
      {answer.groups_total !== undefined && answer.groups_total > groups.length && <p class="hint">{plural(answer.groups_total, "group")} in all.</p>}
    </div>
  );
}

function keyText(key: string, value: unknown): string {
  if (typeof value !== "string") return value === undefined ? word("none") : plain(value);
  return key === "day" ? day(value, "weekday") : word(value);
}
