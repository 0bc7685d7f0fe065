// The newest changes; those of the last minute are listed apart.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Change } from "../answers.ts";
import { useBoard, useTicking } from "../board.ts";
import { describeChange } from "../changeFeed.ts";
import { dateOrTime, number, valueText, counted, timeOfDay, humanize } from "../format.ts";
import { Empty, Skeleton } from "../parts/notices.tsx";
import { Badge, Text } from "../parts/text.tsx";
import { Ago } from "../parts/times.tsx";

const MINUTE_MS = 60_000;

export function Changes({ max }: { max?: number }): JSX.Element {
  const { agent, feed, platform } = useBoard();
  const [, redraw] = useState({});
  useEffect(() => {
    const stop = feed.listen(() => redraw({}));
    void feed.update(agent);
    return stop;
  }, [agent]);
  const isRecent = (change: Change, now: number): boolean => now - Date.parse(change.seen) < MINUTE_MS;
  useTicking((now) => feed.changes.filter((change) => isRecent(change, now)).length);
  if (!platform.canCall) return <Empty>This chat shows one answer and no more. Ask in the chat what has changed.</Empty>;
  if (!feed.isLoaded) return <Skeleton rows={3} />;
  const recent = feed.changes.filter((change) => isRecent(change, Date.now()));
  const earlier = feed.changes.slice(recent.length);
  const shown = max ? Math.max(0, max - recent.length) : earlier.length;
  return (
    <div class="changes">
      <h3>In the last minute{recent.length > 0 && ` (${number(recent.length)})`}</h3>
      {recent.length ? <ChangeList of={max ? recent.slice(0, max) : recent} highlighted /> : <p class="hint">Nothing has changed.</p>}
      {shown > 0 && earlier.length > 0 && (
        <>
          <h3>Earlier</h3>
          <ChangeList of={earlier.slice(0, shown)} />
        </>
      )}
      {!max && (
        <p class="hint">
          {counted(feed.changes.length, "change")} of the last hour. Times say when each was read from Convocore
          {feed.knownSince && (
            <>
              ; changes are known from <Text of={dateOrTime(feed.knownSince)} /> on
            </>
          )}.
        </p>
      )}
    </div>
  );
}

function ChangeList({ of, highlighted = false }: { of: Change[]; highlighted?: boolean }): JSX.Element {
  return (
    <ol class="change-list">
      {of.map((change) => (
        <ChangeRow key={change.event_id} change={change} highlighted={highlighted} />
      ))}
    </ol>
  );
}

function ChangeRow({ change, highlighted }: { change: Change; highlighted: boolean }): JSX.Element {
  const { go } = useBoard();
  const open = (): void => go({ name: "lead", lead: change.lead_id ?? change.id, agent: change.agent_id });
  const seen = Date.parse(change.seen);
  return (
    <li class={highlighted ? "highlighted" : ""}>
      <span class="when" title={timeOfDay(seen)}>
        <Ago at={change.seen} />
      </span>
      <span class="what">
        <button type="button" class="name" onClick={open}>
          {change.name ? <Text of={change.name} /> : <span class="unnamed">Somebody</span>}
        </button>{" "}
        {describeChange(change).map((text) => (
          <Badge key={text} kind={text === "became hot" ? "hot" : text === "asks for a human" ? "wait" : "new"}>
            {text}
          </Badge>
        ))}
        <Differences of={change} />
      </span>
    </li>
  );
}

/** The changed fields that are shown, in this order; other fields (times, counters) change along with them. */
const SHOWN_FIELDS = ["stage", "label", "score", "value", "assignee", "state", "preview", "next_due", "expected_close", "notes", "tags"];

function Differences({ of }: { of: Change }): JSX.Element | null {
  const changed = of.changed ?? {};
  const names = SHOWN_FIELDS.filter((name) => Array.isArray(changed[name]));
  if (!names.length) {
    if ("messages" in changed) return <span class="difference">new message</span>;
    const others = Object.keys(changed).slice(0, 3);
    return others.length ? <span class="difference">{others.map(humanize).join(", ")}</span> : null;
  }
  return (
    <>
      {names.slice(0, 3).map((name) => {
        const [before, after] = changed[name] as unknown[];
        return (
          <span class="difference" key={name}>
            {name === "preview" ? (
              <>
                wrote “<Text of={valueText(after)} />”
              </>
            ) : (
              <>
                {humanize(name)}: <Text of={shown(before)} /> → <Text of={shown(after)} />
              </>
            )}
          </span>
        );
      })}
    </>
  );
}

function shown(value: unknown): string {
  return typeof value === "string" ? humanize(value) : valueText(value);
}
