// A list that is read page by page, while it is scrolled.

import { useState } from "preact/hooks";
import { keyOf, useEntry, type Entry } from "../answerCache.ts";
import type { Answer, Question, Row } from "../answers.ts";
import { listStateFor, useBoard, type ListState } from "../board.ts";

export interface Pages {
  entry: Entry;
  rows: Row[];
  total: number;
  /** Read the next page; without one, or while it is on its way, this does nothing. */
  loadMore: (() => void) | undefined;
  /** Whether data has changed since: once a second page was loaded, rows stay until the user asks for the new ones. */
  outdated: boolean;
  restart(): void;
  listState: ListState;
}

export const rowsIn = (answer: Answer | undefined): Row[] => answer?.leads ?? answer?.conversations ?? [];

/** The most rows that a tool returns at once. */
const NEXT_PAGE_SIZE = 100;

/** `depth` tells lists with the same question apart: one may have been opened from the other. */
export function usePages(question: Question, depth: number): Pages {
  const { cache, platform } = useBoard();
  const entry = useEntry(cache, question);
  const [, redraw] = useState({});
  const [reading, setReading] = useState(false);
  const listState = listStateFor(`${depth} ${keyOf(question)}`);
  if (!listState.laterPages.length) listState.firstPage = entry.answer; // rows move only while nobody has scrolled far
  const { firstPage, laterPages } = listState;

  const restart = (): void => {
    listState.firstPage = cache.entry(question).answer;
    listState.laterPages = [];
    redraw({});
  };
  const last = laterPages[laterPages.length - 1] ?? firstPage;
  const cursor = last?.next_cursor;
  const loadMore = async (): Promise<void> => {
    setReading(true);
    try {
      const answer = await platform.call(question.tool, { ...question.arguments, limit: NEXT_PAGE_SIZE, cursor });
      listState.laterPages = [...listState.laterPages, answer];
    } catch {
      restart(); // the cursor has expired
    } finally {
      setReading(false);
    }
  };
  const rows = [firstPage, ...laterPages].flatMap(rowsIn);
  return {
    entry,
    rows,
    total: Math.max(last?.total ?? 0, rows.length),
    listState,
    loadMore: cursor && !reading && platform.canCall ? () => void loadMore() : undefined,
    outdated: laterPages.length > 0 && entry.answer !== undefined && entry.answer !== firstPage,
    restart,
  };
}
