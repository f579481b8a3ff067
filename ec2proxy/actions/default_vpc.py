"""The VPC that everything is in of which the cloud does not say where it is."""

DEFAULT_VPC_ID = "vpc-11111111"
"""Its id, alike to the one of the group ``default`` (:data:`ec2proxy.actions.groups.DEFAULT_ID`)."""
