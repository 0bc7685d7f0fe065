"""How many examples property tests try, and which.

The default profile tries the same examples in every run: a run that fails at random tells nothing
about the change that it ran for. `pytest --hypothesis-profile=explore` looks for new ones. It takes
minutes for a test, so it needs `--timeout 0`.
"""

from hypothesis import settings

EXPLORED = 30
"""How many times as many examples `explore` tries. The default profile tries few: the same again in
every run find nothing new."""
DEFAULT = 34
"""How many examples a test tries that does not say how many."""

# The first example imports heavy libraries, and durations are no property.
settings.register_profile("fixed", deadline=None, derandomize=True, max_examples=DEFAULT)
settings.register_profile(
    "explore", deadline=None, derandomize=False, max_examples=DEFAULT * EXPLORED, print_blob=True
)


def examples(count: int) -> int:
    """The `max_examples` of a test that tries `count` by default, in the profile in use."""
    is_exploring = settings.get_current_profile_name() == "explore"
    return count * EXPLORED if is_exploring else count
