"""Whole answers: of one thing, of a list, of an error, of the entry point; as XML or JSON."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from ec2proxy.mockcloud import jsonviews, views
from ec2proxy.mockcloud.features import Feature
from ec2proxy.mockcloud.fragments import DECLARATION, block, cdata, closed, inline
from ec2proxy.mockcloud.things import Fault
from ec2proxy.mockcloud.trouble import Answer
from ec2proxy.mockcloud.views import Place

VERSION = "1.1.3"
MESSAGES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Resource Conflict",
    501: "Not Supported",
}
_BACKTRACE = "/srv/deltacloud/lib/deltacloud/drivers/mock/mock_driver.rb:1:in `safely'"
_TYPES = {"xml": "application/xml", "json": "application/json"}

PLURALS = {
    "addresses": "address",
    "firewalls": "firewall",
    "hardware_profiles": "hardware_profile",
    "images": "image",
    "instances": "instance",
    "keys": "key",
    "network_interfaces": "network_interface",
    "networks": "network",
    "realms": "realm",
    "storage_snapshots": "storage_snapshot",
    "storage_volumes": "storage_volume",
    "subnets": "subnet",
    # The mock cloud has none of these, but lists them as Deltacloud's mock driver does.
    "buckets": "bucket",
    "metrics": "metric",
}


@frozen
class Wanted:
    """What a client asked for, as far as its answers depend on it.

    :param form: the parameters that an error shows, in their order; they may hold secrets.
    :param style: ``xml`` or ``json``.
    :param provider: the provider asked for, or None.
    :param uri: the path and query.
    """

    place: Place
    form: Mapping[str, str] = field(repr=False)
    style: str
    provider: str | None
    uri: str = field(repr=False)


def plain(status: int, body: str, **headers: str) -> Answer:
    """A bare sentence, as Deltacloud's framework says it (recordings 24, 72, 73)."""
    return Answer(status, {**headers, "Content-Type": "text/html;charset=utf-8"}, body.encode())


def document(wanted: Wanted, status: int, body: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with a body of the style asked for. 200 and 201 have an ETag and are not to be cached."""
    data = body.encode()
    all_headers = {**(headers or {}), "Content-Type": _TYPES[wanted.style]}
    if status in (200, 201):
        all_headers["ETag"] = hashlib.md5(data, usedforsecurity=False).hexdigest()
        all_headers["Cache-Control"] = "max-age=0, private, must-revalidate"
    return Answer(status, all_headers, data)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def item(wanted: Wanted, kind: str, one: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """One thing.

    :param kind: the name of its view, ``instance``.
    """
    if wanted.style == "json":
        shown = jsonviews.VIEWS[kind](wanted.place, one)
        # An action answers with the bare thing, everything else with its name before it.
        return document(wanted, status, _json(shown if status == 202 else {kind: shown}), headers)
    return document(wanted, status, f"{DECLARATION}{views.VIEWS[kind](wanted.place, one)}\n", headers)


def new_image(wanted: Wanted, one: object, headers: Mapping[str, str]) -> Answer:
    """An image just made, which does not show hardware profiles yet (recording 47)."""
    if wanted.style == "json":
        return item(wanted, "image", one, 201, headers)
    body = views.image(wanted.place, one, profiles=False)  # type: ignore[arg-type]  # what create_image gave
    return document(wanted, 201, f"{DECLARATION}{body}\n", headers)


def items(wanted: Wanted, collection: str, all_of_it: Iterable[object], status: int = 200) -> Answer:
    """A list of things (recording 05)."""
    kind = PLURALS[collection]
    if wanted.style == "json":
        shown = [jsonviews.VIEWS[kind](wanted.place, one) for one in all_of_it]
        return document(wanted, status, _json({collection: shown}))
    parts = [DECLARATION, f"<{collection}>\n"]
    for one in all_of_it:
        parts += (views.VIEWS[kind](wanted.place, one), "\n\n")
    parts.append(f"</{collection}>\n")
    return document(wanted, status, "".join(parts))


def fault(wanted: Wanted, trouble: Fault, headers: Mapping[str, str] | None = None) -> Answer:
    """An error (recordings 07, 23)."""
    message = trouble.message if trouble.message is not None else MESSAGES[trouble.status]
    if wanted.style == "json":
        shown = {"code": trouble.status, "message": message, "error": "Deltacloud::Exceptions::DeltacloudException"}
        return document(wanted, trouble.status, _json(shown), headers)
    parameters = (inline("param", cdata(_inspect(value)), name=name) for name, value in wanted.form.items())
    body = block(
        "error",
        inline("backend", driver=wanted.place.cloud.machine.name, provider=wanted.provider or "default"),
        inline("code", str(trouble.status)),
        inline("message", cdata(message)),
        block("backtrace", cdata(_BACKTRACE if trouble.raised else "")),
        block("request", *parameters),
        status=str(trouble.status),
        url=wanted.uri,
    )
    return document(wanted, trouble.status, f"{DECLARATION}{body}\n", headers)


def _inspect(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r").replace("\n", "\\n")
    return f'"{escaped}"'


def _feature(one: Feature) -> str:
    parameters = (closed("param", name=name) for name in one.parameters)
    return block("feature", *parameters, name=one.name, rel=one.operation)


def entry_point(wanted: Wanted) -> Answer:
    """The entry point (recordings 01, 02)."""
    place, driver = wanted.place, wanted.place.cloud.machine.name
    if wanted.style == "json":
        links = [
            {
                "rel": collection,
                "href": place.url(collection),
                "features": [
                    [{"name": one.name, "rel": one.operation, "params": list(one.parameters), "constraints": {}}]
                    for one in features
                ],
            }
            for collection, features in place.cloud.features.by_collection().items()
        ]
        api = {"version": VERSION, "driver": driver, "provider": wanted.provider or "default", "links": links}
        return document(wanted, 200, _json({"api": api}))
    lines = (
        block("link", *map(_feature, features), href=place.url(collection), rel=collection)
        for collection, features in place.cloud.features.by_collection().items()
    )
    body = block("api", *lines, driver=driver, provider=wanted.provider, version=VERSION)
    return document(wanted, 200, f"{body}\n")


def instance_states(wanted: Wanted) -> Answer:
    """The life cycle of instances (recording 19)."""
    states = wanted.place.cloud.machine.states
    if wanted.style == "json":
        shown = {
            state: [{"to": way.to, **({"action": way.action} if way.action else {"auto": True})} for way in ways]
            for state, ways in states.items()
        }
        return document(wanted, 200, _json({"states": shown}))
    lines = (
        block(
            "state",
            *(inline("transition", action=way.action, auto=None if way.action else "true", to=way.to) for way in ways),
            name=state,
        )
        for state, ways in states.items()
    )
    return document(wanted, 200, f"{block('states', *lines)}\n")


def driver_names(wanted: Wanted, *, only: bool) -> Answer:
    """The drivers that the server has: one (recording 74).

    :param only: show the driver itself, not a list.
    """
    name = wanted.place.cloud.machine.name
    if wanted.style == "json":
        one: dict[str, Any] = {"id": name, "name": name.capitalize()}
        return document(wanted, 200, _json({"driver": one} if only else {"drivers": [one]}))
    line = block("driver", inline("name", name.capitalize()), href=wanted.place.url("drivers", name), id=name)
    return document(wanted, 200, f"{line if only else block('drivers', line)}\n")
