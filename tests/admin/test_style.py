"""The console's colours can be told from their ground by everybody."""

import re
from importlib.resources import files

from twisted.trial.unittest import SynchronousTestCase

CSS = (files("ec2proxy.admin") / "console.css").read_text()

_ROOT = re.compile(r":root \{(.*?)\}", re.DOTALL)


def luminance(colour: str) -> float:
    """The relative luminance of ``#rrggbb`` (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


class ContrastTests(SynchronousTestCase):
    def test_text(self) -> None:
        """All words stand out by 4.5 at least, light and dark (WCAG 2.2, 1.4.3)."""
        themes = [dict(re.findall(r"--(\w+): (#[0-9a-f]+);", block)) for block in _ROOT.findall(CSS)]
        self.assertEqual(len(themes), 2)
        for theme in themes:
            for ground in ("card", "page"):
                for name in ("text", "soft", "accent", "second", "good", "warning", "bad", "quiet"):
                    self.assertGreaterEqual(contrast(theme[name], theme[ground]), 4.5, (name, ground, theme))

    def test_everything_named(self) -> None:
        """Every variable that is used is there in both."""
        light, dark = (set(re.findall(r"--(\w+):", block)) for block in _ROOT.findall(CSS))
        self.assertEqual(light, dark)
        self.assertEqual(set(re.findall(r"var\(--(\w+)\)", CSS)), light)
