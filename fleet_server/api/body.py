"""The body of a call: a key that is not known is refused, so that none is misspelt unseen."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """What a call takes; what it gives is a plain BaseModel."""

    model_config = ConfigDict(extra="forbid")
