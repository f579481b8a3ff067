"""Declares the Deltacloud driver to Twisted's plugin system."""

from ec2proxy.drivers.deltacloud.driver import DeltacloudFactory

deltacloud = DeltacloudFactory()
