// What every part of the page can reach: the platform, the answers, the changes, and the way to other views.

import { createContext } from "preact";
import { useContext, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { AnswerCache } from "./answerCache.ts";
import type { Answer, Question } from "./answers.ts";
import type { ChangeFeed } from "./changeFeed.ts";
import type { Platform } from "./platform/platform.ts";

export type View =
  | { name: "overview" | "hot" | "pipeline" | "waiting" | "trend" | "changes" }
  | { name: "rows"; title: string; question: Question }
  | { name: "groups"; question: Question }
  | { name: "lead"; lead: string; agent?: string | undefined };

export interface Board {
  platform: Platform;
  cache: AnswerCache;
  feed: ChangeFeed;
  /** The agents that are asked about: all of them, or the one that the opening call named. */
  agent: string;
  /** The question that the page was opened with, inside a chat. */
  opening: Question | undefined;
  go(view: View): void;
  replace(view: View): void;
  back(): void;
  /** Load what a view shows, before it is opened. */
  preload(view: View): void;
  /** Whether the user has navigated from one view to another. */
  hasNavigated: boolean;
  /** Have a screen reader announce a text. */
  announce(text: string): void;
}

/** What a list has loaded and how far it is scrolled, restored when the user comes back to it. */
export interface ListState {
  firstPage?: Answer | undefined;
  laterPages: Answer[];
  scrollTop: number;
  activeIndex: number;
}

const listStates = new Map<string, ListState>();
const MAX_LIST_STATES = 20;

export function listStateFor(key: string): ListState {
  const found = listStates.get(key) ?? { laterPages: [], scrollTop: 0, activeIndex: 0 };
  listStates.delete(key);
  listStates.set(key, found);
  if (listStates.size > MAX_LIST_STATES) listStates.delete([...listStates.keys()][0]!);
  return found;
}

export const BoardContext = createContext<Board>(undefined as unknown as Board);

export function useBoard(): Board {
  return useContext(BoardContext);
}

/**
 * The value after the next paint, until then the previous one: a view's title is painted at once, its
 * content right after that.
 */
export function useAfterPaint<T>(value: T, initially = value): T {
  const [painted, setPainted] = useState(initially);
  // An effect that waits for the paint itself would be a frame late.
  useLayoutEffect(() => {
    let timer = 0;
    const frame = requestAnimationFrame(() => {
      timer = setTimeout(() => setPainted(value));
    });
    return () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
    };
  }, [value]);
  return painted;
}

const tickers = new Set<() => void>();
setInterval(() => {
  if (!document.hidden) for (const tick of tickers) tick();
}, 1000);

/** A value that depends on the time: read at every tick, and drawn again only when it has changed. */
export function useTicking<T extends string | number>(read: (now: number) => T): T {
  const latest = useRef(read);
  latest.current = read;
  const shown = useRef<T | undefined>(undefined);
  const [, redraw] = useState({});
  useEffect(() => {
    const tick = (): void => {
      if (latest.current(Date.now()) !== shown.current) redraw({});
    };
    tickers.add(tick);
    return () => {
      tickers.delete(tick);
    };
  }, []);
  return (shown.current = read(Date.now()));
}

/** The time, every `seconds`; all clocks tick together. */
export function useNow(seconds = 1): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    let ticks = 0;
    const tick = (): void => {
      ticks += 1;
      if (ticks % seconds === 0) setNow(Date.now());
    };
    tickers.add(tick);
    return () => {
      tickers.delete(tick);
    };
  }, [seconds]);
  return now;
}
