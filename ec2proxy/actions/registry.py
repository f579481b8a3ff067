"""Every EC2 action there is: whatever the modules of this package define."""

from collections.abc import Mapping
from importlib import import_module
from inspect import isabstract
from pkgutil import iter_modules

from ec2proxy import actions
from ec2proxy.actions.action import Action


def load() -> Mapping[str, type[Action]]:
    """All actions by EC2's name.

    :raises ValueError: two modules define the same action.
    """
    found: dict[str, type[Action]] = {}
    for info in iter_modules(actions.__path__):
        module = import_module(f"{actions.__name__}.{info.name}")
        for name, thing in vars(module).items():
            if not isinstance(thing, type) or not issubclass(thing, Action) or isabstract(thing):
                continue
            if thing.__module__ == module.__name__:
                if name in found:
                    raise ValueError(f"{name} is defined in {found[name].__module__} and in {module.__name__}")
                found[name] = thing
    return found
