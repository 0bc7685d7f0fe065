// The frame around the views: what is shown, the way back, and what the platform reports.

import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { AnswerCache } from "./answerCache.ts";
import type { Question, CallError } from "./answers.ts";
import { BoardContext, useAfterPaint, useBoard, type Board, type View } from "./board.ts";
import { ChangeFeed, describeChange } from "./changeFeed.ts";
import { Header, IncompleteNote, Navigation } from "./frame.tsx";
import type { Connection, Platform } from "./platform/platform.ts";
import { ErrorBoundary, Notice, Skeleton } from "./parts/notices.tsx";
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
import { questionsOf } from "./questions.ts";

interface Status {
  connection: Connection;
  /** Why a token is asked for; `undefined` where none is. */
  tokenReason: string | undefined;
  opening: Question | undefined;
  /** Why there is nothing to show at all. */
  error: CallError | undefined;
}

const INITIAL_STATUS: Status = { connection: "connecting", tokenReason: undefined, opening: undefined, error: undefined };

export function App({ platform }: { platform: Platform }): JSX.Element {
  const cache = useMemo(() => new AnswerCache(platform), [platform]);
  const feed = useMemo(() => new ChangeFeed(platform), [platform]);
  const views = useViews(platform);
  const [status, setStatus] = useState<Status>(INITIAL_STATUS);
  const [, redraw] = useState({});
  const [announcement, announce] = useState("");
  const update = (change: Partial<Status>): void => setStatus((before) => ({ ...before, ...change }));
  const agent = agentOf(status.opening);
  const latestAgent = useRef(agent);
  latestAgent.current = agent;

  useEffect(() => {
    const stopListening = feed.listen((fresh) => {
      const news = fresh.filter((change) => change.became?.length).slice(-3);
      if (news.length) announce(news.map((change) => `${change.name ?? "Somebody"} ${describeChange(change).join(", ")}`).join(". "));
    });
    let lost = false;
    const dataChanged = (): void => {
      update({ tokenReason: undefined });
      cache.refresh();
      if (platform.kind === "browser") void feed.update(latestAgent.current);
    };
    platform.start({
      callStarted: (question) => {
        cache.markLoading(question);
        update({ opening: question });
      },
      callAnswered: (question, answer) => {
        cache.put(question, answer);
        update({ opening: question });
      },
      callFailed: (question, error) => {
        if (question) cache.putError(question, error);
        update(question ? { opening: question } : { error });
      },
      dataChanged,
      connectionChanged: (connection) => {
        if (lost && connection === "live") dataChanged();
        lost = connection === "lost";
        update({ connection });
      },
      tokenNeeded: (tokenReason) => update({ tokenReason }),
      contextChanged: () => redraw({}),
    });
    return stopListening;
  }, [platform]);

  const isTitlePainted = useAfterPaint(views.navigations, 0) === views.navigations;
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    // Move the focus to the new view: the button that was pressed may be gone.
    if (views.navigations) (main.current!.querySelector<HTMLElement>("h2[tabindex]") ?? main.current!).focus({ preventScroll: true });
  }, [views.navigations]);
  useEffect(() => {
    if (views.navigations) scrollTo(0, isTitlePainted ? views.scrollTop : 0);
  }, [views.navigations, isTitlePainted]);

  const view = views.current ?? openingView(platform, status.opening);
  const preload = (next: View): void => {
    for (const question of questionsOf(next, agent, status.opening)) void cache.load(question);
  };
  const board: Board = {
    platform,
    cache,
    feed,
    agent,
    opening: status.opening,
    go(next) {
      preload(next); // the server answers while the title of the view is painted
      views.go(next);
    },
    replace(next) {
      preload(next);
      views.replace(next);
    },
    back: views.back,
    // In a chat, each call may be shown, or have to be allowed.
    preload: (next) => platform.kind === "browser" && preload(next),
    announce,
    hasNavigated: views.navigations > 0,
  };
  return (
    <BoardContext.Provider value={board}>
      <Header connection={status.tokenReason === undefined ? status.connection : "once"} />
      {status.tokenReason === undefined ? (
        <>
          <Navigation view={view} canGoBack={views.canGoBack} />
          <IncompleteNote />
          <main ref={main} tabIndex={-1} class={`view-${view?.name ?? "none"}`}>
            <ErrorBoundary key={views.depth}>
              <CurrentView view={view} depth={views.depth} isTitlePainted={isTitlePainted} status={status} />
            </ErrorBoundary>
          </main>
        </>
      ) : (
        <main>
          <TokenForm reason={status.tokenReason} />
        </main>
      )}
      <p class="unseen" role="status">
        {announcement}
      </p>
    </BoardContext.Provider>
  );
}

function agentOf(opening: Question | undefined): string {
  const named = opening?.arguments["agent_id"];
  return typeof named === "string" && named ? named : "all";
}

/** What the page was opened for; in a browser, everything at a glance. */
function openingView(home: Platform, opening: Question | undefined): View | undefined {
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

interface CurrentViewProps {
  view: View | undefined;
  depth: number;
  /** Whether the title of the view has been painted: its content is drawn after that. */
  isTitlePainted: boolean;
  status: Status;
}

function CurrentView({ view, depth, isTitlePainted, status }: CurrentViewProps): JSX.Element {
  if (!view) return status.error ? <Notice of={status.error} /> : <Skeleton rows={4} />;
  const title = titleOf(view);
  return (
    <>
      {title && (
        <h2 tabIndex={-1} class="view-title" dir="auto">
          {title}
        </h2>
      )}
      {isTitlePainted ? <Content view={view} depth={depth} opening={status.opening} /> : <Skeleton rows={0} />}
    </>
  );
}

function Content({ view, depth, opening }: { view: View; depth: number; opening: Question | undefined }): JSX.Element {
  const { agent } = useBoard();
  const [first] = questionsOf(view, agent, opening);
  switch (view.name) {
    case "overview":
      return <Overview />;
    case "hot":
      return <HotLeads question={first} />;
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
    case "lead":
      return <Lead question={first!} agent={view.agent ?? agent} />;
  }
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
