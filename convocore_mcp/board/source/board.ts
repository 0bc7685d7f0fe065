// What every part of the page can reach: the home, the answers, the changes, and the way to other views.

import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import type { AnswerCache } from "./answerCache.ts";
import type { Question } from "./answers.ts";
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
  back(): void;
  /** Tell a screen reader something. */
  say(text: string): void;
}

export const BoardContext = createContext<Board>(undefined as unknown as Board);

export function useBoard(): Board {
  return useContext(BoardContext);
}

const tickers = new Set<() => void>();
setInterval(() => {
  if (!document.hidden) for (const tick of tickers) tick();
}, 1000);

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
