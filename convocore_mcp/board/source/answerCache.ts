// The answers that the page has, by question. A view shows the last answer while a new one is on its way.

import { useEffect, useMemo, useState } from "preact/hooks";
import { Refusal, TOKEN_NEEDED, type Answer, type Freshness, type Question } from "./answers.ts";
import type { Home } from "./home/home.ts";

export interface Entry {
  answer?: Answer;
  refusal?: Refusal;
  loading: boolean;
  /** Which refresh the answer belongs to. */
  generation: number;
}

const NOTHING: Entry = { loading: false, generation: -1 };
const MOST_ENTRIES = 60;
/** How many questions are asked at once because something has changed. */
const AT_ONCE = 2;
const SOON_MS = 5000;
const SELDOM_MS = 60_000;

export class AnswerCache {
  private readonly entries = new Map<string, Entry>();
  private readonly shown = new Map<string, number>();
  private readonly listeners = new Set<() => void>();
  private generation = 0;
  /** What is still to be asked again. */
  private outdated: string[] = [];
  private refreshing: ReturnType<typeof setTimeout> | undefined;
  private lastKnown = "";
  private pause = SOON_MS;
  private askedAt = 0;

  constructor(private readonly home: Home) {
    setInterval(() => this.refreshIfStale(), SOON_MS);
  }

  entry(question: Question): Entry {
    return this.entries.get(keyOf(question)) ?? NOTHING;
  }

  /** Keep an answer that came by itself. */
  put(question: Question, answer: Answer): void {
    this.store(keyOf(question), { answer, loading: false, generation: this.generation });
  }

  /** An answer to this comes by itself: nothing else asks for it meanwhile. */
  expect(question: Question): void {
    this.store(keyOf(question), { ...this.entry(question), loading: true });
  }

  /** Keep why an answer did not come. */
  refuse(question: Question, refusal: Refusal): void {
    this.store(keyOf(question), { ...this.entry(question), refusal, loading: false, generation: this.generation });
  }

  async load(question: Question, force = false): Promise<void> {
    const key = keyOf(question);
    const before = this.entries.get(key) ?? NOTHING;
    const current = before.generation === this.generation && (before.answer || before.refusal);
    if (before.loading || (current && !force) || !this.home.canCall) return;
    const generation = this.generation;
    this.store(key, { ...before, loading: true });
    try {
      const answer = await this.home.call(question.tool, question.arguments);
      this.store(key, { answer, loading: false, generation });
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal("internal", String(error));
      // Without a token, the question has not been asked: nothing of that may be seen once there is one.
      this.store(key, refusal.code === TOKEN_NEEDED ? before : { ...before, refusal, loading: false, generation });
    }
    if (generation !== this.generation && this.shown.has(key)) void this.load(question);
  }

  /** Whatever is shown may have changed: ask again for it, once for all that comes within a moment. */
  refresh(): void {
    this.refreshing ??= setTimeout(() => {
      this.refreshing = undefined;
      this.generation += 1;
      this.askedAt = Date.now();
      this.outdated = [...this.shown.keys()];
      for (let worker = 0; worker < AT_ONCE; worker += 1) void this.reload();
      this.tell();
    }, 50);
  }

  /** Ask again for what is shown. What somebody asks for meanwhile need not wait for all of that. */
  private async reload(): Promise<void> {
    for (let key = this.outdated.shift(); key !== undefined; key = this.outdated.shift()) {
      if (this.shown.has(key)) await this.load(JSON.parse(key) as Question);
    }
  }

  show(question: Question): () => void {
    const key = keyOf(question);
    this.shown.set(key, (this.shown.get(key) ?? 0) + 1);
    void this.load(question);
    this.tell(); // the freshness is that of what is shown, also if its answer came before
    return () => {
      const left = (this.shown.get(key) ?? 1) - 1;
      if (left) this.shown.set(key, left);
      else this.shown.delete(key);
      this.tell();
    };
  }

  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The freshness of what is shown: as old as its oldest part, and complete if all of it is. */
  freshness(): Freshness | undefined {
    const found = [...this.shown.keys()].flatMap((key) => this.entries.get(key)?.answer?.freshness ?? []);
    if (!found.length) return undefined;
    const oldest = found.reduce((a, b) => ((a.as_of ?? "") <= (b.as_of ?? "") ? a : b));
    const incomplete = found.find((one) => !one.complete);
    const notes = [...new Set(found.flatMap((one) => one.notes ?? []))];
    return { ...(incomplete ?? oldest), complete: !incomplete, notes, ...(oldest.as_of && { as_of: oldest.as_of }) };
  }

  /**
   * Nothing announces that the first full sync goes on, nor that Convocore was read and nothing was new.
   * So ask again while an answer is incomplete, less and less often if nothing comes of it, and in
   * the browser before the answers seem older than they are.
   */
  private refreshIfStale(): void {
    const found = this.freshness();
    if (document.hidden || !this.home.canCall || !found) return;
    const known = `${found.conversations} ${found.complete}`;
    if (known !== this.lastKnown) this.pause = SOON_MS;
    this.lastKnown = known;
    const waited = Date.now() - this.askedAt;
    const old = this.home.kind === "browser" && !(Date.now() - Date.parse(found.as_of ?? "") < SELDOM_MS);
    if ((!found.complete && waited >= this.pause) || (old && waited >= SELDOM_MS)) {
      this.pause = Math.min(this.pause * 2, SELDOM_MS * 10);
      this.refresh();
    }
  }

  private store(key: string, entry: Entry): void {
    this.entries.delete(key);
    this.entries.set(key, entry);
    if (this.entries.size > MOST_ENTRIES) {
      const oldest = [...this.entries.keys()].find((candidate) => !this.shown.has(candidate));
      if (oldest) this.entries.delete(oldest);
    }
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

export function keyOf(question: Question): string {
  return JSON.stringify({ tool: question.tool, arguments: question.arguments });
}

/** What is known in answer to a question; asks it if need be, and again when something changes. */
export function useEntry(cache: AnswerCache, question: Question | undefined): Entry {
  const key = question && keyOf(question);
  const [, redraw] = useState({});
  useEffect(() => {
    if (!question) return undefined;
    let last = cache.entry(question);
    const stop = cache.listen(() => {
      const now = cache.entry(question);
      if (now !== last) redraw({});
      last = now;
    });
    const hide = cache.show(question);
    return () => {
      stop();
      hide();
    };
  }, [cache, key]);
  return question ? cache.entry(question) : NOTHING;
}

export function useQuestion(tool: string, values: Record<string, unknown>): Question {
  const text = JSON.stringify(values);
  return useMemo(() => ({ tool, arguments: JSON.parse(text) as Record<string, unknown> }), [tool, text]);
}
