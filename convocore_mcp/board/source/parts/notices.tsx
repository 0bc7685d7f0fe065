// What stands where an answer should be: it is on its way, it failed, or there is nothing; each with a next step.

import type { ComponentChildren, JSX } from "preact";
import type { Entry } from "../answerCache.ts";
import type { Answer, Question, Refusal } from "../answers.ts";
import { useBoard } from "../board.ts";
import { plural, word } from "../format.ts";
import { Text } from "./text.tsx";

export function Skeleton({ rows = 4 }: { rows?: number }): JSX.Element {
  return (
    <div class="skeleton" aria-busy="true">
      <span class="unseen">Loading …</span>
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} />
      ))}
    </div>
  );
}

export function Refused({ by, question }: { by: Refusal; question: Question }): JSX.Element {
  const { cache, home } = useBoard();
  return (
    <div class="notice bad" role="alert">
      <p>
        <strong>
          <Text of={by.message} />
        </strong>
      </p>
      {by.hint && (
        <p>
          <Text of={by.hint} />
        </p>
      )}
      {home.canCall && (
        <button type="button" onClick={() => void cache.load(question, true)}>
          Try again
        </button>
      )}
    </div>
  );
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
      {refusal && <Refused by={refusal} question={question} />}
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
