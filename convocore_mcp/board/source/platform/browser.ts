// In a browser: MCP over Streamable HTTP to the server that the page came from.
//
// A token is kept in memory only. The link that `convocore-mcp board` prints has one in its
// fragment that works once; it is exchanged for another one and removed from the address bar.

import { isObject, CallError, TOKEN_NEEDED, type Answer, type Arguments } from "../answers.ts";
import { readEvents } from "./events.ts";
import type { Platform, Listener } from "./platform.ts";
import { readResult } from "./results.ts";

const PROTOCOL_VERSION = "2026-07-28";
const META_PREFIX = "io.modelcontextprotocol/";
const WATCHED_RESOURCE = "convocore://agents";
/** The server pings every 15 seconds; after this long without a byte, the connection is dead. */
const STREAM_IDLE_TIMEOUT_MS = 45_000;
const MAX_RECONNECT_DELAY_MS = 30_000;
const CALL_TIMEOUT_MS = 40_000;

export class BrowserPlatform implements Platform {
  readonly kind = "browser";
  readonly canCall = true;
  readonly canAsk = false;
  readonly canOpenLinks = true;
  readonly canExpand = false;
  readonly inline = false;
  private readonly root = location.pathname.replace(/\/board\/?$/, "");
  private token = "";
  /** Views call tools as soon as they are drawn; these calls wait until a link has been exchanged for a token. */
  private readonly ready = Promise.withResolvers<void>();
  private lastId = 0;
  private needsToken = false;
  private isWatching = false;
  /** Ends the stream of changes. */
  private stream = new AbortController();
  private listener!: Listener;

  start(listener: Listener): void {
    this.listener = listener;
    document.documentElement.dataset["display"] = "browser";
    const link = location.hash.slice(1);
    if (link) history.replaceState(null, "", location.pathname);
    listener.connectionChanged("connecting");
    if (link) void this.useToken(`#${link}`).finally(this.ready.resolve);
    else {
      this.ready.resolve();
      this.startWatching();
    }
  }

  /** Use what was entered: a token, or a link (or its fragment) that `convocore-mcp board` printed. */
  async useToken(entered: string): Promise<void> {
    const link = entered.split("#")[1];
    try {
      this.token = link === undefined ? entered.trim() : await this.exchange(link.trim());
      if (this.needsToken) {
        this.needsToken = false;
        this.listener.dataChanged(); // calls without this token got no answer
      }
      this.startWatching();
    } catch (error) {
      this.askForToken(error instanceof CallError ? error.message : "The server can't be reached.");
    }
  }

  private startWatching(): void {
    if (!this.isWatching) void this.watchChanges();
  }

  private async exchange(link: string): Promise<string> {
    const response = await fetch(`${this.root}/board/session`, {
      method: "POST",
      headers: { Authorization: `Bearer ${link}` },
    });
    if (!response.ok) {
      throw new CallError(TOKEN_NEEDED, "This link has been used, or belongs to an earlier run. The terminal shows a new one.");
    }
    return String(((await response.json()) as Record<string, unknown>)["token"]);
  }

  private askForToken(reason: string): void {
    if (this.needsToken) return;
    this.needsToken = true;
    this.listener.tokenNeeded(reason);
  }

  async call(tool: string, values: Arguments): Promise<Answer> {
    const timeout = AbortSignal.timeout(CALL_TIMEOUT_MS);
    const response = await this.send("tools/call", { name: tool, arguments: values }, timeout);
    try {
      const type = response.headers.get("Content-Type") ?? "";
      if (!type.includes("text/event-stream")) return this.readMessage(await response.json());
      for await (const message of readEvents(response.body!)) {
        if (message["id"] !== undefined) return this.readMessage(message);
      }
    } catch (error) {
      if (error instanceof CallError) throw error;
      if (timeout.aborted) throw timeoutError();
      if (error instanceof SyntaxError) {
        throw new CallError("connection", "What answered is not the server of this page.", "A proxy may stand in between, or its login.");
      }
    }
    throw new CallError("connection", "The connection was lost while the answer came.", "Try again.");
  }

