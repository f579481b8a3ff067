"""Binding parameters to request classes."""

import time
from typing import ClassVar

import attrs
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.ec2 import forms
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.params import Filter, bind, boolean, integer, single, structure, structures, text, texts
from tests.ec2.properties import unhurried


@frozen
class Placement:
    zone: str = text("AvailabilityZone")
    tenancy: str = text("Tenancy", default="default")


@frozen
class Tag:
    key: str = text("Key", required=True)
    value: str = text("Value")


@frozen
class TagSpecification:
    resource_type: str = text("ResourceType")
    tags: tuple[Tag, ...] = structures("Tag", Tag)


@frozen
class Request:
    ACCEPTED: ClassVar = {"EbsOptimized": "a hint", "CreditSpecification.*": "nothing to credit"}

    instance_ids: tuple[str, ...] = texts("InstanceId")
    name: str = text("KeyName", max_length=10)
    instance: str = text("Instance", "Instance.1")
    user_data: str = text("UserData", secret=True, max_length=8)
    count: int | None = integer("Count", minimum=1, maximum=1000)
    dry_run: bool = boolean("DryRun")
    placement: Placement = structure("Placement", Placement)
    specifications: tuple[TagSpecification, ...] = structures("TagSpecification", TagSpecification)
    filters: tuple[Filter, ...] = structures("Filter", Filter)


@frozen
class Demanding:
    name: str = text("KeyName", required=True)
    number: int = integer("Number", required=True)
    flag: bool = boolean("Flag", required=True)
    ids: tuple[str, ...] = texts("InstanceId", required=True)
    tags: tuple[Tag, ...] = structures("Tag", Tag, required=True)


_WORDS = "InstanceId Filter Name Value TagSpecification Tag Key Placement Count DryRun UserData Action Instance x"
NAMES = st.lists(
    st.sampled_from([*_WORDS.split(), "CreditSpecification", "", "0", "1", "2", "01", "-1", "1" * 30, "\u0661"]),
    max_size=6,
).map(".".join)
LIKELY_NAMES = st.sampled_from(
    [
        "InstanceId",
        "InstanceId.0",
        "InstanceId.1",
        "InstanceId.x",
        "Name",
        "Instance",
        "Instance.1",
        "Placement.Tenancy",
        "Placement.X",
        "TagSpecification.1.ResourceType",
        "TagSpecification.1.Tag.2.Key",
        "TagSpecification.1.Tag.2.Value",
        "TagSpecification.2",
        "Filter.1.Name",
        "Filter.1.Value",
        "Filter.1.Value.1",
        "Filter.1.Value.2",
        "Filter.1.Value.1.2",
        "Filter.2.Name",
        "Action",
    ]
)
VALUES = st.sampled_from(["", "1", "x", "true", "-5", "9" * 50, "\u0661", "v" * 2000]) | st.text()


class Binding(SynchronousTestCase):
    """What the test cases below have in common."""

    def bound(self, form: str, cls: type = Request) -> object:
        return bind(cls, forms.parse(form.encode()))

    def refused(self, form: str, code: str, *words: str, cls: type = Request) -> str:
        error = self.assertRaises(EC2Error, self.bound, form, cls)
        self.assertEqual(error.code, code, error)
        for word in words:
            self.assertIn(word, error.message)
        return error.message


