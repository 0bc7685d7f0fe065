// What stands where an answer should be: it is on its way, it failed, or there is nothing; each with a next step.

import { Component, type ComponentChildren, type JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Entry } from "../answerCache.ts";
import { Refusal, type Answer, type Question } from "../answers.ts";
import { useBoard } from "../board.ts";
import { moment, plural, word } from "../format.ts";
import { Text } from "./text.tsx";

/** After so long, somebody wonders whether an answer will come at all. */
const SLOW_MS = 3000;
const SLOW = "The server has not answered yet. It may be busy, or reading from Convocore. Still waiting …";

export function Skeleton({ rows = 4 }: { rows?: number }): JSX.Element {
  const { say } = useBoard();
  const [isSlow, setIsSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsSlow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, []);
  useEffect(() => {
    if (!isSlow) return undefined;
    say(SLOW);
    return () => say("");
  }, [isSlow]);
  return (
    <div class="skeleton" aria-busy="true">
      {isSlow ? <p class="hint">{SLOW}</p> : <span class="unseen">Loading …</span>}
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} />
      ))}
    </div>
  );
}

/** A sentence about tools is for a model. */
const OF_TOOLS = /\b(list|get|summarize|conversation)_[a-z_]+/;

/** What the server tells everybody, for people: without sentences about tools, and with their own times. */
export function forPeople(text: string): string {
  const sentences = text.split(/(?<=[.!?])\s+/).filter((sentence) => !OF_TOOLS.test(sentence));
  const told = sentences.join(" ").replace(/^[a-z]/, (first) => first.toUpperCase());
  return told.replace(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z/g, moment);
}

/** What went wrong, and what to do next. */
export function Notice({ of, children }: { of: Refusal; children?: ComponentChildren }): JSX.Element {
  const hint = forPeople(of.hint);
  return (
    <div class="notice bad" role="alert">
      <p>
        <strong>
          <Text of={of.message} />
        </strong>
      </p>
      {hint && (
        <p>
          <Text of={hint} />
        </p>
      )}
      {children}
    </div>
  );
}

export function Refused({ by, question, again = false }: { by: Refusal; question: Question; again?: boolean }): JSX.Element {
  const { cache, home } = useBoard();
  return (
    <Notice of={by}>
      {home.canCall && by.code !== "not_found" && (
        <button type="button" aria-disabled={again} onClick={() => void cache.load(question, true)}>
          {again ? "Trying again …" : "Try again"}
        </button>
      )}
    </Notice>
  );
}

const BROKEN = new Refusal("internal", "This can't be shown.", "The other views may be. In a chat, the answer is complete as text.");

interface BoundaryProps {
  children: ComponentChildren;
}

/** Keeps a part of the page that fails from taking the rest away. */
export class ErrorBoundary extends Component<BoundaryProps, { failed: boolean }> {
  override state = { failed: false };

  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ failed: true });
  }

  override componentDidUpdate(before: BoundaryProps): void {
    // What is drawn anew may be another answer.
    if (this.state.failed && before.children !== this.props.children) this.setState({ failed: false });
  }

  override render(): ComponentChildren {
    if (!this.state.failed) return this.props.children;
    return (
      <Notice of={BROKEN}>
        <button type="button" onClick={() => this.setState({ failed: false })}>
          Try again
        </button>
      </Notice>
    );
  }
}

export function Empty({ children }: { children: ComponentChildren }): JSX.Element {
  return <div class="notice">{children}</div>;
}

interface AnsweredProps {
  entry: Entry;
  question: Question;
  rows?: number;
  children(answer: Answer): ComponentChildren;
}

/** The answer when it is there. A failure after an answer leaves the answer in place, and says so. */
export function Answered({ entry, question, rows = 4, children }: AnsweredProps): JSX.Element {
  const { home } = useBoard();
  const { answer, refusal } = entry;
  if (!answer && !refusal) {
    return home.canCall || entry.loading ? <Skeleton rows={rows} /> : <Empty>This chat shows one answer and no more. Ask in the chat for this.</Empty>;
  }
  return (
    <>
      {refusal && <Refused by={refusal} question={question} again={entry.loading} />}
      {answer && children(answer)}
    </>
  );
}

/** For an empty list: how many rows there would be without each filter, and a way there. */
export function Relaxed({ question, answer }: { question: Question; answer: Answer }): JSX.Element | null {
  const { go } = useBoard();
  const choices = Object.entries(answer.relax ?? {}).filter(([, count]) => count > 0);
  if (!choices.length) return null;
  const without = (name: string): Question => {
    const kept = Object.entries(question.arguments).filter(([argument, value]) => argument !== name && value !== name);
    return { tool: question.tool, arguments: Object.fromEntries(kept) };
  };
  return (
    <ul class="relax">
      {choices.map(([name, count]) => (
        <li key={name}>
          <button
            type="button"
            disabled={!(name in question.arguments)}
            onClick={() => go({ name: "rows", title: `Without ${word(name).toLowerCase()}`, question: without(name) })}
          >
            Without <Text of={word(name).toLowerCase()} />: {plural(count, "row")}
          </button>
        </li>
      ))}
    </ul>
  );
}
