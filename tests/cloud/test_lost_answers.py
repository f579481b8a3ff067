"""RunInstances: what becomes of instances whose creation was not answered."""

from ec2proxy.cloud.launch import DOUBT_SECONDS, LOOKS_FOR_LOST, Order
from ec2proxy.errors import BackendError, BackendUnavailable, Forbidden, OutcomeUnknown, StateUnavailable
from ec2proxy.model import InstanceSpec
from tests.cloud.support import MINE, SPEC
from tests.cloud.test_launch import CREATE, LaunchTestCase

LOOKING = sum(LOOKS_FOR_LOST)


class LostAnswerTests(LaunchTestCase):
    def test_found_by_looking(self):
        for token in ("", "t"):
            self.make()
            self.backend.trouble.lose_answer(**CREATE)
            launching = self.order(token=token)
            self.later(LOOKING)
            (instance_id,) = self.successResultOf(launching).instance_ids
            self.assertEqual(list(self.backend.instances), [instance_id])
            self.assertEqual(self.created(), 1)
            self.until(instance_id, "running")

    def test_found_in_a_used_id(self):
        instance_id = self.running()
        self.do("terminate", instance_id)
        self.until(instance_id, "terminated")
        self.backend.trouble.lose_answer(**CREATE)
        launching = self.order()
        self.later(LOOKING)
        self.assertEqual(self.successResultOf(launching).instance_ids, (instance_id,))

    def test_what_was_there_before_is_not_taken_for_it(self):
        self.backend.create_instances("mockuser", {"image_id": "img1", "hwp_id": "m1-small", "realm_id": "us"})
        self.backend.trouble.backtrace(502, **CREATE)
        launching = self.order()
        self.later(LOOKING)
        self.failureResultOf(launching, OutcomeUnknown)

    def test_what_others_create_is_not_taken_for_it(self):
        self.backend.trouble.backtrace(502, **CREATE)
        self.backend.trouble.add(self.answer_late, **CREATE)
        lost, other = self.order(), self.order()
        self.later(LOOKING + 10)
        self.failureResultOf(lost, OutcomeUnknown)
        self.assertEqual(len(self.successResultOf(other).instance_ids), 1)
        self.assertEqual(len(self.backend.instances), 1)

    async def answer_late(self, exchange):
        """Trouble: done at once, answered late."""
        answer = await exchange.carry_out()
        await exchange.sleep(LOOKING + 2)
        exchange.send(answer)

    def test_what_does_not_fit_is_not_taken_for_it(self):
        self.backend.trouble.backtrace(502, **CREATE)
        launching = self.order(spec=InstanceSpec("img1", "m1-small", "us", name="mine"))
        self.backend.create_instances("mockuser", {"image_id": "img1", "hwp_id": "m1-small", "name": "other"})
        self.later(LOOKING)
        self.failureResultOf(launching, OutcomeUnknown)

    def test_found_where_the_backend_takes_no_names(self):
        self.make(without=["user_name"])
        self.backend.trouble.lose_answer(**CREATE)
        launching = self.order(spec=InstanceSpec("img1", "m1-small", "us", name="mine"))
        self.later(LOOKING)
        self.assertEqual(len(self.successResultOf(launching).instance_ids), 1)

    def test_not_found(self):
        self.backend.trouble.backtrace(502, times=None, **CREATE)
        launching = self.order(most=3)
        self.later(LOOKING)
        self.failureResultOf(launching, OutcomeUnknown)
        self.assertEqual(self.created(), 1)

    def test_nobody_can_look(self):
        self.backend.trouble.lose_answer(**CREATE)
        launching = self.order(token="t")
        self.backend.trouble.backtrace(502, method="GET", times=None)
        self.later(LOOKING)
        self.failureResultOf(launching, BackendUnavailable)
        self.assertEqual(len(self.backend.instances), 1)
        self.backend.trouble.clear()
        # A backend that was down is left alone for a moment.
        self.later(4)
        self.assertEqual(self.launch(client_token="t").instance_ids, tuple(self.backend.instances))
        self.assertEqual(self.created(), 1)

    def test_the_retry_finds_what_appeared_late(self):
        self.make(list_lag=20)
        self.backend.trouble.lose_answer(**CREATE)
        launching = self.order(token="t")
        self.later(LOOKING)
        error = self.failureResultOf(launching, BackendError).value
        self.assertTrue(error.ambiguous)
        self.later(20)
        self.assertEqual(self.launch(client_token="t").instance_ids, tuple(self.backend.instances))
        self.assertEqual(self.created(), 1)

    def test_the_retry_waits_for_what_appears_later_still(self):
        self.make(list_lag=LOOKING + 3)
        self.backend.trouble.lose_answer(**CREATE)
        launching = self.order(token="t")
        self.later(LOOKING)
        self.failureResultOf(launching, BackendError)
        retrying = self.order(token="t")
        self.assertNoResult(retrying)
        self.later(LOOKING)
        self.assertEqual(self.successResultOf(retrying).instance_ids, tuple(self.backend.instances))
        self.assertEqual(self.created(), 1)

    def test_a_retry_that_is_refused_does_not_free_the_token(self):
        self.make(list_lag=60)
        self.backend.trouble.lose_answer(**CREATE)
        launching = self.order(token="t")
        self.later(LOOKING)
        self.failureResultOf(launching)
        self.backend.instances.remove(*self.backend.instances)
        self.later(DOUBT_SECONDS)
        self.backend.trouble.backtrace(403, **CREATE)
        again = self.order(token="t")
        self.later(LOOKING)
        self.failureResultOf(again, Forbidden)
        self.backend.create_instances("mockuser", {"image_id": "img1", "hwp_id": "m1-small", "realm_id": "us"})
        self.later(60)
        self.assertEqual(self.launch(client_token="t").instance_ids, tuple(self.backend.instances))

    def test_nothing_is_created_again_while_it_may_still_appear(self):
        """However late: retries are told to come again, in another process too, until it is there."""
        self.make(list_lag=DOUBT_SECONDS - 30)
        self.backend.trouble.lose_answer(**CREATE)
        launching = self.order(token="t")
        self.later(LOOKING)
        self.failureResultOf(launching, BackendError)
        for _ in range(3):
            self.later(60)
            self.restart()
            retrying = self.order(token="t")
            self.later(LOOKING)
            self.assertTrue(self.failureResultOf(retrying, BackendUnavailable).value.ambiguous)
        self.later(90)
        self.assertEqual(self.launch(client_token="t").instance_ids, tuple(self.backend.instances))
        self.assertEqual(self.created(), 1)

    def test_what_never_appears_is_created_again(self):
        """Once: then it is in doubt again, also when nobody lives to tell of the second attempt's end."""
        self.make(timeout=1000.0)
        self.backend.trouble.never_answer(**CREATE)
        self.order(token="t")
        self.restart()
        retrying = self.order(token="t")
        self.later(LOOKING)
        self.failureResultOf(retrying, BackendUnavailable)
        self.later(DOUBT_SECONDS)
        self.backend.list_lag = 30
        self.backend.trouble.lose_answer(silent=True, **CREATE)
        self.order(token="t").addErrback(lambda _: None)
        self.later(LOOKING)
        self.restart()
        retrying = self.order(token="t")
        self.later(LOOKING)
        self.failureResultOf(retrying, BackendUnavailable)
        self.later(30)
        self.assertEqual(self.launch(client_token="t").instance_ids, tuple(self.backend.instances))
        self.assertEqual(self.created(), 2)

    def test_what_was_never_asked_for_is_not_waited_for(self):
        """A state that failed before the backend was asked for anything leaves no doubt."""
        change = self.store.change

        async def fail(*arguments):
            raise StateUnavailable

        self.store.change = fail
        self.refused(StateUnavailable, self.cloud.launcher.launch(MINE, Order(SPEC, 1, 1, "t")))
        self.store.change = change
        again = self.order(token="t")
        self.later(LOOKING)
        self.assertEqual(len(self.successResultOf(again).instance_ids), 1)

    def test_the_retry_after_a_crash_takes_up_what_was_created(self):
        self.make(timeout=1000.0)
        self.backend.trouble.delay(0, **CREATE)
        self.backend.trouble.never_answer(**CREATE)
        launching = self.order(most=2, least=2, token="t")
        self.later(3)
        self.assertNoResult(launching)
        (first,) = self.backend.instances
        self.done(self.lifecycle.stop())
        self.restart()
        self.later(DOUBT_SECONDS)
        retrying = self.order(most=2, least=2, token="t")
        self.later(LOOKING)
        again = self.successResultOf(retrying)
        self.assertEqual(len(again.instance_ids), 2)
        self.assertEqual(again.instance_ids[0], first)
        self.assertEqual(len(self.backend.instances), 2)
        self.assertEqual({view.reservation_id for view in self.views().values()}, {again.reservation_id})

    def test_the_retry_does_not_take_up_what_was_rolled_back(self):
        self.make(machine="ec2", stopping=30)
        self.backend.trouble.delay(0, **CREATE)
        self.backend.trouble.backtrace(502, **CREATE)
        launching = self.order(most=2, least=2, token="t")
        self.later(LOOKING + 3)
        self.failureResultOf(launching, BackendUnavailable)
        self.later(DOUBT_SECONDS)
        retrying = self.order(most=2, least=2, token="t")
        self.later(LOOKING)
        again = self.successResultOf(retrying)
        self.later(90)
        states = self.states()
        self.assertEqual({states[key] for key in again.instance_ids}, {"running"})
        self.assertEqual(len(self.backend.instances), 2)
