// Any other statistics: a row for each group, with bars, in the order of the answer.

import type { JSX } from "preact";
import { useEntry } from "../answerCache.ts";
import { isObject, getOwn, type Answer, type Group, type Question } from "../answers.ts";
import { useBoard } from "../board.ts";
import { day, money, number, valueText, counted, humanize } from "../format.ts";
import { Amounts, Count } from "../parts/figures.tsx";
import { Bar } from "../parts/bar.tsx";
import { Answered, Empty, RelaxedFilters } from "../parts/notices.tsx";
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
                <RelaxedFilters question={question} answer={answer} />
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

function figureText(name: string, value: number): string {
  return DOLLARS.has(name) ? money(value, "USD") : number(value);
}

function Totals({ of, complete }: { of: Group; complete: boolean }): JSX.Element {
  const figures = Object.entries(of).filter(([, value]) => typeof value === "number");
  return (
    <dl class="totals-list">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{humanize(name)}</dt>
          <dd>
            {figureText(name, value as number)}
            {!complete && <small> so far</small>}
          </dd>
        </div>
      ))}
      {of.value && (
        <div>
          <dt>Value, by currency</dt>
          <dd>
            <Amounts of={of.value} max={3} />
          </dd>
        </div>
      )}
      <Measures of={of["measures"]} />
    </dl>
  );
}

const FIGURE_NAMES: Record<string, string> = { n: "count", avg: "average", max: "largest" };

/** A figure of a measure; those of money are by currency. */
function measureText(value: unknown, kind: string, currency: string): string {
  return kind !== "n" && typeof value === "number" && currency !== "unknown" ? money(value, currency) : valueText(value);
}

function Measures({ of }: { of: unknown }): JSX.Element | null {
  if (!isObject(of)) return null;
  const lines = Object.entries(of).flatMap(([name, figures]) =>
    isObject(figures)
      ? Object.entries(figures).map(([part, value]): [string, string] => [
          `${humanize(name)}, ${part === "unknown" ? "no currency" : (getOwn(FIGURE_NAMES, part) ?? part)}`,
          isObject(value) ? Object.entries(value).map(([kind, amount]) => `${getOwn(FIGURE_NAMES, kind) ?? kind} ${measureText(amount, kind, part)}`).join(", ") : valueText(value),
        ])
      : [],
  );
  return (
    <>
      {lines.map(([name, text]) => (
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
  return name === "waiting_for_human" ? "Waiting" : humanize(name);
}

interface GroupTableProps {
  question: Question;
  answer: Answer;
  keys: string[];
}

function GroupTable({ question, answer, keys }: GroupTableProps): JSX.Element {
  const { go, platform } = useBoard();
  const groups = answer.groups ?? [];
  const countField = question.arguments["of"] === "leads" ? "leads" : "conversations";
  const columns = ["hot", "waiting_for_human", "overdue", "messages", "tokens", "usd", "rating_avg"].filter(
    (name) => !keys.includes(name) && groups.some((group) => typeof group[name] === "number"),
  );
  const withValue = groups.some((group) => group.value);
  const largest = Math.max(...groups.map((group) => Number(group[countField] ?? 0)), 1);
  const complete = answer.freshness?.complete ?? true;
  const heads: Head[] = [
    ...keys.map((key) => ({ name: humanize(key) })),
    { name: humanize(countField), kind: "bar-column" },
    ...columns.map((name) => ({ name: headOf(name), kind: "numeric" })),
    ...(withValue ? [{ name: "Worth, by currency", kind: "amounts-column" }] : []),
  ];
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label="Groups">
      <StatTable heads={heads}>
          {groups.map((group) => {
            const rows = platform.canCall ? rowsOf(question, group, keys) : undefined;
            const name = keys.map((key) => keyText(key, group[key])).join(", ");
            const count = Number(group[countField] ?? 0);
            return (
              <StatRow key={name}>
                {keys.map((key) => (
                  <th scope="row" role="rowheader" key={key} {...(keys.length > 1 && { "data-head": humanize(key) })}>
                    <Text of={keyText(key, group[key])} />
                  </th>
                ))}
                <Cell of={humanize(countField)} kind="bar-column">
                  <div>
                    <Bar share={count / largest} part={typeof group.hot === "number" && count ? group.hot / count : 0} />
                    <Count value={count} label={`${humanize(countField)}, ${name}`} complete={complete} onOpen={rows && (() => go({ name: "rows", title: name, question: rows }))} />
                  </div>
                </Cell>
                {columns.map((column) => (
                  <Cell of={headOf(column)} kind="numeric" key={column}>
                    {typeof group[column] === "number" ? figureText(column, group[column]) : <span class="zero">–</span>}
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
      {answer.groups_total !== undefined && answer.groups_total > groups.length && <p class="hint">{counted(answer.groups_total, "group")} in all.</p>}
    </div>
  );
}

function keyText(key: string, value: unknown): string {
  if (typeof value !== "string") return value === undefined ? humanize("none") : valueText(value);
  return key === "day" ? day(value, "weekday") : humanize(value);
}