  private readMessage(message: unknown): Answer {
    if (isObject(message) && isObject(message["error"])) {
      throw new CallError("internal", String(message["error"]["message"]));
    }
    return readResult(isObject(message) ? message["result"] : undefined);
  }

  /** Subscribe to changes, and reconnect whenever the connection is lost. */
  private async watchChanges(): Promise<void> {
    this.isWatching = true;
    for (let failures = 0; !this.needsToken; ) {
      try {
        await this.listenToChanges(() => (failures = 0));
      } catch (error) {
        // The old token was refused, and another one was entered meanwhile: use that one.
        if (error instanceof CallError && error.code === TOKEN_NEEDED && !this.needsToken) continue;
      }
      if (this.needsToken) break;
      this.listener.connectionChanged("lost");
      failures += 1;
      const delay = Math.min(500 * 2 ** failures, MAX_RECONNECT_DELAY_MS);
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
    this.isWatching = false;
  }

  private async listenToChanges(onConnected: () => void): Promise<void> {
    const stream = new AbortController();
    this.stream = stream;
    let timer = setTimeout(() => stream.abort(), STREAM_IDLE_TIMEOUT_MS);
    const onActivity = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => stream.abort(), STREAM_IDLE_TIMEOUT_MS);
    };
    const params = { notifications: { resourceSubscriptions: [WATCHED_RESOURCE] } };
    try {
      const response = await this.send("subscriptions/listen", params, stream.signal);
      for await (const message of readEvents(response.body!, onActivity)) {
        const method = message["method"];
        if (method === "notifications/subscriptions/acknowledged") {
          onConnected();
          this.listener.connectionChanged("live");
        } else if (method === "notifications/resources/updated") this.listener.dataChanged();
      }
    } finally {
      clearTimeout(timer);
    }
  }

  private async send(method: string, params: Arguments, signal: AbortSignal): Promise<Response> {
    await this.ready.promise;
    if (this.needsToken) throw new CallError(TOKEN_NEEDED, "The server asks for a token.");
    const name = params["name"];
    const headers: Record<string, string> = {
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
      "MCP-Protocol-Version": PROTOCOL_VERSION,
      "Mcp-Method": method,
    };
    if (typeof name === "string") headers["Mcp-Name"] = name;
    const { token } = this;
    if (token) headers["Authorization"] = `Bearer ${token}`;
    const meta = {
      [`${META_PREFIX}protocolVersion`]: PROTOCOL_VERSION,
      [`${META_PREFIX}clientCapabilities`]: {},
      [`${META_PREFIX}clientInfo`]: { name: "convocore-board", version: "1" },
    };
    const body = JSON.stringify({ jsonrpc: "2.0", id: ++this.lastId, method, params: { ...params, _meta: meta } });
    const response = await fetch(`${this.root}/mcp`, { method: "POST", headers, body, signal }).catch(() => undefined);
    if (!response) {
      // The stream of changes may not have noticed: end it, so that it reconnects and tells when the server is back.
      if (signal.aborted) throw timeoutError();
      this.stream.abort();
      throw new CallError("connection", "The server can't be reached.", "Is it still running?");
    }
    if (response.status === 401 || response.status === 403) {
      // A late answer to an earlier token says nothing about the present one.
      if (token === this.token) this.askForToken(token ? "The server did not accept this token." : "");
      throw new CallError(TOKEN_NEEDED, "The server asks for a token.");
    }
    if (!response.ok) throw new CallError("connection", `The server answered ${response.status}.`, "Try again in a moment.");
    return response;
  }

  async ask(): Promise<void> {
    // There is no model here: the question is offered for copying instead.
  }

  async openLink(url: string): Promise<void> {
    window.open(url, "_blank", "noopener,noreferrer");
  }

  async expand(): Promise<void> {
    // The page has the whole window.
  }
}

function timeoutError(): CallError {
  return new CallError("connection", `The server did not answer within ${CALL_TIMEOUT_MS / 1000} seconds.`, "It may be busy. Try again in a moment.");
}
