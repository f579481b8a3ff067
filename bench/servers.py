"""The servers that are measured and what they are measured against, each a process on a core of its own choice."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from attrs import frozen

from bench.requests import ACCESS_KEY, SECRET_KEY

ROOT = Path(__file__).resolve().parent.parent
SERVER_CORE = "0"
OTHER_CORE = "1"
TWISTD = str(Path(sys.executable).with_name("twistd"))
_HTTP = build_opener(ProxyHandler({}))
_SECONDS_TO_START = 30.0


@frozen
class Server:
    """A server that answers.

    :param pid: of the process that serves, or the first of them.
    """

    port: int
    pid: int

    @property
    def resident(self) -> int:
        """Its memory, in bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise LookupError(self.pid)


def free_port() -> int:
    """A TCP port that nothing uses."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    """Wait until something listens there.

    :raises TimeoutError: nothing does.
    """
    end = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens at port {port}")


def wait_for_line(text: str, log: Path) -> None:
    """Wait until a log says something.

    :raises TimeoutError: it does not.
    """
    end = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < end:
        with contextlib.suppress(FileNotFoundError):
            if text in log.read_text():
                return
        time.sleep(0.005)
    raise TimeoutError(f"{log} does not say {text!r}")


@contextlib.contextmanager
def running(command: Sequence[str], port: int, core: str | None = SERVER_CORE, cwd: Path = ROOT) -> Iterator[Server]:
    """A command as long as it is needed.

    :param core: the processors that it may use; None for all.
    """
    pinned = list(command) if core is None else ["taskset", "-c", core, *command]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(pinned, cwd=cwd, env=environment, stdout=quiet, stderr=quiet) as process:
        try:
            wait_for(port)
            yield Server(port, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def bare() -> Iterator[Server]:
    """Bare twisted.web."""
    port = free_port()
    with running([sys.executable, "-m", "bench.bare", str(port)], port) as server:
        yield server


@contextlib.contextmanager
def backend(instances: int = 4, churn: int = 0) -> Iterator[Server]:
    """A Deltacloud server, beside the load generator."""
    port = free_port()
    command = [sys.executable, "-m", "bench.backend", str(port), f"--instances={instances}", f"--churn={churn}"]
    with running(command, port, OTHER_CORE) as server:
        yield server


def asked(server: Server) -> int:
    """How often such a backend was asked for all instances."""
    with _HTTP.open(f"http://127.0.0.1:{server.port}/count") as answer:
        return int(json.load(answer).get("/api/instances", 0))


@contextlib.contextmanager
def ec2proxy(cloud: Server | None, *options: str, core: str | None = SERVER_CORE) -> Iterator[Server]:
    """The daemon, as users start it, but for what it logs.

    :param cloud: its backend; None for the embedded one.
    """
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        accounts = Path(folder, "accounts.toml")
        accounts.touch(0o600)
        names = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "user": "mockuser", "password": "mockpassword"}
        accounts.write_text("[[account]]\n" + "".join(f'{name} = "{value}"\n' for name, value in names.items()))
        where = [f"--backend=http://127.0.0.1:{cloud.port}/api"] if cloud else []
        command = [TWISTD, "-n", "--pidfile=", "--logfile=log", "ec2proxy", *where, f"--accounts={accounts}",
                   "--state=memory:", f"--listen=tcp:{port}:interface=127.0.0.1:backlog=8192", *options]  # fmt: skip
        with running(command, port, core, Path(folder)) as server:
            # Its port is open before there are workers to take connections.
            wait_for_line("ec2proxy listens at", Path(folder, "log"))
            yield server


_NGINX = """
worker_processes 1; daemon off; pid {folder}/pid; error_log /dev/null;
events {{ worker_connections 20000; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; keepalive_requests 1000000000;
  {what}
}}
"""
_STATIC = (
    "open_file_cache max=10; server {{ listen 127.0.0.1:{port} backlog=8192; root {folder}; "
    "location / {{ try_files /answer =404; }} }}"
)
_PROXY = (
    "upstream behind {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000000; }} "
    "server {{ listen 127.0.0.1:{port} backlog=8192; location / {{ "
    'proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}'
)


@contextlib.contextmanager
def _nginx(what: str, core: str, size: int = 0, **names: int) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        # Its worker is another user.
        os.chmod(folder, 0o755)
        Path(folder, "answer").write_bytes(b"x" * size)
        path = Path(folder, "nginx.conf")
        path.write_text(_NGINX.format(folder=folder, what=what.format(folder=folder, **names)))
        port = names["port"]
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        with running([program, "-c", str(path), "-e", "/dev/null"], port, core) as server:
            yield server


@contextlib.contextmanager
def nginx_proxy(size: int) -> Iterator[Server]:
    """nginx as a reverse proxy on the server's core, before another nginx on the other one.

    :param size: the bytes of its answer.
    """
    upstream, port = free_port(), free_port()
    with (
        _nginx(_STATIC, OTHER_CORE, size, port=upstream),
        _nginx(_PROXY, SERVER_CORE, port=port, upstream=upstream) as proxy,
    ):
        yield proxy


@contextlib.contextmanager
def moto() -> Iterator[Server]:
    """moto's server."""
    port = free_port()
    program = str(Path(sys.executable).with_name("moto_server"))
    with running([program, "-H", "127.0.0.1", "-p", str(port)], port) as server:
        yield server
