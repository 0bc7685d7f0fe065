// The frame around the views: what is shown, the way back, and what the home tells.

import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { AnswerCache } from "./answerCache.ts";
import type { Question, Refusal } from "./answers.ts";
import { BoardContext, useAfterPaint, useBoard, type Board, type View } from "./board.ts";
import { ChangeFeed, describeChange } from "./changeFeed.ts";
import { Header, IncompleteNote, Navigation } from "./frame.tsx";
import type { Connection, Home } from "./home/home.ts";
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
  refusal: Refusal | undefined;
}

const START: Status = { connection: "connecting", tokenReason: undefined, opening: undefined, refusal: undefined };

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
      if (news.length) say(news.map((change) => `${change.name ?? "Somebody"} ${describeChange(change).join(", ")}`).join(". "));
    });
    let lost = false;
    const changed = (): void => {
      update({ tokenReason: undefined });
      cache.refresh();
      if (home.kind === "browser") void feed.update(agentNow.current);
    };
    home.start({
      asked: (question) => {
        cache.expect(question);
        update({ opening: question });
      },
      answered: (question, answer) => {
        cache.put(question, answer);
        update({ opening: question });
      },
      refused: (question, refusal) => {
        if (question) cache.refuse(question, refusal);
        update(question ? { opening: question } : { refusal });
      },
      changed,
      connection: (connection) => {
        if (lost && connection === "live") changed();
        lost = connection === "lost";
        update({ connection });
      },
      tokenNeeded: (tokenReason) => update({ tokenReason }),
      surroundings: () => redraw({}),
    });
    return hear;
  }, [home]);

  const isTitlePainted = useAfterPaint(views.moves, 0) === views.moves;
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    // Whoever has gone somewhere reads on from there: the button that they pressed may be gone.
    if (views.moves) (main.current!.querySelector<HTMLElement>("h2[tabindex]") ?? main.current!).focus({ preventScroll: true });
  }, [views.moves]);
  useEffect(() => {
    if (views.moves) scrollTo(0, isTitlePainted ? views.top : 0);
  }, [views.moves, isTitlePainted]);

  const view = views.current ?? openingView(home, status.opening);
  const expect = (next: View): void => {
    for (const question of questionsOf(next, agent, status.opening)) void cache.load(question);
  };
  const board: Board = {
    home,
    cache,
    feed,
    agent,
    opening: status.opening,
    go(next) {
      expect(next); // the server answers while the title of the view is painted
      views.go(next);
    },
    replace(next) {
      expect(next);
      views.replace(next);
    },
    back: views.back,
    // In a chat, each call may be shown, or have to be allowed.
    expect: (next) => home.kind === "browser" && expect(next),
    say,
    moved: views.moves > 0,
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
              <Shown view={view} depth={views.depth} isTitlePainted={isTitlePainted} status={status} />
            </ErrorBoundary>
          </main>
        </>
      ) : (
        <main>
          <TokenForm reason={status.tokenReason} />
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

interface ShownProps {
  view: View | undefined;
  depth: number;
  /** Whether the title of the view has been painted: its content is drawn after that. */
  isTitlePainted: boolean;
  status: Status;
}

function Shown({ view, depth, isTitlePainted, status }: ShownProps): JSX.Element {
  if (!view) return status.refusal ? <Notice of={status.refusal} /> : <Skeleton rows={4} />;
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
