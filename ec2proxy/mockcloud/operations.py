"""What each method and path of the API does: one small function each, and the table that names them."""

from collections.abc import Awaitable, Callable, Mapping

from attrs import evolve, field, frozen

from ec2proxy.mockcloud import documents
from ec2proxy.mockcloud.cloud import MockCloud
from ec2proxy.mockcloud.documents import Wanted
from ec2proxy.mockcloud.things import Fault
from ec2proxy.mockcloud.trouble import Answer


@frozen
class Call:
    """A request, understood.

    :param user: whose credentials it bears, empty where none are needed.
    :param form: the fields of query and body.
    :param ids: what stands for the parts of the path that have a colon in the table.
    """

    cloud: MockCloud
    wanted: Wanted
    user: str
    form: Mapping[str, str] = field(repr=False)
    ids: tuple[str, ...]

    @property
    def id(self) -> str:
        """The id of what the path names."""
        return self.ids[0]


Handler = Callable[[Call], Answer | Awaitable[Answer]]


@frozen
class Operation:
    """What one method on one kind of path does.

    :param required: the fields that it cannot go without; a request that lacks one is 400 (recordings 24, 37).
    :param private: it takes credentials.
    :param timed: its answers tell how long the driver took (``X-Backend-Runtime``).
    """

    handler: Handler
    required: tuple[str, ...] = ()
    private: bool = True
    timed: bool = False


_NO_CONTENT = Answer(204)


def _located(call: Call, collection: str, item_id: str) -> dict[str, str]:
    return {"Location": call.wanted.place.url(collection, item_id)}


def _done(call: Call) -> Answer:
    """202 with an empty body (recording 54)."""
    return documents.document(call.wanted, 202, "")


def _index(collection: str, things: Callable[[Call], Mapping[str, object]]) -> Handler:
    def handler(call: Call) -> Answer:
        return documents.items(call.wanted, collection, things(call).values())

    return handler


def _shown(call: Call, collection: str, things: Mapping[str, object]) -> Answer:
    if call.id not in things:
        raise Fault(404)
    return documents.item(call.wanted, documents.PLURALS[collection], things[call.id])


def _show(collection: str, things: Callable[[Call], Mapping[str, object]]) -> Handler:
    return lambda call: _shown(call, collection, things(call))


_PROVIDER_FAULTS = {
    "500": "DeltacloudErrorMessage",
    "501": "NotImplementedMessage",
    "502": "ProviderErrorMessage",
    "504": "ProviderTimeoutMessage",
}


def _show_realm(call: Call) -> Answer:
    """A realm; four ids stand for a provider in trouble (recordings 08-11)."""
    if call.id in _PROVIDER_FAULTS:
        raise Fault(int(call.id), _PROVIDER_FAULTS[call.id], raised=True)
    return _shown(call, "realms", call.cloud.realms)


def _list_images(call: Call) -> Answer:
    """Images, by owner and description; ``architecture`` and ``owner_id`` filter them (recording 15)."""
    owner = call.form.get("owner_id")
    if owner == "self":
        owner = call.user
    architecture = call.form.get("architecture")
    chosen = [
        one
        for one in sorted(call.cloud.images.values(), key=lambda one: (one.owner_id, one.description))
        if owner in (None, one.owner_id) and architecture in (None, one.architecture)
    ]
    return documents.items(call.wanted, "images", chosen)


def _create_image(call: Call) -> Answer:
    image = call.cloud.create_image(call.user, call.form)
    return documents.new_image(call.wanted, image, _located(call, "images", image.id))


def _destroy_image(call: Call) -> Answer:
    if call.cloud.images.pop(call.id, None) is None:
        raise Fault(404)
    return _NO_CONTENT


def _list_instances(call: Call) -> Answer:
    """Instances; ``id``, ``state`` and ``realm_id`` filter them (recordings 33, 34)."""
    form = call.form
    chosen = call.cloud.instances.listed(call.user)
    if "id" in form:
        chosen = [one for one in chosen if one.id == form["id"]]
    if "state" in form:
        chosen = [one for one in chosen if one.state == form["state"]]
    if "realm_id" in form and call.cloud.features.has("realm_filter"):
        chosen = [one for one in chosen if one.realm_id == form["realm_id"]]
    return documents.items(call.wanted, "instances", chosen)


def _show_instance(call: Call) -> Answer:
    instance = call.cloud.instances.of(call.user, call.id)
    if instance is None:
        raise Fault(404)
    return documents.item(call.wanted, "instance", instance)


