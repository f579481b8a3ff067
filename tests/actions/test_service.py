"""What all actions have in common: identity, names, versions, request ids, and what happens when nothing goes right."""

from base64 import b64encode

from attrs import evolve
from botocore.session import get_session
from twisted.internet.defer import CancelledError, Deferred
from zope.interface import implementer

from ec2proxy import errors
from ec2proxy.actions.action import Action
from ec2proxy.actions.errors import from_cloud
from ec2proxy.cloud.epochs import LocalEpochs
from ec2proxy.ec2.request import RawRequest
from ec2proxy.interfaces import IEpochs
from ec2proxy.testing.driver_contract import PUBLIC_KEY
from tests.actions.support import ACTIONS, ActionTestCase, basic
from tests.ec2.signers import v4

#: Those of EC2's own; STS knows of no DryRun.
EC2_ACTIONS = sorted(set(ACTIONS) & set(get_session().get_service_model("ec2").operation_names))

EVERY_PATH = {"path": "*", "times": None}

#: The least that each action has to be given. A new action that needs parameters is to be put here.
PARAMS = {
    "CreateImage": {"InstanceId": "inst0", "Name": "new"},
    "CreateKeyPair": {"KeyName": "new"},
    "CreateTags": {"Resources": ["inst0"], "Tags": [{"Key": "a", "Value": "b"}]},
    "DeleteKeyPair": {"KeyName": "test-key"},
    "DeregisterImage": {"ImageId": "img3"},
    "DescribeImageAttribute": {"ImageId": "img1", "Attribute": "description"},
    "DescribeInstanceAttribute": {"InstanceId": "inst0", "Attribute": "instanceType"},
    "DescribeVpcAttribute": {"VpcId": "net1", "Attribute": "enableDnsSupport"},
    "GetPasswordData": {"InstanceId": "inst0"},
    "ImportKeyPair": {"KeyName": "new", "PublicKeyMaterial": PUBLIC_KEY.encode()},
    "ModifyInstanceAttribute": {"InstanceId": "inst0", "DisableApiStop": {"Value": True}},
    "MonitorInstances": {"InstanceIds": ["inst4"]},
    "UnmonitorInstances": {"InstanceIds": ["inst0"]},
    "DeleteTags": {"Resources": ["inst0"]},
    "RebootInstances": {"InstanceIds": ["inst0"]},
    "RunInstances": {"ImageId": "img1", "MinCount": 1, "MaxCount": 1, "ClientToken": "t"},
    "StartInstances": {"InstanceIds": ["inst0"]},
    "StopInstances": {"InstanceIds": ["inst0"]},
    "TerminateInstances": {"InstanceIds": ["inst0"]},
}
#: The actions that ask the backend every time.
ASKING = sorted({*PARAMS, "DescribeAvailabilityZones", "DescribeImages", "DescribeInstances", "DescribeKeyPairs"})


class DryRunTests(ActionTestCase):
    def remembered(self) -> list[object]:
        """All that ec2proxy has stored, but for when it saw what."""
        kinds = ("work", "tombstone", "launch", "tags", "token", "attributes", "key")
        items = [self.store.items("deltacloud/mockuser", kind) for kind in kinds]
        return [self.successResultOf(Deferred.fromCoroutine(each)) for each in items]

    def prepare(self) -> None:
        """A new cloud with an instance inst4 that is monitored."""
        self.make(features=["import_key"])
        self.assertEqual(self.run_one(Monitoring={"Enabled": True})["InstanceId"], "inst4")
        self.later(10)

    def test_every_action(self) -> None:
        """Every action there is takes DryRun: it says that it would do it, and changes nothing anywhere."""
        for action in EC2_ACTIONS:
            self.prepare()
            sent, before = self.changes(), self.remembered()
            self.refused("DryRunOperation", action, status=412, DryRun=True, **PARAMS.get(action, {}))
            self.later(5)
            self.assertEqual(self.changes(), sent, action)
            self.assertEqual(self.remembered(), before, action)

    def test_for_real(self) -> None:
        """Without it, the same requests are done."""
        for action, params in PARAMS.items():
            self.prepare()
            self.call(action, DryRun=False, **params)

    def test_would_fail(self) -> None:
        """What would fail fails."""
        for code, action, params in (
            ("InvalidInstanceID.NotFound", "TerminateInstances", {"InstanceIds": ["nosuch"]}),
            ("InvalidInstanceID.NotFound", "DescribeInstances", {"InstanceIds": ["nosuch"]}),
            ("InvalidAMIID.NotFound", "RunInstances", {"ImageId": "nosuch", "MinCount": 1, "MaxCount": 1}),
            ("InvalidKeyPair.Duplicate", "CreateKeyPair", {"KeyName": "test-key"}),
        ):
            self.refused(code, action, DryRun=True, **params)


