// What stands where an answer should be: it is on its way, it failed, or there is nothing; each with a next step.

import { Component, type ComponentChildren, type JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Entry } from "../answerCache.ts";
import { CallError, type Answer, type Question } from "../answers.ts";
import { useBoard } from "../board.ts";
import { dateOrTime, counted, humanize } from "../format.ts";
import { Text } from "./text.tsx";

/** After this time without an answer, the page says that the server is slow. */
const SLOW_MS = 3000;
const SLOW_TEXT = "The server has not answered yet. It may be busy, or reading from Convocore. Still waiting …";

export function Skeleton({ rows = 4 }: { rows?: number }): JSX.Element {
  const { announce } = useBoard();
  const [isSlow, setIsSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsSlow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, []);
  useEffect(() => {
    if (!isSlow) return undefined;
    announce(SLOW_TEXT);
    return () => announce("");
  }, [isSlow]);
  return (
    <div class="skeleton" aria-busy="true">
      {isSlow ? <p class="hint">{SLOW_TEXT}</p> : <span class="unseen">Loading …</span>}
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} />
      ))}
    </div>
  );
}

/** Sentences that name a tool are meant for a model. */
const TOOL_NAME = /\b(list|get|summarize|conversation)_[a-z_]+/;

/** A text of the server's for people: without sentences about tools, and with times in their time zone. */
export function forPeople(text: string): string {
  const sentences = text.split(/(?<=[.!?])\s+/).filter((sentence) => !TOOL_NAME.test(sentence));
  const shown = sentences.join(" ").replace(/^[a-z]/, (first) => first.toUpperCase());
  return shown.replace(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z/g, dateOrTime);
}

/** What went wrong, and what to do next. */
export function Notice({ of, children }: { of: CallError; children?: ComponentChildren }): JSX.Element {
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

export function ErrorNotice({ error, question, isRetrying = false }: { error: CallError; question: Question; isRetrying?: boolean }): JSX.Element {
  const { cache, platform } = useBoard();
  return (
    <Notice of={error}>
      {platform.canCall && error.code !== "not_found" && (
        <button type="button" aria-disabled={isRetrying} onClick={() => void cache.load(question, true)}>
          {isRetrying ? "Trying again …" : "Try again"}
        </button>
      )}
    </Notice>
  );
}

const RENDER_ERROR = new CallError("internal", "This can't be shown.", "The other views may be. In a chat, the answer is complete as text.");

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
    // The new children may show another answer.
    if (this.state.failed && before.children !== this.props.children) this.setState({ failed: false });
  }

  override render(): ComponentChildren {
    if (!this.state.failed) return this.props.children;
    return (
      <Notice of={RENDER_ERROR}>
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
  const { platform } = useBoard();
  const { answer, error } = entry;
  if (!answer && !error) {
    return platform.canCall || entry.loading ? <Skeleton rows={rows} /> : <Empty>This chat shows one answer and no more. Ask in the chat for this.</Empty>;
  }
  return (
    <>
      {error && <ErrorNotice error={error} question={question} isRetrying={entry.loading} />}
      {answer && children(answer)}
    </>
  );
}

/** For an empty list: how many rows there would be without each filter, and a way there. */
export function RelaxedFilters({ question, answer }: { question: Question; answer: Answer }): JSX.Element | null {
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
            onClick={() => go({ name: "rows", title: `Without ${humanize(name).toLowerCase()}`, question: without(name) })}
          >
            Without <Text of={humanize(name).toLowerCase()} />: {counted(count, "row")}
          </button>
        </li>
      ))}
    </ul>
  );
}
