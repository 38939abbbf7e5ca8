"""Verdicts on hand derivations in LaTeX: right forms accepted, wrong ones rejected, and the mistake named."""

from __future__ import annotations

import pytest

from symgrad import verify
from symgrad.hand.verdicts import Status, Verification

from .latex_cases import LATEX_CASES
from .models import case

IDS = [one.id for one in LATEX_CASES]


def verified(one, form: str, tmp_path, **sizes: int) -> Verification:
    path = tmp_path / "derivation.tex"
    path.write_text(one.text(form))
    return verify(case(one.id).build(), path, sizes=sizes)


@pytest.mark.parametrize("one", LATEX_CASES, ids=IDS)
def test_the_right_form_is_accepted(one, tmp_path):
    found = verified(one, "right", tmp_path)
    assert found.exit_status == 0, str(found)


@pytest.mark.slow
@pytest.mark.parametrize("one", LATEX_CASES, ids=IDS)
def test_the_wrong_form_is_rejected_and_named(one, tmp_path):
    found = verified(one, "wrong", tmp_path)
    assert found.exit_status == (1 if one.said else 0), str(found)
    if one.said and not is_named(found, one.said):
        # at the sizes of the sample, some of which are equal there: else what does not fit hides the rest
        found = verified(one, "wrong", tmp_path, **case(one.id).sizes)
        assert found.exit_status == 1, str(found)
        assert is_named(found, one.said), str(found)


def is_named(found: Verification, words: tuple[str, ...]) -> bool:
    return all(word in " ".join(found.first_wrong.mistakes) for word in words)


def test_a_matrix_of_another_shape_leaves_the_other_lines_alone(tmp_path):
    """The deltas are the file's own, in rows, though the last line fits neither so nor otherwise."""
    one = next(one for one in LATEX_CASES if one.id == "lstm-x-gates")
    found = verified(one, "wrong", tmp_path)
    assert [verdict.line for verdict in found.with_status(Status.WRONG)] == [7], str(found)
