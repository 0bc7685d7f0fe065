"""Convocore's values that our tool schemas list. Apart from `models`, so that start-up is fast."""

STAGES = (
    "new", "engaged", "email_sent", "follow_up", "info_req", "demo_req", "demo_conf", "demo_done",
    "proposal", "negotiation", "trial", "won", "lost",
)  # fmt: skip
"""The documented stages, in the order of the pipeline. Convocore may add more at any time."""
STATES = ("requested_chat", "human-chatting", "ai-chatting", "ended_chat")
DEFAULT_THRESHOLD = 75
"""The score from which a lead is hot.

Source: the vendor's guidance. 75 to 90 points are hot, from 90 on a lead is ready to convert.
"""
NEAR_MISS_POINTS = 10
"""A lead whose score is below the threshold by at most these points is a near miss."""
