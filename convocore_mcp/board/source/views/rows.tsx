// The rows behind a number: leads or conversations, as many as there are.

import type { JSX } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import type { Answer, Question, Row } from "../answers.ts";
import { useAfterPaint, useBoard, useNow, type View } from "../board.ts";
import { dateOrTime, valueText, counted, humanize } from "../format.ts";
import { Score, Worth } from "../parts/figures.tsx";
import { Answered, Empty, RelaxedFilters } from "../parts/notices.tsx";
import { OverdueBy } from "../parts/overdue.tsx";
import { About, Badge, Name, Text } from "../parts/text.tsx";
import { Ago, Clock } from "../parts/times.tsx";
import { VirtualList } from "../parts/virtualList.tsx";
import { OVERDUE_FIELDS } from "../questions.ts";
import { usePages, type Pages } from "./pages.ts";

const SORTS: Record<string, [value: string, label: string][]> = {
  list_leads: [
    ["score", "Score, then last active"],
    ["-last_activity", "Last active"],
    ["-value", "Amount, whatever the currency"],
    ["next_due", "Next step"],
    ["name", "Name"],
  ],
  list_conversations: [
    ["newest", "Last active"],
    ["score", "Score"],
    ["value", "Amount, whatever the currency"],
    ["waiting", "Waiting longest"],
    ["oldest", "Oldest"],
  ],
};

export function Rows({ view, depth }: { view: View & { name: "rows" }; depth: number }): JSX.Element {
  const { replace } = useBoard();
  const { question } = view;
  const drawn = useAfterPaint(question);
  const pages = usePages(drawn, depth);
  return (
    <>
      <RefineForm question={question} onChange={(refined) => replace({ ...view, question: refined })} />
      <div aria-busy={drawn !== question}>
        <Answered entry={pages.entry} question={drawn} rows={8}>
          {(answer) => <ResultList question={drawn} answer={answer} pages={pages} />}
        </Answered>
      </div>
    </>
  );
}

/** After this pause in typing, the words are searched for, so that the answer is there when the form is submitted. */
const SEARCH_DELAY_MS = 120;

function RefineForm({ question, onChange }: { question: Question; onChange(refined: Question): void }): JSX.Element | null {
  const { cache, platform } = useBoard();
  const [words, setWords] = useState(String(question.arguments["query"] ?? ""));
  const refined = (change: Record<string, unknown>): Question => ({ ...question, arguments: { ...question.arguments, ...change } });
  const searched = refined({ query: words.trim() || undefined });
  useEffect(() => {
    if (platform.kind !== "browser") return undefined; // a chat may show each call, or ask whether it may be made
    const timer = setTimeout(() => void cache.load(searched), SEARCH_DELAY_MS);
    return () => clearTimeout(timer);
  }, [words]);
  if (!platform.canCall) return null;
  const sorts = SORTS[question.tool] ?? [];
  const sort = String(question.arguments["sort"] ?? sorts[0]?.[0]);
  return (
    <form
      class="refine"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        onChange(searched);
      }}
    >
      <label>
        <span>Has the words</span>
        <input type="search" dir="auto" value={words} maxLength={200} onInput={(event) => setWords(event.currentTarget.value)} />
      </label>
      <label>
        <span>Sorted by</span>
        <select value={sort} onChange={(event) => onChange(refined({ sort: event.currentTarget.value }))}>
          {!sorts.some(([value]) => value === sort) && <option value={sort}>{humanize(sort.replace(/^-/, ""))}</option>}
          {sorts.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <button type="submit">Search</button>
    </form>
  );
}

function ResultList({ question, answer, pages }: { question: Question; answer: Answer; pages: Pages }): JSX.Element {
  const fields = question.arguments["fields"];
  const draw = useCallback(
    (row: Row, _: number, tabIndex: number) =>
      isOverdueRow(fields) ? (
        <RowButton row={{ ...row, ...contactOf(row) }} fields={["name"]} detail={<OverdueBy of={row} />} tabIndex={tabIndex} />
      ) : (
        <RowButton row={row} fields={Array.isArray(fields) ? (fields as string[]) : []} tabIndex={tabIndex} />
      ),
    [fields],
  );
  const what = question.tool === "list_leads" ? "lead" : "conversation";
  if (!pages.rows.length) {
    return (
      <Empty>
        <p>
          <strong>Nothing fits.</strong> {filtersOf(answer)}
        </p>
        <RelaxedFilters question={question} answer={answer} />
      </Empty>
    );
  }
  return (
    <>
      <p class="totals">
        <strong>{counted(pages.total, what)}</strong>
        {!(answer.freshness?.complete ?? true) && " so far"}. <span class="hint">{filtersOf(answer)}</span>{" "}
        {pages.outdated && (
          <button type="button" onClick={pages.restart}>
            Something has changed: show it
          </button>
        )}
      </p>
      <VirtualList items={pages.rows} total={pages.total} label={`${humanize(what)}s`} keyOf={keyOfRow} onNearEnd={pages.loadMore} state={pages.listState}>
        {draw}
      </VirtualList>
    </>
  );
}

