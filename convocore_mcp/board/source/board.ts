// What every part of the page can reach: the home, the answers, the changes, and the way to other views.

import { createContext } from "preact";
import { useContext, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { AnswerCache } from "./answerCache.ts";
import type { Answer, Question } from "./answers.ts";
import type { ChangeFeed } from "./changeFeed.ts";
import type { Home } from "./home/home.ts";

export type View =
  | { name: "overview" | "hot" | "pipeline" | "waiting" | "trend" | "changes" }
  | { name: "rows"; title: string; question: Question }
  | { name: "groups"; question: Question }
  | { name: "lead"; lead: string; agent?: string | undefined };

export interface Board {
  home: Home;
  cache: AnswerCache;
  feed: ChangeFeed;
  /** The agents that are asked about: all of them, or the one that the opening call named. */
  agent: string;
  /** The question that the page was opened with, inside a chat. */
  opening: Question | undefined;
  go(view: View): void;
  replace(view: View): void;
  back(): void;
  /** Ask for what a view shows, because somebody is about to go there. */
  expect(view: View): void;
  /** Whether somebody has gone from one view to another. */
  moved: boolean;
  /** Tell a screen reader something. */
  say(text: string): void;
}

/** What a list had loaded and how far it was scrolled, for whoever comes back to it. */
export interface Kept {
  first?: Answer | undefined;
  later: Answer[];
  top: number;
  active: number;
}

const kept = new Map<string, Kept>();
const MOST_KEPT = 20;

export function keptFor(key: string): Kept {
  const found = kept.get(key) ?? { later: [], top: 0, active: 0 };
  kept.delete(key);
  kept.set(key, found);
  if (kept.size > MOST_KEPT) kept.delete([...kept.keys()][0]!);
  return found;
}

export const BoardContext = createContext<Board>(undefined as unknown as Board);

export function useBoard(): Board {
  return useContext(BoardContext);
}

/**
 * The value, but the one before it until the page has been painted: what somebody asks for is named at
 * once, and drawn right after that.
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

/** What depends on the time: read at every tick, and drawn again only when it is another. */
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