def _create_instance(call: Call) -> Answer:
    """One instance (recording 35), or a list without a Location where several were made."""
    created = call.cloud.create_instances(call.user, call.form)
    if len(created) > 1:
        return documents.items(call.wanted, "instances", created, 201)
    return documents.item(call.wanted, "instance", created[0], 201, _located(call, "instances", created[0].id))


def _act(action: str) -> Handler:
    def handler(call: Call) -> Answer:
        instance = call.cloud.instances.act(call.user, call.id, action)
        if call.cloud.machine.redirects:
            return Answer(302, _located(call, "instances", instance.id))
        return documents.item(call.wanted, "instance", instance, 202)

    return handler


def _run(_call: Call) -> Answer:
    """Every instance shows this action, and Deltacloud's mock driver breaks over it."""
    raise Fault(501)


def _destroy_instance(call: Call) -> Answer:
    call.cloud.instances.act(call.user, call.id, "destroy")
    return _NO_CONTENT


async def _create_key(call: Call) -> Answer:
    key = await call.cloud.create_key(call.user, call.form)
    return documents.item(call.wanted, "key", key, 201, _located(call, "keys", key.id))


def _destroy_key(call: Call) -> Answer:
    call.cloud.keys.remove(call.user, call.id)
    return _NO_CONTENT


def _create_address(call: Call) -> Answer:
    address = call.cloud.network.allocate()
    return documents.item(call.wanted, "address", address, 201, _located(call, "addresses", address.id))


def _associate(call: Call) -> Answer:
    call.cloud.network.associate(call.user, call.id, call.form["instance_id"])
    return _done(call)


def _disassociate(call: Call) -> Answer:
    call.cloud.network.disassociate(call.id)
    return _done(call)


def _create_volume(call: Call) -> Answer:
    volume = call.cloud.storage.create_volume(call.form)
    return documents.item(call.wanted, "storage_volume", volume, 201, _located(call, "storage_volumes", volume.id))


def _attach(call: Call) -> Answer:
    volume = call.cloud.storage.attach(call.user, call.id, call.form["instance_id"], call.form["device"])
    return documents.item(call.wanted, "storage_volume", volume, 202)


def _detach(call: Call) -> Answer:
    return documents.item(call.wanted, "storage_volume", call.cloud.storage.detach(call.id), 202)


def _create_snapshot(call: Call) -> Answer:
    snapshot = call.cloud.storage.create_snapshot(call.form)
    location = _located(call, "storage_snapshots", snapshot.id)
    return documents.item(call.wanted, "storage_snapshot", snapshot, 201, location)


def _destroy_snapshot(call: Call) -> Answer:
    if call.cloud.storage.snapshots.pop(call.id, None) is None:
        raise Fault(404)
    return _NO_CONTENT


def _create_network(call: Call) -> Answer:
    network = call.cloud.network.create_network(call.form)
    return documents.item(call.wanted, "network", network, 201, _located(call, "networks", network.id))


def _create_subnet(call: Call) -> Answer:
    subnet = call.cloud.network.create_subnet(call.form)
    return documents.item(call.wanted, "subnet", subnet, 201, _located(call, "subnets", subnet.id))


def _create_interface(call: Call) -> Answer:
    interface = call.cloud.network.create_interface(call.user, call.form)
    location = _located(call, "network_interfaces", interface.id)
    return documents.item(call.wanted, "network_interface", interface, 201, location)


def _create_firewall(call: Call) -> Answer:
    firewall = call.cloud.firewalls.create(call.user, call.form)
    return documents.item(call.wanted, "firewall", firewall, 201, _located(call, "firewalls", firewall.id))


def _add_rule(call: Call) -> Answer:
    return documents.item(call.wanted, "firewall", call.cloud.firewalls.add_rule(call.id, call.form), 201)


def _remove_rule(call: Call) -> Answer:
    call.cloud.firewalls.remove_rule(*call.ids)
    return _NO_CONTENT


def _destroyed(destroy: Callable[[Call], Callable[[str], None]]) -> Handler:
    def handler(call: Call) -> Answer:
        destroy(call)(call.id)
        return _NO_CONTENT

    return handler


def _show_driver(call: Call) -> Answer:
    if call.id != call.cloud.machine.name:
        raise Fault(404)
    return documents.driver_names(call.wanted, only=True)


