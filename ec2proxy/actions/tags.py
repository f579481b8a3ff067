"""Tags as requests carry and answers show them."""

from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from ec2proxy.ec2.errors import EC2Error, shown
from ec2proxy.ec2.params import structures, text

MOST = 50
"""How many tags a resource may have."""

RESERVED = "aws:"
"""How keys begin that only AWS itself may use."""

# What EC2 creates along with a resource, and a request for it may tag too. Deltacloud makes none of these, or tells of
# none, so their tags are checked and have nothing to be put on; Packer, and volume_tags of Terraform, send them.
_ALONG = {"instance": frozenset({"volume", "network-interface"}), "image": frozenset({"snapshot"})}

_KEY_LENGTH = 128
_VALUE_LENGTH = 256


@frozen
class Tag:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Tag.html"""

    key: str = text("Key", required=True)
    value: str = text("Value")


@frozen
class TagSpecification:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TagSpecification.html"""

    resource_type: str = text("ResourceType", required=True)
    tags: tuple[Tag, ...] = structures("Tag", Tag)


def for_new(specifications: Iterable[TagSpecification], resource_type: str) -> Mapping[str, str]:
    """The tags that a request gives to what it creates.

    :param resource_type: what it creates, ``instance``; a specification for what is not created with it is an error.
    :raises EC2Error: they break EC2's rules for tags.
    """
    given: dict[str, list[Tag]] = {resource_type: []}
    for specification in specifications:
        if specification.resource_type not in {resource_type, *_ALONG.get(resource_type, ())}:
            raise EC2Error(
                "InvalidParameterValue",
                f"'{shown(specification.resource_type)}' is not a taggable resource type for this operation.",
            )
        given.setdefault(specification.resource_type, []).extend(specification.tags)
    return {kind: checked(tags) for kind, tags in given.items()}[resource_type]


def checked(tags: Sequence[Tag]) -> Mapping[str, str]:
    """Tags as a mapping.

    :raises EC2Error: a key is reserved, too long, or there twice; a value is too long; there are too many.
    """
    found: dict[str, str] = {}
    for tag in tags:
        if tag.key.lower().startswith(RESERVED):
            raise EC2Error(
                "InvalidParameterValue", f"Tag keys starting with '{RESERVED}' are reserved for internal use"
            )
        if len(tag.key) > _KEY_LENGTH or len(tag.value) > _VALUE_LENGTH:
            raise EC2Error("InvalidParameterValue", f"Tag '{shown(tag.key)}' exceeds the maximum length.")
        if tag.key in found:
            raise EC2Error("InvalidParameterValue", f"Duplicate tag key '{shown(tag.key)}' specified.")
        found[tag.key] = tag.value
    if len(found) > MOST:
        raise EC2Error("TagLimitExceeded", f"A resource can have at most {MOST} tags.")
    return found


def tag_set(tags: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    """Tags as a ``tagSet`` holds them."""
    return [{"key": key, "value": value} for key, value in tags.items()]
