// Inside a chat: JSON-RPC with the host by postMessage (MCP Apps, protocol 2026-01-26).
//
// The page has an opaque origin and does not know the host's, so messages go to "*": none of them
// holds a secret. Only messages of the parent window are read.

import { isObject, Refusal, type Answer, type Arguments, type Question } from "../answers.ts";
import { applySurroundings, type Surroundings } from "./surroundings.ts";
import type { Home, Listener } from "./home.ts";
import { readResult, toolNamed, toolOf } from "./results.ts";

const VERSION = "2026-01-26";
const PATIENCE_MS = 60_000;
const METHOD_NOT_FOUND = -32601;

interface Pending {
  resolve(value: Record<string, unknown>): void;
  reject(reason: Refusal): void;
}

interface Context extends Surroundings {
  toolInfo?: unknown;
  availableDisplayModes?: unknown;
}

export class HostHome implements Home {
  readonly kind = "host";
  canCall = false;
  canAsk = false;
  canOpen = false;
  private readonly pending = new Map<number, Pending>();
  private lastId = 0;
  private context: Context = {};
  private input: Arguments = {};
  private listener!: Listener;

  get canExpand(): boolean {
    const modes = this.context.availableDisplayModes;
    return this.inline && Array.isArray(modes) && modes.includes("fullscreen");
  }

  get inline(): boolean {
    return (this.context.displayMode ?? "inline") === "inline";
  }

  start(listener: Listener): void {
    this.listener = listener;
    addEventListener("message", (event) => {
      if (event.source === parent && isObject(event.data) && event.data["jsonrpc"] === "2.0") this.receive(event.data);
    });
    this.shakeHands().catch((refusal: Refusal) => listener.refused(undefined, refusal));
  }

  private async shakeHands(): Promise<void> {
    const result = await this.request("ui/initialize", {
      protocolVersion: VERSION,
      appInfo: { name: "convocore-board", version: "1" },
      appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
    });
    const can = (isObject(result["hostCapabilities"]) ? result["hostCapabilities"] : {}) as Record<string, unknown>;
    this.canCall = isObject(can["serverTools"]);
    this.canAsk = isObject(can["message"]);
    this.canOpen = isObject(can["openLinks"]);
    this.take(result["hostContext"]);
    this.post({ method: "ui/notifications/initialized", params: {} });
    this.reportSize();
    this.listener.connection("once");
  }

  private receive(message: Record<string, unknown>): void {
    const { id, method, params, result, error } = message;
    if (typeof method === "string") {
      if (id === undefined) this.notice(method, isObject(params) ? params : {});
      else if (method === "ping" || method === "ui/resource-teardown") this.post({ id, result: {} });
      else this.post({ id, error: { code: METHOD_NOT_FOUND, message: `The board has no ${method}.` } });
      return;
    }
    const pending = typeof id === "number" ? this.pending.get(id) : undefined;
    if (!pending) return;
    this.pending.delete(id as number);
    if (isObject(error)) pending.reject(new Refusal("host", String(error["message"] ?? "The host refused.")));
    else pending.resolve(isObject(result) ? result : {});
  }

  private notice(method: string, params: Record<string, unknown>): void {
    if (method === "ui/notifications/tool-input") {
      this.input = isObject(params["arguments"]) ? params["arguments"] : {};
      const tool = this.tool();
      if (tool) this.listener.asked({ tool, arguments: this.input });
    } else if (method === "ui/notifications/tool-result") {
      this.takeResult(params);
    } else if (method === "ui/notifications/tool-cancelled") {
      const tool = this.tool();
      const cancelled = new Refusal("cancelled", "The call was cancelled.", "Ask again in the chat.");
      this.listener.refused(tool ? { tool, arguments: this.input } : undefined, cancelled);
    } else if (method === "ui/notifications/host-context-changed") {
      this.take(params);
    }
  }

  private takeResult(result: unknown): void {
    const question = (tool: string): Question => ({ tool, arguments: this.input });
    try {
      const answer = readResult(result);
      this.listener.answered(question(this.tool() ?? toolOf(answer)), answer);
    } catch (refusal) {
      this.listener.refused(question(this.tool() ?? "summarize_hot_leads"), refusal as Refusal);
    }
  }

  /** The tool that the page was opened with, if the host tells. */
  private tool(): string | undefined {
    const { toolInfo } = this.context;
    const tool = isObject(toolInfo) ? toolInfo["tool"] : undefined;
    return isObject(tool) ? toolNamed(tool["name"]) : undefined;
  }

  private take(context: unknown): void {
    this.context = { ...this.context, ...(isObject(context) ? context : {}) };
    applySurroundings(this.context);
    this.listener.surroundings();
  }

  private reportSize(): void {
    const page = document.getElementById("board")!;
    const report = (): void => {
      const { width, height } = page.getBoundingClientRect();
      this.post({
        method: "ui/notifications/size-changed",
        params: { width: Math.ceil(width), height: Math.ceil(height) },
      });
    };
    new ResizeObserver(report).observe(page);
  }

  async call(tool: string, values: Arguments): Promise<Answer> {
    return readResult(await this.request("tools/call", { name: tool, arguments: values }));
  }

  async ask(text: string): Promise<void> {
    await this.accepted("ui/message", { role: "user", content: [{ type: "text", text }] });
  }

  async open(url: string): Promise<void> {
    await this.accepted("ui/open-link", { url });
  }

  async expand(): Promise<void> {
    const { mode } = await this.request("ui/request-display-mode", { mode: "fullscreen" });
    this.take({ displayMode: mode });
  }

  async useToken(): Promise<void> {
    // The host has its own way to the server.
  }

  private async accepted(method: string, params: Arguments): Promise<void> {
    if ((await this.request(method, params))["isError"]) throw new Refusal("host", "The chat did not take it.");
  }

  private request(method: string, params: Arguments): Promise<Record<string, unknown>> {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.post({ id, method, params });
      setTimeout(() => {
        if (this.pending.delete(id)) reject(new Refusal("host", "The chat did not answer.", "Try again."));
      }, PATIENCE_MS);
    });
  }

  private post(message: Record<string, unknown>): void {
    parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
  }
}