def _keys(call: Call) -> Mapping[str, object]:
    return {key.id: key for key in call.cloud.keys.of(call.user)}


_THINGS: Mapping[str, Callable[[Call], Mapping[str, object]]] = {
    "realms": lambda call: call.cloud.realms,
    "images": lambda call: call.cloud.images,
    "hardware_profiles": lambda call: call.cloud.profiles,
    "keys": _keys,
    "addresses": lambda call: call.cloud.network.addresses,
    "storage_volumes": lambda call: call.cloud.storage.volumes,
    "storage_snapshots": lambda call: call.cloud.storage.snapshots,
    "networks": lambda call: call.cloud.network.networks,
    "subnets": lambda call: call.cloud.network.subnets,
    "network_interfaces": lambda call: call.cloud.network.interfaces,
    "firewalls": lambda call: call.cloud.firewalls,
    "buckets": lambda _call: {},
    "metrics": lambda _call: {},
}


_SPECIAL: dict[str, Operation] = {
    "GET realms/:id": Operation(_show_realm, timed=True),
    "GET images": Operation(_list_images, timed=True),
    "GET instances": Operation(_list_instances, timed=True),
    "GET instances/:id": Operation(_show_instance, timed=True),
    "GET instance_states": Operation(lambda call: documents.instance_states(call.wanted), private=False),
    "GET drivers": Operation(lambda call: documents.driver_names(call.wanted, only=False), private=False),
    "GET drivers/:id": Operation(_show_driver, private=False),
    "POST images": Operation(_create_image, ("instance_id",)),
    "DELETE images/:id": Operation(_destroy_image),
    "POST instances": Operation(_create_instance, ("image_id",)),
    "POST instances/:id/start": Operation(_act("start"), timed=True),
    "POST instances/:id/stop": Operation(_act("stop"), timed=True),
    "POST instances/:id/reboot": Operation(_act("reboot"), timed=True),
    "POST instances/:id/run": Operation(_run, ("cmd",)),
    "DELETE instances/:id": Operation(_destroy_instance, timed=True),
    "POST keys": Operation(_create_key, ("name",)),
    "DELETE keys/:id": Operation(_destroy_key),
    "POST addresses": Operation(_create_address),
    "POST addresses/:id/associate": Operation(_associate, ("instance_id",)),
    "POST addresses/:id/disassociate": Operation(_disassociate),
    "DELETE addresses/:id": Operation(_destroyed(lambda call: call.cloud.network.release_address)),
    "POST storage_volumes": Operation(_create_volume),
    "POST storage_volumes/:id/attach": Operation(_attach, ("instance_id", "device")),
    "POST storage_volumes/:id/detach": Operation(_detach),
    "DELETE storage_volumes/:id": Operation(_destroyed(lambda call: call.cloud.storage.destroy_volume)),
    "POST storage_snapshots": Operation(_create_snapshot, ("volume_id",)),
    "DELETE storage_snapshots/:id": Operation(_destroy_snapshot),
    "POST networks": Operation(_create_network),
    "DELETE networks/:id": Operation(_destroyed(lambda call: call.cloud.network.destroy_network)),
    "POST subnets": Operation(_create_subnet, ("network_id", "address_block")),
    "DELETE subnets/:id": Operation(_destroyed(lambda call: call.cloud.network.destroy_subnet)),
    "POST network_interfaces": Operation(_create_interface, ("instance", "network")),
    "DELETE network_interfaces/:id": Operation(_destroyed(lambda call: call.cloud.network.destroy_interface)),
    "POST firewalls": Operation(_create_firewall, ("name", "description")),
    "POST firewalls/:id/rules": Operation(_add_rule, ("protocol", "port_from", "port_to")),
    "DELETE firewalls/:id": Operation(_destroyed(lambda call: call.cloud.firewalls.destroy)),
    "DELETE firewalls/:id/:rule": Operation(_remove_rule),
}


def _operations() -> Mapping[str, Operation]:
    table: dict[str, Operation] = {}
    for collection, things in _THINGS.items():
        table[f"GET {collection}"] = Operation(_index(collection, things), timed=True)
        table[f"GET {collection}/:id"] = Operation(_show(collection, things), timed=True)
    for path in ("hardware_profiles", "hardware_profiles/:id"):
        table[f"GET {path}"] = evolve(table[f"GET {path}"], private=False)
    return table | _SPECIAL


OPERATIONS: Mapping[str, Operation] = _operations()
"""All operations, by method and path; a part of the path with a colon stands for any."""
