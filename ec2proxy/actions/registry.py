"""Every EC2 action there is: whatever the modules of this package define."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import isabstract
from pkgutil import iter_modules
from types import ModuleType

from ec2proxy import actions
from ec2proxy.actions.action import Action


def load(package: ModuleType = actions) -> Mapping[str, type[Action]]:
    """All actions by EC2's name.

    :param package: whose modules define them.
    :raises ValueError: two modules define the same action.
    """
    found: dict[str, type[Action]] = {}
    for info in iter_modules(package.__path__):
        for action in _defined(import_module(f"{package.__name__}.{info.name}")):
            name = action.__name__
            if name in found:
                raise ValueError(f"{name} is defined in {found[name].__module__} and in {action.__module__}")
            found[name] = action
    return found


def _defined(module: ModuleType) -> Iterator[type[Action]]:
    """The actions that a module itself defines; what begins with an underscore is what some have in common."""
    for name, thing in vars(module).items():
        if isinstance(thing, type) and issubclass(thing, Action) and thing.__module__ == module.__name__:
            if isabstract(thing) or name.startswith("_"):
                continue
            yield thing
