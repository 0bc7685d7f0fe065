// A list that is read page by page, while it is scrolled.

import { useState } from "preact/hooks";
import { keyOf, useEntry, type Entry } from "../answerCache.ts";
import type { Answer, Question, Row } from "../answers.ts";
import { keptFor, useBoard, type Kept } from "../board.ts";

export interface Pages {
  entry: Entry;
  rows: Row[];
  total: number;
  /** Read the next page; without one, or while it is on its way, this does nothing. */
  more: (() => void) | undefined;
  /** Whether the rows are those of before the last change: pages beyond the first stay until somebody asks. */
  outdated: boolean;
  restart(): void;
  kept: Kept;
}

export const rowsIn = (answer: Answer | undefined): Row[] => answer?.leads ?? answer?.conversations ?? [];

/** As many as a tool gives at once. */
const MORE_ROWS = 100;

/** `depth` tells lists with the same question apart: one may have been opened from the other. */
export function usePages(question: Question, depth: number): Pages {
  const { cache, home } = useBoard();
  const entry = useEntry(cache, question);
  const [, redraw] = useState({});
  const [reading, setReading] = useState(false);
  const kept = keptFor(`${depth} ${keyOf(question)}`);
  if (!kept.later.length) kept.first = entry.answer; // rows move only while nobody has scrolled far
  const { first: current, later } = kept;

  const restart = (): void => {
    kept.first = cache.entry(question).answer;
    kept.later = [];
    redraw({});
  };
  const last = later[later.length - 1] ?? current;
  const cursor = last?.next_cursor;
  const more = async (): Promise<void> => {
    setReading(true);
    try {
      const answer = await home.call(question.tool, { ...question.arguments, limit: MORE_ROWS, cursor });
      kept.later = [...kept.later, answer];
    } catch {
      restart(); // the cursor has expired
    } finally {
      setReading(false);
    }
  };
  const rows = [current, ...later].flatMap(rowsIn);
  return {
    entry,
    rows,
    total: Math.max(last?.total ?? 0, rows.length),
    kept,
    more: cursor && !reading && home.canCall ? () => void more() : undefined,
    outdated: later.length > 0 && entry.answer !== undefined && entry.answer !== current,
    restart,
  };
}