const isOverdueRow = (fields: unknown): boolean => JSON.stringify(fields) === JSON.stringify(OVERDUE_FIELDS);

/** A row of named fields has no field `contact`: it is made of email or phone. */
function contactOf(row: Row): Pick<Row, "contact"> {
  const contact = row["email"] ?? row["phone"];
  return typeof contact === "string" ? { contact } : {};
}

const keyOfRow = (row: Row): string => `${row.agent_id ?? ""} ${row.id ?? row.lead_id ?? ""}`;
const UNSHOWN_ARGUMENTS = new Set(["agent_id", "timezone", "limit", "sort", "fields", "detail", "top", "of"]);

/** The filters in force, as the answer tells them. */
function filtersOf(answer: Answer): string {
  const filters = Object.entries(answer.applied ?? {}).filter(([name]) => !UNSHOWN_ARGUMENTS.has(name));
  const inForce = (value: unknown): string => [value].flat().map((one) => (typeof one === "string" ? withoutRecords(one) : valueText(one))).join(", ");
  return filters.map(([name, value]) => (name === "where" ? inForce(value) : `${humanize(name)}: ${inForce(value)}`)).join("; ");
}

/** A condition or value, with one word in place of a JSON record of another system. */
function withoutRecords(text: string): string {
  return text.replace(/(["']?)([[{].*[\]}])\1/, (_, __, record: string) => humanize(record));
}

interface RowButtonProps {
  row: Row;
  fields: string[];
  /** Shown between the name and the value, in place of the fields. */
  detail?: JSX.Element;
  tabIndex: number;
}

function RowButton({ row, fields, detail, tabIndex }: RowButtonProps): JSX.Element {
  const { feed, go, platform } = useBoard();
  const highlighted = feed.isHighlighted(row.lead_id ?? row.id, useNow(10));
  // If the question named other fields than the name, the ID stands for the name.
  const named = fields.length && !row.name && !fields.includes("name") ? { ...row, name: row.id ?? row.lead_id ?? "" } : row;
  const open = (): void => go({ name: "lead", lead: row.lead_id ?? row.id ?? "", agent: row.agent_id });
  return (
    <button type="button" class={`row ${fields.length ? "asked" : ""} ${highlighted ? "highlighted" : ""}`} disabled={!platform.canCall} tabIndex={tabIndex} onClick={open}>
      <span class="who">
        <span class="name">
          <Name of={named} />
          {row.hot && <Badge kind="hot">hot</Badge>}
          {row["test"] === true && <Badge>test</Badge>}
          {row["blocked"] === true && <Badge>blocked</Badge>}
          {highlighted && <Badge kind="new">changed</Badge>}
        </span>
        <About of={row} />
      </span>
      <span class="preview">{detail ?? (fields.length ? <NamedFields row={row} fields={fields} /> : row.preview ? <Text of={row.preview} /> : <Dates row={row} />)}</span>
      <Worth of={row} />
      <Score of={row.score} hot={row.hot} />
      <span class="end">{row.waiting_since ? <Clock since={row.waiting_since} /> : <Ago at={row.last_activity} />}</span>
    </button>
  );
}

function Dates({ row }: { row: Row }): JSX.Element | null {
  return row.next_due ? (
    <>
      Next step <Text of={dateOrTime(row.next_due)} />
    </>
  ) : null;
}

const SHOWN_ELSEWHERE = new Set(["name", "company", "channel", "stage", "score", "hot", "value", "currency", "value_text", "waiting_since", "lead_id", "id"]);

/** The fields that the question named, beside those that a row shows anyway. */
function NamedFields({ row, fields }: { row: Row; fields: string[] }): JSX.Element {
  const shownFields = fields.filter((name) => !SHOWN_ELSEWHERE.has(name) && row[name] !== undefined);
  return (
    <>
      {shownFields.map((name) => {
        const value = row[name];
        const text = typeof value === "string" ? dateOrTime(humanize(value)) : valueText(value);
        return (
          <span class="shown" key={name}>
            {humanize(name)} <Text of={text} />
          </span>
        );
      })}
    </>
  );
}
