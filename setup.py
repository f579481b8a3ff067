"""Only what pyproject.toml cannot say: where the Twisted plugin stands.

``package_dir`` keeps the plugin visible in an editable install of this flat layout; ``twisted.plugins`` is named
because it has, and must have, no ``__init__.py``.
"""

from pathlib import Path

from setuptools import find_packages, setup

setup(
    version=next(
        line.split('"')[1]
        for line in Path(__file__).with_name("ec2proxy").joinpath("__init__.py").read_text().splitlines()
        if line.startswith("__version__")
    ),
    package_dir={"": "."},
    packages=[*find_packages(include=["ec2proxy", "ec2proxy.*"]), "twisted.plugins"],
    package_data={
        "ec2proxy": ["py.typed"],
        "ec2proxy.admin": ["console.css", "console.js"],
        "ec2proxy.ec2": ["known_actions.txt"],
    },
)
