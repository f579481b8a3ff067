"""Only what pyproject.toml cannot say: where the Twisted plugin stands.

``package_dir`` keeps the plugin visible in an editable install of this flat layout; ``twisted.plugins`` is named
because it has, and must have, no ``__init__.py``. What an operator needs besides the code, units for systemd and the
documentation, goes to ``share/doc/ec2proxy`` of the environment.
"""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
CONTRIB = ("Containerfile", "ec2proxy.service", "ec2proxy.socket", "kubernetes.yaml")

setup(
    version=next(
        line.split('"')[1]
        for line in (ROOT / "ec2proxy" / "__init__.py").read_text().splitlines()
        if line.startswith("__version__")
    ),
    package_dir={"": "."},
    packages=[*find_packages(include=["ec2proxy", "ec2proxy.*"]), "twisted.plugins"],
    package_data={
        "ec2proxy": ["py.typed"],
        "ec2proxy.admin": ["console.css", "console.js"],
        "ec2proxy.ec2": ["known_actions.txt"],
    },
    data_files=[
        (
            "share/doc/ec2proxy",
            [
                "README.rst",
                *(f"contrib/{name}" for name in CONTRIB),
                *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.*")) if path.suffix != ".py"),
            ],
        )
    ],
)
