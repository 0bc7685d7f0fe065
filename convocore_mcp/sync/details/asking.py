"""Asks Convocore for one conversation by itself."""

from convocore_mcp.errors import BrokenRecordError, ContractError
from convocore_mcp.models import DetailsOutcome, ReadDetails, WantedDetails
from convocore_mcp.sync.details.details_parts import SingleConversations


async def ask_for(
    wanted: WantedDetails, agent_id: str, upstream: SingleConversations
) -> ReadDetails:
    """Ask for the details of a conversation; one that can't be read is an answer, too.

    Raises:
        ApiError: Convocore fails, and not because of this record.
    """
    try:
        single = await upstream.conversation(agent_id, wanted.id)
    except (BrokenRecordError, ContractError):
        return ReadDetails(wanted, DetailsOutcome.BROKEN)
    if single is not None and single.id != wanted.id:
        return ReadDetails(wanted, DetailsOutcome.BROKEN)  # merged, it'd be another person's
    outcome = DetailsOutcome.MISSING if single is None else DetailsOutcome.READ
    return ReadDetails(wanted, outcome, single)
