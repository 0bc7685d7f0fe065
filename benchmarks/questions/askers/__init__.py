"""Questions by who asks them, in their own words."""
