"""What can be wrong with a state store before anything is asked of it."""


class StateError(Exception):
    """The state store cannot be used; the message is one line for the operator, and holds no secret."""
