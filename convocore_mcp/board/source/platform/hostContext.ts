// What a host says of itself and its user: theme, colours, language, time zone, margins, size.

import { isObject } from "../answers.ts";
import { setLocale } from "../format.ts";

export interface HostContext {
  theme?: unknown;
  styles?: unknown;
  locale?: unknown;
  timeZone?: unknown;
  safeAreaInsets?: unknown;
  containerDimensions?: unknown;
  displayMode?: unknown;
  availableDisplayModes?: unknown;
  /** The tool call that the page was opened for. */
  toolInfo?: unknown;
}

const VARIABLE = /^--(color|font|border|shadow)-[a-z0-9-]+$/;
const SIDES = ["top", "right", "bottom", "left"] as const;

export function applyHostContext(context: HostContext): void {
  const root = document.documentElement;
  if (context.theme === "light" || context.theme === "dark") root.style.colorScheme = context.theme;
  const variables = isObject(context.styles) && isObject(context.styles["variables"]) ? context.styles["variables"] : {};
  for (const [name, value] of Object.entries(variables)) {
    if (VARIABLE.test(name) && typeof value === "string") root.style.setProperty(name, value);
  }
  const insets = isObject(context.safeAreaInsets) ? context.safeAreaInsets : {};
  for (const side of SIDES) {
    if (typeof insets[side] === "number") root.style.setProperty(`--inset-${side}`, `${insets[side]}px`);
  }
  const size = isObject(context.containerDimensions) ? context.containerDimensions : {};
  const height = size["height"];
  root.dataset["display"] = context.displayMode === "fullscreen" || typeof height === "number" ? "whole" : "inline";
  setLocale(context.locale, context.timeZone);
}
