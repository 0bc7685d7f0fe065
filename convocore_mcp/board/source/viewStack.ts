// Which view is shown, and those before it. In a browser its back button works; no address holds what is shown.

import { useEffect, useRef, useState } from "preact/hooks";
import type { View } from "./board.ts";
import type { Platform } from "./platform/platform.ts";

export interface Views {
  /** `undefined`: the view that the page was opened with. */
  current: View | undefined;
  canGoBack: boolean;
  /** How many views lie below the current one. */
  depth: number;
  /** How often the user has navigated to another view. */
  navigations: number;
  /** How far the current view was scrolled when the user left it. */
  scrollTop: number;
  go(view: View): void;
  /** Show this instead of the current view, which is the same one with other filters. */
  replace(view: View): void;
  back(): void;
}

export function useViews(platform: Platform): Views {
  const [stack, setStack] = useState<View[]>([]);
  const [navigations, setNavigations] = useState(0);
  const scrollPositions = useRef<number[]>([]);
  const changeStack = (to: (before: View[]) => View[]): void => {
    setStack(to);
    setNavigations((before) => before + 1);
  };
  const inBrowser = platform.kind === "browser";
  useEffect(() => {
    if (!inBrowser) return undefined;
    history.scrollRestoration = "manual"; // the browser would scroll before the view is drawn
    const onPop = (event: PopStateEvent): void => {
      const depth = typeof event.state === "number" ? event.state : 0;
      changeStack((before) => before.slice(0, depth));
    };
    addEventListener("popstate", onPop);
    return () => removeEventListener("popstate", onPop);
  }, [inBrowser]);
  return {
    current: stack[stack.length - 1],
    canGoBack: stack.length > 0,
    depth: stack.length,
    navigations,
    scrollTop: scrollPositions.current[stack.length] ?? 0,
    go(view) {
      scrollPositions.current = [...scrollPositions.current.slice(0, stack.length), scrollY, 0];
      if (inBrowser) history.pushState(stack.length + 1, "");
      changeStack((before) => [...before, view]);
    },
    replace(view) {
      if (stack.length) setStack([...stack.slice(0, -1), view]);
      else this.go(view);
    },
    back() {
      if (inBrowser) history.back();
      else changeStack((before) => before.slice(0, -1));
    },
  };
}
