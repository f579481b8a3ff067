"""A process that ends at an odd moment, and the next one on the same store."""

from ec2proxy.cloud.attributes import Attributes
from ec2proxy.cloud.launch import LOOKS_FOR_LOST, Order
from ec2proxy.model import InstanceSpec
from tests.cloud.support import MINE, SPEC, CloudTestCase

CREATE = {"method": "POST", "path": "/api/instances"}
LOOKING = sum(LOOKS_FOR_LOST) + 3


class ResumeTests(CloudTestCase):
    def crash(self):
        """End the process, and begin the next."""
        self.done(self.cloud.stop())
        self.later(1)
        self.restart()

    def resume(self):
        """Take up what was left."""
        self.done(self.cloud.resume())

    def stored(self, kind):
        """The keys of what the store holds of a kind."""
        return list(self.done(self.store.items("here/mockuser", kind)))

    def test_work_goes_on(self):
        self.make(machine="ec2", stopping=5)
        instance_id = self.running()
        self.do("terminate", instance_id)
        self.assertEqual(self.stored("credentials"), [""])
        self.crash()
        self.resume()
        self.later(30)
        self.assertEqual(list(self.backend.instances), [])
        self.assertEqual(self.states(), {instance_id: "terminated"})
        self.assertEqual((self.stored("work"), self.stored("credentials")), ([], []))

    def test_work_of_another_region_is_left_alone(self):
        self.make(machine="ec2", stopping=5)
        self.do("terminate", self.running())
        self.crash()
        self.restart(region="there")
        self.resume()
        self.sent(reads=True)
        self.later(30)
        self.assertEqual(self.sent(reads=True), [])

    def test_work_promised_since_is_not_taken_up_twice(self):
        self.make(machine="ec2", stopping=5)
        instance_id = self.running()
        self.do("terminate", instance_id)
        self.done(self.cloud.resume())
        self.sent()
        self.until(instance_id, "terminated")
        self.later(30)
        self.assertEqual(self.sent(), [("DELETE", f"/api/instances/{instance_id}")])

    def asked_to_destroy(self, how):
        """Terminate an instance; the process ends when it has asked for the destruction, and does not hear of it."""
        self.make(machine="arubacloud", stopping=5)
        instance_id = self.running()
        getattr(self.backend.trouble, how)(method="DELETE", path="/api/instances/*")
        self.do("terminate", instance_id)
        self.later(8)
        self.assertEqual([each.destroy for each in self.ledger().work.values()], ["STOPPED"])
        self.done(self.store.close())
        self.restart()
        self.sent()
        return instance_id

    def test_a_destruction_is_asked_for_again_where_it_was_not_done(self):
        instance_id = self.asked_to_destroy("never_answer")
        self.resume()
        self.later(30)
        self.assertEqual(self.sent(), [("DELETE", f"/api/instances/{instance_id}")])
        self.assertEqual(self.states(), {instance_id: "terminated"})

    def test_an_id_that_is_used_again_while_no_process_is_there(self):
        """The instance that was destroyed had been stopped; one of its id that runs is another's, and is left alone."""
        instance_id = self.asked_to_destroy("lose_answer")
        self.assertEqual(list(self.backend.instances), [])
        self.backend.create_instances("mockuser", {"image_id": "img1"})
        self.assertEqual(list(self.backend.instances), [instance_id])
        self.resume()
        self.later(60)
        self.assertEqual(self.sent(), [])
        self.assertEqual(self.ledger().work, {})
        self.assertEqual(self.states(), {instance_id: "running"})

    def unheard(self, order=Order(SPEC, 1, 1)):  # noqa: B008
        """Begin to launch, and never hear what came of it."""
        self.backend.trouble.lose_answer(silent=True, **CREATE)
        self.begin(self.cloud.launcher.launch(MINE, order)).addErrback(lambda _: None)

    def test_a_launch_is_taken_up(self):
        self.make(features=["user_data"])
        attributes = Attributes(disable_api_stop=True, has_user_data=True)
        spec = InstanceSpec("img1", "m1-small", "us", user_data="aGk=")
        self.unheard(Order(spec, 1, 1, tags={"k": "v"}, attributes=attributes))
        (instance_id,) = self.backend.instances
        self.crash()
        self.resume()
        self.later(LOOKING)
        view = self.views()[instance_id]
        self.assertEqual((view.tags, view.attributes), ({"k": "v"}, attributes))
        self.assertEqual(self.done(self.ledger().user_data(instance_id)), "aGk=")
        self.assertEqual(self.stored("order"), [])
        self.do("terminate", instance_id)
        self.later(4000, step=100)
        self.assertEqual(self.states(), {})
        self.assertEqual((self.stored("attributes"), self.stored("user_data")), ([], []))

    def test_a_launch_of_which_nothing_came(self):
        self.backend.trouble.never_answer(**CREATE)
        self.begin(self.cloud.launcher.launch(MINE, Order(SPEC, 1, 1))).addErrback(lambda _: None)
        self.assertEqual(len(self.stored("order")), 1)
        self.crash()
        self.resume()
        self.later(LOOKING)
        self.assertEqual((self.stored("order"), self.states()), ([], {}))
        self.assertEqual(self.stored("credentials"), [])

    def test_a_launch_is_taken_up_when_the_backend_is_back(self):
        self.unheard()
        self.crash()
        self.backend.trouble.backtrace(502, times=None)
        self.resume()
        self.later(60)
        self.assertEqual(len(self.stored("order")), 1)
        self.backend.trouble.clear()
        self.later(LOOKING)
        self.assertEqual(self.stored("order"), [])
        self.assertEqual(len(self.ledger().launches), 1)

    def test_an_end_while_launches_are_taken_up(self):
        self.unheard()
        for _ in range(2):
            self.crash()
            self.resume()
        self.later(LOOKING)
        self.assertEqual(len(self.ledger().launches), 1)

    def test_a_refused_password_ends_it_and_is_logged(self):
        self.unheard()
        self.crash()
        self.backend.users["mockuser"] = "changed"
        self.resume()
        self.later(LOOKING)
        self.assertEqual(len(self.flushLoggedErrors()), 1)

    def test_tags_change_together_or_not_at_all(self):
        ledger = self.ledger()
        self.done(ledger.change_tags({"a": {"k": "1"}, "b": {}}, lambda old: {**old, "n": "2"}))
        self.assertEqual(ledger.tags, {"a": {"k": "1", "n": "2"}, "b": {"n": "2"}})

        def refuse(old):
            raise ZeroDivisionError

        self.failureResultOf(self.begin(ledger.change_tags({"a": {}}, refuse)), ZeroDivisionError)
        self.assertEqual(ledger.tags["a"], {"k": "1", "n": "2"})
        self.assertEqual(self.done(ledger.user_data("a")), "")
