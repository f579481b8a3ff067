"""RunInstances: how many, how often, and what becomes of lost answers."""

from ec2proxy.cloud.launch import LOOKS_FOR_LOST, Order
from ec2proxy.errors import (
    BackendError,
    BackendUnavailable,
    Forbidden,
    IdempotencyMismatch,
    InvalidRequest,
    OutcomeUnknown,
    Unauthenticated,
)
from ec2proxy.mockcloud.trouble import Answer
from ec2proxy.model import InstanceSpec
from tests.cloud.support import MINE, SPEC, WRONG, CloudTestCase

CREATE = {"method": "POST", "path": "/api/instances"}
LOOKING = sum(LOOKS_FOR_LOST)


async def refuse_later(exchange):
    """Trouble that takes its time."""
    await exchange.sleep(2)
    exchange.send(Answer(403))


class LaunchTestCase(CloudTestCase):
    def order(self, *, least=1, most=1, token="", spec=SPEC):
        """Begin to launch."""
        return self.begin(self.cloud.launcher.launch(MINE, Order(spec, least, most, token)))

    def created(self):
        """How many instances the backend was asked for since this was asked."""
        return sum(call == ("POST", "/api/instances") for call in self.sent())


class CountTests(LaunchTestCase):
    def test_as_many_as_possible(self):
        launched = self.launch(least=2, most=5)
        self.assertEqual(self.created(), 5)
        self.assertEqual(len(set(launched.instance_ids)), 5)
        views = self.views()
        self.assertEqual([views[key].launch_index for key in launched.instance_ids], list(range(5)))
        self.assertEqual({view.reservation_id for view in views.values()}, {launched.reservation_id})
        self.assertEqual([view.instance.id for view in launched.views], list(launched.instance_ids))

    def test_what_is_refused_is_asked_for_once(self):
        self.refused(
            InvalidRequest, self.cloud.launcher.launch(MINE, Order(InstanceSpec("img1", "nix"), least=1, most=5))
        )
        self.assertEqual(self.created(), 1)

    def fail_after(self, number, status=403):
        """Have the backend create some and refuse the rest."""
        for _ in range(number):
            self.backend.trouble.delay(0, **CREATE)
        self.backend.trouble.backtrace(status, times=None, **CREATE)

    def test_partial_success(self):
        self.fail_after(3)
        launching = self.order(least=3, most=5)
        self.later(2)
        self.assertEqual(len(self.successResultOf(launching).instance_ids), 3)

    def test_fewer_than_enough_are_rolled_back(self):
        self.fail_after(3)
        launching = self.order(least=4, most=5)
        self.later(2)
        self.failureResultOf(launching, Forbidden)
        self.later(30)
        self.assertEqual(list(self.backend.instances), [])
        self.assertEqual(set(self.states().values()), {"terminated"})

    def test_rolled_back_although_not_listed_yet(self):
        self.make(machine="ec2", pending=3, stopping=3, list_lag=60)
        self.fail_after(1)
        launching = self.order(least=2, most=2)
        self.later(2)
        self.failureResultOf(launching, Forbidden)
        self.later(90)
        self.assertEqual(list(self.backend.instances), [])

    def test_a_fault_of_ours_rolls_back_too(self):
        list_create, calls = self.driver.instances.create, []

        async def create(*args):
            calls.append(1)
            if len(calls) == 2:
                raise ZeroDivisionError
            return await list_create(*args)

        self.driver.instances.create = create
        self.refused(ZeroDivisionError, self.cloud.launcher.launch(MINE, Order(SPEC, least=1, most=3)))
        self.later(30)
        self.assertEqual(len(calls), 3)
        self.assertEqual(list(self.backend.instances), [])

    def test_visible_at_once_where_the_list_lags(self):
        self.make(list_lag=30, pending=2)
        instance_id = self.one()
        self.assertEqual(self.states(), {instance_id: "pending"})
        self.assertLessEqual(set(self.until(instance_id, "running")), {"pending", "running"})
        self.later(20)
        self.assertEqual(self.ledger().work, {})

    def test_started_where_the_list_lags(self):
        self.make(machine="fgcp", list_lag=30, pending=2)
        instance_id = self.one()
        self.later(20)
        self.assertEqual(self.backend.instances[instance_id].state, "RUNNING")
        self.until(instance_id, "running")

    def test_terminated_where_the_list_lags(self):
        self.make(machine="ec2", list_lag=120, pending=2, stopping=2)
        instance_id = self.one()
        self.do("terminate", instance_id)
        self.assertEqual(self.states(), {instance_id: "shutting-down"})
        self.until(instance_id, "terminated")
        self.assertEqual(list(self.backend.instances), [])
        self.later(150)
        self.assertEqual(self.states(), {instance_id: "terminated"})

    def test_what_never_appears_is_given_up(self):
        instance_id = self.one()
        self.backend.instances.remove(instance_id)
        self.later(30)
        self.assertEqual(self.states(), {instance_id: "pending"})
        self.later(300)
        self.assertEqual(self.states(), {instance_id: "terminated"})

    def test_a_wrong_password(self):
        for token in ("", "t"):
            order = Order(SPEC, 1, 1, token)
            self.refused(Unauthenticated, self.cloud.launcher.launch(WRONG, order))
        self.assertEqual(self.created(), 0)

    def test_a_client_that_leaves(self):
        self.backend.trouble.delay(2, **CREATE)
        launching = self.order(most=3)
        launching.cancel()
        self.failureResultOf(launching)
        self.later(5)
        self.assertEqual(sorted(self.states().values()), ["running"] * 3)

    def test_a_failure_nobody_waits_for_is_logged(self):
        self.backend.trouble.add(refuse_later, **CREATE)
        launching = self.order()
        launching.cancel()
        self.failureResultOf(launching)
        self.later(5)
        self.assertEqual(len(self.flushLoggedErrors(Forbidden)), 1)