class ScalarTests(Binding):
    def test_nothing(self) -> None:
        """Every field has its default, a structure is there with its own."""
        self.assertEqual(self.bound(""), Request())
        self.assertEqual(Request().placement, Placement(zone="", tenancy="default"))

    def test_values(self) -> None:
        """Each type from its text."""
        bound = self.bound("KeyName=k+%C3%A9&Count=1000&DryRun=true&Placement.AvailabilityZone=us")
        self.assertEqual(bound, Request(name="k \u00e9", count=1000, dry_run=True, placement=Placement(zone="us")))

    def test_protocol(self) -> None:
        """What belongs to the protocol and to signatures is no parameter of an action's."""
        names = (
            "Action Version AWSAccessKeyId Signature SignatureMethod SignatureVersion Timestamp Expires SecurityToken"
        )
        presigned = "X-Amz-Algorithm X-Amz-Credential X-Amz-Date X-Amz-Expires X-Amz-SignedHeaders X-Amz-Signature"
        form = "&".join(f"{name}=1" for name in [*names.split(), *presigned.split()])
        self.assertEqual(self.bound(form), Request())

    def test_empty_is_absent(self) -> None:
        """Packer sends SubnetId= and IamInstanceProfile.Name=, known to us or not."""
        form = "KeyName=&Count=&DryRun=&Placement.Tenancy=&Unknown=&Un.Known=&Placement="
        self.assertEqual(self.bound(form), Request())

    def test_booleans(self) -> None:
        """Any case, and digits; nothing else."""
        for yes in ("true", "True", "TRUE", "1"):
            self.assertEqual(self.bound(f"DryRun={yes}"), Request(dry_run=True))
        for no in ("false", "False", "0"):
            self.assertEqual(self.bound(f"DryRun={no}"), Request(dry_run=False))
        for other in ("yes", "2", "tru", "%20true"):
            self.refused(f"DryRun={other}", "InvalidParameterValue", "DryRun")

    def test_integers(self) -> None:
        """Decimal digits within the bounds; the message says which value and why."""
        self.refused("Count=0", "InvalidParameterValue", "(0)", "Count", "at least 1")
        self.refused("Count=1001", "InvalidParameterValue", "at most 1000")
        for other in ("x", "1.0", "+1", "1_0", "%201", "1%0A", "%D9%A1", "9" * 5000, "0x1"):
            self.refused(f"Count={other}", "InvalidParameterValue", "not an integer")

    def test_long_texts(self) -> None:
        """Too long is an error whose message stays short, and shows no secret."""
        self.refused("KeyName=" + "k" * 11, "InvalidParameterValue", "longer than 10")
        self.assertLess(len(self.refused("KeyName=" + "k" * 100_000, "InvalidParameterValue")), 300)
        self.assertNotIn("hush", self.refused("UserData=hush-hush", "InvalidParameterValue", "UserData"))

    def test_secrets_are_not_shown(self) -> None:
        """The repr of a request may go into a log."""
        self.assertNotIn("hush", repr(self.bound("UserData=hush")))

    def test_twice(self) -> None:
        """Which of two is meant is not guessed, equal or not."""
        for form in ("KeyName=a&KeyName=b", "KeyName=a&KeyName=a", "KeyName=&KeyName=a"):
            self.refused(form, "InvalidParameterCombination", "KeyName")

    def test_spellings(self) -> None:
        """A parameter may have several, dots included, but only one at a time."""
        for form in ("Instance=i-1", "Instance.1=i-1", "Instance=&Instance.1=i-1"):
            self.assertEqual(self.bound(form), Request(instance="i-1"))
        self.refused("Instance=i-1&Instance.1=i-1", "InvalidParameterCombination", "Instance and Instance.1")
        self.refused("Instance.2=i-1", "UnknownParameter", "Instance.2")

    def test_unknown(self) -> None:
        """A parameter that nothing declares is refused by its name, in EC2's words."""
        for name in (
            "Unknown",
            "keyname",
            "KeyName.1",
            "Placement.Unknown",
            "Placement",
            "Placement.1",
            "DryRun.x",
            "x-amz-y",
        ):
            message = self.refused(f"{name}=x", "UnknownParameter")
            self.assertEqual(message, f"The parameter {name} is not recognized")
        for name in (".", "KeyName.", ".KeyName", "InstanceId..1"):
            self.refused(f"{name}=x", "UnknownParameter")

    def test_accepted(self) -> None:
        """What is accepted and ignored is named, or begins as it says; nothing more."""
        self.assertEqual(
            self.bound("EbsOptimized=x&CreditSpecification.CpuCredits=x&CreditSpecification.1.2=x"), Request()
        )
        for name in ("EbsOptimized.1", "CreditSpecification", "CreditSpecificationX.1"):
            self.refused(f"{name}=x", "UnknownParameter", name)

    def test_depth(self) -> None:
        """A name of many parts is unknown before anything is built from it."""
        started = time.process_time()
        self.refused(".".join(["a"] * 100_000) + "=x", "UnknownParameter")
        self.assertLess(time.process_time() - started, 1)


