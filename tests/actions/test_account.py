"""DescribeAccountAttributes."""

from tests.actions.support import ActionTestCase


class AccountTests(ActionTestCase):
    def attributes(self, *names: str) -> dict[str, list[str]]:
        """The attributes that are described."""
        found = self.call("DescribeAccountAttributes", AttributeNames=list(names))["AccountAttributes"]
        return {one["AttributeName"]: [each["AttributeValue"] for each in one["AttributeValues"]] for one in found}

    def test_attributes(self) -> None:
        """All six that EC2 has."""
        self.assertEqual(
            self.attributes(),
            {
                "supported-platforms": ["VPC"],
                "vpc-max-security-groups-per-interface": ["1"],
                "max-elastic-ips": ["5"],
                "max-instances": ["1000"],
                "vpc-max-elastic-ips": ["5"],
                "default-vpc": ["net1"],
            },
        )

    def test_default_vpc(self) -> None:
        """The one that DescribeVpcs says is it, whether the cloud has networks or not."""
        for without in ([], ["networks", "subnets"]):
            self.make(without=without)
            vpcs = self.call("DescribeVpcs", Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
            self.assertEqual(self.attributes("default-vpc"), {"default-vpc": [vpcs[0]["VpcId"]]})

    def test_capabilities(self) -> None:
        """What the cloud has not, nobody may have."""
        self.make(without=["addresses"], features=["firewalls"])
        self.assertEqual(self.attributes("max-elastic-ips", "vpc-max-elastic-ips")["max-elastic-ips"], ["0"])
        self.assertEqual(
            self.attributes("vpc-max-security-groups-per-interface"), {"vpc-max-security-groups-per-interface": ["5"]}
        )

    def test_names(self) -> None:
        """Those that are named, if they are any."""
        self.assertEqual(
            list(self.attributes("default-vpc", "supported-platforms")), ["supported-platforms", "default-vpc"]
        )
        asked = ("Action", "DescribeAccountAttributes"), ("AttributeName.1", "x")
        self.told("InvalidParameterValue", self.ask(*asked))

    def test_proved(self) -> None:
        """Nobody is told anything whom the cloud does not know, though what the cloud can do is known already."""
        self.attributes()
        self.told("AuthFailure", self.ask(("Action", "DescribeAccountAttributes"), user="stranger"), 401)
