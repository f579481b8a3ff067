"""From what a cloud could not do to what EC2 says of it."""

from ec2proxy import errors
from ec2proxy.ec2.errors import EC2Error, shown

_MISSING = {
    "images": ("InvalidAMIID.NotFound", "The image id", "The image ids"),
    "instances": ("InvalidInstanceID.NotFound", "The instance ID", "The instance IDs"),
    "keys": ("InvalidKeyPair.NotFound", "The key pair", "The key pairs"),
    "realms": ("InvalidZone.NotFound", "The zone", "The zones"),
    "subnets": ("InvalidSubnetID.NotFound", "The subnet ID", "The subnet IDs"),
    "firewalls": ("InvalidGroup.NotFound", "The security group", "The security groups"),
    "networks": ("InvalidVpcID.NotFound", "The vpc ID", "The vpc IDs"),
    "network_interfaces": (
        "InvalidNetworkInterfaceID.NotFound",
        "The networkInterface ID",
        "The networkInterface IDs",
    ),
    "addresses": ("InvalidAddress.NotFound", "The address", "The addresses"),
    "storage_volumes": ("InvalidVolume.NotFound", "The volume", "The volumes"),
}
_CODES = {
    errors.WrongState: "IncorrectInstanceState",
    errors.InvalidRequest: "InvalidParameterValue",
    errors.Unsupported: "UnsupportedOperation",
    errors.IdempotencyMismatch: "IdempotentParameterMismatch",
    errors.OutcomeUnknown: "InvalidState",
    errors.Unauthenticated: "AuthFailure",
    errors.Forbidden: "UnauthorizedOperation",
    errors.BackendUnavailable: "Unavailable",
    errors.BackendTimeout: "Unavailable",
    errors.StateUnavailable: "Unavailable",
}
_MESSAGES = {
    errors.Unauthenticated: "The cloud did not accept the credentials.",
    errors.BackendUnavailable: "The cloud cannot be reached at the moment.",
    errors.BackendTimeout: "The cloud did not answer in time.",
}


def from_cloud(error: errors.CloudError) -> EC2Error:
    """The EC2 error that tells a client of ``error``."""
    if isinstance(error, errors.NotFound):
        return _not_found(error)
    if isinstance(error, errors.Conflict) and error.kind == "keys":
        return EC2Error("InvalidKeyPair.Duplicate", f"The keypair '{shown(error.name)}' already exists.")
    if isinstance(error, errors.Conflict) and error.kind == "images":
        return EC2Error("InvalidAMIName.Duplicate", f"AMI name {shown(error.name)} is already in use.")
    if isinstance(error, errors.Conflict):
        return EC2Error("ResourceAlreadyExists", error.message)
    code = _CODES.get(type(error), "InternalError")
    return EC2Error(code, _MESSAGES.get(type(error)) or error.message or "The cloud failed.")


def _not_found(error: errors.NotFound) -> EC2Error:
    code, one, several = _MISSING.get(error.kind, ("InvalidParameterValue", "The id", "The ids"))
    # EC2 names every missing id, and clients (libcloud, Ansible) cut them out of the quotes.
    ids = ", ".join(shown(each) for each in error.ids)
    if len(error.ids) == 1:
        return EC2Error(code, f"{one} '{ids}' does not exist")
    return EC2Error(code, f"{several} '{ids}' do not exist")
