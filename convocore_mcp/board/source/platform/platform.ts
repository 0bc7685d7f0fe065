// What the page runs on: a chat that hosts it (`host.ts`), or a browser (`browser.ts`).

import type { Answer, Arguments, Question, CallError } from "../answers.ts";

/** `once`: the data is not updated by itself, as in a chat. */
export type Connection = "once" | "connecting" | "live" | "lost";

/** Receives what a platform tells the page. */
export interface Listener {
  /** A tool was called in the chat; its answer follows. */
  callStarted(question: Question): void;
  callAnswered(question: Question, answer: Answer): void;
  /** The call failed; without a question, the connection to the host did. */
  callFailed(question: Question | undefined, error: CallError): void;
  /** Data may have changed: what is shown may be out of date. */
  dataChanged(): void;
  connectionChanged(state: Connection): void;
  /** A token is needed; `reason` says why the last one was refused. */
  tokenNeeded(reason: string): void;
  /** The host's theme, language, size or capabilities have changed. */
  contextChanged(): void;
}

export interface Platform {
  readonly kind: "host" | "browser";
  /** Whether tools can be called from here. */
  readonly canCall: boolean;
  /** Whether a question can be put to the model. */
  readonly canAsk: boolean;
  readonly canOpenLinks: boolean;
  /** Whether the page may ask for the whole window. */
  readonly canExpand: boolean;
  /** Whether the page is a small part of a longer chat. */
  readonly inline: boolean;
  start(listener: Listener): void;
  call(tool: string, values: Arguments): Promise<Answer>;
  ask(text: string): Promise<void>;
  openLink(url: string): Promise<void>;
  expand(): Promise<void>;
  useToken(entered: string): Promise<void>;
}
