// A list that is read page by page, while it is scrolled.

import { useEffect, useState } from "preact/hooks";
import { keyOf, useEntry, type Entry } from "../answerCache.ts";
import type { Answer, Question, Row } from "../answers.ts";
import { useBoard } from "../board.ts";

export interface Pages {
  entry: Entry;
  rows: Row[];
  total: number;
  /** Read the next page; without one, or while it is on its way, this does nothing. */
  more: (() => void) | undefined;
  /** Whether the rows are those of before the last change: pages beyond the first stay until somebody asks. */
  outdated: boolean;
  restart(): void;
}

export const rowsIn = (answer: Answer | undefined): Row[] => answer?.leads ?? answer?.conversations ?? [];

export function usePages(question: Question): Pages {
  const { cache, home } = useBoard();
  const entry = useEntry(cache, question);
  const [first, setFirst] = useState(entry.answer);
  const [later, setLater] = useState<Answer[]>([]);
  const [reading, setReading] = useState(false);
  const key = keyOf(question);

  const restart = (): void => {
    setFirst(cache.entry(question).answer);
    setLater([]);
  };
  useEffect(restart, [key]);
  useEffect(() => {
    if (!later.length) setFirst(entry.answer); // rows move only while nobody has scrolled far
  }, [entry.answer]);

  const current = first ?? entry.answer;
  const last = later[later.length - 1] ?? current;
  const cursor = last?.next_cursor;
  const more = async (): Promise<void> => {
    setReading(true);
    try {
      const answer = await home.call(question.tool, { ...question.arguments, cursor });
      setLater((before) => [...before, answer]);
    } catch {
      restart(); // the cursor has expired
    } finally {
      setReading(false);
    }
  };
  return {
    entry,
    rows: [current, ...later].flatMap(rowsIn),
    total: last?.total ?? 0,
    more: cursor && !reading && home.canCall ? () => void more() : undefined,
    outdated: later.length > 0 && entry.answer !== undefined && entry.answer !== current,
    restart,
  };
}
