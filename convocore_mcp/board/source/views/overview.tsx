// Everything at a glance: what the pipeline is worth, whom to call, who waits, what has just happened.

import type { JSX } from "preact";
import { useEntry, useQuestion } from "../answerCache.ts";
import type { Answer, Money } from "../answers.ts";
import { useAfterPaint, useBoard, type View } from "../board.ts";
import { amounts, CLOSED, money, pluralize, number } from "../format.ts";
import { AmountSet, Count, Figure } from "../parts/figures.tsx";
import { ErrorBoundary, ErrorNotice } from "../parts/notices.tsx";
import { OVERDUE_RULE } from "../parts/overdue.tsx";
import { Clock } from "../parts/times.tsx";
import { hotLeads, leadsWith, pipeline, IN_OPEN_STAGES, waiting } from "../questions.ts";
import { Changes } from "./changes.tsx";
import { HotChannels } from "./channels.tsx";
import { HotLeads } from "./hot.tsx";
import { Pipeline } from "./pipeline.tsx";
import { Trend } from "./trend.tsx";
import { Waiting } from "./waiting.tsx";

export function Overview(): JSX.Element {
  const { cache, agent } = useBoard();
  const hasPainted = useAfterPaint<boolean>(true, false); // the first questions are sent before those of the panels below
  const [first, ...others] = [hotLeads(agent), pipeline(agent), waiting(agent)];
  const error = useEntry(cache, first).error;
  // One cause is told once, and not in each panel.
  const allFailed = [first!, ...others].every((question) => !cache.entry(question).answer && cache.entry(question).error?.message === error?.message);
  if (error && allFailed) return <ErrorNotice error={error} question={first!} />;
  return (
    <div class="overview">
      <Figures />
      <Panel title="Call first" more={{ name: "hot" }} area="hot">
        <HotLeads max={4} compact />
      </Panel>
      <Panel title="Waiting longest" more={{ name: "waiting" }} area="waiting">
        <Waiting max={6} />
      </Panel>
      <Panel title="Just now" more={{ name: "changes" }} area="changes">
        <Changes max={7} />
      </Panel>
      <Panel title="Pipeline by stage" more={{ name: "pipeline" }} area="pipeline">
        {hasPainted && <Pipeline compact />}
      </Panel>
      <Panel title="New leads by day" more={{ name: "trend" }} area="trend">
        {hasPainted && <Trend compact />}
      </Panel>
      <Panel title="Hot leads by channel" more={{ name: "hot" }} area="channels">
        {hasPainted && <HotChannels />}
      </Panel>
    </div>
  );
}

interface PanelProps {
  title: string;
  more: View;
  area: string;
  children: JSX.Element | false;
}

function Panel({ title, more, area, children }: PanelProps): JSX.Element {
  const { go } = useBoard();
  return (
    <section class={`panel area-${area}`} aria-label={title}>
      <header>
        <h2>{title}</h2>
        <button type="button" class="quiet" aria-label={`${title}: show all`} onClick={() => go(more)}>
          Show all
        </button>
      </header>
      <ErrorBoundary>{children}</ErrorBoundary>
    </section>
  );
}

function Figures(): JSX.Element {
  const { cache, agent, go } = useBoard();
  const hot = useEntry(cache, useQuestion(...toolAndArguments(hotLeads(agent)))).answer;
  const stages = useEntry(cache, useQuestion(...toolAndArguments(pipeline(agent)))).answer;
  const queue = useEntry(cache, useQuestion(...toolAndArguments(waiting(agent)))).answer;
  const open = openPipeline(stages);
  const worth = amounts(open?.value);
  const first = queue?.conversations?.find((row) => row.waiting_since);
  const rows = (title: string, filters: Record<string, unknown>): View => ({ name: "rows", title, question: leadsWith(agent, filters) });
  return (
    <div class="figures" role="group" aria-label="At a glance">
      <Figure label="Hot leads" value={hot?.hot} complete={hot?.freshness?.complete ?? true} kind="hot" onOpen={() => go({ name: "hot" })}>
        {hot && (
          <>
            of <Count value={hot.leads_considered} label="All leads" complete={hot.freshness?.complete ?? true} onOpen={() => go(rows("All leads", {}))} /> {pluralize(hot.leads_considered, "lead")}
          </>
        )}
      </Figure>
      <Figure
        label={worth.length > 1 ? `Open pipeline is worth, in ${number(worth.length)} currencies` : "Open pipeline is worth"}
        value={worth[0]?.[1]}
        shown={worth.length > 1 ? <AmountSet of={worth} max={3} /> : worth[0] && money(worth[0][1], worth[0][0])}
        complete={stages?.freshness?.complete ?? true}
        kind="main"
        onOpen={() => go({ name: "pipeline" })}
      >
        {open && (
          <>
            {worth.length > 1 && "currencies are never added up; "}
            <Count value={open.leads} label="Open leads" complete={stages?.freshness?.complete ?? true} onOpen={() => go(rows("Open leads", { where: IN_OPEN_STAGES }))} /> open {pluralize(open.leads, "lead")}
          </>
        )}
      </Figure>
      <Figure label="Waiting for a human" value={queue?.total} complete={queue?.freshness?.complete ?? true} kind="wait" onOpen={() => go({ name: "waiting" })}>
        {first && (
          <>
            the longest for <Clock since={first.waiting_since} />
          </>
        )}
      </Figure>
      <Figure label="Overdue leads" value={stages?.totals?.overdue ?? (stages && 0)} complete={stages?.freshness?.complete ?? true} onOpen={() => go(rows("Overdue", { attention: ["overdue"] }))}>
        {OVERDUE_RULE}
        {hot && (
          <>
            ;{" "}
            <Count
              value={hot.overdue}
              label="Hot and overdue"
              complete={hot.freshness?.complete ?? true}
              onOpen={() => go(rows("Hot and overdue", { where: ["hot=true"], attention: ["overdue"] }))}
            />{" "}
            of them {pluralize(hot.overdue, "is", "are")} hot
          </>
        )}
      </Figure>
      <Figure
        label="Hot, assigned to nobody"
        value={hot?.unassigned}
        complete={hot?.freshness?.complete ?? true}
        onOpen={() => go(rows("Hot, assigned to nobody", { where: ["hot=true"], attention: ["unassigned"] }))}
      />
    </div>
  );
}

const toolAndArguments = (question: { tool: string; arguments: Record<string, unknown> }): [string, Record<string, unknown>] => [
  question.tool,
  question.arguments,
];

/** Leads that are neither won nor lost: their number, how many are hot, and what they are worth. */
export function openPipeline(answer: Answer | undefined): { leads: number; hot: number; value: Money } | undefined {
  if (!answer?.groups) return undefined;
  const open = { leads: 0, hot: 0 };
  const value = new Map<string, number>();
  for (const group of answer.groups) {
    if (CLOSED.has(String(group["stage"]))) continue;
    open.leads += group.leads ?? 0;
    open.hot += typeof group.hot === "number" ? group.hot : 0;
    for (const [currency, amount] of Object.entries(group.value ?? {})) {
      value.set(currency, (value.get(currency) ?? 0) + amount);
    }
  }
  return { ...open, value: Object.fromEntries(value) };
}
