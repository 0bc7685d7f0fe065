// Why a hot lead stands where it stands: the score decides, and among equal scores the newest activity.

import type { JSX } from "preact";
import type { HotLead } from "../answers.ts";
import { number, spokenWait } from "../format.ts";

interface Props {
  leads: HotLead[];
  index: number;
}

export function RankReason({ leads, index }: Props): JSX.Element | null {
  const reason = index ? reasonAfter(leads[index - 1]!, leads[index]!, index) : reasonOfFirst(leads[0]!, leads[1]);
  return reason ? <p class={index ? "place" : "place first"}>{reason}</p> : null;
}

function reasonOfFirst(lead: HotLead, next: HotLead | undefined): string {
  const known = lead.score !== undefined;
  if (!next || (known && next.score !== lead.score)) return known ? "First: nobody’s score is higher." : "";
  return known ? `First: several have the highest score, ${number(lead.score!)}; this one was active most recently.` : "First: nobody has a score; this one was active most recently.";
}

/** Empty where the answer has another order: another version of the server may have made it. */
function reasonAfter(before: HotLead, lead: HotLead, rank: number): string {
  const other = `number ${number(rank)}`;
  if (before.score !== lead.score) {
    if (lead.score === undefined) return `No score, unlike ${other}.`;
    return before.score !== undefined && before.score > lead.score ? `A lower score than ${other}.` : "";
  }
  const same = lead.score === undefined ? `No score, as ${other}` : `The same score as ${other}`;
  const earlier = Date.parse(before.last_activity ?? "") - Date.parse(lead.last_activity ?? "");
  if (earlier < 0) return "";
  return earlier > 0 ? `${same}, but last active ${spokenWait(earlier, 1)} earlier.` : `${same}.`; // a time may be missing
}
