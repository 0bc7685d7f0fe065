// One person: who they are, why they matter, what they said, what comes next, what happened.

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useEntry } from "../answerCache.ts";
import type { Answer, Lead as LeadAnswer, Question, Row } from "../answers.ts";
import { useBoard, useNow } from "../board.ts";
import { CLOSED, dateOrTime, number, valueText, counted, humanize } from "../format.ts";
import { CopyButton, PrepareButton, RecordLink } from "../parts/actions.tsx";
import { Score, Worth } from "../parts/figures.tsx";
import { Answered, Empty } from "../parts/notices.tsx";
import { Due, Since } from "../parts/overdue.tsx";
import { About, Badge, directionOf, LongText, Name, Reasons, Text } from "../parts/text.tsx";
import { Ago } from "../parts/times.tsx";
import { leadsWith } from "../questions.ts";
import { Transcripts } from "./transcript.tsx";

export function Lead({ question, agent }: { question: Question; agent?: string | undefined }): JSX.Element {
  const { agent: agents, cache, go, platform } = useBoard();
  const entry = useEntry(cache, question);
  const search = (): void => {
    const query = String(question.arguments["lead"] ?? "");
    go({ name: "rows", title: `Leads with “${query}”`, question: leadsWith(agents, { query }) });
  };
  return (
    <>
      <Answered entry={entry} question={question} rows={6}>
        {(answer) => (answer.lead ? <Profile lead={answer.lead} agent={agent} /> : <Candidates answer={answer} agent={agent} />)}
      </Answered>
      {entry.error && !entry.answer && platform.canCall && (
        <button type="button" onClick={search}>
          Search all leads for these words
        </button>
      )}
    </>
  );
}

