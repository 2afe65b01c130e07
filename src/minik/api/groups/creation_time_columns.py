"""The columns Name and Created At of kinds that upstream prints by their metadata alone."""

from datetime import datetime
from typing import Any

from minik.api.columns import CREATION_TIME, NAME
from minik.api.scheme import Column
from minik.api.types import Obj

COLUMNS = (NAME, Column("Created At", type="date", description=CREATION_TIME))


def cells(obj: Obj, _now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], obj["metadata"].get("creationTimestamp")]
