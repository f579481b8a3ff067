"""Where a key pair comes from, as far as ec2proxy was there."""

from attrs import frozen


@frozen
class KeyOrigin:
    """What was known of a key pair when ec2proxy created or imported it.

    :param public_key: an OpenSSH line, or empty.
    :param type: ``rsa``, ``ed25519``, or empty.
    :param fingerprint: EC2's, or empty.
    :param told: the backend's fingerprint; with another one it is another key of the same name.
    :param at: when, in epoch seconds.
    """

    public_key: str
    type: str
    fingerprint: str
    told: str
    at: float
