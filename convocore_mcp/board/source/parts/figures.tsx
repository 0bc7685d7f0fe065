// Numbers: each says what it counts, whether it is complete, and leads to the rows behind it.

import { Fragment, type ComponentChildren, type JSX } from "preact";
import { useState } from "preact/hooks";
import type { Money, Row } from "../answers.ts";
import { amounts, money, number, counted } from "../format.ts";
import { Text } from "./text.tsx";

interface CountProps {
  value: number | undefined;
  label: string;
  onOpen?: (() => void) | undefined;
  /** Whether everything was read that the number depends on. */
  complete?: boolean;
}

/** A number in running text or in a table; a button where there are rows to see. */
export function Count({ value = 0, label, onOpen, complete = true }: CountProps): JSX.Element {
  const shown = complete ? number(value) : `${number(value)}+`;
  if (!onOpen || !value) return <span class={value ? "" : "zero"}>{shown}</span>;
  return (
    <button type="button" class="count" onClick={onOpen} aria-label={`${label}: ${shown}. Show them.`}>
      {shown}
    </button>
  );
}

interface FigureProps extends CountProps {
  children?: ComponentChildren;
  kind?: string;
  /** What is shown instead of the value. */
  shown?: ComponentChildren;
}

/** A large number with its label, and a line that explains it. */
export function Figure({ value, label, onOpen, complete = true, children, kind = "", shown }: FigureProps): JSX.Element {
  const inside = (
    <>
      <span class="figure-label">{label}</span>
      <span class="figure-value">
        {shown ?? (value === undefined ? "–" : number(value))}
        {!complete && value !== undefined && <small> so far</small>}
      </span>
    </>
  );
  return (
    <div class={`figure ${kind} ${complete ? "" : "partial"}`}>
      {onOpen ? (
        <button type="button" onClick={onOpen}>
          {inside}
        </button>
      ) : (
        <div>{inside}</div>
      )}
      <div class="figure-more">{children}</div>
    </div>
  );
}

interface AmountsProps {
  of: Money | undefined;
  max?: number;
  /** The amounts whose order to follow. */
  like?: Money | undefined;
  /** Whether this is a part of a sentence. */
  inSentence?: boolean;
}

/** Money by currency, never added up; the rest behind a button. */
export function Amounts({ of, max = 2, like, inSentence = false }: AmountsProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const all = amounts(of, like);
  if (!all.length) return <span class="zero">–</span>;
  const shown = open ? all : all.slice(0, max);
  const others = all.length - max;
  return (
    <span class="amounts">
      {shown.map(([currency, amount]) => (
        <Fragment key={currency}>
          <span class="amount">{money(amount, currency)}</span>{" "}
        </Fragment>
      ))}
      {all.length > max && (
        <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "fewer" : inSentence ? `and ${counted(others, "more currency", "more currencies")}` : `+${counted(others, "currency", "currencies")}`}
        </button>
      )}
    </span>
  );
}

/** The amounts of several currencies as one figure: all alike, since none of them is the sum. The label says how many. */
export function AmountSet({ of, max }: { of: [currency: string, amount: number][]; max: number }): JSX.Element {
  const shown = of.slice(0, max);
  return (
    <span class="amount-set">
      {shown.map(([currency, amount]) => (
        <Fragment key={currency}>
          <span class="amount">{money(amount, currency)}</span>{" "}
        </Fragment>
      ))}
      {of.length > shown.length && <span>and {number(of.length - shown.length)} more</span>}
    </span>
  );
}

/** What a lead is worth, as far as it could be read. */
export function Worth({ of }: { of: Row }): JSX.Element | null {
  if (of.value !== undefined) return <span class="worth">{money(of.value, of.currency)}</span>;
  return of.value_text ? (
    <span class="worth unread" title="The CRM's text could not be read as an amount.">
      <Text of={of.value_text} />
    </span>
  ) : null;
}

const RADIUS = 15;
const CIRCUMFERENCE = 2 * Math.PI * RADIUS;

export function Score({ of, hot = false }: { of: number | undefined; hot?: boolean | undefined }): JSX.Element | null {
  if (of === undefined) return null;
  const share = Math.min(Math.max(of, 0), 100) / 100;
  return (
    <span class={`score ${hot ? "hot" : ""}`} role="img" aria-label={`Score ${number(of)} of 100`}>
      <svg viewBox="0 0 36 36" width="36" height="36" aria-hidden="true">
        <circle class="score-track" cx="18" cy="18" r={RADIUS} />
        <circle class="score-arc" cx="18" cy="18" r={RADIUS} stroke-dasharray={`${share * CIRCUMFERENCE} ${CIRCUMFERENCE}`} />
      </svg>
      <span aria-hidden="true">{number(of, 0)}</span>
    </span>
  );
}
