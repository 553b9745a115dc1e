"""The configuration that is in force, as data and as YAML: every default filled in, no secret."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML

from tailsampler.settings.root import Settings


def effective(settings: Settings) -> dict[str, Any]:
    """Plain data in the file's own form; secrets read ``(secret)``."""
    data: dict[str, Any] = settings.model_dump(mode="json")
    for policy in data["sampling"]["policies"]:
        # A criterion that is absent and one that is null are the same; a policy reads better short.
        for key in [key for key, value in policy.items() if value is None]:
            del policy[key]
    return data


def effective_yaml(settings: Settings) -> str:
    """The same as a configuration file."""
    yaml = YAML()
    yaml.width = 100
    out = io.StringIO()
    yaml.dump(effective(settings), out)
    return out.getvalue()
