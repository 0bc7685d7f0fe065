// Which view is shown, and those before it. In a browser its back button works; no address holds what is shown.

import { useEffect, useRef, useState } from "preact/hooks";
import type { View } from "./board.ts";
import type { Home } from "./home/home.ts";

export interface Views {
  /** Nothing: the view that the page was opened with. */
  current: View | undefined;
  canGoBack: boolean;
  /** How many views lie below the current one. */
  depth: number;
  /** How often somebody has gone to another view. */
  moves: number;
  /** How far down the current view was when somebody left it. */
  top: number;
  go(view: View): void;
  /** Show this instead of the current view, which is the same one with other filters. */
  replace(view: View): void;
  back(): void;
}

export function useViews(home: Home): Views {
  const [stack, setStack] = useState<View[]>([]);
  const [moves, setMoves] = useState(0);
  const tops = useRef<number[]>([]);
  const move = (to: (before: View[]) => View[]): void => {
    setStack(to);
    setMoves((before) => before + 1);
  };
  const inBrowser = home.kind === "browser";
  useEffect(() => {
    if (!inBrowser) return undefined;
    history.scrollRestoration = "manual"; // the browser would scroll before the view is drawn
    const onPop = (event: PopStateEvent): void => {
      const depth = typeof event.state === "number" ? event.state : 0;
      move((before) => before.slice(0, depth));
    };
    addEventListener("popstate", onPop);
    return () => removeEventListener("popstate", onPop);
  }, [inBrowser]);
  return {
    current: stack[stack.length - 1],
    canGoBack: stack.length > 0,
    depth: stack.length,
    moves,
    top: tops.current[stack.length] ?? 0,
    go(view) {
      tops.current = [...tops.current.slice(0, stack.length), scrollY, 0];
      if (inBrowser) history.pushState(stack.length + 1, "");
      move((before) => [...before, view]);
    },
    replace(view) {
      if (stack.length) setStack([...stack.slice(0, -1), view]);
      else this.go(view);
    },
    back() {
      if (inBrowser) history.back();
      else move((before) => before.slice(0, -1));
    },
  };
}
