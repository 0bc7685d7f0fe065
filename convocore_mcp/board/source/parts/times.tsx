// Times that run: a clock for a wait, and how long ago something was.

import type { JSX } from "preact";
import { ago, clock, dateTime, spokenWait } from "../format.ts";
import { useNow, useTicking } from "../board.ts";

export function Clock({ since }: { since: string | undefined }): JSX.Element | null {
  const now = useNow();
  const start = Date.parse(since ?? "");
  if (Number.isNaN(start)) return null;
  return (
    <time class="clock" dateTime={since} title={`Since ${dateTime(start)}`} role="timer" aria-label={`waits for ${spokenWait(now - start)}`}>
      <span aria-hidden="true">{clock(now - start)}</span>
    </time>
  );
}

export function Ago({ at }: { at: string | undefined }): JSX.Element | null {
  const time = Date.parse(at ?? "");
  const text = useTicking((now) => (Number.isNaN(time) ? "" : ago(Math.min(time, now), now)));
  if (!text) return null;
  return (
    <time dateTime={at} title={dateTime(time)}>
      {text}
    </time>
  );
}
