// A column chart in plain SVG, with the same numbers as a table for whoever can't see it.

import type { JSX, TargetedKeyboardEvent } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { number } from "../format.ts";

export interface Column {
  key: string;
  label: string;
  value: number;
  /** The part of the value that is drawn in the second colour. */
  part: number;
  /** What a screen reader, and the tip at the pointer, say. */
  description: string;
  onOpen?: (() => void) | undefined;
}

interface Props {
  columns: Column[];
  label: string;
  what: string;
  part: string;
  /** Whether the table can be shown below. */
  table: boolean;
}

const HEIGHT = 160;
const [TOP, BOTTOM, LEFT] = [10, 22, 34];

export function Columns({ columns, label, what, part, table }: Props): JSX.Element {
  return (
    <figure class="chart" aria-label={label}>
      <Chart columns={columns} label={label} />
      <figcaption>
        <span class="key-all">{what}</span>
        <span class="key-part">{part}</span>
      </figcaption>
      {table && <ColumnTable columns={columns} what={what} part={part} />}
    </figure>
  );
}

function Chart({ columns, label }: { columns: Column[]; label: string }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  const [active, setActive] = useState(columns.length - 1);
  useLayoutEffect(() => {
    const measure = (): void => setWidth(box.current!.clientWidth || 600);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  const axisMax = roundUpAxis(Math.max(...columns.map((column) => column.value), 1));
  const inner = HEIGHT - TOP - BOTTOM;
  const step = (width - LEFT) / columns.length;
  const labelInterval = Math.ceil(64 / step);
  const y = (value: number): number => TOP + inner * (1 - value / axisMax);
  const current = Math.min(active, columns.length - 1);
  const onKeyDown = (event: TargetedKeyboardEvent<SVGSVGElement>): void => {
    const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, Home: -columns.length, End: columns.length };
    const by = steps[event.key];
    if (event.key === "Enter" || event.key === " ") columns[current]?.onOpen?.();
    else if (by === undefined) return;
    else {
      const next = Math.min(Math.max(current + by, 0), columns.length - 1);
      setActive(next);
      event.currentTarget.querySelector<SVGElement>(`[data-index="${next}"]`)?.focus();
    }
    event.preventDefault();
  };
  return (
    <div ref={box} class="drawing">
      <svg width={width} height={HEIGHT} role="group" aria-label={label} onKeyDown={onKeyDown}>
        {[0, axisMax / 2, axisMax].map((line) => (
          <g key={line} aria-hidden="true">
            <line class="grid" x1={LEFT} x2={width} y1={y(line)} y2={y(line)} />
            <text class="tick" x={LEFT - 6} y={y(line) + 4} text-anchor="end">
              {number(line, 1)}
            </text>
          </g>
        ))}
        {columns.map((column, index) => (
          <g key={column.key} data-index={index} class={column.onOpen ? "column" : "column idle"} role="button" aria-disabled={!column.onOpen} aria-label={column.description} tabIndex={index === current ? 0 : -1} onClick={column.onOpen} onFocus={() => setActive(index)}>
            <title>{column.description}</title>
            <rect class="target" x={LEFT + index * step} y={TOP} width={step} height={inner} />
            <rect class="all" x={LEFT + index * step + step * 0.15} y={y(column.value)} width={step * 0.7} height={y(0) - y(column.value)} rx="2" />
            <rect class="part" x={LEFT + index * step + step * 0.15} y={y(column.part)} width={step * 0.7} height={y(0) - y(column.part)} rx="2" />
          </g>
        ))}
        {columns.map(
          (column, index) =>
            (columns.length - 1 - index) % labelInterval === 0 && (
              <text
                key={column.key}
                class="tick"
                x={index === columns.length - 1 ? width : LEFT + (index + 0.5) * step}
                y={HEIGHT - 6}
                text-anchor={index === columns.length - 1 ? "end" : "middle"}
                aria-hidden="true"
              >
                {column.label}
              </text>
            ),
        )}
      </svg>
    </div>
  );
}

function roundUpAxis(value: number): number {
  const size = 10 ** Math.floor(Math.log10(value));
  // Even, since half of it is shown too, and there is no half lead.
  const rounds = [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].map((part) => Math.round(part * size));
  return rounds.find((round) => round >= value && round % 2 === 0) ?? value;
}

function ColumnTable({ columns, what, part }: { columns: Column[]; what: string; part: string }): JSX.Element {
  // Rows are made only when the table is open: they take as long as the chart.
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details class="numbers" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>As a table</summary>
      {isOpen && (
        <table>
          <thead>
            <tr>
              <th scope="col">Day</th>
              <th scope="col" class="numeric">
                {what}
              </th>
              <th scope="col" class="numeric">
                {part}
              </th>
            </tr>
          </thead>
          <tbody>
            {[...columns].reverse().map((column) => (
              <tr key={column.key}>
                <th scope="row">{column.label}</th>
                <td class="numeric">
                  {column.onOpen ? (
                    <button type="button" class="count" onClick={column.onOpen} aria-label={`${column.description}. Show them.`}>
                      {number(column.value)}
                    </button>
                  ) : (
                    number(column.value)
                  )}
                </td>
                <td class="numeric">{number(column.part)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </details>
  );
}
