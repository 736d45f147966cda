"""The life of a bulletin: every state and step, and what each step needs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.bulletins import (
    AFTER,
    EDITABLE,
    Audio,
    Facts,
    Lack,
    State,
    Step,
    judge,
)

NOW = 1000.0
READY = Facts(State.DRAFT, "Lịch tiêm chủng", Audio.READY, targets=1)

D, S, A, R, W = (
    State.DRAFT, State.SUBMITTED, State.APPROVED, State.REJECTED, State.WITHDRAWN,
)  # fmt: skip

# From each state: where submit, revise, approve, reject and withdraw lead.
LIFE = {
    D: (S, None, None, None, W),
    S: (None, D, A, R, W),
    A: (None, None, None, None, W),
    R: (None, D, None, None, W),
    W: (None, None, None, None, None),
}


@pytest.mark.parametrize("state", list(State))
def test_each_step_from_each_state(state: State) -> None:
    steps = (Step.SUBMIT, Step.REVISE, Step.APPROVE, Step.REJECT, Step.WITHDRAW)
    found = tuple(judge(replace(READY, state=state), step, NOW, "why").after for step in steps)
    assert found == LIFE[state]


CASES = [
    ("all is there", {}, ()),
    ("no title", {"title": "  "}, (Lack.TITLE,)),
    ("no audio", {"audio": Audio.NONE}, (Lack.NO_AUDIO,)),
    ("audio on its way", {"audio": Audio.PREPARING}, (Lack.PREPARING,)),
    ("audio that failed", {"audio": Audio.FAILED}, (Lack.FAILED,)),
    ("for nobody", {"targets": 0}, (Lack.TARGETS,)),
    ("expires later", {"expires": NOW + 1}, ()),
    ("expires now", {"expires": NOW}, (Lack.EXPIRED,)),
    ("spoken, not heard", {"spoken": True}, (Lack.UNHEARD,)),
    ("spoken and heard", {"spoken": True, "heard": True}, ()),
    ("recorded, not heard", {"heard": False}, ()),
    ("spoken, being prepared", {"spoken": True, "audio": Audio.PREPARING}, (Lack.PREPARING,)),
    (
        "nothing is there",
        {"title": "", "audio": Audio.NONE, "targets": 0, "expires": 1.0},
        (Lack.TITLE, Lack.NO_AUDIO, Lack.TARGETS, Lack.EXPIRED),
    ),
]


@pytest.mark.parametrize(("about", "differs", "lacks"), CASES)
def test_what_submitting_and_approving_need(
    about: str, differs: dict[str, object], lacks: tuple[Lack, ...]
) -> None:
    facts = replace(READY, **differs)  # type: ignore[arg-type]
    assert judge(facts, Step.SUBMIT, NOW).lacks == lacks, about
    assert judge(replace(facts, state=S), Step.APPROVE, NOW).lacks == lacks, about
    # What is unfinished can always be rejected and thrown away.
    assert judge(replace(facts, state=S), Step.REJECT, NOW, "why").allowed
    assert judge(facts, Step.WITHDRAW, NOW).allowed


@pytest.mark.parametrize(
    ("own", "approve_own", "lacks"),
    [(False, False, ()), (True, True, ()), (True, False, (Lack.OWN,))],
)
def test_approving_what_one_made(own: bool, approve_own: bool, lacks: tuple[Lack, ...]) -> None:
    facts = replace(READY, state=S, own=own, approve_own=approve_own)
    assert judge(facts, Step.APPROVE, NOW).lacks == lacks
    assert judge(replace(facts, state=D), Step.SUBMIT, NOW).allowed


def test_a_rejection_says_why() -> None:
    facts = replace(READY, state=S)
    assert judge(facts, Step.REJECT, NOW, " \n").lacks == (Lack.REASON,)
    assert judge(facts, Step.REJECT, NOW, "nhỏ quá").allowed


@settings(deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(list(Step)), max_size=20))
def test_nothing_is_edited_between_approval_and_the_end(steps: list[Step]) -> None:
    state = State.DRAFT
    approved = False
    for step in steps:
        after = AFTER.get((state, step))
        if after is None:
            continue
        assert state is not State.WITHDRAWN
        assert not (approved and after is not State.WITHDRAWN)
        approved |= after is State.APPROVED
        state = after
    assert not (approved and state in EDITABLE)
