"""Certificates made for a test, in files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from trustme import CA, LeafCert

from ec2proxy.tls.pair import PairFiles


def write_pair(directory: Path, leaf: LeafCert, name: str = "server") -> PairFiles:
    """Write a certificate with its chain, and its key with mode 600, in place of what was there."""
    certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
    replace(certificate, b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    replace(key, leaf.private_key_pem.bytes(), 0o600)
    return PairFiles(str(certificate), str(key))


def replace(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Put a new file in the place of another, as those who renew certificates do."""
    new = path.with_name(f"{path.name}.new")
    new.touch(mode)
    new.chmod(mode)
    new.write_bytes(content)
    new.replace(path)


def expired(authority: CA, *names: str) -> LeafCert:
    """A certificate whose life ended yesterday."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return authority.issue_cert(*names, not_before=yesterday - timedelta(days=9), not_after=yesterday)
