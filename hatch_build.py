"""The build hook: every page of man/ goes where man(1) of the environment looks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManPages(BuildHookInterface[BuilderConfig]):
    """Adds man/tsm-start.1 to the wheel as share/man/man1/tsm-start.1, and so on."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the pages. An editable install has none: they would go stale."""
        if version == "editable":
            return
        for page in sorted(Path(self.root, "man").glob("*.[157]")):
            section = page.suffix.removeprefix(".")
            build_data["shared_data"][str(page)] = f"share/man/man{section}/{page.name}"
