"""The documented filters on what nothing of Deltacloud's has.

EC2 takes a filter on a field that an item lacks, and the item does not match. So it is here: a tool that asks for
``product-code`` or ``spot-instance-request-id`` is told that nothing is of that kind, and is not refused. Only a
filter that EC2 does not document is an error. A test holds these names, and those of the tables, to botocore's model.
"""

from collections.abc import Mapping
from typing import Any

from ec2proxy.ec2.filters import Table

_NAMES = {
    "DescribeAddresses": """
        allocation-id association-id network-border-group network-interface-id network-interface-owner-id
        private-ip-address""",
    "DescribeAvailabilityZones": "group-long-name message parent-zone-id parent-zone-name",
    "DescribeImages": """
        block-device-mapping.delete-on-termination block-device-mapping.device-name block-device-mapping.encrypted
        block-device-mapping.snapshot-id block-device-mapping.volume-size block-device-mapping.volume-type boot-mode
        ena-support free-tier-eligible hypervisor image-allowed image-watermark.source-image-creation-time
        image-watermark.source-image-id image-watermark.source-image-region image-watermark.watermark-creation-time
        image-watermark.watermark-key instance-type-specification.supported-instance-type
        instance-type-specification.unsupported-instance-type kernel-id owner-alias platform product-code
        product-code.type public-ssm-parameter-name ramdisk-id root-device-name
        scan-result.critical-fix-available-since scan-result.finding-scan-date scan-result.high-fix-available-since
        scan-result.highest-finding-severity-label scan-result.informational-fix-available-since
        scan-result.low-fix-available-since scan-result.medium-fix-available-since source-image-id
        source-image-region source-instance-id sriov-net-support state-reason-code state-reason-message""",
    "DescribeInstanceStatus": """
        application-status.status attached-ebs-status.status event.code event.description event.instance-event-id
        event.not-after event.not-before event.not-before-deadline operator.managed operator.principal""",
    "DescribeInstanceTypes": """
        ebs-info.attachment-limit-type ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps
        ebs-info.ebs-optimized-info.baseline-iops ebs-info.ebs-optimized-info.baseline-throughput-in-mbps
        ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps ebs-info.ebs-optimized-info.maximum-iops
        ebs-info.ebs-optimized-info.maximum-throughput-in-mbps ebs-info.maximum-ebs-attachments hypervisor
        instance-storage-info.disk.count instance-storage-info.disk.size-in-gb instance-storage-info.disk.type
        instance-storage-info.encryption-support instance-storage-info.nvme-support network-info.bandwidth-weightings
        network-info.efa-info.maximum-efa-interfaces network-info.encryption-in-transit-supported
        network-info.flexible-ena-queues-support network-info.ipv4-addresses-per-interface
        network-info.ipv6-addresses-per-interface network-info.ipv6-supported network-info.maximum-network-cards
        network-info.maximum-network-interfaces network-info.network-performance nitro-tpm-info.supported-versions
        processor-info.supported-features processor-info.sustained-clock-speed-in-ghz reboot-migration-support
        supported-boot-mode supported-virtualization-type vcpu-info.default-cores
        vcpu-info.default-threads-per-core vcpu-info.valid-cores vcpu-info.valid-threads-per-core""",
    "DescribeInstances": """
        affinity block-device-mapping.attach-time block-device-mapping.delete-on-termination boot-mode
        capacity-reservation-id capacity-reservation-specification.capacity-reservation-preference
        capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id
        capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn
        current-instance-boot-mode ena-support enclave-options.enabled hibernation-options.configured host-id
        hypervisor iam-instance-profile.arn iam-instance-profile.id instance-lifecycle kernel-id
        maintenance-options.auto-recovery metadata-options.http-endpoint metadata-options.http-protocol-ipv4
        metadata-options.http-protocol-ipv6 metadata-options.http-put-response-hop-limit metadata-options.http-tokens
        metadata-options.instance-metadata-tags metadata-options.state
        network-interface.addresses.association.allocation-id network-interface.addresses.association.association-id
        network-interface.addresses.association.carrier-ip network-interface.addresses.association.customer-owned-ip
        network-interface.addresses.private-dns-name network-interface.association.allocation-id
        network-interface.association.association-id network-interface.association.carrier-ip
        network-interface.association.customer-owned-ip network-interface.attachment.network-card-index
        network-interface.deny-all-igw-traffic network-interface.ipv4-prefixes.ipv4-prefix
        network-interface.ipv6-addresses.is-primary-ipv6 network-interface.ipv6-native
        network-interface.ipv6-prefixes.ipv6-prefix network-interface.mac-address network-interface.operator.managed
        network-interface.operator.principal network-interface.outpost-arn network-interface.private-dns-name
        network-interface.requester-id network-performance-options.bandwidth-weighting operator.managed
        operator.principal outpost-arn placement-group-name placement-partition-number platform platform-details
        private-dns-name-options.enable-resource-name-dns-a-record
        private-dns-name-options.enable-resource-name-dns-aaaa-record private-dns-name-options.hostname-type
        product-code product-code.type ramdisk-id reason requester-id root-device-name
        spot-instance-request-id tpm-support usage-operation usage-operation-update-time""",
    "DescribeNetworkInterfaces": """
        association.allocation-id association.association-id mac-address operator.managed operator.principal
        private-dns-name requester-id""",
    "DescribeSecurityGroups": "egress.ip-permission.prefix-list-id ip-permission.prefix-list-id",
    "DescribeSubnets": """
        customer-owned-ipv4-pool enable-lni-at-device-index ipv6-cidr-block-association.association-id
        ipv6-cidr-block-association.ipv6-cidr-block ipv6-cidr-block-association.state outpost-arn
        private-dns-name-options-on-launch.enable-resource-name-dns-a-record
        private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record
        private-dns-name-options-on-launch.hostname-type""",
    "DescribeVolumes": "attachment.attach-time fast-restored operator.managed operator.principal",
    "DescribeVpcs": """
        ipv6-cidr-block-association.association-id ipv6-cidr-block-association.ipv6-cidr-block
        ipv6-cidr-block-association.ipv6-pool ipv6-cidr-block-association.state""",
}


def _nothing(_: Any) -> tuple[str, ...]:
    return ()


_TABLES: Mapping[str, Table[Any]] = {action: dict.fromkeys(names.split(), _nothing) for action, names in _NAMES.items()}


def unshown(action: str) -> Table[Any]:
    """The filters of an action that no item has a value for; none where all are answered."""
    return _TABLES.get(action, {})
