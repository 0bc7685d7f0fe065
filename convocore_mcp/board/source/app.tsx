// The frame around the views: what is shown, the way back, and what the home tells.

import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { AnswerCache } from "./answerCache.ts";
import { readResult, Refusal, type Question } from "./answers.ts";
import { BoardContext, type Board, type View } from "./board.ts";
import { ChangeFeed, told } from "./changeFeed.ts";
import { Header, IncompleteNote, Navigation } from "./frame.tsx";
import type { Connection, Home } from "./home/home.ts";
import { Empty, Refused, Skeleton } from "./parts/notices.tsx";
import { TokenForm } from "./tokenForm.tsx";
import { useViews } from "./viewStack.ts";
import { Changes } from "./views/changes.tsx";
import { Groups } from "./views/groups.tsx";
import { HotLeads } from "./views/hot.tsx";
import { Lead } from "./views/lead.tsx";
import { Overview } from "./views/overview.tsx";
import { Pipeline } from "./views/pipeline.tsx";
import { Rows } from "./views/rows.tsx";
import { Trend } from "./views/trend.tsx";
import { Waiting } from "./views/waiting.tsx";
import { lead as leadQuestion } from "./questions.ts";

interface Status {
  connection: Connection;
  token: string | undefined;
  opening: Question | undefined;
  refusal: Refusal | undefined;
  cancelled: boolean;
}

const START: Status = { connection: "connecting", token: undefined, opening: undefined, refusal: undefined, cancelled: false };

export function App({ home }: { home: Home }): JSX.Element {
  const cache = useMemo(() => new AnswerCache(home), [home]);
  const feed = useMemo(() => new ChangeFeed(home), [home]);
  const views = useViews(home);
  const [status, setStatus] = useState<Status>(START);
  const [, redraw] = useState({});
  const [said, say] = useState("");
  const update = (change: Partial<Status>): void => setStatus((before) => ({ ...before, ...change }));
  const agent = agentOf(status.opening);
  const agentNow = useRef(agent);
  agentNow.current = agent;

  useEffect(() => {
    const hear = feed.listen((fresh) => {
      const news = fresh.filter((change) => change.became?.length).slice(-3);
      if (news.length) say(news.map((change) => `${change.name ?? "Somebody"} ${told(change).join(", ")}`).join(". "));
    });
    let lost = false;
    const changed = (): void => {
      update({ token: undefined });
      cache.refresh();
      if (home.kind === "browser") void feed.update(agentNow.current);
    };
    home.start({
      asked: (question) => update({ opening: question }),
      answered: (question, result) => {
        try {
          cache.put(question, readResult(result));
          update({ opening: question, refusal: undefined });
        } catch (error) {
          update({ opening: question, refusal: error as Refusal });
        }
      },
      cancelled: () => update({ cancelled: true }),
      changed,
      connection: (connection) => {
        if (lost && connection === "live") changed();
        lost = connection === "lost";
        update({ connection });
      },
      tokenNeeded: (token) => update({ token }),
      surroundings: () => redraw({}),
    });
    return hear;
  }, [home]);

  const view = views.current ?? openingView(home, status.opening);
  const board: Board = { home, cache, feed, agent, opening: status.opening, go: views.go, replace: views.replace, back: views.back, say };
  return (
    <BoardContext.Provider value={board}>
      <Header connection={status.connection} />
      {status.token === undefined ? (
        <>
          <Navigation view={view} canGoBack={views.canGoBack} />
          <IncompleteNote />
          <main class={`view-${view?.name ?? "none"}`}>
            <Shown key={views.depth} view={view} depth={views.depth} status={status} />
          </main>
        </>
      ) : (
        <main>
          <TokenForm reason={status.token} />
        </main>
      )}
      <p class="unseen" role="status">
        {said}
      </p>
    </BoardContext.Provider>
  );
}

function agentOf(opening: Question | undefined): string {
  const named = opening?.arguments["agent_id"];
  return typeof named === "string" && named ? named : "all";
}

/** What the page was opened for; in a browser, everything at a glance. */
function openingView(home: Home, opening: Question | undefined): View | undefined {
  if (home.kind === "browser") return { name: "overview" };
  switch (opening?.tool) {
    case undefined:
      return undefined;
    case "list_leads":
      return { name: "rows", title: "Leads", question: opening };
    case "conversation_stats":
      return { name: "groups", question: opening };
    case "get_lead":
      return { name: "lead", lead: String(opening.arguments["lead"] ?? "") };
    default:
      return { name: "hot" };
  }
}

function Shown({ view, depth, status }: { view: View | undefined; depth: number; status: Status }): JSX.Element {
  if (status.refusal && status.opening && view && isOpening(view, status.opening)) {
    return <Refused by={status.refusal} question={status.opening} />;
  }
  if (status.cancelled && !status.opening) return <Empty>The call was cancelled. Ask again in the chat.</Empty>;
  if (!view) return <Skeleton rows={4} />;
  const title = titleOf(view);
  return (
    <>
      {title && <ViewTitle key={title}>{title}</ViewTitle>}
      <Content view={view} depth={depth} opening={status.opening} />
    </>
  );
}

function Content({ view, depth, opening }: { view: View; depth: number; opening: Question | undefined }): JSX.Element {
  switch (view.name) {
    case "overview":
      return <Overview />;
    case "hot":
      return <HotLeads question={opening?.tool === "summarize_hot_leads" ? opening : undefined} />;
    case "pipeline":
      return <Pipeline />;
    case "waiting":
      return <Waiting />;
    case "trend":
      return <Trend />;
    case "changes":
      return <Changes />;
    case "rows":
      return <Rows view={view} depth={depth} />;
    case "groups":
      return <Groups question={view.question} />;
    case "lead": {
      const opened = opening?.tool === "get_lead" && opening.arguments["lead"] === view.lead;
      return <Lead question={opened ? opening : leadQuestion(view.lead, view.agent)} agent={view.agent ?? agentOf(opening)} />;
    }
  }
}

function isOpening(view: View, opening: Question): boolean {
  const names: Record<string, string> = { list_leads: "rows", conversation_stats: "groups", get_lead: "lead" };
  return view.name === (names[opening.tool] ?? "hot");
}

const TITLES: Record<string, string> = {
  hot: "Hot leads",
  pipeline: "Pipeline",
  waiting: "Waiting for a human",
  trend: "New leads by day",
  changes: "What has changed",
};

function titleOf(view: View): string {
  if (view.name === "rows") return view.title;
  if (view.name === "groups") return [view.question.arguments["group_by"] ?? []].flat().length ? "Numbers by group" : "Numbers";
  return TITLES[view.name] ?? "";
}

/** The heading of a view. It takes the focus when somebody has gone there, so that a screen reader reads on from it. */
function ViewTitle({ children }: { children: string }): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (document.activeElement !== document.body) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <h2 ref={heading} tabIndex={-1} class="view-title" dir="auto">
      {children}
    </h2>
  );
}