class TokenTests(LaunchTestCase):
    def test_the_same(self):
        first = self.launch(most=2, client_token="t")
        self.later(10)
        second = self.launch(most=2, client_token="t")
        self.assertEqual((second.reservation_id, second.instance_ids), (first.reservation_id, first.instance_ids))
        self.assertEqual(self.created(), 2)
        self.assertEqual({view.client_token for view in self.views().values()}, {"t"})

    def test_after_a_restart(self):
        first = self.launch(client_token="t")
        self.restart()
        self.assertEqual(self.launch(client_token="t").instance_ids, first.instance_ids)
        self.assertEqual(self.created(), 1)

    def test_at_once(self):
        self.backend.trouble.delay(2, **CREATE)
        both = [self.order(token="t") for _ in range(3)]
        self.later(5)
        self.assertEqual(len({self.successResultOf(each).instance_ids for each in both}), 1)
        self.assertEqual(self.created(), 1)

    def test_other_parameters(self):
        self.launch(client_token="t")
        for order in (
            Order(SPEC, 1, 2, "t"),
            Order(SPEC, 1, 1, "t", {"k": "v"}),
            Order(InstanceSpec("img2"), 1, 1, "t"),
        ):
            self.refused(IdempotencyMismatch, self.cloud.launcher.launch(MINE, order))
        self.assertEqual(self.created(), 1)

    def test_a_failure_frees_it(self):
        self.backend.trouble.backtrace(403, **CREATE)
        self.refused(Forbidden, self.cloud.launcher.launch(MINE, Order(SPEC, 1, 1, "t")))
        self.launch(most=2, client_token="t")

    def test_one_that_waited_goes_ahead_after_a_failure(self):
        self.backend.trouble.add(refuse_later, **CREATE)
        first, second = self.order(token="t"), self.order(token="t")
        self.later(5)
        self.failureResultOf(first, Forbidden)
        self.successResultOf(second)

    def test_kept_for_a_day(self):
        first = self.launch(client_token="t")
        self.later(23.9 * 3600, step=600)
        self.assertEqual(self.launch(client_token="t").instance_ids, first.instance_ids)
        self.later(3 * 3600, step=600)
        self.assertNotEqual(self.launch(client_token="t").instance_ids, first.instance_ids)
        self.launch(client_token="u")
        self.later(30 * 3600, step=600)
        self.launch(client_token="v")
        self.assertEqual(list(self.done(self.store.items("here/mockuser", "token"))), ["v"])


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
        self.backend.trouble.backtrace(403, **CREATE)
        again = self.order(token="t")
        self.later(LOOKING)
        self.failureResultOf(again, Forbidden)
        self.later(60)
        self.assertEqual(self.launch(client_token="t").instance_ids, tuple(self.backend.instances))

    def test_the_retry_after_a_crash_takes_up_what_was_created(self):
        self.backend.trouble.delay(0, **CREATE)
        self.backend.trouble.never_answer(**CREATE)
        launching = self.order(most=2, least=2, token="t")
        self.later(3)
        self.assertNoResult(launching)
        (first,) = self.backend.instances
        self.done(self.lifecycle.stop())
        self.restart()
        self.later(1)
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
        retrying = self.order(most=2, least=2, token="t")
        self.later(LOOKING)
        again = self.successResultOf(retrying)
        self.later(90)
        states = self.states()
        self.assertEqual({states[key] for key in again.instance_ids}, {"running"})
        self.assertEqual(len(self.backend.instances), 2)
