"""SIMs in a browser: who was quicker is not overwritten."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from support.browser import COMMUNE, Desk, Office

pytestmark = pytest.mark.slow


def test_only_what_was_changed_here_is_changed(desk: Desk, office: Office) -> None:
    made = office.api.call(
        "POST", "/sims",
        {"area": office.ids[COMMUNE], "iccid": "8984048000000000001", "operator": "Viettel"},
    )  # fmt: skip
    path = f"/sims/{made['id']}"
    desk.allowed += ["401", "412"]
    page = desk.sign_in(path="/sims")
    page.get_by_text("8984048000000000001").click()
    form = page.get_by_role("dialog").first
    form.get_by_label("Số thuê bao").fill("0981234567")
    office.api.call("PATCH", path, {"operator": "Vinaphone"}, version=made["version"])
    form.get_by_role("button", name="Lưu").click()
    expect(form.get_by_text("Người khác vừa sửa SIM này")).to_be_visible()
    form.get_by_role("button", name="Lưu").click()
    expect(form).to_be_hidden()
    now = office.api.call("GET", path)
    assert (now["operator"], now["number"]) == ("Vinaphone", "0981234567")
