// What happened lately: the newest changes, and whom they are about.

import { own, type Change, type Freshness } from "./answers.ts";
import type { Home } from "./home/home.ts";

const MOST_CHANGES = 300;
const MOST_PAGES = 10;
const LATELY = "1h";
/** For so long a changed row is marked. */
export const MARKED_MS = 60_000;

export class ChangeFeed {
  /** Newest first. */
  changes: Change[] = [];
  knownSince: string | undefined;
  freshness: Freshness | undefined;
  /** Whether the changes have been read at all. */
  read = false;
  private cursor: string | undefined;
  private reading = false;
  /** When each lead and each conversation was last seen to change, in milliseconds. */
  private readonly seen = new Map<string, number>();
  private readonly listeners = new Set<(fresh: Change[]) => void>();

  constructor(private readonly home: Home) {}

  /** Read on from where the last reading ended. A failure is shown elsewhere; the next reading goes on. */
  async update(agent: string): Promise<void> {
    if (this.reading || !this.home.canCall) return;
    this.reading = true;
    const fresh: Change[] = [];
    const first = !this.read;
    try {
      for (let page = 0; page < MOST_PAGES; page += 1) {
        const from = this.cursor ? { cursor: this.cursor } : { since: LATELY };
        const answer = await this.home.call("list_changes", { ...from, limit: 200, agent_id: agent });
        fresh.push(...(answer.changes ?? []));
        this.cursor = answer.next_cursor;
        this.knownSince = answer.known_since;
        this.freshness = answer.freshness;
        this.read = true;
        if (!answer.has_more) break;
      }
    } catch {
      this.cursor = undefined; // it may have expired
    } finally {
      this.reading = false;
      this.add(fresh);
      for (const listener of this.listeners) listener(first ? [] : fresh);
    }
  }

  private add(fresh: Change[]): void {
    const known = new Set(this.changes.map((change) => change.event_id));
    const added = fresh.filter((change) => !known.has(change.event_id)).reverse();
    this.changes = [...added, ...this.changes].slice(0, MOST_CHANGES);
    this.seen.clear();
    for (const change of this.changes) {
      const at = Date.parse(change.seen);
      for (const id of [change.id, change.lead_id]) {
        if (id && at > (this.seen.get(id) ?? 0)) this.seen.set(id, at);
      }
    }
  }

  /** Whether something happened to this lead or conversation a moment ago. */
  isMarked(id: string | undefined, now: number): boolean {
    return id !== undefined && now - (this.seen.get(id) ?? 0) < MARKED_MS;
  }

  listen(listener: (fresh: Change[]) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** What happened, in words, the most telling first. */
export function describeChange(change: Change): string[] {
  const became = change.became ?? [];
  const found = became.map((what) => own(BECAME, what) ?? `became ${what}`);
  if (change.kind === "created") found.push("new conversation");
  if (change.kind === "removed") found.push("removed");
  return found;
}

const BECAME: Record<string, string> = {
  hot: "became hot",
  waiting: "asks for a human",
  won: "won",
  lost: "lost",
  assigned: "was assigned",
  overdue: "is overdue",
};
