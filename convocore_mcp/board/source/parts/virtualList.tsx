// A list of which only the rows in sight are in the page, so that thousands scroll smoothly.

import type { ComponentChildren, JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

const OVERSCAN_ROWS = 5;
/** Below this width, a row has two lines. */
const NARROW_WIDTH = 560;
const ROW_HEIGHTS = { wide: 56, narrow: 84 };

interface Props<T> {
  items: readonly T[];
  /** How many there are, also those that are not loaded yet. */
  total: number;
  label: string;
  keyOf(item: T): string;
  /** Called near the end of what is loaded. */
  onNearEnd?: (() => void) | undefined;
  /** Where the list is scrolled to, and which row is active: restored when the user comes back. */
  state: { scrollTop: number; activeIndex: number };
  /** Draws a row; rows are drawn again when another function is given. `tabIndex`: only one row at a time can be reached with Tab; the arrow keys reach the others. */
  children: (item: T, index: number, tabIndex: number) => ComponentChildren;
}

interface DrawnRow {
  index: number;
  tabIndex: number;
  node: ComponentChildren;
}

/** Which rows are drawn, and the height of each. */
interface RowWindow {
  first: number;
  last: number;
  rowHeight: number;
}

function windowOf(top: number, height: number, rowHeight: number): RowWindow {
  return { first: Math.max(0, Math.floor(top / rowHeight) - OVERSCAN_ROWS), last: Math.ceil((top + height) / rowHeight) + OVERSCAN_ROWS, rowHeight };
}

function sameWindow(a: RowWindow, b: RowWindow): boolean {
  return a.first === b.first && a.last === b.last && a.rowHeight === b.rowHeight;
}

export function VirtualList<T>({ items, total, label, keyOf, onNearEnd, state, children }: Props<T>): JSX.Element {
  const box = useRef<HTMLUListElement>(null);
  const [rowWindow, setRowWindow] = useState<RowWindow>(() => windowOf(state.scrollTop, 800, ROW_HEIGHTS.wide));
  const [active, setActive] = useState(state.activeIndex);
  /** The row that gets the focus once it is drawn; none if negative. */
  const focusTarget = useRef(-1);

  useLayoutEffect(() => {
    const list = box.current!;
    const measure = (): void => {
      const rowHeight = list.clientWidth < NARROW_WIDTH ? ROW_HEIGHTS.narrow : ROW_HEIGHTS.wide;
      state.scrollTop = list.scrollTop;
      const now = windowOf(state.scrollTop, list.clientHeight, rowHeight);
      setRowWindow((before) => (sameWindow(before, now) ? before : now)); // most steps of scrolling change no row
    };
    if (state.scrollTop) list.scrollTop = state.scrollTop;
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(list);
    list.addEventListener("scroll", measure, { passive: true });
    return () => {
      observer.disconnect();
      list.removeEventListener("scroll", measure);
    };
  }, []);

  const { first } = rowWindow;
  const last = Math.min(items.length, rowWindow.last);
  useEffect(() => {
    if (last >= items.length - OVERSCAN_ROWS && items.length < total) onNearEnd?.();
  }, [last, items.length, total]);

  const focusMoved = (): void => {
    if (focusTarget.current < 0) return;
    box.current!.querySelector<HTMLElement>(`[data-index="${focusTarget.current}"] button`)?.focus({ preventScroll: true });
    focusTarget.current = -1;
  };
  useLayoutEffect(focusMoved, [active]);

  const activate = (index: number): void => {
    state.activeIndex = index;
    setActive(index);
  };
  const moveTo = (index: number): void => {
    const next = Math.min(Math.max(index, 0), items.length - 1);
    const list = box.current!;
    if (next * rowWindow.rowHeight < list.scrollTop) list.scrollTop = next * rowWindow.rowHeight;
    if ((next + 1) * rowWindow.rowHeight > list.scrollTop + list.clientHeight) list.scrollTop = (next + 1) * rowWindow.rowHeight - list.clientHeight;
    focusTarget.current = next;
    if (next === active) focusMoved();
    activate(next);
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLUListElement>): void => {
    const page = Math.max(1, Math.floor(box.current!.clientHeight / rowWindow.rowHeight) - 1);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -items.length, End: items.length };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    moveTo(active + step);
  };

  // A row that stays is not drawn again while the list is scrolled or grows.
  const drawn = useMemo(() => new Map<T, DrawnRow>(), [children]);
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
    <ul ref={box} class="virtual" aria-label={label} role="list" style={{ maxHeight: `${items.length * rowWindow.rowHeight + 2}px` }} onKeyDown={onKeyDown}>
      <li class="virtual-height" role="presentation" style={{ height: `${items.length * rowWindow.rowHeight}px` }} />
      {[...indices].sort((a, b) => a - b).map((index) => {
        const item = items[index] as T;
        return (
          <li
            key={keyOf(item)}
            data-index={index}
            aria-setsize={total}
            aria-posinset={index + 1}
            class={index === active ? "active" : ""}
            style={{ transform: `translateY(${index * rowWindow.rowHeight}px)`, height: `${rowWindow.rowHeight}px` }}
            onFocusCapture={() => activate(index)}
          >
            {row(item, index, index === active ? 0 : -1)}
          </li>
        );
      })}
    </ul>
  );
}
