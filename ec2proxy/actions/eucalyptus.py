"""Instance types as Eucalyptus tells of them.

It had an action DescribeInstanceTypes years before EC2, of the same name and with another answer, which its clients
still read: libcloud's driver EUCALYPTUS, boto 2's ``get_all_instance_types``, euca2ools' euca-describe-instance-types.
"""

from ec2proxy.actions import profiles
from ec2proxy.actions.action import Call
from ec2proxy.ec2.xml import Payload
from ec2proxy.model import HardwareProfile

NAMESPACE = "http://msgs.eucalyptus.com/3.3.0"
"""libcloud looks for elements of this one (``EUCA_NAMESPACE``); the others do not care."""

# Where Eucalyptus answers: /services/compute/, and /services/Eucalyptus, which is libcloud's default.
_PATH = "/services/"

# The only API version in which EC2 has the action. boto 2 names 2014-10-01 and euca2ools 2015-10-01.
_EC2_HAS_IT = "2016-11-15"


def asks(call: Call) -> bool:
    """Whether a client asks for Eucalyptus's action and not for EC2's: by the path or the version it uses."""
    return call.path.startswith(_PATH) or (call.version is not None and call.version < _EC2_HAS_IT)


def item(profile: HardwareProfile) -> Payload:
    """One type. What the cloud does not tell is 0: libcloud makes numbers of all three, and fails without one."""
    return {
        "name": profile.id,
        "cpu": profiles.cpus(profile) or 0,
        "disk": profiles.whole(profile, "storage") or 0,
        "memory": profiles.whole(profile, "memory") or 0,
    }