class RequiredTests(Binding):
    FORM = "KeyName=k&Number=0&Flag=false&InstanceId.1=i&Tag.1.Key=a"

    def test_all_there(self) -> None:
        """Zero and false are values."""
        self.assertEqual(
            self.bound(self.FORM, Demanding),
            Demanding(name="k", number=0, flag=False, ids=("i",), tags=(Tag(key="a"),)),
        )

    def test_each_missing(self) -> None:
        """The message names what is missing, in EC2's words."""
        parts = self.FORM.split("&")
        for part in parts:
            form = "&".join(other for other in parts if other != part)
            name = part.partition("=")[0].partition(".")[0]
            message = self.refused(form, "MissingParameter", cls=Demanding)
            self.assertEqual(message, f"The request must contain the parameter {name}")

    def test_in_an_element(self) -> None:
        """A missing member is named with the element's index."""
        self.refused("TagSpecification.7.Tag.2.Value=x", "MissingParameter", "TagSpecification.7.Tag.2.Key")

    def test_misspelt(self) -> None:
        """A misspelt parameter says more than the missing one."""
        self.refused(self.FORM.replace("KeyName", "Keyname"), "UnknownParameter", "Keyname", cls=Demanding)

    def test_structures_that_cannot_be_absent(self) -> None:
        """A structure with a required member is a mistake of the declaration's."""
        self.assertRaises(TypeError, structure, "Tag", Tag)


class ListTests(Binding):
    def test_forms(self) -> None:
        """One-based, zero-based, with gaps, in any order, unindexed."""
        for form, ids in {
            "InstanceId.1=a&InstanceId.2=b": ("a", "b"),
            "InstanceId.0=a&InstanceId.1=b": ("a", "b"),
            "InstanceId.9=b&InstanceId.3=a": ("a", "b"),
            "InstanceId.10=b&InstanceId.9=a": ("a", "b"),
            "InstanceId=a": ("a",),
            "InstanceId=b&InstanceId=a": ("b", "a"),
            "InstanceId.1=a&InstanceId.2=a": ("a", "a"),
        }.items():
            self.assertEqual(self.bound(form), Request(instance_ids=ids), form)

    def test_malformed(self) -> None:
        """A list whose element was overlooked would mean all instances."""
        for name in ("x", "-1", "1.2", "1.2.3", "01", "1" * 30, "%2B1", "%D9%A1", "member.1", "1.x"):
            self.refused(f"InstanceId.{name}=i-1", "UnknownParameter", "InstanceId.")
            self.refused(f"InstanceId.{name}=", "UnknownParameter", "InstanceId.")

    def test_conflicts(self) -> None:
        """Two ways of saying it are one too many."""
        for form in ("InstanceId=a&InstanceId.1=b", "InstanceId.1=a&InstanceId.1=b", "InstanceId.1=a&InstanceId="):
            self.refused(form, "InvalidParameterCombination", "InstanceId")
        self.refused("InstanceId.1=a&InstanceId.1.2=b", "UnknownParameter", "InstanceId.1.2")
        self.refused("InstanceId.1=a&InstanceId.01=b", "UnknownParameter", "InstanceId.01")

    def test_empty_elements(self) -> None:
        """A list of ids that lost its only id does not mean all of them."""
        for form in ("InstanceId=", "InstanceId.1=", "InstanceId.1=a&InstanceId.2="):
            self.refused(form, "InvalidParameterValue", "InstanceId", "must not be empty")

    def test_filters(self) -> None:
        """Nested lists, indexed or not (salt sends Filter.1.Value=x); an empty value is a value."""
        one = Filter(name="state", values=("a", "b"))
        for form in (
            "Filter.1.Name=state&Filter.1.Value.1=a&Filter.1.Value.2=b",
            "Filter.0.Value.5=b&Filter.0.Value.0=a&Filter.0.Name=state",
            "Filter.3.Name=state&Filter.3.Value=a&Filter.3.Value=b",
        ):
            self.assertEqual(self.bound(form), Request(filters=(one,)))
        empty = Filter(name="tag:x", values=("",))
        self.assertEqual(self.bound("Filter.1.Name=tag:x&Filter.1.Value.1="), Request(filters=(empty,)))
        self.assertEqual(self.bound("Filter.1.Name=x"), Request(filters=(Filter(name="x"),)))

    def test_order_of_structures(self) -> None:
        """By index, as numbers."""
        bound = self.bound("Filter.10.Name=c&Filter.2.Name=b&Filter.1.Name=a")
        self.assertEqual(bound, Request(filters=tuple(Filter(name=name) for name in "abc")))

    def test_tags(self) -> None:
        """As botocore and libcloud send them with RunInstances."""
        start = "TagSpecification.1."
        form = f"{start}ResourceType=instance&{start}Tag.1.Key=Name&{start}Tag.1.Value=x+y"
        wanted = TagSpecification(resource_type="instance", tags=(Tag(key="Name", value="x y"),))
        self.assertEqual(self.bound(form), Request(specifications=(wanted,)))

    def test_malformed_structures(self) -> None:
        """Neither an unindexed member nor a value in a structure's place is guessed at."""
        for name in ("Filter", "Filter.Name", "Filter.1", "Filter.1.Name.1", "Filter.1.Unknown", "Filter.x.Name"):
            self.refused(f"Filter.1.Name=n&{name}=x", "UnknownParameter", name)
        self.refused("Filter.1=", "MissingParameter", "Filter.1.Name")


