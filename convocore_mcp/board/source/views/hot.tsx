// Hot leads as cards, in the order in which to call: who, why, worth, since when they wait, the next step.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useEntry } from "../answerCache.ts";
import type { Answer, HotLead, Question } from "../answers.ts";
import { useBoard, useNow } from "../board.ts";
import { pluralize, number, counted } from "../format.ts";
import { PrepareButton } from "../parts/actions.tsx";
import { Amounts, Count, Score, Worth } from "../parts/figures.tsx";
import { Answered, Empty, RelaxedFilters } from "../parts/notices.tsx";
import { Due, OVERDUE_RULE } from "../parts/overdue.tsx";
import { RankReason } from "../parts/rankReason.tsx";
import { About, Badge, directionOf, Name, nameOf, Reasons, Text } from "../parts/text.tsx";
import { Ago, Clock } from "../parts/times.tsx";
import { hotLeads, waitingTimesOfHotLeads, leadsWith } from "../questions.ts";

const FIRST_CARDS = 6;
const OTHER_CARDS_DELAY_MS = 150;

interface Props {
  question?: Question | undefined;
  /** Show only so many, without a heading. */
  max?: number;
  compact?: boolean;
}

export function HotLeads({ question, max, compact = false }: Props): JSX.Element {
  const { cache, agent, platform } = useBoard();
  const asked = question ?? hotLeads(agent);
  const entry = useEntry(cache, asked);
  const waits = useEntry(cache, platform.canCall && !compact ? waitingTimesOfHotLeads(agent) : undefined).answer;
  const [drawn, setDrawn] = useState(FIRST_CARDS);
  const listed = max ?? entry.answer?.leads?.length ?? 0;
  useEffect(() => {
    // The first cards are painted at once, the others right after them.
    if (platform.inline || max || drawn >= listed) return undefined;
    const timer = setTimeout(() => setDrawn(listed), OTHER_CARDS_DELAY_MS);
    return () => clearTimeout(timer);
  }, [platform.inline, max, drawn, listed]);
  const since = new Map((waits?.leads ?? []).map((row) => [row.lead_id, row.waiting_since]));
  return (
    <Answered entry={entry} question={asked} rows={max ?? 4}>
      {(answer) => {
        const leads = answer.leads ?? [];
        const limit = max ?? drawn;
        return (
          <>
            {!max && <HotTotals answer={answer} />}
            {leads.length > 0 && (
              <p class="order">
                <strong>The highest score comes first; among equal scores, whoever was active most recently.</strong> <span class="hint">{answer.definition}</span>
              </p>
            )}
            {leads.length ? (
              <ol class={`cards ${compact ? "compact" : ""}`}>
                {leads.slice(0, limit).map((lead, index) => (
                  <Card key={lead.lead_id} lead={lead} rank={index + 1} rankReason={<RankReason leads={leads} index={index} />} since={since.get(lead.lead_id)} compact={compact} />
                ))}
              </ol>
            ) : (
              <NoneHot question={asked} answer={answer} />
            )}
            {!max && <MoreHot answer={answer} shown={Math.min(limit, leads.length)} onAll={() => setDrawn(leads.length)} />}
          </>
        );
      }}
    </Answered>
  );
}

function HotTotals({ answer }: { answer: Answer }): JSX.Element {
  const { agent, go, platform } = useBoard();
  const complete = answer.freshness?.complete ?? true;
  const show = (title: string, filters: Record<string, unknown>): (() => void) | undefined =>
    platform.canCall ? () => go({ name: "rows", title, question: leadsWith(agent, { ...filters, ...timeWindowOf(answer) }) }) : undefined;
  const hot = { where: hotConditions(answer) };
  return (
    <p class="totals">
      <Count value={answer.hot} label="Hot leads" complete={complete} onOpen={show("Hot leads", hot)} /> of{" "}
      <Count value={answer.leads_considered} label="Leads" complete={complete} onOpen={show("All leads", {})} /> {pluralize(answer.leads_considered, "lead")} {pluralize(answer.hot, "is", "are")} hot.{" "}
      <Count value={answer.waiting_for_human} label="Hot and waiting" complete={complete} onOpen={show("Hot and waiting for a human", { ...hot, attention: ["waiting_for_human"] })} /> {pluralize(answer.waiting_for_human, "waits", "wait")} for a human,{" "}
      <Count value={answer.unassigned} label="Hot, assigned to nobody" complete={complete} onOpen={show("Hot, assigned to nobody", { ...hot, attention: ["unassigned"] })} /> {pluralize(answer.unassigned, "is", "are")} assigned to nobody,{" "}
      <Count value={answer.overdue} label="Hot and overdue" complete={complete} onOpen={show("Hot and overdue", { ...hot, attention: ["overdue"] })} /> {pluralize(answer.overdue, "is", "are")} overdue ({OVERDUE_RULE}).
      {answer.hot ? (
        <>
          {" "}
          In each currency, the hot ones are worth <Amounts of={answer.value} max={3} inSentence />
        </>
      ) : null}
    </p>
  );
}

