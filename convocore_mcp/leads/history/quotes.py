"""What the visitor said that earned score."""

from collections.abc import Iterable

from convocore_mcp.models import RecordParts, ScoreStep


def quotes(parts: Iterable[RecordParts]) -> list[str]:
    """The different quotes that earned score, those that earned most first.

    `parts` are of a lead's conversations, newest first; of equal points the newer quote is first.
    """
    steps = [step for of_one in parts for step in reversed(of_one.funnel_score_history)]
    earned = sorted((step for step in steps if _points(step) > 0), key=_points, reverse=True)
    texts = ((step.message_context or "").strip() for step in earned)
    return [quote for quote in dict.fromkeys(texts) if quote]


def _points(step: ScoreStep) -> float:
    return step.points_added or 0.0
