"""Why clients give up: which reasons an OPV may be withdrawn for, and what each needs. Plain Python."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.config import WithdrawalReason
from schemas.errors import Reject


def possible(reasons: Sequence[WithdrawalReason], stage: str) -> list[WithdrawalReason]:
    """Reasons that may be given in the stage, in the order of the file."""
    return [one for one in reasons if not one.stages or stage in one.stages]


def chosen(
    reasons: Sequence[WithdrawalReason], stage: str, reason: str | None, sub_reason: str | None, remarks: str | None
) -> WithdrawalReason:
    """The reason of this key, or the automatic one when none is named, if it is given as it must be.

    Raises `Reject`: `unknown_withdrawal_reason`, `no_automatic_reason`, `sub_reason_missing`, `unknown_sub_reason`,
    `remarks_missing` (422), `reason_not_in_stage` (409)."""
    found = _automatic(reasons) if reason is None else _named(reasons, reason)
    if found not in (fitting := possible(reasons, stage)):
        there = ", ".join(one.key for one in fitting) or "none"
        raise Reject("reason_not_in_stage", f"in {stage} nobody gives up for {found.key}; possible: {there}", 409)
    subs = [one.key for one in found.sub_reasons]
    if sub_reason is not None and sub_reason not in subs:
        there = ", ".join(subs) or "none"
        raise Reject("unknown_sub_reason", f"{found.key} has no sub-reason {sub_reason}; there is: {there}", 422)
    if subs and sub_reason is None:
        raise Reject("sub_reason_missing", f"the reason {found.key} needs one of: {', '.join(subs)}", 422)
    if found.needs_remarks and not (remarks and remarks.strip()):
        raise Reject("remarks_missing", f"the reason {found.key} needs remarks", 422)
    return found


def _named(reasons: Sequence[WithdrawalReason], key: str) -> WithdrawalReason:
    known = {one.key: one for one in reasons}
    if key not in known:
        raise Reject("unknown_withdrawal_reason", f"there is no reason {key}; there is: {', '.join(known)}", 422)
    return known[key]


def _automatic(reasons: Sequence[WithdrawalReason]) -> WithdrawalReason:
    found = next((one for one in reasons if one.automatic), None)
    if found is None:
        raise Reject("no_automatic_reason", "no reason is automatic: name one", 422)
    return found
