"""How the text of one parameter becomes a value of its type."""

import re
from typing import Protocol

from attrs import frozen

from ec2proxy.ec2.errors import EC2Error, invalid_value, shown

_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


class Kind(Protocol):
    """A type that a parameter can have."""

    def read(self, name: str, value: str) -> object:
        """The value of a parameter.

        :raises EC2Error: ``InvalidParameterValue``.
        """


@frozen
class Text:
    """A text of bounded length.

    :param secret: a message must not show it.
    """

    max_length: int
    secret: bool = False

    def read(self, name: str, value: str) -> str:
        """The text itself."""
        if len(value) <= self.max_length:
            return value
        why = f"It is longer than {self.max_length} characters."
        if self.secret:
            raise EC2Error("InvalidParameterValue", f"The value of parameter {shown(name)} is invalid. {why}")
        raise invalid_value(name, value, why)


@frozen
class Integer:
    """A whole number; the bounds are included, None is no bound."""

    minimum: int | None
    maximum: int | None

    def read(self, name: str, value: str) -> int:
        """The number."""
        if not _INTEGER.fullmatch(value):
            raise invalid_value(name, value, "It is not an integer.")
        number = int(value)
        if self.minimum is not None and number < self.minimum:
            raise invalid_value(name, value, f"It must be at least {self.minimum}.")
        if self.maximum is not None and number > self.maximum:
            raise invalid_value(name, value, f"It must be at most {self.maximum}.")
        return number


@frozen
class Boolean:
    """``true`` or ``false`` in any case, ``1`` or ``0``."""

    def read(self, name: str, value: str) -> bool:
        """The truth."""
        truth = _TRUTH.get(value.lower())
        if truth is None:
            raise invalid_value(name, value, "It must be true or false.")
        return truth
