"""The next step, for every life cycle of Deltacloud's drivers."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.cloud import planner
from ec2proxy.cloud.planner import Step
from ec2proxy.ec2 import states
from ec2proxy.mockcloud.machines import MACHINES
from ec2proxy.model import Instance, StateMachine, Transition
from tests.ec2.properties import unhurried


def machine_of(name):
    """A driver's machine, as a driver of ours reads it."""
    ways = MACHINES[name].states
    return StateMachine({s: tuple(Transition(w.to, w.action, w.action is None) for w in ws) for s, ws in ways.items()})


def seen(name, state):
    """An instance in ``state``, with the actions that the backend says it allows."""
    return Instance("i", state, actions=frozenset(MACHINES[name].actions(state)))


STOP_DESTROYS = {"openstack", "rackspace", "rimuhosting"}
NO_STOP = {"condor", "sbc"}
DESTROYED_WHILE_RUNNING = {"digitalocean", "gogrid", "condor", "opennebula", "sbc"}
CREATED_STOPPED = {"fgcp", "rhevm", "terremark"}


class StepTests(SynchronousTestCase):
    """Each of EC2's verbs, from each state, in each driver's machine."""

    def step(self, verb, name, state):
        """The step from a state, which is the same whether or not the instance tells its actions."""
        machine = machine_of(name)
        told = planner.NEXT[verb](machine, seen(name, state))
        self.assertIs(planner.NEXT[verb](machine, Instance("i", state)), told, (name, state))
        return told

    def test_all_machines_are_here(self):
        self.assertEqual(len(MACHINES), 15)

    def test_stop_destroys(self):
        found = {name for name in MACHINES if planner.stop_destroys(machine_of(name))}
        self.assertEqual(found, STOP_DESTROYS | NO_STOP)

    def test_a_machine_that_says_nothing_is_not_trusted(self):
        self.assertTrue(planner.stop_destroys(StateMachine({})))

    def test_terminate_running(self):
        for name in MACHINES:
            wanted = Step.DESTROY if name in DESTROYED_WHILE_RUNNING else Step.STOP
            self.assertIs(self.step("terminate", name, "RUNNING"), wanted, name)

    def test_terminate_stopped(self):
        for name in MACHINES:
            wanted = Step.DESTROY
            if name in STOP_DESTROYS:
                wanted = Step.WAIT
            if name == "opennebula":
                wanted = Step.START
            self.assertIs(self.step("terminate", name, "STOPPED"), wanted, name)

    def test_terminate_what_is_under_way(self):
        for name in MACHINES:
            for state in ("START", "PENDING", "STOPPING", "SHUTTING_DOWN", "UNKNOWN"):
                wanted = Step.DESTROY if (name, state) == ("condor", "PENDING") else Step.WAIT
                self.assertIs(self.step("terminate", name, state), wanted, (name, state))

    def test_terminate_what_is_no_more(self):
        for name in MACHINES:
            for state in ("FINISH", "FINISHED"):
                self.assertIs(self.step("terminate", name, state), Step.DONE, name)

    def test_terminate_an_error(self):
        for name in MACHINES:
            self.assertIs(self.step("terminate", name, "ERROR"), Step.DESTROY, name)

    def test_terminate_waits_where_something_unknown_ends_by_itself(self):
        machine = StateMachine({"odd": (Transition("finish", None, True),)})
        self.assertIs(planner.to_terminate(machine, Instance("i", "ODD")), Step.WAIT)

    def test_the_instance_has_the_last_word(self):
        instance = Instance("i", "RUNNING", actions=frozenset({"destroy"}))
        self.assertIs(planner.to_terminate(machine_of("mock"), instance), Step.DESTROY)

    def test_stop(self):
        for name in MACHINES:
            for state, wanted in (
                ("RUNNING", Step.STOP),
                ("PENDING", Step.WAIT),
                ("STOPPING", Step.WAIT),
                ("STOPPED", Step.DONE),
                ("ERROR", Step.DONE),
                ("FINISH", Step.DONE),
            ):
                self.assertIs(self.step("stop", name, state), wanted, (name, state))

    def test_start(self):
        for name in MACHINES:
            for state, wanted in (
                ("STOPPED", Step.START),
                ("ERROR", Step.START),
                ("STOPPING", Step.WAIT),
                ("PENDING", Step.WAIT),
                ("RUNNING", Step.DONE),
                ("FINISH", Step.DONE),
            ):
                self.assertIs(self.step("start", name, state), wanted, (name, state))

    def test_run(self):
        for name in MACHINES:
            self.assertIs(self.step("run", name, "PENDING"), Step.WAIT, name)
            self.assertIs(self.step("run", name, "RUNNING"), Step.DONE, name)
            self.assertIs(self.step("run", name, "ERROR"), Step.DONE, name)

    def test_run_starts_what_was_created_stopped(self):
        for name in CREATED_STOPPED:
            self.assertIs(self.step("run", name, "STOPPED"), Step.START, name)

    def test_run_leaves_a_stopped_one_that_cannot_be_started(self):
        for name in STOP_DESTROYS | NO_STOP:
            self.assertIs(self.step("run", name, "STOPPED"), Step.DONE, name)

    @unhurried
    @given(st.sampled_from(sorted(MACHINES)), st.sampled_from(["START", "PENDING", "RUNNING", "STOPPING", "STOPPED"]))
    def test_terminate_arrives(self, name, state):
        """Following the steps, and the machine where it moves by itself, ends with nothing."""
        machine = MACHINES[name]
        if not machine.states.get(state.lower()) and state != "STOPPING":
            return
        for _ in range(10):
            step = self.step("terminate", name, state.upper())
            ways = machine.states.get(state.lower(), ())
            if step is Step.WAIT:
                following = [way.to for way in ways if way.action is None and way.to != "error"] or ["finish"]
                state = following[0]
            elif step is not Step.DONE:
                self.assertIn(step.value, [way.action for way in ways], (name, state))
                state = "finish" if step is Step.DESTROY else machine.target(state, step.value)
            if state == "finish":
                return
        self.fail(f"{name} never ends from {state}")


