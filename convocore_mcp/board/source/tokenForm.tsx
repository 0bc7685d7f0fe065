// Asks for the token that the server wants. It is kept in memory until the page is closed.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useBoard } from "./board.ts";

export function TokenForm({ reason }: { reason: string }): JSX.Element {
  const { platform } = useBoard();
  const [entered, setEntered] = useState("");
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    field.current?.focus();
    setBusy(false);
  }, [reason]);
  return (
    <form
      class="token"
      onSubmit={(event) => {
        event.preventDefault();
        setBusy(true);
        void platform.useToken(entered).finally(() => {
          setBusy(false);
          setEntered("");
        });
      }}
    >
      <h2>Connect</h2>
      <p>
        This server shows its data to whoever has a token: one of <code>CONVOCORE_MCP_TOKENS</code>, or the link that{" "}
        <code>convocore-mcp board</code> shows in its terminal.
      </p>
      {reason && (
        <p class="notice bad" role="alert" id="token-reason">
          {reason}
        </p>
      )}
      <label>
        <span>Token or link</span>
        <input
          ref={field}
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          value={entered}
          aria-describedby={reason ? "token-reason" : "token-memory"}
          onInput={(event) => setEntered(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="primary" disabled={busy}>
        Connect
      </button>
      <p class="hint" id="token-memory">
        It stays in the memory of this page and nowhere else; after a reload you are asked again.
      </p>
    </form>
  );
}
