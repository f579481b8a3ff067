"""Addresses, networks, subnets and network interfaces of the mock cloud."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from attrs import evolve

from ec2proxy.mockcloud.data import ADDRESSES, INTERFACES, NETWORKS, SUBNETS
from ec2proxy.mockcloud.things import Address, Fault, Instance, Interface, Network, PublicAddress, Subnet

if TYPE_CHECKING:
    from ec2proxy.mockcloud.cloud import MockCloud


class Networking:
    """What connects a cloud's instances, by id (recordings 52-58 and 69-71).

    :param cloud: the cloud whose instances and time these go by.
    """

    def __init__(self, cloud: "MockCloud") -> None:
        self._cloud = cloud
        self.addresses: dict[str, PublicAddress] = {one.id: one for one in ADDRESSES}
        self.networks: dict[str, Network] = {one.id: one for one in NETWORKS}
        self.subnets: dict[str, Subnet] = {one.id: one for one in SUBNETS}
        self.interfaces: dict[str, Interface] = {one.id: one for one in INTERFACES}

    def allocate(self) -> PublicAddress:
        """Take a new address: the one after the highest (recording 53)."""
        highest = max((IPv4Address(one) for one in self.addresses), default=IPv4Address("192.168.0.0"))
        return self._put(PublicAddress(str(highest + 1)))

    def associate(self, owner: str, address_id: str, instance_id: str) -> None:
        """Give an address to an instance of ``owner``, in place of the one it was born with (recording 54).

        :raises Fault: one of them is not there (404), or the address is in use (500).
        """
        address = self._unused(address_id)
        if self._cloud.instances.of(owner, instance_id) is None:
            raise Fault(404)
        self._put(evolve(address, instance_id=instance_id))
        self._cloud.instances.change(instance_id, public_addresses=(Address(address_id, "ipv4"),))

    def disassociate(self, address_id: str) -> None:
        """Take an address back from its instance (recording 57).

        :raises Fault: it is not there (404), or not in use (500).
        """
        address = self._address(address_id)
        if address.instance_id is None:
            raise Fault(500, "AddressNotInUse", raised=True)
        self._put(PublicAddress(address_id))
        self._cloud.instances.own_address(self._cloud.instances[address.instance_id])

    def release_address(self, address_id: str) -> None:
        """Give an address back to the cloud (recording 58).

        :raises Fault: it is not there (404), or in use (500, recording 56).
        """
        del self.addresses[self._unused(address_id).id]

    def create_network(self, form: Mapping[str, str]) -> Network:
        """Make a network."""
        network_id = form.get("name") or self._cloud.timed_id("net_", self.networks)
        network = Network(network_id, network_id, (form.get("address_block", ""),))
        self.networks[network_id] = network
        return network

    def destroy_network(self, network_id: str) -> None:
        """Destroy a network and its subnets.

        :raises Fault: it is not there (404).
        """
        network = self._network(network_id)
        for subnet_id in network.subnets:
            self.destroy_subnet(subnet_id)
        del self.networks[network_id]

    def create_subnet(self, form: Mapping[str, str]) -> Subnet:
        """Make a subnet in a network.

        :raises Fault: the network is not there (404), or the block is not one (400).
        """
        network = self._network(form["network_id"])
        _block(form["address_block"])
        subnet_id = form.get("name") or self._cloud.timed_id("subnet_", self.subnets)
        subnet = Subnet(subnet_id, subnet_id, network.id, form["address_block"])
        self.subnets[subnet_id] = subnet
        self.networks[network.id] = evolve(network, subnets=(*network.subnets, subnet_id))
        return subnet

    def destroy_subnet(self, subnet_id: str) -> None:
        """Destroy a subnet.

        :raises Fault: it is not there (404).
        """
        if subnet_id not in self.subnets:
            raise Fault(404)
        subnet = self.subnets.pop(subnet_id)
        network = self.networks[subnet.network_id]
        left = tuple(one for one in network.subnets if one != subnet_id)
        self.networks[network.id] = evolve(network, subnets=left)

    def create_interface(self, owner: str, form: Mapping[str, str]) -> Interface:
        """Give an instance of ``owner`` a network interface in a subnet (the form's ``network``).

        :raises Fault: one of them is not there (404), or the subnet is full (500).
        """
        instance = self._cloud.instances.of(owner, form["instance"])
        subnet = self.subnets.get(form["network"])
        if instance is None or subnet is None:
            raise Fault(404)
        interface_id = form.get("name") or self._cloud.timed_id("nic_", self.interfaces)
        interface = Interface(interface_id, interface_id, instance.id, subnet.id, self._free_ip(subnet))
        self.interfaces[interface_id] = interface
        interfaces = (*(instance.network_interfaces or ()), interface_id)
        self._cloud.instances.change(instance.id, network_interfaces=interfaces)
        return interface

    def destroy_interface(self, interface_id: str) -> None:
        """Destroy a network interface.

        :raises Fault: it is not there (404).
        """
        if interface_id not in self.interfaces:
            raise Fault(404)
        instance = self._cloud.instances[self.interfaces.pop(interface_id).instance_id]
        left = tuple(one for one in instance.network_interfaces or () if one != interface_id)
        self._cloud.instances.change(instance.id, network_interfaces=left)

    def release(self, instance: Instance) -> None:
        """Free the addresses and interfaces of an instance that is no more."""
        for address in list(self.addresses.values()):
            if address.instance_id == instance.id:
                self._put(PublicAddress(address.id))
        for interface_id in instance.network_interfaces or ():
            del self.interfaces[interface_id]

    def _address(self, address_id: str) -> PublicAddress:
        if address_id not in self.addresses:
            raise Fault(404)
        return self.addresses[address_id]

    def _unused(self, address_id: str) -> PublicAddress:
        address = self._address(address_id)
        if address.instance_id is not None:
            raise Fault(500, "AddressInUse", raised=True)
        return address

    def _network(self, network_id: str) -> Network:
        if network_id not in self.networks:
            raise Fault(404)
        return self.networks[network_id]

    def _put(self, address: PublicAddress) -> PublicAddress:
        self.addresses[address.id] = address
        return address

    def _free_ip(self, subnet: Subnet) -> str:
        taken = {ip_address(one.ip_address) for one in self.interfaces.values()}
        for host in _block(subnet.address_block).hosts():
            if host not in taken:
                return str(host)
        raise Fault(500, "NoFreeAddress", raised=True)


def _block(value: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(value)
    except ValueError:
        raise Fault(400, f"'{value}' is not an address block", raised=True) from None
