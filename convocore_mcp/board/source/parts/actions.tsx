// What somebody can do with a lead: prepare a call, open a link after its address was shown, copy a contact.

import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { useBoard } from "../board.ts";
import { Text } from "./text.tsx";

/**
 * What the model is asked. It holds the lead's ID and not the name: a visitor chooses the name, and
 * this becomes a message of the user's.
 */
export function preparationPrompt(leadId: string): string {
  return `Prepare me for the call with the lead ${JSON.stringify(leadId)}.`;
}

export function PrepareButton({ lead, primary = false }: { lead: string; primary?: boolean }): JSX.Element | null {
  const { platform, announce } = useBoard();
  const [state, setState] = useState("");
  if (platform.kind === "host" && !platform.canAsk) return null;
  const done = (text: string): void => {
    setState(text);
    announce(text);
    setTimeout(() => setState(""), 4000);
  };
  const act = async (): Promise<void> => {
    try {
      if (platform.canAsk) await platform.ask(preparationPrompt(lead));
      else await copy(preparationPrompt(lead));
      done(platform.canAsk ? "Asked in the chat" : "Copied: paste it to your assistant");
    } catch {
      done(platform.canAsk ? "The chat did not take it" : "Copying is not allowed here");
    }
  };
  return (
    <button type="button" class={primary ? "primary" : ""} onClick={() => void act()}>
      {state || (platform.canAsk ? "Prepare me for the call" : "Copy a question for my assistant")}
    </button>
  );
}

export function CopyButton({ text, what }: { text: string; what: string }): JSX.Element {
  const { announce } = useBoard();
  const [state, setState] = useState("");
  const act = async (): Promise<void> => {
    const done = await copy(text).then(
      () => true,
      () => false,
    );
    setState(done ? "Copied" : "Not allowed here");
    announce(done ? `${what} copied` : "Copying is not allowed here");
    setTimeout(() => setState(""), 2000);
  };
  return (
    <button type="button" class="quiet" aria-label={`Copy ${what}`} onClick={() => void act()}>
      {state || "Copy"}
    </button>
  );
}

async function copy(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
}

const HOST = /^([a-z0-9-]+\.)+[a-z0-9-]{2,}$/i;

/** The address behind a text of the record, if it is one that may be opened. */
export function safeUrl(text: string): URL | undefined {
  try {
    const url = new URL(/^[a-z][a-z0-9+.-]*:/i.test(text) ? text : `https://${text}`);
    const plain = (url.protocol === "https:" || url.protocol === "http:") && !url.username && !url.password;
    return plain && HOST.test(url.hostname) ? url : undefined;
  } catch {
    return undefined;
  }
}

/** A link of the record. A click shows where it leads; only a second one goes there. */
export function RecordLink({ text }: { text: string }): JSX.Element {
  const { platform } = useBoard();
  const dialog = useRef<HTMLDialogElement>(null);
  const url = safeUrl(text);
  if (!url) return <Text of={text} />;
  const close = (): void => dialog.current?.close();
  return (
    <>
      <button type="button" class="link" onClick={() => dialog.current?.showModal()}>
        <Text of={text} />
      </button>
      <dialog ref={dialog} aria-label="Open a link of the record">
        <p>This link comes from the record. It leads to</p>
        <p class="address">
          <bdi dir="ltr">{url.origin}</bdi>
        </p>
        <p class="address-whole">
          <bdi dir="ltr">{url.href}</bdi>
        </p>
        <div class="buttons">
          {platform.canOpenLinks && (
            <button
              type="button"
              class="primary"
              onClick={() => {
                close();
                void platform.openLink(url.href).catch(() => undefined);
              }}
            >
              Open
            </button>
          )}
          <CopyButton text={url.href} what="address" />
          <button type="button" onClick={close}>
            Cancel
          </button>
        </div>
      </dialog>
    </>
  );
}
