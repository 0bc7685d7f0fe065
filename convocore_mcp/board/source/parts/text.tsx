// Text of strangers: shown as text, in its own direction, so that it can't reorder what stands beside it.

import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import type { Row } from "../answers.ts";
import { recordText, humanizeChannel, reasonText, humanize } from "../format.ts";

export function Text({ of }: { of: string | undefined }): JSX.Element {
  return <bdi>{of}</bdi>;
}

const LETTER = /\p{L}/gu;
const RTL_LETTER = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}]/gu;

/** The direction of most of a text: an English sentence may begin with an Arabic name, for which `dir="auto"` would turn it around. */
export function directionOf(text: string): "ltr" | "rtl" {
  const count = (kind: RegExp): number => text.match(kind)?.length ?? 0;
  return count(RTL_LETTER) * 2 > count(LETTER) ? "rtl" : "ltr";
}

/** A channel as a word of a sentence, if it is one. */
function channelInSentence(of: Row): string | undefined {
  const channel = recordText(of.channel ?? "");
  return /^[a-z][a-z0-9_-]*$/.test(channel) ? humanizeChannel(channel) : undefined;
}

/** Who somebody is: the name, else the contact, else where they wrote from. */
export function Name({ of }: { of: Row }): JSX.Element {
  const known = of.name ?? of.contact ?? of.company;
  const channel = channelInSentence(of);
  return known ? <Text of={known} /> : <span class="unnamed">Somebody{channel && ` by ${channel}`}</span>;
}

export function nameOf(row: Row): string {
  return row.name ?? row.contact ?? row.company ?? "somebody";
}

/** Company, channel, stage and assignee, as far as they are known and the name does not say them. */
export function About({ of }: { of: Row }): JSX.Element | null {
  const named = of.name ?? of.contact;
  const parts = [
    named && of.company ? <Text of={of.company} /> : undefined,
    of.channel && (named || of.company || !channelInSentence(of)) ? <Text of={humanize(of.channel)} /> : undefined,
    of.stage ? <Text of={humanize(of.stage)} /> : undefined,
    of.assignee ? <Text of={of.assignee} /> : undefined,
  ].filter((part) => part !== undefined);
  return parts.length ? <span class="about">{parts.map((part, index) => [index > 0 && " · ", part])}</span> : null;
}

/** Why a lead is worth a look. */
export function Reasons({ of, label }: { of: string[]; label?: string }): JSX.Element {
  return (
    <ul class="why" aria-label={label}>
      {of.map((text) => (
        <li key={text}>
          <Text of={reasonText(text)} />
        </li>
      ))}
    </ul>
  );
}

/** A long text, of which the first lines show until somebody wants the rest. */
export function LongText({ children, lines = 3 }: { children: string; lines?: number }): JSX.Element {
  const [open, setOpen] = useState(false);
  const long = children.length > lines * 70 || children.split("\n").length > lines;
  return (
    <div class="long">
      <p class={open || !long ? "" : "clamped"} dir={directionOf(children)}>
        {children}
      </p>
      {long && (
        <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "Less" : "More"}
        </button>
      )}
    </div>
  );
}

export function Badge({ kind, children }: { kind?: string; children: ComponentChildren }): JSX.Element {
  return <span class={`badge ${kind ?? ""}`}>{children}</span>;
}
