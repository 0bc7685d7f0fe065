// In a browser: MCP over Streamable HTTP to the server that the page came from.
//
// A token is kept in memory only. The link that `convocore-mcp board` prints has one in its
// fragment that works once; it is exchanged for another one and removed from the address bar.

import { isObject, Refusal, TOKEN_NEEDED, type Answer, type Arguments } from "../answers.ts";
import { events } from "./events.ts";
import type { Home, Listener } from "./home.ts";
import { readResult } from "./results.ts";

const VERSION = "2026-07-28";
const META = "io.modelcontextprotocol/";
const WATCHED = "convocore://agents";
/** The server pings every 15 seconds; after this long without a byte, the connection is dead. */
const SILENCE_MS = 45_000;
const LONGEST_PAUSE_MS = 30_000;
const PATIENCE_MS = 40_000;

export class BrowserHome implements Home {
  readonly kind = "browser";
  readonly canCall = true;
  readonly canAsk = false;
  readonly canOpen = true;
  readonly canExpand = false;
  readonly inline = false;
  private readonly root = location.pathname.replace(/\/board\/?$/, "");
  private token = "";
  /** Views ask as soon as they are drawn; their questions wait until a link has been exchanged. */
  private readonly ready = Promise.withResolvers<void>();
  private lastId = 0;
  private asking = false;
  private following = false;
  /** Ends the stream of changes. */
  private stream = new AbortController();
  private listener!: Listener;

  start(listener: Listener): void {
    this.listener = listener;
    document.documentElement.dataset["display"] = "browser";
    const link = location.hash.slice(1);
    if (link) history.replaceState(null, "", location.pathname);
    listener.connection("connecting");
    if (link) void this.useToken(`#${link}`).finally(this.ready.resolve);
    else {
      this.ready.resolve();
      this.begin();
    }
  }

  /** Use what somebody has entered: a token, or a link (or its end) that `convocore-mcp board` printed. */
  async useToken(entered: string): Promise<void> {
    const link = entered.split("#")[1];
    try {
      this.token = link === undefined ? entered.trim() : await this.exchange(link.trim());
      if (this.asking) {
        this.asking = false;
        this.listener.changed(); // what was asked without this token got no answer
      }
      this.begin();
    } catch (error) {
      this.askForToken(error instanceof Refusal ? error.message : "The server can't be reached.");
    }
  }

  private begin(): void {
    if (!this.following) void this.follow();
  }

  private async exchange(link: string): Promise<string> {
    const response = await fetch(`${this.root}/board/session`, {
      method: "POST",
      headers: { Authorization: `Bearer ${link}` },
    });
    if (!response.ok) {
      throw new Refusal(TOKEN_NEEDED, "This link has been used, or belongs to an earlier run. The terminal shows a new one.");
    }
    return String(((await response.json()) as Record<string, unknown>)["token"]);
  }

  private askForToken(reason: string): void {
    if (this.asking) return;
    this.asking = true;
    this.listener.tokenNeeded(reason);
  }

  async call(tool: string, values: Arguments): Promise<Answer> {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const response = await this.send("tools/call", { name: tool, arguments: values }, patience);
    try {
      const type = response.headers.get("Content-Type") ?? "";
      if (!type.includes("text/event-stream")) return this.read(await response.json());
      for await (const message of events(response.body!)) {
        if (message["id"] !== undefined) return this.read(message);
      }
    } catch (error) {
      if (error instanceof Refusal) throw error;
      if (patience.aborted) throw tooSlow();
      if (error instanceof SyntaxError) {
        throw new Refusal("connection", "What answered is not the server of this page.", "A proxy may stand in between, or its login.");
      }
    }
    throw new Refusal("connection", "The connection was lost while the answer came.", "Try again.");
  }

  private read(message: unknown): Answer {
    if (isObject(message) && isObject(message["error"])) {
      throw new Refusal("internal", String(message["error"]["message"]));
    }
    return readResult(isObject(message) ? message["result"] : undefined);
  }

  /** Hear of every change, and connect again whenever the connection is lost. */
  private async follow(): Promise<void> {
    this.following = true;
    for (let failures = 0; !this.asking; ) {
      try {
        await this.listen(() => (failures = 0));
      } catch (error) {
        // Refused, but not what is entered now: another token came meanwhile.
        if (error instanceof Refusal && error.code === TOKEN_NEEDED && !this.asking) continue;
      }
      if (this.asking) break;
      this.listener.connection("lost");
      failures += 1;
      const pause = Math.min(500 * 2 ** failures, LONGEST_PAUSE_MS);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    this.following = false;
  }

  private async listen(heard: () => void): Promise<void> {
    const stream = new AbortController();
    this.stream = stream;
    let timer = setTimeout(() => stream.abort(), SILENCE_MS);
    const alive = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => stream.abort(), SILENCE_MS);
    };
    const wanted = { notifications: { resourceSubscriptions: [WATCHED] } };
    try {
      const response = await this.send("subscriptions/listen", wanted, stream.signal);
      for await (const message of events(response.body!, alive)) {
        const method = message["method"];
        if (method === "notifications/subscriptions/acknowledged") {
          heard();
          this.listener.connection("live");
        } else if (method === "notifications/resources/updated") this.listener.changed();
      }
    } finally {
      clearTimeout(timer);
    }
  }

  private async send(method: string, params: Arguments, signal: AbortSignal): Promise<Response> {
    await this.ready.promise;
    if (this.asking) throw new Refusal(TOKEN_NEEDED, "The server asks for a token.");
    const name = params["name"];
    const headers: Record<string, string> = {
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
      "MCP-Protocol-Version": VERSION,
      "Mcp-Method": method,
    };
    if (typeof name === "string") headers["Mcp-Name"] = name;
    const { token } = this;
    if (token) headers["Authorization"] = `Bearer ${token}`;
    const meta = {
      [`${META}protocolVersion`]: VERSION,
      [`${META}clientCapabilities`]: {},
      [`${META}clientInfo`]: { name: "convocore-board", version: "1" },
    };
    const body = JSON.stringify({ jsonrpc: "2.0", id: ++this.lastId, method, params: { ...params, _meta: meta } });
    const response = await fetch(`${this.root}/mcp`, { method: "POST", headers, body, signal }).catch(() => undefined);
    if (!response) {
      // The stream may not know yet that nobody is there: begin a new one, which tells when somebody is.
      if (signal.aborted) throw tooSlow();
      this.stream.abort();
      throw new Refusal("connection", "The server can't be reached.", "Is it still running?");
    }
    if (response.status === 401 || response.status === 403) {
      // A late answer to an earlier token says nothing about the present one.
      if (token === this.token) this.askForToken(token ? "The server did not accept this token." : "");
      throw new Refusal(TOKEN_NEEDED, "The server asks for a token.");
    }
    if (!response.ok) throw new Refusal("connection", `The server answered ${response.status}.`, "Try again in a moment.");
    return response;
  }

  async ask(): Promise<void> {
    // There is no model here: the question is offered for copying instead.
  }

  async open(url: string): Promise<void> {
    window.open(url, "_blank", "noopener,noreferrer");
  }

  async expand(): Promise<void> {
    // The page has the whole window.
  }
}

function tooSlow(): Refusal {
  return new Refusal("connection", `The server did not answer within ${PATIENCE_MS / 1000} seconds.`, "It may be busy. Try again in a moment.");
}
