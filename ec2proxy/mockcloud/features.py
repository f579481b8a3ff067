"""The collections and features that the entry point lists (recording 01)."""

from collections.abc import Iterable, Mapping

from attrs import frozen


@frozen
class Feature:
    """A feature of a collection.

    :param operation: the operation that takes its parameters.
    """

    name: str
    collection: str
    operation: str
    parameters: tuple[str, ...]


# In the order in which Deltacloud declares, and so lists, them.
FEATURES = (
    Feature("owner_id", "images", "index", ("owner_id",)),
    Feature("image_name", "images", "create", ("name",)),
    Feature("image_description", "images", "create", ("description",)),
    Feature("metrics", "instances", "create", ("metrics",)),
    Feature("realm_filter", "instances", "index", ("realm_id",)),
    Feature("user_name", "instances", "create", ("name",)),
    Feature("user_data", "instances", "create", ("user_data",)),
    Feature("firewalls", "instances", "create", ("firewalls",)),
    Feature("authentication_key", "instances", "create", ("keyname",)),
    Feature("authentication_password", "instances", "create", ("password",)),
    Feature("instance_count", "instances", "create", ("instance_count",)),
    Feature("import_key", "keys", "create", ("public_key",)),
    Feature("volume_name", "storage_volumes", "create", ("name",)),
    Feature("volume_description", "storage_volumes", "create", ("description",)),
)

_MOCK_FEATURES = frozenset({"metrics", "realm_filter", "user_name", "authentication_key"})

COLLECTIONS = (
    "addresses",
    "buckets",
    "drivers",
    "firewalls",
    "hardware_profiles",
    "images",
    "instance_states",
    "instances",
    "keys",
    "load_balancers",
    "metrics",
    "network_interfaces",
    "networks",
    "realms",
    "storage_snapshots",
    "storage_volumes",
    "subnets",
)
_LACKING = frozenset({"firewalls", "load_balancers"})


class Features:
    """What one cloud has of all that.

    :param extra: features beyond those of Deltacloud's mock driver.
    :param without: features and collections to go without.
    :raises ValueError: a name is none that Deltacloud knows.
    """

    def __init__(self, extra: Iterable[str] = (), without: Iterable[str] = ()) -> None:
        extra, without = frozenset(extra), frozenset(without)
        known = {feature.name for feature in FEATURES}
        if unknown := (extra - known) | (without - known - set(COLLECTIONS)):
            raise ValueError(f"unknown feature or collection: {', '.join(sorted(unknown))}")
        self._names = (_MOCK_FEATURES | extra) - without
        lacking = (_LACKING - extra) | without
        self.collections = tuple(name for name in COLLECTIONS if name not in lacking)

    def has(self, feature: str) -> bool:
        """Whether the cloud has ``feature``."""
        return feature in self._names

    def of(self, collection: str) -> list[Feature]:
        """The features of ``collection``, in Deltacloud's order."""
        return [one for one in FEATURES if one.collection == collection and one.name in self._names]

    def by_collection(self) -> Mapping[str, list[Feature]]:
        """Each collection's features."""
        return {collection: self.of(collection) for collection in self.collections}
