// Who waits for a human: a queue, the longest wait first, with clocks that run.

import type { JSX } from "preact";
import { useEntry } from "../answerCache.ts";
import type { Row } from "../answers.ts";
import { useBoard, useNow } from "../board.ts";
import { number, counted } from "../format.ts";
import { Answered, Empty } from "../parts/notices.tsx";
import { About, Badge, Name, Text } from "../parts/text.tsx";
import { Clock } from "../parts/times.tsx";
import { VirtualList } from "../parts/virtualList.tsx";
import { waiting } from "../questions.ts";
import { usePages } from "./pages.ts";

export function Waiting({ max }: { max?: number }): JSX.Element {
  const { cache, agent } = useBoard();
  const asked = waiting(agent);
  const entry = useEntry(cache, asked);
  return (
    <Answered entry={entry} question={asked} rows={max ?? 6}>
      {(answer) => {
        const rows = answer.conversations ?? [];
        if (!rows.length) {
          return (
            <Empty>
              <strong>Nobody waits for a human.</strong> Whoever asks for one appears here.
            </Empty>
          );
        }
        return max ? (
          <ol class="queue">
            {rows.slice(0, max).map((row) => (
              <li key={row.id}>
                <QueueRow row={row} />
              </li>
            ))}
          </ol>
        ) : (
          <WholeQueue />
        );
      }}
    </Answered>
  );
}

function WholeQueue(): JSX.Element {
  const { agent } = useBoard();
  const pages = usePages(waiting(agent), 0);
  return (
    <>
      <p class="totals">
        <strong>{counted(pages.total, "conversation")}</strong> {pages.total === 1 ? "waits" : "wait"} for a human, the longest wait first.
        {pages.rows.length < pages.total && ` The first ${number(pages.rows.length)} are loaded.`}
      </p>
      <VirtualList items={pages.rows} total={pages.total} label="Waiting for a human" keyOf={(row) => row.id ?? ""} onNearEnd={pages.loadMore} state={pages.listState}>
        {drawRow}
      </VirtualList>
    </>
  );
}

const drawRow = (row: Row, index: number, tabIndex: number): JSX.Element => <QueueRow row={row} rank={index + 1} tabIndex={tabIndex} />;

interface QueueRowProps {
  row: Row;
  rank?: number;
  tabIndex?: number;
}

function QueueRow({ row, rank, tabIndex }: QueueRowProps): JSX.Element {
  const { feed, go, platform } = useBoard();
  const highlighted = feed.isHighlighted(row.id, useNow(10));
  const open = (): void => go({ name: "lead", lead: row.lead_id ?? row.id ?? "", agent: row.agent_id });
  return (
    <button type="button" class={`row ${rank ? "ranked" : ""} ${highlighted ? "highlighted" : ""}`} disabled={!platform.canCall} onClick={open} {...(tabIndex !== undefined && { tabIndex })}>
      {rank && <span class="rank">{rank}</span>}
      <span class="who">
        <span class="name">
          <Name of={row} />
          {highlighted && <Badge kind="new">changed</Badge>}
        </span>
        <About of={row} />
      </span>
      <span class="preview">
        <Text of={row.preview} />
      </span>
      <span class="end">{row.waiting_since ? <Clock since={row.waiting_since} /> : <span class="zero">since when is not known</span>}</span>
    </button>
  );
}
