// The pipeline: how many leads are in each stage, how many of them are hot, what they are worth.

import type { JSX } from "preact";
import { useEntry } from "../answerCache.ts";
import type { Answer, Group, Money, Question } from "../answers.ts";
import { useBoard } from "../board.ts";
import { CLOSED, pluralize, percent, counted, STAGES, humanize } from "../format.ts";
import { Amounts, Count } from "../parts/figures.tsx";
import { Bar } from "../parts/bar.tsx";
import { Answered, Empty, RelaxedFilters } from "../parts/notices.tsx";
import { OVERDUE_RULE } from "../parts/overdue.tsx";
import { Cell, StatRow, StatTable, type Head } from "../parts/statTable.tsx";
import { Text } from "../parts/text.tsx";
import { narrowed, pipeline, rowsOf, IN_OPEN_STAGES, withOverdueFields } from "../questions.ts";
import { openPipeline } from "./overview.tsx";

export function Pipeline({ question, compact = false }: { question?: Question | undefined; compact?: boolean }): JSX.Element {
  const { cache, agent } = useBoard();
  const asked = question ?? pipeline(agent);
  const entry = useEntry(cache, asked);
  return (
    <Answered entry={entry} question={asked} rows={8}>
      {(answer) =>
        answer.groups?.length ? (
          <>
            {!compact && <PipelineTotals question={asked} answer={answer} />}
            <StageTable question={asked} answer={answer} compact={compact} />
            {!compact && <p class="hint">Overdue: {OVERDUE_RULE}.</p>}
            {!compact && <UnparsedValues answer={answer} />}
          </>
        ) : (
          <Empty>
            <p>
              <strong>There are no leads here.</strong> A conversation becomes a lead when somebody gives a name, a contact or a score.
            </p>
            <RelaxedFilters question={asked} answer={answer} />
          </Empty>
        )
      }
    </Answered>
  );
}

function PipelineTotals({ question, answer }: { question: Question; answer: Answer }): JSX.Element {
  const { platform, go } = useBoard();
  const open = openPipeline(answer)!;
  const complete = answer.freshness?.complete ?? true;
  const show = (title: string, where: string[]): (() => void) | undefined =>
    platform.canCall ? () => go({ name: "rows", title, question: narrowed(question, where) }) : undefined;
  return (
    <p class="totals">
      <Count value={open.leads} label="Open leads" complete={complete} onOpen={show("Open leads", IN_OPEN_STAGES)} /> open {pluralize(open.leads, "lead")},{" "}
      <Count value={open.hot} label="Open and hot" complete={complete} onOpen={show("Open leads, hot", [...IN_OPEN_STAGES, "hot=true"])} /> of them hot. Currencies are never added up: the open ones are worth <Amounts of={open.value} max={4} inSentence />
    </p>
  );
}

/** In the order of the pipeline; stages that nobody knows come before the closed ones, and leads without one first. */
function stageOrder(group: Group): number {
  const stage = String(group["stage"]);
  if (stage === "none") return -1;
  const known = STAGES.indexOf(stage);
  return known >= 0 ? known : STAGES.indexOf("won") - 0.5;
}

const HEADS: Head[] = [
  { name: "Stage" },
  { name: "Leads", kind: "bar-column" },
  { name: "Hot", kind: "numeric" },
  { name: "Worth, by currency", kind: "amounts-column" },
  { name: "Waiting", kind: "numeric" },
  { name: "Overdue", kind: "numeric" },
];

interface StageTableProps {
  question: Question;
  answer: Answer;
  compact: boolean;
}

function StageTable({ question, answer, compact }: StageTableProps): JSX.Element {
  const groups = [...(answer.groups ?? [])].sort((a, b) => stageOrder(a) - stageOrder(b));
  // Most leads may have no stage yet. Their bar is cut, so that the others can be told apart.
  const largest = Math.max(...groups.filter((group) => group["stage"] !== "none").map((group) => group.leads ?? 0), 1);
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label="Pipeline">
      <StatTable heads={compact ? HEADS.slice(0, 4) : HEADS} compact={compact}>
          {groups.map((group) => (
            <StageRow key={String(group["stage"])} group={group} question={question} largest={largest} like={answer.totals?.value} compact={compact} complete={answer.freshness?.complete ?? true} />
          ))}
      </StatTable>
    </div>
  );
}

interface StageRowProps {
  group: Group;
  question: Question;
  largest: number;
  like: Money | undefined;
  compact: boolean;
  complete: boolean;
}

function StageRow({ group, question, largest, like, compact, complete }: StageRowProps): JSX.Element {
  const { platform, go } = useBoard();
  const stage = String(group["stage"]);
  const name = stage === "none" ? "No stage" : humanize(stage);
  const rows = platform.canCall ? rowsOf(question, group, ["stage"]) : undefined;
  const show = (what: string, extra: Record<string, unknown> = {}): (() => void) | undefined => {
    if (!rows) return undefined;
    const where = [...((rows.arguments["where"] as string[] | undefined) ?? []), ...((extra["where"] as string[] | undefined) ?? [])];
    return () => go({ name: "rows", title: `${name}${what}`, question: withOverdueFields({ ...rows, arguments: { ...rows.arguments, ...extra, where } }) });
  };
  const leads = group.leads ?? 0;
  const hot = typeof group.hot === "number" ? group.hot : 0;
  const closed = CLOSED.has(stage);
  return (
    <StatRow kind={closed ? "closed" : ""}>
      <th scope="row" role="rowheader">
        <Text of={name} />
        <Bar share={leads / largest} part={hot / (leads || 1)} thin />
      </th>
      <Cell of="Leads" kind="bar-column">
        <div>
          <Bar share={leads / largest} part={hot / (leads || 1)} />
          <Count value={leads} label={`Leads in ${name}`} complete={complete} onOpen={show("")} />
        </div>
      </Cell>
      <Cell of="Hot" kind="numeric">
        <Count value={hot} label={`Hot leads in ${name}`} complete={complete} onOpen={show(", hot", { where: ["hot=true"] })} />
        {hot > 0 && <small> {percent(hot / leads)}</small>}
      </Cell>
      <Cell of="Worth, by currency" kind="amounts-column">
        <Amounts of={group.value} like={like} max={compact ? 1 : 2} />
      </Cell>
      {!compact && (
        <>
          <Cell of="Waiting" kind="numeric">
            <Count value={group.waiting_for_human} label={`Waiting in ${name}`} complete={complete} onOpen={show(", waiting for a human", { attention: ["waiting_for_human"] })} />
          </Cell>
          <Cell of="Overdue" kind="numeric">
            <Count value={group.overdue} label={`Overdue in ${name}`} complete={complete} onOpen={show(", overdue", { attention: ["overdue"] })} />
          </Cell>
        </>
      )}
    </StatRow>
  );
}

function UnparsedValues({ answer }: { answer: Answer }): JSX.Element | null {
  const unread = answer.totals?.unparsed_values;
  return unread ? <p class="hint">{counted(unread, "value")} could not be read as an amount, and {pluralize(unread, "is", "are")} in no sum.</p> : null;
}
