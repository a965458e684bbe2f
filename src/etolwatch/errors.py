"""The error tree. Weather (time-outs, 404s, refusals) is a value and never appears here.

EtolwatchError            message: subject: cause
├── UsageError            the user can mend it: exit status 2
│   ├── ConfigError       config.toml, or one of its keys
│   ├── UnknownPage       no page has an address that ends so, or several have
│   └── NoSuchCapture     the page was not yet held at that time
├── LockHeld              another process works on this store: exit status 75
└── ArchiveError          the store is damaged or cannot be written: exit status 1
    ├── OlderCatalog      an earlier etolwatch made the catalog; it is to be made again
    └── FixityError       bytes are no longer those that were recorded
"""


class EtolwatchError(Exception):
    """Something that etolwatch can name: what happened, to which subject, and why.

    ``subject`` is an address, a file (with an offset where it helps) or a key;
    ``cause`` says what was found and what to do. Printed as *message: subject: cause*.
    """

    exit_status = 1

    def __init__(self, message: str, subject: str = "", cause: str = "") -> None:
        self.message, self.subject, self.cause = message, subject, cause
        super().__init__(": ".join(part for part in (message, subject, cause) if part))


class UsageError(EtolwatchError):
    """The user asked for something that cannot be; the text says what can."""

    exit_status = 2


class ConfigError(UsageError):
    """A key of config.toml is wrong; ``subject`` names it, ``cause`` says what was expected."""


class UnknownPage(UsageError):
    """No known page, or more than one, has an address with this ending."""


class NoSuchCapture(UsageError):
    """The page has no capture at or before this time."""


class LockHeld(EtolwatchError):
    """Another process holds the store; ``subject`` names it (EX_TEMPFAIL of sysexits.h)."""

    exit_status = 75


class ArchiveError(EtolwatchError):
    """The store cannot be read or written as it stands."""


class OlderCatalog(ArchiveError):
    """The catalog has the tables of an earlier etolwatch."""


class FixityError(ArchiveError):
    """A record no longer has the digest that it was stored with."""
