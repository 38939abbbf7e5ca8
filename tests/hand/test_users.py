"""Claims that people wrote about models of their own, without knowing how they are judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from symgrad import verify
from symgrad.hand.verdicts import Status
from symgrad.model_file import load_model_file

FOLDER = Path(__file__).parent / "users"
CLAIMS = [row for row in json.loads((FOLDER / "index.json").read_text()) if row["notation"] != "sympy"]
UNREAD = {
    "x02",
    "x03",
    "x04",
    "x07",
}  # whole numbers, an argument changed in place, a claim of itself


@pytest.mark.slow
@pytest.mark.parametrize("row", CLAIMS, ids=lambda row: row["id"])
def test_claims_of_users(row: dict) -> None:
    model = load_model_file(FOLDER / row["model"]).model if row["model"] else None
    found = verify(model, FOLDER / row["claims"])
    if row["id"] in UNREAD:
        assert found.exit_status == 3, str(found)
    elif row["right"]:
        assert found.exit_status == 0, str(found)
    else:
        assert found.with_status(Status.WRONG), str(found)
