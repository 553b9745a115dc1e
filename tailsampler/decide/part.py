"""What everything is made of that crosses to the core as a plan."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Plain data, hashable; a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
