// What was said, when somebody wants to read it: transcripts count against a quota.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useEntry } from "../answerCache.ts";
import type { Answer, Lead, Question } from "../answers.ts";
import { useBoard } from "../board.ts";
import { dateOrTime, number, counted, humanize } from "../format.ts";
import { Answered, Empty } from "../parts/notices.tsx";
import { directionOf, Text } from "../parts/text.tsx";
import { Ago } from "../parts/times.tsx";

const FIRST_TURNS = 30;
const MAX_TURNS = 200;

export function Transcripts({ of, agent }: { of: Lead; agent: string | undefined }): JSX.Element {
  const { platform } = useBoard();
  const [open, setOpen] = useState("");
  return (
    <ul class="conversations">
      {of.conversations.map((conversation) => (
        <li key={conversation.id}>
          <div class="conversation">
            <span>
              <Text of={conversation.channel ? humanize(conversation.channel) : "Conversation"} />
              {conversation.state && (
                <>
                  , <Text of={humanize(conversation.state)} />
                </>
              )}
              <span class="hint">
                {" "}
                {conversation.messages !== undefined && `${counted(conversation.messages, "message")}, `}
                <Ago at={conversation.last_activity} />
              </span>
            </span>
            {platform.canCall && (
              <button type="button" class="quiet" aria-expanded={open === conversation.id} onClick={() => setOpen(open === conversation.id ? "" : conversation.id)}>
                {open === conversation.id ? "Close" : "Read it"}
              </button>
            )}
          </div>
          {open === conversation.id && <Transcript id={conversation.id} agent={agent} />}
        </li>
      ))}
      {(of.conversations_total ?? 0) > of.conversations.length && <li class="hint">The newest {number(of.conversations.length)} are listed.</li>}
    </ul>
  );
}

function Transcript({ id, agent }: { id: string; agent: string | undefined }): JSX.Element {
  const { cache } = useBoard();
  const [turns, setTurns] = useState(FIRST_TURNS);
  const question: Question = { tool: "get_conversation", arguments: { conversation: id, turns, ...(agent && agent !== "all" && { agent_id: agent }) } };
  const entry = useEntry(cache, question);
  return (
    <Answered entry={entry} question={question} rows={3}>
      {(answer) => <Turns answer={answer} onAll={turns < MAX_TURNS ? () => setTurns(MAX_TURNS) : undefined} />}
    </Answered>
  );
}

function Turns({ answer, onAll }: { answer: Answer; onAll: (() => void) | undefined }): JSX.Element {
  const { turns = [], total = turns.length, unavailable } = answer.transcript ?? {};
  if (unavailable || !turns.length) {
    return (
      <Empty>
        <Text of={unavailable ?? "Nothing was said."} />
      </Empty>
    );
  }
  return (
    <>
      {total > turns.length && (
        <p class="hint">
          The newest {number(turns.length)} of {counted(total, "turn")}.{" "}
          {onAll && (
            <button type="button" class="quiet" onClick={onAll}>
              Show more
            </button>
          )}
        </p>
      )}
      <ol class="turns" tabIndex={0} aria-label="Transcript">
        {turns.map((turn, index) => (
          <li key={index} class={turn.from === "visitor" ? "visitor" : "ours"}>
            <span class="hint">
              <Text of={humanize(turn.from ?? "unknown")} />
              {turn.at && (
                <>
                  , <Text of={dateOrTime(turn.at)} />
                </>
              )}
            </span>
            <p dir={directionOf(turn.text ?? "")}>{turn.text}</p>
          </li>
        ))}
      </ol>
    </>
  );
}
