// The top of the page: how fresh the data is, the navigation between views, a search for a person.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Freshness } from "./answers.ts";
import { useBoard, useTicking, type View } from "./board.ts";
import { atMostAgo, dateTime, number, percent } from "./format.ts";
import type { Connection } from "./platform/platform.ts";
import { forPeople } from "./parts/notices.tsx";
import { Text } from "./parts/text.tsx";
import { leadsWith } from "./questions.ts";

export function Header({ connection }: { connection: Connection }): JSX.Element {
  const { platform, cache, feed, agent } = useBoard();
  const refresh = (): void => {
    cache.refresh();
    void feed.update(agent);
  };
  return (
    <header class="top">
      <h1>Leads</h1>
      <FreshnessNote connection={connection} />
      <div class="top-actions">
        {platform.kind === "host" && platform.canCall && (
          <button type="button" onClick={refresh}>
            Refresh
          </button>
        )}
        {platform.canExpand && (
          <button type="button" onClick={() => void platform.expand().catch(() => undefined)}>
            Enlarge
          </button>
        )}
      </div>
    </header>
  );
}

const CONNECTION_TEXTS: Record<Connection, string> = { once: "", connecting: "Connecting …", live: "Live", lost: "Connection lost, trying again" };

/** How fresh what is shown is. Each view listens to its own answers, so only what shows this is drawn again. */
function useFreshness(): Freshness | undefined {
  const { cache, feed } = useBoard();
  const [, redraw] = useState({});
  useEffect(() => {
    const stops = [cache, feed].map((source) => source.listen(() => redraw({})));
    return () => stops.forEach((stop) => stop());
  }, [cache, feed]);
  return cache.freshness() ?? feed.freshness;
}

function FreshnessNote({ connection }: { connection: Connection }): JSX.Element | null {
  const found = useFreshness();
  const at = Date.parse(found?.as_of ?? "");
  const age = useTicking((now) => (Number.isNaN(at) ? "" : atMostAgo(at, now)));
  if (!found && !CONNECTION_TEXTS[connection]) return null;
  const state = connection === "lost" ? "lost" : found && !found.complete ? "partial" : connection;
  return (
    <p class={`freshness ${state}`} title={Number.isNaN(at) ? "" : `Everything here was read on ${dateTime(at)} or later`}>
      <span class="dot" aria-hidden="true" />
      {CONNECTION_TEXTS[connection] && <span>{CONNECTION_TEXTS[connection]}</span>}
      {found && (
        <span>
          {age ? "read at most " : "not read yet"}
          <Text of={age} />
          {found.complete ? "" : ", incomplete"}
        </span>
      )}
    </p>
  );
}

/** An answer that is not complete looks like it: what is missing, and how far reading is. */
export function IncompleteNote(): JSX.Element | null {
  const found = useFreshness();
  // Notes about a cursor are left out: the board follows it itself.
  const notes = (found?.notes ?? []).filter((note) => !note.includes("next_cursor")).map(forPeople).filter(Boolean);
  if (!found || (found.complete && !notes.length)) return null;
  return (
    <aside class={`notice ${found.complete ? "" : "partial"}`} aria-label="How complete this is">
      {!found.complete && (
        <p>
          <strong>Not everything has been read yet.</strong>
          {!notes.length && found.conversations !== undefined && ` The numbers are of ${number(found.conversations)} conversations.`}
          {found.progress !== undefined && ` ${percent(found.progress)} done.`}
        </p>
      )}
      {found.progress !== undefined && !found.complete && <progress max={1} value={found.progress} aria-label="Read so far" />}
      {notes.map((note) => (
        <p key={note}>
          <Text of={note} />
        </p>
      ))}
    </aside>
  );
}

const VIEWS: [label: string, view: View][] = [
  ["Overview", { name: "overview" }],
  ["Hot", { name: "hot" }],
  ["Pipeline", { name: "pipeline" }],
  ["Waiting", { name: "waiting" }],
  ["Trend", { name: "trend" }],
  ["Changes", { name: "changes" }],
];

export function Navigation({ view: shown, canGoBack }: { view: View | undefined; canGoBack: boolean }): JSX.Element | null {
  const { platform, go, back, preload, agent } = useBoard();
  if (!platform.canCall) return null;
  const people: View = { name: "rows", title: "All leads", question: leadsWith(agent, {}) };
  const isShown = (view: View): boolean => view.name === shown?.name && (shown.name !== "rows" || shown.title === people.title);
  const views: typeof VIEWS = [...VIEWS, ["People", people]];
  return (
    <nav aria-label="Views">
      <div class="views">
        {views.map(([label, view]) => (
          <button type="button" key={label} aria-current={isShown(view) ? "page" : undefined} onPointerEnter={() => preload(view)} onClick={() => go(view)}>
            {label}
          </button>
        ))}
        {/* After the others, so that they stay where they are. */}
        {canGoBack && (
          <button type="button" class="back" onClick={back}>
            <span aria-hidden="true">‹ </span>Back
          </button>
        )}
      </div>
      <FindPerson />
    </nav>
  );
}

function FindPerson(): JSX.Element {
  const { go, agent } = useBoard();
  const [text, setText] = useState("");
  return (
    <form
      class="find"
      role="search"
      aria-label="Find a person"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim()) go({ name: "lead", lead: text.trim(), agent: agent === "all" ? undefined : agent });
      }}
    >
      <input
        type="search"
        dir="auto"
        aria-label="Name, email or phone"
        placeholder="Find a person"
        maxLength={200}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit">Find</button>
    </form>
  );
}
