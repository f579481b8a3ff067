"""What there is to find, and the value of each filter that finds it: ``name=pattern``, a line for each.

The world is that of :mod:`tests.actions.test_filters`. Generated values are given by a pattern.
"""

from collections.abc import Mapping

from attrs import frozen


@frozen
class Known:
    """An item, and what is known of it.

    :param by: the filter on its id; ``found`` is the id.
    """

    by: str
    found: str
    lines: str

    @property
    def values(self) -> Mapping[str, str]:
        """A value for each filter."""
        pairs = (line.split("=", 1) for line in self.lines.split("\n") if line.strip())
        return {name.strip(): value for name, value in pairs}


KNOWN: Mapping[str, Known] = {
    "DescribeAddresses": Known("public-ip", "192.168.0.1", "public-ip=192.168.0.1\ninstance-id=inst0"),
    "DescribeAvailabilityZones": Known(
        "zone-name",
        "us",
        """
        group-name=us-east-1
        opt-in-status=opt-in-not-required
        region-name=us-east-1
        state=available
        zone-id=us
        zone-name=us
        zone-type=availability-zone
        """,
    ),
    "DescribeImages": Known(
        "image-id",
        "img1",
        """
        architecture=x86_64
        creation-date=2012-10-25T12:27:53.000Z
        description=Fedora 10
        image-id=img1
        image-type=machine
        is-public=true
        manifest-location=fedoraproject/img1
        name=img1
        owner-id=fedoraproject
        root-device-type=instance-store
        state=available
        virtualization-type=hvm
        """,
    ),
    "DescribeInstanceStatus": Known(
        "availability-zone",
        "eu",
        """
        availability-zone=eu
        availability-zone-id=eu
        instance-state-code=16
        instance-state-name=running
        instance-status.reachability=passed
        instance-status.status=ok
        system-status.reachability=passed
        system-status.status=ok
        """,
    ),
    "DescribeInstanceTypeOfferings": Known("instance-type", "m1-small", "instance-type=m1-small\nlocation=us-east-1"),
    "DescribeInstanceTypes": Known(
        "instance-type",
        "m1-small",
        """
        auto-recovery-supported=false
        bare-metal=false
        burstable-performance-supported=false
        current-generation=true
        dedicated-hosts-supported=false
        ebs-info.ebs-optimized-support=unsupported
        ebs-info.encryption-support=unsupported
        ebs-info.nvme-support=unsupported
        free-tier-eligible=false
        hibernation-supported=false
        instance-storage-info.total-size-in-gb=160
        instance-storage-supported=true
        instance-type=m1-small
        memory-info.size-in-mib=1740
        network-info.efa-supported=false
        network-info.ena-support=unsupported
        nitro-enclaves-support=unsupported
        nitro-tpm-support=unsupported
        processor-info.supported-architecture=i386
        supported-root-device-type=instance-store
        supported-usage-class=on-demand
        vcpu-info.default-vcpus=1
        """,
    ),
    "DescribeInstances": Known(
        "instance-id",
        "inst4",
        """
        architecture=x86_64
        availability-zone=us
        availability-zone-id=us
        block-device-mapping.device-name=/dev/sdx
        block-device-mapping.status=attached
        block-device-mapping.volume-id=vol9
        client-token=once
        dns-name=out.example.com
        ebs-optimized=false
        image-id=img1
        instance-id=inst4
        instance-state-code=16
        instance-state-name=running
        instance-type=m1-small
        instance.group-id=web
        instance.group-name=web
        ip-address=203.0.113.4
        ipv6-address=2001:db8::4
        key-name=k
        launch-index=0
        launch-time=2026-*Z
        monitoring-state=disabled
        network-interface.addresses.association.ip-owner-id=mockuser
        network-interface.addresses.association.public-dns-name=out.example.com
        network-interface.addresses.association.public-ip=203.0.113.4
        network-interface.addresses.primary=true
        network-interface.addresses.private-ip-address=192.168.1.?
        network-interface.association.ip-owner-id=mockuser
        network-interface.association.public-dns-name=out.example.com
        network-interface.association.public-ip=203.0.113.4
        network-interface.attachment.attach-time=2026-*Z
        network-interface.attachment.attachment-id=eni-attach-?????????????????
        network-interface.attachment.delete-on-termination=true
        network-interface.attachment.device-index=1
        network-interface.attachment.instance-id=inst4
        network-interface.attachment.instance-owner-id=mockuser
        network-interface.attachment.status=attached
        network-interface.availability-zone=us
        network-interface.description=nic4
        network-interface.group-id=web
        network-interface.group-name=web
        network-interface.ipv6-address=2001:db8::6
        network-interface.ipv6-addresses.ipv6-address=2001:db8::6
        network-interface.network-interface-id=nic6
        network-interface.owner-id=mockuser
        network-interface.private-ip-address=192.168.1.?
        network-interface.public-dns-name=out.example.com
        network-interface.requester-managed=false
        network-interface.source-dest-check=true
        network-interface.status=in-use
        network-interface.subnet-id=subnet1
        network-interface.tag-key=Role
        network-interface.tag-value=door
        network-interface.vpc-id=net1
        owner-id=mockuser
        private-dns-name=in.example.com
        private-ip-address=10.0.0.4
        reservation-id=r-*
        root-device-type=instance-store
        source-dest-check=true
        subnet-id=subnet1
        tenancy=default
        virtualization-type=hvm
        vpc-id=net1
        """,
    ),
    "DescribeKeyPairs": Known("key-name", "k", "fingerprint=??:??:*\nkey-name=k\nkey-pair-id=key-8254c329a92850f6d"),
    "DescribeNetworkInterfaces": Known(
        "network-interface-id",
        "nic4",
        """
        addresses.association.owner-id=mockuser
        addresses.association.public-ip=203.0.113.4
        addresses.primary=true
        addresses.private-ip-address=192.168.1.?
        association.ip-owner-id=mockuser
        association.public-dns-name=out.example.com
        association.public-ip=203.0.113.4
        attachment.attach-time=2026-*Z
        attachment.attachment-id=eni-attach-*
        attachment.delete-on-termination=true
        attachment.device-index=0
        attachment.instance-id=inst4
        attachment.instance-owner-id=mockuser
        attachment.status=attached
        availability-zone=us
        availability-zone-id=us
        description=nic4
        group-id=web
        interface-type=interface
        network-interface-id=nic4
        owner-id=mockuser
        private-ip-address=192.168.1.?
        requester-managed=false
        source-dest-check=true
        status=in-use
        subnet-id=subnet1
        vpc-id=net1
        """,
    ),
    "DescribeRegions": Known(
        "region-name",
        "us-east-1",
        "endpoint=ec2.example:3001\nopt-in-status=opt-in-not-required\nregion-name=us-east-1",
    ),
    "DescribeSecurityGroups": Known(
        "group-id",
        "web",
        """
        description=of the web
        egress.ip-permission.cidr=0.0.0.0/0
        egress.ip-permission.ipv6-cidr=::/0
        egress.ip-permission.protocol=-1
        group-id=web
        group-name=web
        ip-permission.cidr=10.0.0.0/8
        ip-permission.from-port=80
        ip-permission.group-id=default
        ip-permission.group-name=default
        ip-permission.ipv6-cidr=2001:db8::/32
        ip-permission.protocol=tcp
        ip-permission.to-port=81
        ip-permission.user-id=mockuser
        owner-id=mockuser
        vpc-id=net1
        """,
    ),
    "DescribeSubnets": Known(
        "subnet-id",
        "subnet1",
        """
        availability-zone=us
        availability-zone-id=us
        available-ip-address-count=2*
        cidr-block=192.168.1.0/24
        default-for-az=true
        enable-dns64=false
        ipv6-native=false
        map-customer-owned-ip-on-launch=false
        map-public-ip-on-launch=true
        owner-id=mockuser
        state=available
        subnet-arn=arn:aws:ec2:us-east-1:*:subnet/subnet1
        subnet-id=subnet1
        vpc-id=net1
        """,
    ),
    "DescribeTags": Known("resource-id", "net1", "key=Name\nresource-id=net1\nresource-type=vpc\nvalue=a*b"),
    "DescribeVolumes": Known(
        "volume-id",
        "vol3",
        """
        attachment.delete-on-termination=false
        attachment.device=/dev/sda1
        attachment.instance-id=inst1
        attachment.status=attached
        availability-zone=us
        availability-zone-id=us
        create-time=2009-07-30T14:35:11.000Z
        encrypted=false
        multi-attach-enabled=false
        size=1
        snapshot-id=*
        status=in-use
        volume-id=vol3
        volume-type=standard
        """,
    ),
    "DescribeVpcs": Known(
        "vpc-id",
        "net1",
        """
        cidr=192.168.0.0/16
        cidr-block-association.association-id=vpc-cidr-assoc-net1-0
        cidr-block-association.cidr-block=192.168.0.0/16
        cidr-block-association.state=associated
        dhcp-options-id=default
        is-default=true
        owner-id=mockuser
        state=available
        vpc-id=net1
        """,
    ),
}