class ProtocolTests(ActionTestCase):
    def test_versions(self) -> None:
        """The namespace is the version's that was asked for; without one, that of Deltacloud's frontend."""
        for version in ("2016-11-15", "2010-08-31", "2099-01-01"):
            heard = self.ask(("Action", "DescribeImages"), version=version)
            self.understood("DescribeImages", heard, version)
            self.assertEqual(heard.xml.tag, f"{{http://ec2.amazonaws.com/doc/{version}/}}DescribeImagesResponse")
        for spelt in (None, ""):
            self.understood("DescribeImages", self.ask(("Action", "DescribeImages"), version=spelt), "2012-04-01")
        for wrong in ("2016", "latest", "2016-13-01", "2016-11-15/"):
            self.told("InvalidParameterValue", self.ask(("Action", "DescribeImages"), version=wrong))

    def test_request_id(self) -> None:
        """The answer bears the id that the web gave it, and the trace learns who asked for what, and where."""
        self.call("DescribeImages", region="mars-1")
        self.assertEqual((self.trace.action, self.trace.principal), ("DescribeImages", "mockuser"))
        self.assertEqual(self.trace.region, "mars-1")
        self.ask(("Action", "DescribeImages"))
        self.assertEqual(self.trace.region, "deltacloud")
        heard = self.ask(("Action", "DescribeNothing"))
        self.assertEqual(heard.xml.findtext("RequestID"), self.trace.request_id)
        self.assertEqual(self.trace.action, "")

    def test_actions(self) -> None:
        """No action, two, or one that there is not; what only looks like one is none."""
        self.told("MissingAction", self.ask())
        self.told("MissingAction", self.ask(("Action", "")))
        for name in ("DescribeNothing", "describeImages", "_StateChange", "Action", "DescribeImages ", "x" * 5000):
            message = self.told("InvalidAction", self.ask(("Action", name)))
            self.assertLess(len(message), 250)
        # EC2 has these.
        for name in ("DescribeFleets", "CreateVpcPeeringConnection"):
            self.assertIn(name, self.told("UnsupportedOperation", self.ask(("Action", name))))
        twice = (("Action", "DescribeImages"), ("Action", "DescribeImages"))
        self.told("InvalidParameterCombination", self.ask(*twice))
        for action in EC2_ACTIONS:
            self.told("UnknownParameter", self.ask(("Action", action), ("Nonsense.1", "x")))

    def test_post_and_get(self) -> None:
        """Signed with version 4 in a form, with version 2 in a query, or with Basic."""
        params = {"Action": "DescribeKeyPairs", "Version": "2016-11-15", "KeyName": "test-key"}
        signed = v4(params, at=self.clock.seconds(), key="mockuser", secret="mockpassword")
        self.understood("DescribeKeyPairs", self.successResultOf(self.perform(signed)))
        wrong = v4(params, at=self.clock.seconds(), key="mockuser", secret="other")
        self.told("SignatureDoesNotMatch", self.successResultOf(self.perform(wrong)), 403)
        unknown = v4(params, at=self.clock.seconds(), key="stranger", secret="mockpassword")
        self.told("InvalidClientTokenId", self.successResultOf(self.perform(unknown)), 403)
        late = v4(params, at=self.clock.seconds() - 3600, key="mockuser", secret="mockpassword")
        self.told("RequestExpired", self.successResultOf(self.perform(late)))
        nobody = RawRequest("GET", b"/", b"Action=DescribeKeyPairs", (), b"")
        self.told("MissingAuthenticationToken", self.successResultOf(self.perform(nobody)), 403)
        self.assertEqual(self.changes(), [])

    def test_accounts_apart(self) -> None:
        """One cloud user sees nothing of another's, and its password is the cloud's to judge."""
        self.call("DescribeInstances")
        theirs = self.understood("DescribeInstances", self.ask(("Action", "DescribeInstances"), user="other"))
        self.assertEqual(theirs, {"Reservations": []})
        raw = b"Basic " + b64encode(b"mockuser:guess")
        request = RawRequest("GET", b"/", b"Action=DescribeInstances", ((b"authorization", raw),), b"")
        self.told("AuthFailure", self.successResultOf(self.perform(request)), 401)

    def test_cancelled(self) -> None:
        """A client that goes away takes its backend call with it."""
        self.mock.trouble.never_answer(path="/api/images")
        waiting = self.begin("DescribeImages")
        self.assertNoResult(waiting)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(len(self.call("DescribeImages")["Images"]), 3)


@implementer(IEpochs)
class SlowEpochs(LocalEpochs):
    """Takes its time to tell others."""

    def __init__(self) -> None:
        super().__init__()
        self.telling: list[Deferred[None]] = []

    async def settled(self) -> None:
        self.telling.append(Deferred())
        await self.telling[-1]


class SettledTests(ActionTestCase):
    def test_told_before_answered(self) -> None:
        """No answer of an action, an error neither, before all who share the cloud can know of what it did."""
        epochs = SlowEpochs()
        self.regions.replace([evolve(self.cloud, epochs=epochs)], True)
        for ids, status in ((["inst0"], 200), (["nosuch"], 400)):
            answering = self.begin("StopInstances", InstanceIds=ids)
            self.assertNoResult(answering)
            epochs.telling.pop().callback(None)
            self.assertEqual(self.successResultOf(answering).status, status)


class Break(Action):
    """An action with a mistake in it."""

    async def perform(self, call):
        """Break."""
        raise ZeroDivisionError("/secret/path")


