"""What needs a client that thinks: boto3, and sockets that only wait."""

import contextlib
import resource
import socket
import threading
import time
from collections.abc import Iterator

import boto3

from bench.requests import ACCESS_KEY, SECRET_KEY, signed_post

_SPARE = 500
"""Descriptors that are not used for connections, at either end."""


def moto_with_instances(port: int, number: int) -> None:
    """Have moto run some instances."""
    keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
    ec2 = boto3.client("ec2", "us-east-1", endpoint_url=f"http://127.0.0.1:{port}", **keys)
    image = ec2.describe_images()["Images"][0]["ImageId"]
    ec2.run_instances(ImageId=image, MinCount=number, MaxCount=number)


def most_connections(wanted: int) -> int:
    """How many connections the descriptor limit lets one process hold, up to ``wanted``; it is raised for them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(wanted, hard - _SPARE)


@contextlib.contextmanager
def idle(port: int, number: int, request: bytes) -> Iterator[None]:
    """Connections that are kept alive and do nothing, after one request each."""
    with contextlib.ExitStack() as stack:
        for _ in range(number):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            one.sendall(request)
            taken_in(one)
        yield


@contextlib.contextmanager
def polled(port: int, body: str) -> Iterator[None]:
    """Have somebody ask the same all the time, twenty times a second, as in a crowd somebody always does."""
    over = threading.Event()

    def poll() -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            while not over.wait(0.05):
                connection.sendall(signed_post(port, body, int(time.time())))
                taken_in(connection)

    polling = threading.Thread(target=poll)
    polling.start()
    try:
        yield
    finally:
        over.set()
        polling.join()


def taken_in(connection: socket.socket) -> bytes:
    """One whole answer.

    :raises ConnectionError: it is none, or no success.
    """
    taken = b""
    while b"\r\n\r\n" not in taken:
        taken += _more(connection)
    head, _, body = taken.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise ConnectionError(head.decode("latin-1"))
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += _more(connection)
    return body


def answered(request: bytes, port: int) -> bytes:
    """The answer to one request, on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        return taken_in(connection)


def _more(connection: socket.socket) -> bytes:
    more = connection.recv(65536)
    if not more:
        raise ConnectionError("closed")
    return more
