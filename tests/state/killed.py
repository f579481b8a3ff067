"""A program for tests: writes to a store, tells of each write that was answered, and waits to be killed.

Its arguments are the URL of the store and the file of its key.
"""

import sys

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from ec2proxy.state.opening import make_store


async def write() -> None:
    """Write for ever."""
    store = make_store(sys.argv[1], reactor, sys.argv[2])
    store.open()

    async def writer(name: str) -> None:
        number = 0
        while True:
            number += 1
            key = f"{name}-{number}"
            await store.apply("scope", {("left", key): {"text": "x" * 500}, ("right", key): {"text": "x" * 500}})
            print(key, flush=True)

    await gatherResults([Deferred.fromCoroutine(writer(name)) for name in "abcdefgh"])


Deferred.fromCoroutine(write())
reactor.run()
