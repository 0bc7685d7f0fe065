// The page begins here: find out where it lives, and show the board.

import { render } from "preact";
import { App } from "./app.tsx";
import { BrowserHome } from "./home/browser.ts";
import { HostHome } from "./home/host.ts";
import "./styles/tokens.css";
import "./styles/frame.css";
import "./styles/parts.css";
import "./styles/views.css";

// A browser never shows the page inside another one: its Content-Security-Policy forbids that.
const home = parent === window ? new BrowserHome() : new HostHome();
render(<App home={home} />, document.getElementById("board")!);