class FailureTests(ActionTestCase):
    def each(self, code: str, status: int) -> None:
        """See that each action, asked of a service that knows nothing yet, fails with this code."""
        for action in ASKING:
            self.restart(timeout=10)
            waiting = self.begin(action, **PARAMS.get(action, {}))
            self.later(40)
            message = self.told(code, self.successResultOf(waiting), status)
            self.assertLess(len(message), 300)
            self.assertNotRegex(message, r"/srv|\.rb|<|Sign in|Traceback")
        self.assertEqual(len(self.mock.instances), 4)

    def test_credentials(self) -> None:
        """The backend's 401."""
        self.mock.users["mockuser"] = "changed"
        self.each("AuthFailure", 401)

    def test_forbidden(self) -> None:
        """The backend's 403."""
        self.mock.trouble.answer(403, b"", **EVERY_PATH)
        self.each("UnauthorizedOperation", 403)

    def test_unavailable(self) -> None:
        """502, 503 and 504: it is known to be down."""
        for status in (502, 503, 504):
            self.mock.trouble.clear()
            self.mock.trouble.answer(status, b"", **EVERY_PATH)
            self.each("Unavailable", 503)

    def test_hung(self) -> None:
        """No answer in time."""
        self.mock.trouble.never_answer(**EVERY_PATH)
        self.each("Unavailable", 503)

    def test_cut(self) -> None:
        """An answer that breaks off."""
        self.mock.trouble.cut(**EVERY_PATH)
        for action in ASKING:
            self.restart()
            waiting = self.begin(action, **PARAMS.get(action, {}))
            self.later(5)
            self.assertGreaterEqual(self.successResultOf(waiting).status, 500)

    def test_backtrace(self) -> None:
        """A 500 with a backtrace of 90 KB: nothing of that is passed on."""
        self.mock.trouble.backtrace(**EVERY_PATH)
        self.each("InternalError", 500)

    def test_html(self) -> None:
        """A page that is no Deltacloud answer."""
        self.mock.trouble.html(**EVERY_PATH)
        self.each("InternalError", 500)

    def test_lacking_collection(self) -> None:
        """A collection that the backend lacks."""
        self.make(without=["keys"])
        self.refused("UnsupportedOperation", "DescribeKeyPairs")
        self.refused("UnsupportedOperation", "CreateKeyPair", KeyName="k")

    def test_mistake(self) -> None:
        """A mistake of ours is logged once and told to nobody."""
        self.service._actions = {"Break": Break}
        message = self.told("InternalError", self.ask(("Action", "Break")), 500)
        self.assertEqual(message, "An internal error has occurred.")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_mapping(self) -> None:
        """Each error of the domain has EC2's code; none that a client would retry has another status than 5xx."""
        for error, code, message in (
            (errors.NotFound("volumes", ["v"]), "InvalidParameterValue", "The id 'v' does not exist"),
            (errors.NotFound("realms", ["a"]), "InvalidZone.NotFound", "The zone 'a' does not exist"),
            (errors.NotFound("keys", ["'"]), "InvalidKeyPair.NotFound", "The key pair ''' does not exist"),
            (errors.Conflict("keys", "k"), "InvalidKeyPair.Duplicate", "The keypair 'k' already exists."),
            (errors.Conflict("images", "i"), "InvalidAMIName.Duplicate", "AMI name i is already in use."),
            (errors.Conflict("firewalls", "f", "taken"), "ResourceAlreadyExists", "taken"),
            (errors.WrongState("s"), "IncorrectInstanceState", "s"),
            (errors.InvalidRequest("r"), "InvalidParameterValue", "r"),
            (errors.Unsupported("u"), "UnsupportedOperation", "u"),
            (errors.IdempotencyMismatch("i"), "IdempotentParameterMismatch", "i"),
            (errors.OutcomeUnknown("o"), "InvalidState", "o"),
            (errors.Unauthenticated("x"), "AuthFailure", "The cloud did not accept the credentials."),
            (errors.BackendUnavailable("x"), "Unavailable", "The cloud cannot be reached at the moment."),
            (errors.BackendTimeout("x"), "Unavailable", "The cloud did not answer in time."),
            (errors.BackendError(""), "InternalError", "The cloud failed."),
            (errors.CloudError("x"), "InternalError", "x"),
        ):
            told = from_cloud(error)
            self.assertEqual((told.code, told.message), (code, message))

    def test_long_ids(self) -> None:
        """Ids are cut where a message shows them."""
        for length, code in ((255, "InvalidInstanceID.NotFound"), (1000, "InvalidInstanceID.Malformed")):
            message = self.refused(code, "DescribeInstances", InstanceIds=["i" * length])
            self.assertLess(len(message), 250)
        self.told("InvalidParameterValue", self.ask(("Action", "DescribeInstances"), ("InstanceId.1", "i" * 1025)))

    def test_another_user(self) -> None:
        """Basic with a user whom the cloud does not know."""
        self.told("AuthFailure", self.successResultOf(self.perform(basic(("Action", "DescribeImages"), user="x"))), 401)
