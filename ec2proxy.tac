"""``twistd -ny ec2proxy.tac``: what ``twistd -n ec2proxy`` does without options; put options into the list."""

from twisted.application.service import Application

from ec2proxy.tap import Options, makeService

options = Options()
options.parseOptions([])

application = Application("ec2proxy")
makeService(options).setServiceParent(application)