class AnythingTests(Binding):
    @unhurried
    @given(st.lists(st.tuples(NAMES | st.text(), VALUES), max_size=12))
    def test_never_anything_else(self, pairs: list[tuple[str, str]]) -> None:
        """Any parameters are a request or an EC2Error with a bounded message."""
        for cls in (Request, Demanding):
            try:
                bound = bind(cls, pairs)
            except EC2Error as error:
                self.assertLess(len(error.message), 600)
            else:
                self.assertIsInstance(bound, cls)

    @unhurried
    @given(st.lists(st.tuples(LIKELY_NAMES, st.text(min_size=1, max_size=8)), max_size=8))
    def test_nothing_is_overlooked(self, pairs: list[tuple[str, str]]) -> None:
        """Each value that is not the protocol's or accepted ends up in the request, or there is an error."""
        try:
            bound = bind(Everything, pairs)
        except EC2Error:
            return
        given = sorted(value for name, value in pairs if name not in ("Action",))
        self.assertEqual(sorted(leaves(bound)), given)

    @unhurried
    @given(st.lists(st.text("ab", min_size=1), max_size=6, unique=True), st.randoms())
    def test_order_of_parameters_is_nothing(self, ids: list[str], random: object) -> None:
        """A shuffled form is the same request."""
        pairs = [(f"InstanceId.{number}", value) for number, value in enumerate(ids)]
        shuffled = list(pairs)
        random.shuffle(shuffled)
        self.assertEqual(bind(Request, shuffled), bind(Request, pairs))


@frozen
class Everything:
    """Only texts, so that what went in can be found again."""

    ids: tuple[str, ...] = texts("InstanceId")
    name: str = text("Name")
    instance: str = text("Instance", "Instance.1")
    placement: Placement = structure("Placement", Placement)
    specifications: tuple[TagSpecification, ...] = structures("TagSpecification", TagSpecification)
    filters: tuple[Filter, ...] = structures("Filter", Filter)


def leaves(bound: object) -> list[str]:
    """All texts in a request but the defaults."""
    if isinstance(bound, str):
        return [] if bound in ("", "default") else [bound]
    members = bound if isinstance(bound, tuple) else attrs.astuple(bound, recurse=False)
    return [leaf for member in members for leaf in leaves(member)]


class SingleTests(SynchronousTestCase):
    def test_single(self) -> None:
        """A parameter of the protocol is there once, or not, or the request is refused."""
        self.assertEqual(single([("Action", "X"), ("Version", "")], "Action"), "X")
        self.assertIsNone(single([("action", "X")], "Action"))
        error = self.assertRaises(EC2Error, single, [("Action", "X"), ("Action", "X")], "Action")
        self.assertEqual(error.code, "InvalidParameterCombination")
