// A list of which only the rows in sight are in the page, so that thousands scroll smoothly.

import type { ComponentChildren, JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

const BEYOND = 5;
/** Below this width, a row has two lines. */
const NARROW = 560;
const HEIGHTS = { wide: 56, narrow: 84 };

interface Props<T> {
  items: readonly T[];
  /** How many there are, also those that are not loaded yet. */
  total: number;
  label: string;
  keyOf(item: T): string;
  /** Called near the end of what is loaded. */
  onEnd?: (() => void) | undefined;
  /** Where the list is scrolled to, and which row is active: kept for whoever comes back. */
  kept: { top: number; active: number };
  /** Draws a row; rows are drawn again when another function is given. `tabIndex`: only one row at a time can be reached with Tab; the arrow keys reach the others. */
  children: (item: T, index: number, tabIndex: number) => ComponentChildren;
}

interface Drawn {
  index: number;
  tabIndex: number;
  node: ComponentChildren;
}

/** Which rows are drawn, and how high each is. */
interface Window {
  first: number;
  last: number;
  row: number;
}

function windowOf(top: number, height: number, row: number): Window {
  return { first: Math.max(0, Math.floor(top / row) - BEYOND), last: Math.ceil((top + height) / row) + BEYOND, row };
}

function sameWindow(a: Window, b: Window): boolean {
  return a.first === b.first && a.last === b.last && a.row === b.row;
}

export function VirtualList<T>({ items, total, label, keyOf, onEnd, kept, children }: Props<T>): JSX.Element {
  const box = useRef<HTMLUListElement>(null);
  const [view, setView] = useState<Window>(() => windowOf(kept.top, 800, HEIGHTS.wide));
  const [active, setActive] = useState(kept.active);
  /** The row that gets the focus once it is drawn; none if negative. */
  const reached = useRef(-1);

  useLayoutEffect(() => {
    const list = box.current!;
    const measure = (): void => {
      const row = list.clientWidth < NARROW ? HEIGHTS.narrow : HEIGHTS.wide;
      kept.top = list.scrollTop;
      const now = windowOf(kept.top, list.clientHeight, row);
      setView((before) => (sameWindow(before, now) ? before : now)); // most steps of scrolling change no row
    };
    if (kept.top) list.scrollTop = kept.top;
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(list);
    list.addEventListener("scroll", measure, { passive: true });
    return () => {
      observer.disconnect();
      list.removeEventListener("scroll", measure);
    };
  }, []);

  const { first } = view;
  const last = Math.min(items.length, view.last);
  useEffect(() => {
    if (last >= items.length - BEYOND && items.length < total) onEnd?.();
  }, [last, items.length, total]);

  const focusReached = (): void => {
    if (reached.current < 0) return;
    box.current!.querySelector<HTMLElement>(`[data-index="${reached.current}"] button`)?.focus({ preventScroll: true });
    reached.current = -1;
  };
  useLayoutEffect(focusReached, [active]);

  const activate = (index: number): void => {
    kept.active = index;
    setActive(index);
  };
  const reach = (index: number): void => {
    const next = Math.min(Math.max(index, 0), items.length - 1);
    const list = box.current!;
    if (next * view.row < list.scrollTop) list.scrollTop = next * view.row;
    if ((next + 1) * view.row > list.scrollTop + list.clientHeight) list.scrollTop = (next + 1) * view.row - list.clientHeight;
    reached.current = next;
    if (next === active) focusReached();
    activate(next);
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLUListElement>): void => {
    const page = Math.max(1, Math.floor(box.current!.clientHeight / view.row) - 1);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -items.length, End: items.length };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    reach(active + step);
  };

  // A row that stays is not drawn again while the list is scrolled or grows.
  const drawn = useMemo(() => new Map<T, Drawn>(), [children]);
  const row = (item: T, index: number, tabIndex: number): ComponentChildren => {
    const before = drawn.get(item);
    if (before?.index === index && before.tabIndex === tabIndex) return before.node;
    const node = children(item, index, tabIndex);
    drawn.set(item, { index, tabIndex, node });
    return node;
  };
  const indices = new Set(Array.from({ length: Math.max(0, last - first) }, (_, offset) => first + offset));
  if (active < items.length) indices.add(active); // what has the focus must stay in the page
  return (
    <ul ref={box} class="virtual" aria-label={label} role="list" style={{ maxHeight: `${items.length * view.row + 2}px` }} onKeyDown={onKeyDown}>
      <li class="virtual-height" role="presentation" style={{ height: `${items.length * view.row}px` }} />
      {[...indices].sort((a, b) => a - b).map((index) => {
        const item = items[index] as T;
        return (
          <li
            key={keyOf(item)}
            data-index={index}
            aria-setsize={total}
            aria-posinset={index + 1}
            class={index === active ? "active" : ""}
            style={{ transform: `translateY(${index * view.row}px)`, height: `${view.row}px` }}
            onFocusCapture={() => activate(index)}
          >
            {row(item, index, index === active ? 0 : -1)}
          </li>
        );
      })}
    </ul>
  );
}
