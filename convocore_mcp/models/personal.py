"""What is known of one person, so that a text about them can be masked."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PersonalValues:
    """Names and contacts of one person, or of several together, as they were written."""

    names: tuple[str, ...] = ()
    colleagues: tuple[str, ...] = ()
    """Names of the team. Alone, a word of one may be an ordinary word, too: `Support Team`."""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    """And dates of birth and the like."""
    countries: tuple[str, ...] = ()
    """In which their phone numbers may be written without a country code."""

    def joined(self, other: "PersonalValues") -> "PersonalValues":
        """The values of both."""
        return PersonalValues(
            _distinct(self.names, other.names),
            _distinct(self.colleagues, other.colleagues),
            _distinct(self.emails, other.emails),
            _distinct(self.phones, other.phones),
            _distinct(self.links, other.links),
            _distinct(self.addresses, other.addresses),
            _distinct(self.countries, other.countries),
        )


def _distinct(ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*ours, *theirs)))


NOBODY = PersonalValues()
