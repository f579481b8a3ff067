"""RunInstances: how many, and how often."""

from ec2proxy.cloud.launch import Order
from ec2proxy.errors import (
    Forbidden,
    IdempotencyMismatch,
    InvalidRequest,
    Unauthenticated,
)
from ec2proxy.mockcloud.trouble import Answer
from ec2proxy.model import InstanceSpec
from tests.cloud.support import MINE, SPEC, WRONG, CloudTestCase

CREATE = {"method": "POST", "path": "/api/instances"}


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