function Candidates({ answer, agent }: { answer: Answer; agent: string | undefined }): JSX.Element {
  const { go, platform } = useBoard();
  const people = answer.candidates ?? [];
  return (
    <>
      <p class="totals">
        <strong>{counted(answer.total ?? people.length, "person", "people")}</strong> may be meant. Who is it?
        {answer.ignored && (
          <span class="hint">
            {" "}
            Left out: <Text of={answer.ignored.join(", ")} />
          </span>
        )}
      </p>
      <ul class="queue">
        {people.map((person) => (
          <li key={person.lead_id}>
            <button type="button" class="row" disabled={!platform.canCall} onClick={() => go({ name: "lead", lead: person.lead_id ?? "", agent })}>
              <span class="who">
                <span class="name">
                  <Name of={person} />
                </span>
                <About of={person} />
              </span>
              <Score of={person.score} />
              <span class="end">
                <Ago at={person.last_activity} />
              </span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function Profile({ lead, agent }: { lead: LeadAnswer; agent: string | undefined }): JSX.Element {
  const { feed, hasNavigated } = useBoard();
  const highlighted = feed.isHighlighted(lead.lead_id, useNow(10));
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // The view has the focus while this was on its way; the heading says who it is.
    if (hasNavigated && document.activeElement?.localName === "main") heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <article class="lead">
      <header class="lead-head">
        <Score of={lead.score} hot={lead.hot} />
        <div class="who">
          <h2 ref={heading} tabIndex={-1}>
            <Name of={withContact(lead)} />
          </h2>
          <About of={withContact(lead)} />
          <p class="badges">
            {lead.hot && <Badge kind="hot">hot</Badge>}
            {lead.label && <Badge>label {lead.label}</Badge>}
            {highlighted && <Badge kind="new">changed just now</Badge>}
            {lead.alerts?.map((alert) => (
              <Badge kind="wait" key={alert}>
                <Text of={humanize(alert)} />
              </Badge>
            ))}
          </p>
        </div>
        <Worth of={lead} />
        <PrepareButton lead={lead.lead_id} primary />
      </header>
      <div class="lead-columns">
        <div>
          <Section title="Why">
            <Reasons of={lead.why} />
          </Section>
          {lead.summary && (
            <Section title="Summary">
              <LongText>{lead.summary}</LongText>
            </Section>
          )}
          {lead.said?.length ? (
            <Section title="In their words">
              {lead.said.map((quote) => (
                <blockquote key={quote} dir={directionOf(quote)}>
                  {quote}
                </blockquote>
              ))}
            </Section>
          ) : null}
          <NextSteps of={lead.next_steps} />
          {lead.notes && (
            <Section title="Notes">
              <LongText lines={5}>{lead.notes}</LongText>
            </Section>
          )}
          <Section title={`Conversations (${number(lead.conversations_total ?? lead.conversations.length)})`}>
            <Transcripts of={lead} agent={agent} />
          </Section>
        </div>
        <div>
          <Contact of={lead} />
          <Facts of={lead} />
          <Timeline of={lead.timeline} />
        </div>
      </div>
    </article>
  );
}

/** The lead with what stands for a missing name. */
function withContact(lead: LeadAnswer): Row {
  const contact = lead.emails?.[0] ?? lead.phones?.[0];
  const channel = lead.conversations[0]?.channel;
  return { ...lead, ...(contact && { contact }), ...(channel && { channel }) };
}

function Section({ title, children }: { title: string; children: ComponentChildren }): JSX.Element {
  return (
    <section class="part">
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function NextSteps({ of }: { of: LeadAnswer["next_steps"] }): JSX.Element {
  return (
    <Section title="Next steps">
      {of?.length ? (
        <ul class="steps">
          {of.map((step, index) => (
            <li key={index} class={step.overdue ? "overdue" : ""}>
              {step.overdue && <Badge kind="bad">overdue</Badge>} <Text of={step.title ?? humanize(step.type ?? "step")} />
              <span class="hint">
                <Due of={step} />
              </span>
            </li>
          ))}
        </ul>
      ) : (
        <Empty>Nothing is planned. A next step in the CRM appears here.</Empty>
      )}
    </Section>
  );
}

function Contact({ of }: { of: LeadAnswer }): JSX.Element | null {
  const lines: [string, string][] = [
    ...(of.phones ?? []).map((phone): [string, string] => ["Phone", phone]),
    ...(of.emails ?? []).map((email): [string, string] => ["Email", email]),
  ];
  if (!lines.length && !of.links?.length) return null;
  return (
    <Section title="Contact">
      <ul class="contacts">
        {lines.map(([what, text]) => (
          <li key={text}>
            <Text of={text} /> <CopyButton text={text} what={what} />
          </li>
        ))}
        {of.links?.map((link) => (
          <li key={link}>
            <RecordLink text={link} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

const EXPECTED_CLOSE = "Expected close";
const FACTS: [keyof LeadAnswer & string, string][] = [
  ["stage", "Stage"],
  ["assignee", "Assigned to"],
  ["expected_close", EXPECTED_CLOSE],
  ["demo", "Demo"],
  ["lost_reason", "Lost because"],
  ["campaign", "Campaign"],
  ["country", "Country"],
  ["language", "Language"],
];

function Facts({ of }: { of: LeadAnswer }): JSX.Element | null {
  const facts = FACTS.filter(([name]) => of[name] !== undefined).map(([name, label]): [string, string] => {
    const text = String(of[name]);
    return [label, name === "stage" ? humanize(text) : dateOrTime(text)];
  });
  const more = Object.entries(of.extracted ?? {}).map(([name, value]): [string, string] => [humanize(name), valueText(value)]);
  const isOpen = !CLOSED.has(of.stage ?? "");
  if (!facts.length && !more.length && !of.tags?.length) return null;
  return (
    <Section title="Facts">
      <dl class="facts-list">
        {[...facts, ...more].map(([name, text], index) => (
          <div key={index}>
            <dt>
              <Text of={name} />
            </dt>
            <dd>
              <Text of={text} />
              {name === EXPECTED_CLOSE && isOpen && index < facts.length && <Since of={of.expected_close!} />}
            </dd>
          </div>
        ))}
        {of.tags?.length ? (
          <div>
            <dt>Tags</dt>
            <dd>
              {of.tags.map((tag) => (
                <Badge key={tag}>
                  <Text of={tag} />
                </Badge>
              ))}
            </dd>
          </div>
        ) : null}
      </dl>
    </Section>
  );
}

function Timeline({ of }: { of: LeadAnswer["timeline"] }): JSX.Element | null {
  if (!of?.length) return null;
  return (
    <Section title="Timeline">
      <ol class="timeline">
        {of.map((event, index) => (
          <li key={index} class={`kind-${/^[a-z_-]+$/.test(event.kind) ? event.kind : "other"}`}>
            <span class="when">
              <Ago at={event.at} />
            </span>
            <span class="what">
              <Text of={event.text ?? humanize(event.kind)} />
            </span>
          </li>
        ))}
      </ol>
    </Section>
  );
}
