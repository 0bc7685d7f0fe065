// The entry point: find out what the page runs on, and show the board.

import { render } from "preact";
import { App } from "./app.tsx";
import { BrowserPlatform } from "./platform/browser.ts";
import { HostPlatform } from "./platform/host.ts";
import "./styles/tokens.css";
import "./styles/frame.css";
import "./styles/parts.css";
import "./styles/views.css";

// A browser never shows the page inside another one: its Content-Security-Policy forbids that.
const platform = parent === window ? new BrowserPlatform() : new HostPlatform();
render(<App platform={platform} />, document.getElementById("board")!);
