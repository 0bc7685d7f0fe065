// Where the page lives. The same page runs inside a chat (`host.ts`) and in a browser (`browser.ts`).

import type { Answer, Arguments, Question, Refusal } from "../answers.ts";

export type Connection = "once" | "connecting" | "live" | "lost";

/** What a home tells the page. */
export interface Listener {
  /** A tool was called in the chat; its answer follows. */
  asked(question: Question): void;
  answered(question: Question, answer: Answer): void;
  /** There is no answer to what was asked, or if nothing was, no connection. */
  refused(question: Question | undefined, refusal: Refusal): void;
  /** What was shown may no longer be true. */
  changed(): void;
  connection(state: Connection): void;
  /** A token is needed; `reason` is why the last one did not do. */
  tokenNeeded(reason: string): void;
  /** The theme, the language, the size or what is possible here has changed. */
  surroundings(): void;
}

export interface Home {
  readonly kind: "host" | "browser";
  /** Whether tools can be called from here. */
  readonly canCall: boolean;
  /** Whether a question can be put to the model. */
  readonly canAsk: boolean;
  readonly canOpen: boolean;
  /** Whether the page may ask for the whole window. */
  readonly canExpand: boolean;
  /** Whether the page is a small part of a longer chat. */
  readonly inline: boolean;
  start(listener: Listener): void;
  call(tool: string, values: Arguments): Promise<Answer>;
  ask(text: string): Promise<void>;
  open(url: string): Promise<void>;
  expand(): Promise<void>;
  useToken(entered: string): Promise<void>;
}
