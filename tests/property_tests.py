"""How many examples property tests try, and which.

The default profile tries the same examples in every run: a run that fails at random tells nothing
about the change that it ran for. `pytest --hypothesis-profile=explore` looks for new ones. It takes
minutes for a test, so it needs `--timeout 0`.
"""

from hypothesis import settings

EXPLORE_FACTOR = 30
"""`explore` tries this many times as many examples. The default profile tries few: the same ones in
every run find nothing new."""
DEFAULT_EXAMPLES = 34
"""The examples of a test that does not set their number."""

# The first example imports heavy libraries, and durations are no property.
settings.register_profile("fixed", deadline=None, derandomize=True, max_examples=DEFAULT_EXAMPLES)
settings.register_profile(
    "explore",
    deadline=None,
    derandomize=False,
    max_examples=DEFAULT_EXAMPLES * EXPLORE_FACTOR,
    print_blob=True,
)


def examples(count: int) -> int:
    """The `max_examples` of a test that tries `count` by default, in the profile in use."""
    is_exploring = settings.get_current_profile_name() == "explore"
    return count * EXPLORE_FACTOR if is_exploring else count
