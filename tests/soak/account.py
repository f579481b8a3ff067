"""What clients know of a cloud by what they were answered, and what they cannot know."""

import threading
from collections import Counter
from collections.abc import Mapping

from attrs import define, field


@define(eq=False)
class Account:
    """Kept by many threads.

    :ivar lives: the instances that a launch was answered with, and no termination since.
    :ivar ended: those whose termination was answered.
    :ivar perhaps_ended: those whose termination was asked for and not answered, whatever was tried.
    :ivar perhaps_launched: the names of launches that were asked for and not answered.
    :ivar counts: answers by action and code, faults by kind.
    :ivar wrong: what should never be seen.
    """

    lives: set[str] = field(factory=set)
    ended: set[str] = field(factory=set)
    perhaps_ended: set[str] = field(factory=set)
    perhaps_launched: set[str] = field(factory=set)
    counts: "Counter[str]" = field(factory=Counter)
    wrong: list[str] = field(factory=list)
    lock: threading.Lock = field(factory=threading.Lock)

    def count(self, what: str) -> None:
        """Count something."""
        with self.lock:
            self.counts[what] += 1

    def launched(self, instance_id: str) -> None:
        """A launch was answered with an instance."""
        with self.lock:
            if instance_id in self.lives | self.ended | self.perhaps_ended:
                self.wrong.append(f"{instance_id} was launched twice")
            self.lives.add(instance_id)

    def will_end(self, instance_id: str) -> None:
        """A termination is about to be asked for: from now on nobody can be sure."""
        with self.lock:
            self.lives.discard(instance_id)
            self.perhaps_ended.add(instance_id)

    def has_ended(self, instance_id: str) -> None:
        """A termination was answered."""
        with self.lock:
            self.perhaps_ended.discard(instance_id)
            self.ended.add(instance_id)

    def certain(self) -> tuple[set[str], set[str]]:
        """The instances that live for sure, and those that have ended for sure, at this moment."""
        with self.lock:
            return set(self.lives), set(self.ended)

    def check_seen(self, before: tuple[set[str], set[str]], seen: Mapping[str, str]) -> None:
        """Hold an answer to what was certain before it was asked for, and still is.

        :param seen: states by instance.
        """
        lives, ended = self.certain()
        for instance_id in before[0] & lives:
            if seen.get(instance_id) not in ("pending", "running"):
                self.wrong.append(f"{instance_id} lives, and was told as {seen.get(instance_id)}")
        for instance_id in before[1] & ended:
            if seen.get(instance_id, "terminated") not in ("shutting-down", "terminated"):
                self.wrong.append(f"{instance_id} has ended, and was told as {seen[instance_id]}")

    def check_cloud(self, cloud: Mapping[str, str]) -> list[str]:
        """What is wrong with a cloud that is at rest.

        :param cloud: the instances that are in it, each with its name as the daemon tells it.
        """
        found = list(self.wrong)
        found += [f"{one} lives, and is not in the cloud" for one in sorted(self.lives - cloud.keys())]
        found += [f"{one} has ended, and is in the cloud" for one in sorted(self.ended & cloud.keys())]
        for one in sorted(cloud.keys() - self.lives - self.ended - self.perhaps_ended):
            if cloud[one] not in self.perhaps_launched:
                found.append(f"{one} ({cloud[one] or 'without a name'}) is in the cloud, and nobody was told of it")
        names = Counter(name for name in cloud.values() if name)
        found += [f"{name} is there {count} times" for name, count in names.items() if count > 1]
        return found
