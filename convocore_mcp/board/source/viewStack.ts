// Which view is shown, and those before it. In a browser its back button works; no address holds what is shown.

import { useEffect, useState } from "preact/hooks";
import type { View } from "./board.ts";
import type { Home } from "./home/home.ts";

export interface Views {
  /** Nothing: the view that the page was opened with. */
  current: View | undefined;
  canGoBack: boolean;
  go(view: View): void;
  back(): void;
}

export function useViews(home: Home): Views {
  const [stack, setStack] = useState<View[]>([]);
  const inBrowser = home.kind === "browser";
  useEffect(() => {
    if (!inBrowser) return undefined;
    const onPop = (event: PopStateEvent): void => {
      const depth = typeof event.state === "number" ? event.state : 0;
      setStack((before) => before.slice(0, depth));
    };
    addEventListener("popstate", onPop);
    return () => removeEventListener("popstate", onPop);
  }, [inBrowser]);
  return {
    current: stack[stack.length - 1],
    canGoBack: stack.length > 0,
    go(view) {
      if (inBrowser) history.pushState(stack.length + 1, "");
      setStack([...stack, view]);
      scrollTo(0, 0);
    },
    back() {
      if (inBrowser) history.back();
      else setStack(stack.slice(0, -1));
    },
  };
}
