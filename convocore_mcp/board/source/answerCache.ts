// The answers that the page has, by question. A view shows the last answer while a new one is on its way.

import { useEffect, useMemo, useState } from "preact/hooks";
import { CallError, TOKEN_NEEDED, type Answer, type Freshness, type Question } from "./answers.ts";
import type { Platform } from "./platform/platform.ts";

export interface Entry {
  answer?: Answer;
  error?: CallError;
  loading: boolean;
  /** Which refresh the answer belongs to. */
  generation: number;
}

const NO_ENTRY: Entry = { loading: false, generation: -1 };
const MAX_ENTRIES = 60;
/** Questions that are loaded again at the same time after a change. */
const MAX_CONCURRENT_RELOADS = 2;
const REFRESH_CHECK_MS = 5000;
const STALE_AFTER_MS = 60_000;

export class AnswerCache {
  private readonly entries = new Map<string, Entry>();
  private readonly showCounts = new Map<string, number>();
  private readonly listeners = new Set<() => void>();
  private generation = 0;
  /** The shown questions that are still to be loaded again. */
  private outdated: string[] = [];
  private refreshTimer: ReturnType<typeof setTimeout> | undefined;
  private lastProgress = "";
  private retryDelay = REFRESH_CHECK_MS;
  private refreshedAt = 0;

  constructor(private readonly platform: Platform) {
    setInterval(() => this.refreshIfStale(), REFRESH_CHECK_MS);
  }

  entry(question: Question): Entry {
    return this.entries.get(keyOf(question)) ?? NO_ENTRY;
  }

  /** Store an answer that the host sent without a call of ours. */
  put(question: Question, answer: Answer): void {
    this.store(keyOf(question), { answer, loading: false, generation: this.generation });
  }

  /** The host will send the answer to this question: no call is needed meanwhile. */
  markLoading(question: Question): void {
    this.store(keyOf(question), { ...this.entry(question), loading: true });
  }

  /** Store why there is no answer. */
  putError(question: Question, error: CallError): void {
    this.store(keyOf(question), { ...this.entry(question), error, loading: false, generation: this.generation });
  }

  async load(question: Question, force = false): Promise<void> {
    const key = keyOf(question);
    const before = this.entries.get(key) ?? NO_ENTRY;
    const current = before.generation === this.generation && (before.answer || before.error);
    if (before.loading || (current && !force) || !this.platform.canCall) return;
    const generation = this.generation;
    this.store(key, { ...before, loading: true });
    try {
      const answer = await this.platform.call(question.tool, question.arguments);
      this.store(key, { answer, loading: false, generation });
    } catch (error) {
      const callError = error instanceof CallError ? error : new CallError("internal", String(error));
      // Without a token the call was never made, so no error is stored: it would still be shown once there is a token.
      this.store(key, callError.code === TOKEN_NEEDED ? before : { ...before, error: callError, loading: false, generation });
    }
    if (generation !== this.generation && this.showCounts.has(key)) void this.load(question);
  }

  /** Whatever is shown may have changed: ask again for it, once for all that comes within a moment. */
  refresh(): void {
    this.refreshTimer ??= setTimeout(() => {
      this.refreshTimer = undefined;
      this.generation += 1;
      this.refreshedAt = Date.now();
      this.outdated = [...this.showCounts.keys()];
      for (let worker = 0; worker < MAX_CONCURRENT_RELOADS; worker += 1) void this.reload();
      this.notify();
    }, 50);
  }

  /** Load again what is shown, one question after the other, so that a new question does not wait for all of them. */
  private async reload(): Promise<void> {
    for (let key = this.outdated.shift(); key !== undefined; key = this.outdated.shift()) {
      if (this.showCounts.has(key)) await this.load(JSON.parse(key) as Question);
    }
  }

  show(question: Question): () => void {
    const key = keyOf(question);
    this.showCounts.set(key, (this.showCounts.get(key) ?? 0) + 1);
    void this.load(question);
    this.notify(); // the freshness is that of what is shown, also if its answer came before
    return () => {
      const left = (this.showCounts.get(key) ?? 1) - 1;
      if (left) this.showCounts.set(key, left);
      else this.showCounts.delete(key);
      this.notify();
    };
  }

  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The freshness of what is shown: as old as its oldest part, and complete if all of it is. */
  freshness(): Freshness | undefined {
    const found = [...this.showCounts.keys()].flatMap((key) => this.entries.get(key)?.answer?.freshness ?? []);
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
    if (document.hidden || !this.platform.canCall || !found) return;
    const progress = `${found.conversations} ${found.complete}`;
    if (progress !== this.lastProgress) this.retryDelay = REFRESH_CHECK_MS;
    this.lastProgress = progress;
    const elapsed = Date.now() - this.refreshedAt;
    const isStale = this.platform.kind === "browser" && !(Date.now() - Date.parse(found.as_of ?? "") < STALE_AFTER_MS);
    if ((!found.complete && elapsed >= this.retryDelay) || (isStale && elapsed >= STALE_AFTER_MS)) {
      this.retryDelay = Math.min(this.retryDelay * 2, STALE_AFTER_MS * 10);
      this.refresh();
    }
  }

  private store(key: string, entry: Entry): void {
    this.entries.delete(key);
    this.entries.set(key, entry);
    if (this.entries.size > MAX_ENTRIES) {
      const oldest = [...this.entries.keys()].find((candidate) => !this.showCounts.has(candidate));
      if (oldest) this.entries.delete(oldest);
    }
    this.notify();
  }

  private notify(): void {
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
  return question ? cache.entry(question) : NO_ENTRY;
}

export function useQuestion(tool: string, values: Record<string, unknown>): Question {
  const text = JSON.stringify(values);
  return useMemo(() => ({ tool, arguments: JSON.parse(text) as Record<string, unknown> }), [tool, text]);
}
