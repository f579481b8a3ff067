"""Tells twistd of ec2proxy. Imports nothing else: a plugin whose import fails is silently left out."""

from twisted.application.service import ServiceMaker

ec2proxy = ServiceMaker(
    "ec2proxy", "ec2proxy.tap", "A real EC2 API for any cloud behind Apache Deltacloud.", "ec2proxy"
)
mock = ServiceMaker(
    "deltacloud-mock", "ec2proxy.mockcloud.tap", "A Deltacloud server with a cloud in memory.", "deltacloud-mock"
)
