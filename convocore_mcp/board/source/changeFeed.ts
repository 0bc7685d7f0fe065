// The newest changes, and which leads and conversations they are about.

import { getOwn, type Change, type Freshness } from "./answers.ts";
import type { Platform } from "./platform/platform.ts";

const MAX_CHANGES = 300;
const MAX_PAGES = 10;
const INITIAL_SINCE = "1h";
/** How long a changed row is highlighted. */
export const HIGHLIGHT_MS = 60_000;

export class ChangeFeed {
  /** Newest first. */
  changes: Change[] = [];
  knownSince: string | undefined;
  freshness: Freshness | undefined;
  /** Whether the changes have been read at all. */
  isLoaded = false;
  private cursor: string | undefined;
  private reading = false;
  /** When each lead and each conversation was last seen to change, in milliseconds. */
  private readonly lastSeenAt = new Map<string, number>();
  private readonly listeners = new Set<(fresh: Change[]) => void>();

  constructor(private readonly platform: Platform) {}

  /** Read the changes since the last call. A failure is shown elsewhere; the next call retries. */
  async update(agent: string): Promise<void> {
    if (this.reading || !this.platform.canCall) return;
    this.reading = true;
    const fresh: Change[] = [];
    const first = !this.isLoaded;
    try {
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const from = this.cursor ? { cursor: this.cursor } : { since: INITIAL_SINCE };
        const answer = await this.platform.call("list_changes", { ...from, limit: 200, agent_id: agent });
        fresh.push(...(answer.changes ?? []));
        this.cursor = answer.next_cursor;
        this.knownSince = answer.known_since;
        this.freshness = answer.freshness;
        this.isLoaded = true;
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
    this.changes = [...added, ...this.changes].slice(0, MAX_CHANGES);
    this.lastSeenAt.clear();
    for (const change of this.changes) {
      const at = Date.parse(change.seen);
      for (const id of [change.id, change.lead_id]) {
        if (id && at > (this.lastSeenAt.get(id) ?? 0)) this.lastSeenAt.set(id, at);
      }
    }
  }

  /** Whether this lead or conversation changed within the last `HIGHLIGHT_MS`. */
  isHighlighted(id: string | undefined, now: number): boolean {
    return id !== undefined && now - (this.lastSeenAt.get(id) ?? 0) < HIGHLIGHT_MS;
  }

  listen(listener: (fresh: Change[]) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** What happened, in words, the most telling first. */
export function describeChange(change: Change): string[] {
  const became = change.became ?? [];
  const found = became.map((what) => getOwn(BECAME_TEXTS, what) ?? `became ${what}`);
  if (change.kind === "created") found.push("new conversation");
  if (change.kind === "removed") found.push("removed");
  return found;
}

const BECAME_TEXTS: Record<string, string> = {
  hot: "became hot",
  waiting: "asks for a human",
  won: "won",
  lost: "lost",
  assigned: "was assigned",
  overdue: "is overdue",
};
