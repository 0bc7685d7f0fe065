// What is overdue, and by how much.

import type { JSX } from "preact";
import type { Row, Step } from "../answers.ts";
import { dateOrTime, timeSince } from "../format.ts";
import { Text } from "./text.tsx";

/** The rule of the server's, in short. */
export const OVERDUE_RULE = "a planned step or the expected close is late";

/** When a step is due, and how long ago that was. */
export function Due({ of }: { of: Step }): JSX.Element | null {
  if (!of.due) return null;
  return (
    <>
      , due <Text of={dateOrTime(of.due)} />
      {of.overdue && <Since of={of.due} />}
    </>
  );
}

/** How long ago a day or a time of the CRM was. */
export function Since({ of }: { of: string }): JSX.Element | null {
  const since = timeSince(of, Date.now());
  return since ? (
    <>
      {" "}
      (<Text of={since} />)
    </>
  ) : null;
}

/** What is overdue in a row, in few words, if the row has these fields. */
export function OverdueBy({ of }: { of: Row }): JSX.Element | null {
  const close = typeof of["expected_close"] === "string" ? of["expected_close"] : "";
  // The date of an older conversation may have passed, while the lead's own date (the newest) has not.
  const since = timeSince(close, Date.now());
  const isStepLate = of["overdue_activity"] === true;
  const closeText = of["overdue_close"] === true ? (since ? `Was to close ${since}` : "An earlier expected close has passed") : "";
  if (!closeText && !isStepLate) return null;
  return (
    <span class="overdue" title={closeText && since && `Expected close: ${dateOrTime(close)}`}>
      {closeText && isStepLate ? `${closeText}; a step is late` : closeText || "A planned step is late"}
    </span>
  );
}
