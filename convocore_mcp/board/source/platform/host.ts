// Inside a chat: JSON-RPC with the host by postMessage (MCP Apps, protocol 2026-01-26).
//
// The page has an opaque origin and does not know the host's, so messages go to "*": none of them
// holds a secret. Only messages of the parent window are read.

import { isObject, CallError, type Answer, type Arguments, type Question } from "../answers.ts";
import { applyHostContext, type HostContext } from "./hostContext.ts";
import type { Platform, Listener } from "./platform.ts";
import { readResult, openingTool, toolThatAnswered } from "./results.ts";

const PROTOCOL_VERSION = "2026-01-26";
const REQUEST_TIMEOUT_MS = 60_000;
const METHOD_NOT_FOUND = -32601;

interface Pending {
  resolve(value: Record<string, unknown>): void;
  reject(reason: CallError): void;
}

export class HostPlatform implements Platform {
  readonly kind = "host";
  canCall = false;
  canAsk = false;
  canOpenLinks = false;
  private readonly pending = new Map<number, Pending>();
  private lastId = 0;
  private context: HostContext = {};
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
    this.initialize().catch((error: CallError) => listener.callFailed(undefined, error));
  }

  private async initialize(): Promise<void> {
    const result = await this.request("ui/initialize", {
      protocolVersion: PROTOCOL_VERSION,
      appInfo: { name: "convocore-board", version: "1" },
      appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
    });
    const capabilities = (isObject(result["hostCapabilities"]) ? result["hostCapabilities"] : {}) as Record<string, unknown>;
    this.canCall = isObject(capabilities["serverTools"]);
    this.canAsk = isObject(capabilities["message"]);
    this.canOpenLinks = isObject(capabilities["openLinks"]);
    this.updateContext(result["hostContext"]);
    this.post({ method: "ui/notifications/initialized", params: {} });
    this.reportSize();
    this.listener.connectionChanged("once");
  }

  private receive(message: Record<string, unknown>): void {
    const { id, method, params, result, error } = message;
    if (typeof method === "string") {
      if (id === undefined) this.handleNotification(method, isObject(params) ? params : {});
      else if (method === "ping" || method === "ui/resource-teardown") this.post({ id, result: {} });
      else this.post({ id, error: { code: METHOD_NOT_FOUND, message: `The board has no ${method}.` } });
      return;
    }
    const pending = typeof id === "number" ? this.pending.get(id) : undefined;
    if (!pending) return;
    this.pending.delete(id as number);
    if (isObject(error)) pending.reject(new CallError("host", String(error["message"] ?? "The host refused.")));
    else pending.resolve(isObject(result) ? result : {});
  }

  private handleNotification(method: string, params: Record<string, unknown>): void {
    if (method === "ui/notifications/tool-input") {
      this.input = isObject(params["arguments"]) ? params["arguments"] : {};
      const tool = this.tool();
      if (tool) this.listener.callStarted({ tool, arguments: this.input });
    } else if (method === "ui/notifications/tool-result") {
      this.handleResult(params);
    } else if (method === "ui/notifications/tool-cancelled") {
      const tool = this.tool();
      const cancelled = new CallError("cancelled", "The call was cancelled.", "Ask again in the chat.");
      this.listener.callFailed(tool ? { tool, arguments: this.input } : undefined, cancelled);
    } else if (method === "ui/notifications/host-context-changed") {
      this.updateContext(params);
    }
  }

  private handleResult(result: unknown): void {
    const question = (tool: string): Question => ({ tool, arguments: this.input });
    try {
      const answer = readResult(result);
      this.listener.callAnswered(question(this.tool() ?? toolThatAnswered(answer)), answer);
    } catch (error) {
      this.listener.callFailed(question(this.tool() ?? "summarize_hot_leads"), error as CallError);
    }
  }

  /** The tool whose answer opened the page, if the host says which one. */
  private tool(): string | undefined {
    const { toolInfo } = this.context;
    const tool = isObject(toolInfo) ? toolInfo["tool"] : undefined;
    return isObject(tool) ? openingTool(tool["name"]) : undefined;
  }

  private updateContext(context: unknown): void {
    this.context = { ...this.context, ...(isObject(context) ? context : {}) };
    applyHostContext(this.context);
    this.listener.contextChanged();
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
    await this.requestAccepted("ui/message", { role: "user", content: [{ type: "text", text }] });
  }

  async openLink(url: string): Promise<void> {
    await this.requestAccepted("ui/open-link", { url });
  }

  async expand(): Promise<void> {
    const { mode } = await this.request("ui/request-display-mode", { mode: "fullscreen" });
    this.updateContext({ displayMode: mode });
  }

  async useToken(): Promise<void> {
    // The host has its own way to the server.
  }

  private async requestAccepted(method: string, params: Arguments): Promise<void> {
    if ((await this.request(method, params))["isError"]) throw new CallError("host", "The chat did not take it.");
  }

  private request(method: string, params: Arguments): Promise<Record<string, unknown>> {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.post({ id, method, params });
      setTimeout(() => {
        if (this.pending.delete(id)) reject(new CallError("host", "The chat did not answer.", "Try again."));
      }, REQUEST_TIMEOUT_MS);
    });
  }

  private post(message: Record<string, unknown>): void {
    parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
  }
}
