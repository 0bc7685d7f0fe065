// A chat in miniature: it shows the board in a frame as a host does, with the AppBridge of ext-apps.
// The tests call the tools for it (`callTool`) and read what it was asked to do (`asked`).

import { AppBridge, PostMessageTransport } from "@modelcontextprotocol/ext-apps/app-bridge";

type Json = Record<string, unknown>;

interface Opened {
  result: Json;
  values: Json;
  context: Json;
  capabilities: Json;
}

declare global {
  interface Window {
    callTool(name: string, values: Json): Promise<never>;
    openBoard(opened: Opened): Promise<void>;
    changeContext(context: Json): void;
    sendResult(result: Json): Promise<void>;
    cancelCall(): Promise<void>;
    asked: Json[];
  }
}

let bridge: AppBridge;
window.asked = [];

window.openBoard = async ({ result, values, context, capabilities }) => {
  const frame = document.querySelector("iframe")!;
  bridge = new AppBridge(null, { name: "test-host", version: "1" }, capabilities, { hostContext: context });
  bridge.oncalltool = (params) => window.callTool(params.name, (params.arguments ?? {}) as Json);
  bridge.onmessage = async (params) => {
    window.asked.push({ message: params });
    return {};
  };
  bridge.onopenlink = async ({ url }) => {
    window.asked.push({ url });
    return {};
  };
  bridge.onrequestdisplaymode = async ({ mode }) => ({ mode });
  bridge.onsizechange = ({ height }) => {
    frame.style.height = `${height}px`;
  };
  const ready = new Promise<void>((resolve) => {
    bridge.oninitialized = () => resolve();
  });
  const transport = new PostMessageTransport(frame.contentWindow!, frame.contentWindow!);
  await bridge.connect(transport);
  frame.src = "http://board.test/";
  await ready;
  await bridge.sendToolInput({ arguments: values });
  if (Object.keys(result).length) await window.sendResult(result);
};

window.sendResult = (result) => bridge.sendToolResult(result as never);
window.cancelCall = () => bridge.sendToolCancelled({ reason: "somebody pressed Stop" });
window.changeContext = (context) => bridge.setHostContext(context);
