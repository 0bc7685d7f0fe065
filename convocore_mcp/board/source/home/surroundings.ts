// The look and the language of where the page lives: theme, colours, language, time zone, margins.

import { isObject } from "../answers.ts";
import { useLocale } from "../format.ts";

export interface Surroundings {
  theme?: unknown;
  styles?: unknown;
  locale?: unknown;
  timeZone?: unknown;
  safeAreaInsets?: unknown;
  containerDimensions?: unknown;
  displayMode?: unknown;
}

const VARIABLE = /^--(color|font|border|shadow)-[a-z0-9-]+$/;
const SIDES = ["top", "right", "bottom", "left"] as const;

export function applySurroundings(found: Surroundings): void {
  const root = document.documentElement;
  if (found.theme === "light" || found.theme === "dark") root.style.colorScheme = found.theme;
  const variables = isObject(found.styles) && isObject(found.styles["variables"]) ? found.styles["variables"] : {};
  for (const [name, value] of Object.entries(variables)) {
    if (VARIABLE.test(name) && typeof value === "string") root.style.setProperty(name, value);
  }
  const insets = isObject(found.safeAreaInsets) ? found.safeAreaInsets : {};
  for (const side of SIDES) {
    if (typeof insets[side] === "number") root.style.setProperty(`--inset-${side}`, `${insets[side]}px`);
  }
  const size = isObject(found.containerDimensions) ? found.containerDimensions : {};
  const height = size["height"];
  root.dataset["display"] = found.displayMode === "fullscreen" || typeof height === "number" ? "whole" : "inline";
  useLocale(found.locale, found.timeZone);
}