/** `hot=true` means the default threshold; with another threshold, the condition names the score. */
function hotConditions(answer: Answer): string[] {
  const score = answer.applied?.["min_score"];
  return score === undefined || score === 75 ? ["hot=true"] : [`score>=${String(score)}`, "stage!=won|lost"];
}

function timeWindowOf(answer: Answer): Record<string, unknown> {
  const { since, until } = answer.applied ?? {};
  return { ...(since !== undefined && { since }), ...(until !== undefined && { until }) };
}

interface CardProps {
  lead: HotLead;
  rank: number;
  rankReason: JSX.Element;
  since: string | undefined;
  compact: boolean;
}

function Card({ lead, rank, rankReason, since, compact }: CardProps): JSX.Element {
  const { feed, go, platform } = useBoard();
  const highlighted = feed.isHighlighted(lead.lead_id, useNow(10));
  const open = (): void => go({ name: "lead", lead: lead.lead_id, agent: lead.agent_id });
  return (
    <li class={`card ${highlighted ? "highlighted" : ""}`}>
      <div class="card-head">
        <span class="rank" aria-label={`Number ${rank}`}>
          {rank}
        </span>
        <div class="who">
          <h3>
            <button type="button" class="name" disabled={!platform.canCall} onClick={open}>
              <Name of={lead} />
            </button>
            {highlighted && <Badge kind="new">changed</Badge>}
          </h3>
          <About of={lead} />
        </div>
        <Score of={lead.score} hot />
      </div>
      {rankReason}
      {lead.wants && (
        <p class="wants" dir={directionOf(lead.wants)}>
          {lead.wants}
        </p>
      )}
      <Reasons of={lead.why} label={`Why ${nameOf(lead)}`} />
      <div class="facts">
        <Worth of={lead} />
        {since && (
          <span class="waits">
            waits <Clock since={since} />
          </span>
        )}
        {lead.next_step && <NextStep of={lead.next_step} />}
        {lead.last_activity && (
          <span class="step">
            active <Ago at={lead.last_activity} />
          </span>
        )}
        <span class="contact">{lead.contact ? lead.name && <Text of={lead.contact} /> : "no phone or email yet"}</span>
      </div>
      {!compact && platform.canAsk && (
        <div class="buttons">
          <PrepareButton lead={lead.lead_id} />
        </div>
      )}
    </li>
  );
}

function NextStep({ of }: { of: NonNullable<HotLead["next_step"]> }): JSX.Element {
  return (
    <span class={of.overdue ? "step overdue" : "step"}>
      {of.overdue ? "Overdue: " : "Next: "}
      <Text of={of.title ?? of.type ?? "a step"} />
      <Due of={of} />
    </span>
  );
}

function MoreHot({ answer, shown, onAll }: { answer: Answer; shown: number; onAll(): void }): JSX.Element | null {
  const { agent, go, platform } = useBoard();
  const listed = answer.leads?.length ?? 0;
  const hot = answer.hot ?? 0;
  if (shown < listed) {
    return (
      <button type="button" class="wide" onClick={onAll}>
        Show {number(listed - shown)} more
      </button>
    );
  }
  if (hot <= listed || !platform.canCall) return hot > listed ? <p class="hint">{counted(hot - listed, "more hot lead")} not shown.</p> : null;
  const question = leadsWith(agent, { where: hotConditions(answer), ...timeWindowOf(answer) });
  return (
    <button type="button" class="wide" onClick={() => go({ name: "rows", title: "Hot leads", question })}>
      Show all {number(hot)} as a list
    </button>
  );
}

function NoneHot({ question, answer }: { question: Question; answer: Answer }): JSX.Element {
  const { go, platform } = useBoard();
  const near = answer.near_misses;
  return (
    <Empty>
      <p>
        <strong>No lead is hot.</strong> {answer.definition}
      </p>
      <RelaxedFilters question={question} answer={answer} />
      {near && near.count > 0 && (
        <>
          <p>{counted(near.count, "lead")} would be hot but for one thing:</p>
          <ul class="plain">
            {near.leads.map((lead) => (
              <li key={lead.lead_id}>
                <button type="button" class="link" disabled={!platform.canCall} onClick={() => go({ name: "lead", lead: lead.lead_id })}>
                  <Name of={lead} />
                </button>{" "}
                <Text of={lead.why_not} />
              </li>
            ))}
          </ul>
        </>
      )}
    </Empty>
  );
}
