// A table of numbers. On a narrow screen a row becomes a block in which each number has its name above it;
// the roles are written out, because a table whose parts are displayed as something else may lose them.

import type { ComponentChildren, JSX } from "preact";

export interface Head {
  name: string;
  kind?: string;
}

interface StatTableProps {
  heads: Head[];
  compact?: boolean;
  children: ComponentChildren;
}

export function StatTable({ heads, compact = false, children }: StatTableProps): JSX.Element {
  return (
    <table role="table" class={`stages ${compact ? "compact" : ""}`}>
      <thead role="rowgroup">
        <tr role="row">
          {heads.map(({ name, kind = "" }) => (
            <th scope="col" role="columnheader" class={kind} key={name}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">{children}</tbody>
    </table>
  );
}

export function StatRow({ kind = "", children }: { kind?: string; children: ComponentChildren }): JSX.Element {
  return (
    <tr role="row" class={kind}>
      {children}
    </tr>
  );
}

/** A cell under the head `of`. */
export function Cell({ of, kind, children }: { of: string; kind: string; children: ComponentChildren }): JSX.Element {
  return (
    <td role="cell" class={kind} data-head={of}>
      {children}
    </td>
  );
}
