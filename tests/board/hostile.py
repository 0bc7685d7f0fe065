"""Texts that strangers might write to break the page, and answers that hold them everywhere.

They reach the page as they are: what `server/sanitize.py` would remove is not removed here.
"""

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]
RUN = "window.top.hacked=1;window.hacked=1"
TEXTS = (
    f"<img src=x onerror={RUN!r}>",
    f"<script>{RUN}</script>",
    f'"><svg onload="{RUN}"><a href="javascript:{RUN}">x</a>',
    "</script></style><style>*{display:none!important}</style>",
    "<iframe src=https://evil.example></iframe><object data=https://evil.example>",
    "![x](https://evil.example/pixel.png) [click](https://evil.example)",
    f"javascript:{RUN}",
    "${window.hacked=1}{{constructor.constructor('window.hacked=1')()}}",
    "\u202egnp.exe\u202c \u2066\u2067 \u200f\u200e txt",
    "Z" + "\u0321\u0489\u0336\u0300\u0301\u0302\u0303" * 60 + "algo",
    "W" * 3000,
    "first\n" + "\n" * 300 + "last",
    "\u0000\u0007\u001b[31mred\u001b]8;;https://evil.example\u0007link",
    "__proto__",
    "constructor",
)
LINKS = (
    f"javascript:{RUN}",
    f"JaVaScRiPt:{RUN}",
    f"data:text/html,<script>{RUN}</script>",
    "https://user:password@evil.example/",
    "file:///etc/passwd",
    "https://xn--pple-43d.com/login",
    "vbscript:msgbox",
    f"javascript://shop.example/%0A{RUN}",  # with a host, as an address of the web has
)
FRESHNESS: Json = {"as_of": "2026-07-19T22:11:03Z", "complete": False, "conversations": 9}


def freshness(text: str) -> Json:
    return FRESHNESS | {"notes": [text], "oldest": text, "progress": 0.5}


def row(number: int, text: str) -> Json:
    """A lead, or a conversation, that consists of `text`."""
    names = ("name", "company", "contact", "channel", "stage", "label", "assignee", "preview")
    return dict.fromkeys((*names, "currency", "value_text", "state"), text) | {
        "lead_id": f"lead-{number}",
        "id": f"conv-{number}",
        "score": 90,
        "value": 10,
        "next_due": text,
        "last_activity": "2026-07-19T22:11:03Z",
        "waiting_since": "2026-07-19T22:11:03Z",
        "why": [text],
        "wants": text,
        "next_step": {"title": text, "type": text, "due": text},
    }


def answers(texts: Sequence[str] = TEXTS) -> dict[str, Json]:
    """An answer of each tool, with each text wherever there can be one."""
    leads, some = [row(number, text) for number, text in enumerate(texts)], texts[0]
    counts = dict.fromkeys(texts, 1)
    groups = [{"stage": text, "leads": 3, "hot": 1, "value": {text: 5}} for text in texts]
    applied = {"timezone": some, "where": [some], "query": some, "group_by": ["stage"]}
    shared = {"freshness": freshness(some), "applied": applied, "total": len(leads)}
    return {
        "summarize_hot_leads": shared
        | {"leads": leads, "hot": len(leads), "leads_considered": 99, "by_channel": counts}
        | {"by_stage": counts, "value": counts, "definition": some},
        "list_leads": shared | {"leads": leads, "relax": counts},
        "list_conversations": shared | {"conversations": leads},
        "conversation_stats": shared | {"totals": groups[0], "groups": groups},
        "get_lead": shared | {"lead": lead(texts), "matched_on": some},
        "list_changes": shared
        | {"changes": changes(texts), "known_since": some, "has_more": False},
        "get_conversation": shared
        | {"conversation": row(0, some), "transcript": {"turns": turns(texts), "total": 99}},
    }


def lead(values: Sequence[str]) -> Json:
    texts, some = list(values), values[0]
    found = row(1, some) | {"lead_id": texts[2], "hot": True, "why": texts, "said": texts}
    found |= {"emails": texts, "phones": texts, "links": [*LINKS, *texts], "tags": texts}
    found |= {"alerts": texts, "summary": "\n".join(texts), "notes": "\n".join(texts)}
    found |= {"demo": some, "extracted": {f"{text} {n}": text for n, text in enumerate(texts)}}
    found["extracted"] |= dict.fromkeys(texts, some) | {"nested": {"a": [some]}}
    found |= {"next_steps": [{"title": text, "due": text} for text in texts]}
    found |= {"timeline": [{"at": text, "kind": text, "text": text} for text in texts]}
    conversation = {"channel": some, "state": texts[1], "last_activity": texts[2]}
    return found | {"conversations": [{"id": "c", **conversation}], "conversations_total": 1}


def changes(texts: Sequence[str]) -> list[Json]:
    return [
        {"event_id": f"e{number}", "at": text, "seen": text, "kind": text, "id": text}
        | {"name": text, "became": [text]}
        | {"changed": {"stage": [text, text], "preview": [text, text], text: [text, text]}}
        for number, text in enumerate(texts)
    ]


def turns(texts: Sequence[str]) -> list[Json]:
    return [{"at": text, "from": text, "text": text} for text in texts]
