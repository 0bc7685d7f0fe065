// A bar beside a number: its length is a share of the longest one, a part of it has the second colour.

import type { JSX } from "preact";

export function Bar({ share, part = 0, thin = false }: { share: number; part?: number; thin?: boolean }): JSX.Element {
  const percent = (value: number): string => `${Math.min(Math.max(value, 0), 1) * 100}%`;
  return (
    <span class={`bar ${thin ? "thin" : ""} ${share > 1 ? "cut" : ""}`} aria-hidden="true">
      <span class="bar-all" style={{ width: percent(share) }}>
        <span class="bar-hot" style={{ width: percent(part) }} />
      </span>
    </span>
  );
}
