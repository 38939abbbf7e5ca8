"""The emitted code before any schedule: plain loops, what `symgrad generate --schedule plain` writes."""

from __future__ import annotations

from ..cases import Case
from . import Form, Run, ours


def forms(case: Case) -> tuple[Form, ...]:
    return (Form("plain loops, one nest an equation"),) if case.own else ()


def start(case: Case, form: Form, folder: str) -> Run:
    return ours.start(case, form, folder, schedule="plain")
