"""What our command lines have in common."""

# Much of twisted.python has no types.
# mypy: disable-error-code="no-untyped-call"

from collections.abc import Sequence

from twisted.python.usage import Options, UsageError


class OneLineOptions(Options):
    """Options whose mistakes are one line on standard error and a non-zero exit, without the whole help.

    :cvar program: what the line begins with.
    """

    program: str

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read a command line.

        :raises SystemExit: something is wrong with it.
        """
        try:
            super().parseOptions(options)
        except UsageError as error:
            raise SystemExit(f"{self.program}: {error}") from None
