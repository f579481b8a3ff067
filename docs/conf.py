"""Sphinx's configuration."""

import ec2proxy

project = "ec2proxy"
author = "the ec2proxy developers"
version = release = ec2proxy.__version__
extensions = []
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "A real EC2 API for any cloud behind Apache Deltacloud"}
