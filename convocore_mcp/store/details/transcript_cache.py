"""Transcripts in the mirror: kept as long as their conversation has not changed."""

import json
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from convocore_mcp.models import Speaker, Transcript, Turn
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.parsed_records import stored_list
from convocore_mcp.store.database.rows import to_milliseconds
from convocore_mcp.store.database.schema import CURRENT, conversations
from convocore_mcp.store.database.sequence import take_write_lock
from convocore_mcp.store.details.tables import transcripts

MAX_TRANSCRIPTS = 500
"""The newest are kept: each may have some megabytes, and a question needs one."""
_c, _t = conversations.c, transcripts.c


class TranscriptCache:
    """Keeps transcripts. Plain blocking calls: run them in a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def version(self, agent_id: str, conversation_id: str) -> bytes | None:
        """The version of a conversation: changes whenever its list row does."""
        with self._database.reading() as connection:
            return _version(connection, agent_id, conversation_id)

    def get(self, agent_id: str, conversation_id: str) -> Transcript | None:
        """The transcript of the present version of a conversation, if it is known."""
        query = select(_t.digest, _t.turns, _t.total, _t.messages, _t.left_out).where(
            _t.agent_id == agent_id, _t.id == conversation_id
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
            if row is None or row.digest != _version(connection, agent_id, conversation_id):
                return None
        turns = tuple(Turn(Speaker(who), text, at) for who, text, at in stored_list(row.turns))
        return Transcript(turns, total=row.total, messages=row.messages, left_out=row.left_out)

    def save(
        self,
        agent_id: str,
        conversation_id: str,
        transcript: Transcript,
        *,
        version: bytes,
        at: datetime,
    ) -> None:
        """Keep the transcript of a `version`, instead of the one that was kept before."""
        turns = [(turn.speaker.value, turn.text, turn.at) for turn in transcript.turns]
        row = {
            "agent_id": agent_id,
            "id": conversation_id,
            "digest": version,
            "turns": json.dumps(turns, ensure_ascii=False, separators=(",", ":")),
            "total": transcript.total,
            "messages": transcript.messages,
            "left_out": transcript.left_out,
            "read_at": to_milliseconds(at) or 0,
        }
        with self._database.writing() as connection:
            take_write_lock(connection)
            if _version(connection, agent_id, conversation_id) is None:
                return  # it was removed, or its person was forgotten, while it was read
            same = (_t.agent_id == agent_id, _t.id == conversation_id)
            connection.execute(delete(transcripts).where(*same))
            connection.execute(insert(transcripts), row)
            oldest_kept = select(_t.read_at).order_by(_t.read_at.desc())
            limit = connection.scalar(oldest_kept.offset(MAX_TRANSCRIPTS).limit(1))
            if limit is not None:
                connection.execute(delete(transcripts).where(_t.read_at <= limit))


def _version(connection: Connection, agent_id: str, conversation_id: str) -> bytes | None:
    query = select(_c.digest).where(
        _c.agent_id == agent_id, _c.id == conversation_id, _c.valid_to == CURRENT
    )
    return connection.scalar(query)
