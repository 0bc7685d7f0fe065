// Where hot leads come from.

import type { JSX } from "preact";
import { useEntry } from "../answerCache.ts";
import { useBoard } from "../board.ts";
import { humanize } from "../format.ts";
import { Bar } from "../parts/bar.tsx";
import { Count } from "../parts/figures.tsx";
import { Answered } from "../parts/notices.tsx";
import { Text } from "../parts/text.tsx";
import { hotLeads, leadsWith, quoted } from "../questions.ts";

const MAX_CHANNELS = 8;

export function HotChannels(): JSX.Element {
  const { cache, agent, go } = useBoard();
  const asked = hotLeads(agent);
  const entry = useEntry(cache, asked);
  return (
    <Answered entry={entry} question={asked} rows={3}>
      {(answer) => {
        const channels = Object.entries(answer.by_channel ?? {}).sort(([, a], [, b]) => b - a);
        const largest = channels[0]?.[1] ?? 1;
        if (!channels.length) return <p class="hint">No lead is hot.</p>;
        return (
          <ul class="channels">
            {channels.slice(0, MAX_CHANNELS).map(([channel, count]) => {
              const where = ["hot=true", channel === "none" ? "channel missing" : `channel=${quoted(channel)}`];
              const title = `Hot leads by ${humanize(channel)}`;
              return (
                <li key={channel}>
                  <Text of={channel === "none" ? "Not known" : humanize(channel)} />
                  <Bar share={count / largest} part={1} />
                  <Count value={count} label={title} complete={answer.freshness?.complete ?? true} onOpen={() => go({ name: "rows", title, question: leadsWith(agent, { where }) })} />
                </li>
              );
            })}
          </ul>
        );
      }}
    </Answered>
  );
}
