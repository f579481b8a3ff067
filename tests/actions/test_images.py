"""DescribeImages."""

from attrs import evolve

from tests.actions.support import ActionTestCase


class ImageTests(ActionTestCase):
    def ids(self, **params) -> list[str]:
        return [image["ImageId"] for image in self.call("DescribeImages", **params)["Images"]]

    def filtered(self, name: str, *values: str) -> list[str]:
        return self.ids(Filters=[{"Name": name, "Values": list(values)}])

    def test_images(self) -> None:
        """Everything that is told of an image."""
        images = self.call("DescribeImages")["Images"]
        self.assertEqual(
            images[0],
            {
                "ImageId": "img1",
                "ImageLocation": "fedoraproject/img1",
                "State": "available",
                "OwnerId": "fedoraproject",
                "CreationDate": "2012-10-25T12:27:53.000Z",
                "Public": True,
                "ProductCodes": [],
                "Architecture": "x86_64",
                "ImageType": "machine",
                "Name": "img1",
                "Description": "Fedora 10",
                "RootDeviceType": "ebs",
                "VirtualizationType": "hvm",
                "BlockDeviceMappings": [],
                "Tags": [],
            },
        )
        self.assertEqual([(one["ImageId"], one["Public"]) for one in images[1:]], [("img2", True), ("img3", False)])

    def test_chosen(self) -> None:
        """By id in any spelling, owner, and who may run them."""
        for name in ("ImageId", "ImageId.0", "ImageId.1", "ImageId.4"):
            answer = self.understood("DescribeImages", self.ask(("Action", "DescribeImages"), (name, "img2")))
            self.assertEqual([image["ImageId"] for image in answer["Images"]], ["img2"])
        self.assertEqual(self.ids(Owners=["self"]), ["img3"])
        self.assertEqual(self.ids(Owners=["fedoraproject", "mockuser"]), ["img1", "img2", "img3"])
        self.assertEqual(self.ids(Owners=["amazon"]), [])
        self.assertEqual(self.ids(ExecutableUsers=["self"]), ["img3"])
        self.assertEqual(self.ids(ExecutableUsers=["all"]), ["img1", "img2"])
        self.assertEqual(self.ids(ExecutableUsers=["mockuser", "all"]), ["img1", "img2", "img3"])
        self.assertEqual(self.ids(ExecutableUsers=["somebody"]), [])
        self.assertEqual(self.ids(ImageIds=["img1", "img3"], Owners=["self"]), ["img3"])
        salts = self.understood("DescribeImages", self.ask(("Action", "DescribeImages"), ("Owner", "self")))
        self.assertEqual([image["ImageId"] for image in salts["Images"]], ["img3"])

    def test_filters(self) -> None:
        """Each filter looks at what it says."""
        everything = ["img1", "img2", "img3"]
        for name, value, wanted in (
            ("architecture", "i386", ["img2", "img3"]),
            ("creation-date", "2012-10-25T*", everything),
            ("description", "Fedora*", ["img1", "img2"]),
            ("image-id", "img?", everything),
            ("image-type", "machine", everything),
            ("is-public", "false", ["img3"]),
            ("name", "img2", ["img2"]),
            ("owner-alias", "*", []),
            ("owner-id", "mockuser", ["img3"]),
            ("root-device-type", "instance-store", []),
            ("state", "available", everything),
        ):
            self.assertEqual(self.filtered(name, value), wanted, name)
        self.assertEqual(self.filtered("image-id", "img1", "img3"), ["img1", "img3"])
        self.refused("InvalidParameterValue", "DescribeImages", Filters=[{"Name": "x", "Values": ["y"]}])

    def test_roots(self) -> None:
        """``transient`` is Deltacloud's word for not knowing, but where its EC2 driver says it."""
        for machine, root_type, wanted in (
            ("mock", "transient", "ebs"),
            ("ec2", "transient", "instance-store"),
            ("ec2", "persistent", "ebs"),
        ):
            self.make(machine=machine)
            self.mock.images = {"img1": evolve(self.mock.images["img1"], root_type=root_type)}
            (image,) = self.call("DescribeImages")["Images"]
            instance = self.run_one()
            self.assertEqual((image["RootDeviceType"], instance["RootDeviceType"]), (wanted, wanted))

    def test_missing(self) -> None:
        """Every id that is missing is named."""
        message = self.refused("InvalidAMIID.NotFound", "DescribeImages", ImageIds=["ami-1", "img1", "ami-2"])
        self.assertEqual(message, "The image ids 'ami-1, ami-2' do not exist")

    def test_incomplete(self) -> None:
        """What the backend does not tell is left out: no empty dates."""
        image = self.mock.images["img1"]
        self.mock.images = {"img9": evolve(image, id="img9", architecture="", owner_id="", creation_time=None)}
        heard = self.ask(("Action", "DescribeImages"))
        (found,) = self.understood("DescribeImages", heard)["Images"]
        self.assertNotIn("CreationDate", found)
        self.assertNotIn("Architecture", found)
        self.assertEqual((found["OwnerId"], found["ImageLocation"]), ("", "img9"))
        self.assertEqual(self.filtered("creation-date", "*"), [])

    def test_none(self) -> None:
        """No images are an empty set."""
        self.mock.images.clear()
        heard = self.ask(("Action", "DescribeImages"))
        self.assertEqual(self.understood("DescribeImages", heard), {"Images": []})
        self.assertIn(b"<imagesSet/>", heard.body)

    def test_pages(self) -> None:
        """Each image once, in pages if asked for."""
        image = self.mock.images["img1"]
        for number in range(20):
            self.mock.images[f"more{number:02}"] = evolve(image, id=f"more{number:02}")
        self.assertEqual(len(self.ids()), 23)
        found, token = [], {}
        while True:
            answer = self.call("DescribeImages", MaxResults=7, **token)
            found.append([one["ImageId"] for one in answer["Images"]])
            if "NextToken" not in answer:
                break
            token = {"NextToken": answer["NextToken"]}
        self.assertEqual([len(page) for page in found], [7, 7, 7, 2])
        self.assertEqual(len({one for page in found for one in page}), 23)
        self.refused("InvalidParameterValue", "DescribeImages", NextToken="bogus")
        self.refused("InvalidParameterValue", "DescribeImages", MaxResults=7, Owners=["self"], **token)