class StateTests(SynchronousTestCase):
    """The EC2 state of what nothing is being done about."""

    def state(self, name, state):
        """An instance's EC2 state in a driver's machine."""
        return planner.ec2_state(machine_of(name), seen(name, state))

    def test_plain(self):
        for backend, ec2 in (
            ("START", states.PENDING),
            ("PENDING", states.PENDING),
            ("UNKNOWN", states.PENDING),
            ("SOMETHING", states.PENDING),
            ("RUNNING", states.RUNNING),
            ("STOPPING", states.STOPPING),
            ("STOPPED", states.STOPPED),
            ("ERROR", states.STOPPED),
            ("SHUTTING_DOWN", states.SHUTTING_DOWN),
            ("FINISH", states.TERMINATED),
            ("FINISHED", states.TERMINATED),
        ):
            self.assertIs(self.state("ec2", backend), ec2, backend)

    def test_what_is_stopping_where_a_stop_destroys_is_shutting_down(self):
        for name in STOP_DESTROYS:
            self.assertIs(self.state(name, "STOPPING"), states.SHUTTING_DOWN)
            self.assertIs(self.state(name, "STOPPED"), states.SHUTTING_DOWN)

    def test_what_is_stopping_where_nothing_can_be_stopped_is_shutting_down(self):
        for name in NO_STOP:
            self.assertIs(self.state(name, "STOPPING"), states.SHUTTING_DOWN)
            self.assertIs(self.state(name, "STOPPED"), states.STOPPED)

    def test_without_a_machine_the_words_are_taken_as_they_are(self):
        self.assertIs(planner.ec2_state(StateMachine({}), Instance("i", "STOPPING")), states.STOPPING)
