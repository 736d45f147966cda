"""Bulletins from a file, a microphone or a text, through approval: in a browser."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from support.browser import DISTRICT, Desk, Office, axe, chromium, desk, shot

# A journey of half a minute and more: `make journeys`, which CI runs as well.
pytestmark = pytest.mark.slow

expect.set_options(timeout=15_000)
HOSTILE = """<img src=x onerror="window.hurt=1">"><script>window.hurt=1</script>"""


def wav(seconds: float, rate: int = 16_000, level: float = 0.2) -> bytes:
    """Make something like speech: syllables and pauses."""
    at = np.arange(int(seconds * rate)) / rate
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * at), 0, None) * (
        np.sin(2 * np.pi * 0.21 * at) > -0.7
    )
    voice = sum(np.sin(2 * np.pi * hz * at) / n for n, hz in enumerate((140, 280, 420, 1100), 1))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((voice * syllables * level * 16_000).astype("<i2").tobytes())
    return out.getvalue()


@pytest.fixture(scope="module", name="browser")
def _browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose microphone is a file."""
    file = tmp_path_factory.mktemp("voice") / "voice.wav"
    file.write_bytes(wav(20, 44_100, 0.7))
    with chromium(
        "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={file}", "--autoplay-policy=no-user-gesture-required",
    ) as made:  # fmt: skip
        yield made


@pytest.fixture(scope="module", name="people", autouse=True)
def _people(office: Office) -> None:
    office.person("soan", "editor", DISTRICT)
    office.person("duyet", "approver", DISTRICT)
    office.person("xem", "viewer", DISTRICT)


def drop(page: Page, files: dict[str, bytes]) -> None:
    """Drag files from elsewhere onto the page."""
    given = [[name, base64.b64encode(data).decode()] for name, data in files.items()]
    page.evaluate(
        """(files) => {
          const data = new DataTransfer()
          for (const [name, text] of files) {
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
            data.items.add(new File([bytes], name, { type: 'audio/wav' }))
          }
          for (const kind of ['dragenter', 'dragover', 'drop']) {
            document.querySelector('h1').dispatchEvent(
              new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }))
          }
        }""",
        given,
    )


def fits(page: Page) -> None:
    """Fail with what sticks out of the page sideways."""
    found = page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] :
          [...document.querySelectorAll('main *')]
            .filter((e) => e.getBoundingClientRect().right > innerWidth)
            .map((e) => e.outerHTML.slice(0, 100))"""
    )
    assert not found, "\n".join(found)


def draft(office: Office, title: str, seconds: float = 3.0, **given: object) -> str:
    """Make a draft with audio that is ready, as its editor; return its address."""
    editor = type(office.api).sign_in(office.server.url, "soan", office.api.trusted)
    made = editor.call(
        "POST", "/bulletins", {"area": office.ids[DISTRICT], "title": title, **given}
    )
    editor.call("POST", f"/bulletins/{made['id']}/audio", wav(seconds))
    editor.until(f"/bulletins/{made['id']}", lambda b: b["audio"]["state"] == "ready")
    return f"/bulletins/{made['id']}"


def test_files_are_dragged_in(desk: Desk) -> None:
    desk.allowed.append("401")
    page = desk.sign_in("soan", "/bulletins")
    expect(page.get_by_role("heading", name="Bản tin", level=1)).to_be_visible()
    axe(page)
    files = {"tiem_chung (dữ liệu mẫu).wav": wav(2), f"{HOSTILE}.wav": wav(3)}
    drop(page, {**files, "khong_phai_am_thanh.wav": b"xin loi" * 100})
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Tiêu đề của tệp tiem_chung")).to_have_value(
        "tiem chung (dữ liệu mẫu)"
    )
    dialog.get_by_label("Loại").select_option("priority")
    axe(page)
    dialog.get_by_role("button", name="Gửi lên").click()
    sending = page.get_by_role("region", name="Tệp đang gửi")
    expect(sending.get_by_text("Đã gửi xong")).to_have_count(3)
    rows = page.get_by_role("row")
    expect(rows.filter(has_text="tiem chung (dữ liệu mẫu)")).to_contain_text("Ưu tiên")
    expect(rows.filter(has_text="tiem chung (dữ liệu mẫu)")).to_contain_text("0:02", timeout=30_000)
    expect(rows.filter(has_text="khong phai")).to_contain_text("Không dùng được", timeout=30_000)
    page.get_by_role("searchbox", name="Tìm trong tiêu đề").fill("onerror")
    expect(rows).to_have_count(2)
    rows.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("<script>")
    assert page.evaluate("window.hurt") is None


def test_an_upload_goes_on_where_it_was(desk: Desk) -> None:
    desk.allowed += ["401", "ERR_FAILED", "ERR_INTERNET_DISCONNECTED"]
    page = desk.sign_in("soan", "/bulletins")
    offsets: list[str] = []
    cut = True

    def pieces(route: Route, request: Request) -> None:
        if cut and len(offsets) == 1:
            route.abort("internetdisconnected")
            return
        if request.method == "PATCH":
            offsets.append(request.headers["upload-offset"])
            assert request.headers["upload-checksum"].startswith("sha256 ")
        route.continue_()

    desk.context.route("**/api/v1/uploads/*", pieces)
    drop(page, {"hop_xom.wav": wav(70)})
    page.get_by_role("button", name="Gửi lên").click()
    sending = page.get_by_role("region", name="Tệp đang gửi")
    expect(sending.get_by_text("Mất mạng")).to_be_visible()
    shot(page, "bulletins-upload")
    page.reload()
    expect(sending.get_by_text("Mất mạng")).to_be_visible()
    cut = False
    sending.get_by_role("button", name="Tạm dừng").click()
    sending.get_by_role("button", name="Gửi tiếp").click()
    expect(sending.get_by_text("Đã gửi xong")).to_be_visible()
    assert offsets == ["0", "1000000", "2000000"]
    expect(page.get_by_role("row").filter(has_text="hop xom")).to_be_visible()


def test_more_files_are_more_rows(desk: Desk) -> None:
    desk.allowed.append("401")
    page = desk.sign_in("soan", "/bulletins")
    expect(page.get_by_role("heading", name="Bản tin", level=1)).to_be_visible()
    drop(page, {"mot.wav": wav(1)})
    dialog = page.get_by_role("dialog", name="Thêm")
    dialog.get_by_label("Tiêu đề của tệp mot.wav").fill("Đã sửa (dữ liệu mẫu)")
    drop(page, {"hai.wav": wav(1)})
    expect(dialog.get_by_label("Tiêu đề của tệp hai.wav")).to_have_value("hai")
    expect(dialog.get_by_label("Tiêu đề của tệp mot.wav")).to_have_value("Đã sửa (dữ liệu mẫu)")
    # What was typed is not thrown away by a key.
    for _ in range(2):
        dialog.get_by_label("Tiêu đề của tệp mot.wav").press("Escape")
        question = page.get_by_role("dialog", name="Chưa lưu")
        axe(page)
        question.get_by_role("button", name="Ở lại").click()
        expect(question).to_be_hidden()
    expect(dialog.get_by_label("Tiêu đề của tệp mot.wav")).to_have_value("Đã sửa (dữ liệu mẫu)")
    dialog.get_by_role("button", name="Đóng").click()
    question.get_by_role("button", name="Đóng, không lưu").click()
    expect(dialog).to_be_hidden()


def test_what_the_browser_cannot_keep_is_asked_about(desk: Desk) -> None:
    desk.allowed += ["401", "ERR_INTERNET_DISCONNECTED", "ERR_FAILED"]
    page = desk.sign_in("soan", "/bulletins")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    desk.context.route("**/api/v1/uploads*", lambda route: route.abort("internetdisconnected"))
    expect(page.get_by_role("heading", name="Bản tin", level=1)).to_be_visible()
    drop(page, {"giu_duoc.wav": wav(1)})
    page.get_by_role("button", name="Gửi lên").click()
    sending = page.get_by_role("region", name="Tệp đang gửi")
    expect(sending.get_by_text("Mất mạng")).to_be_visible()
    page.reload()
    expect(sending.get_by_text("Mất mạng")).to_be_visible()
    assert asked == []
    page.evaluate("() => { IDBObjectStore.prototype.put = () => { throw new Error('full') } }")
    drop(page, {"khong_giu_duoc.wav": wav(1)})
    page.get_by_role("button", name="Gửi lên").click()
    expect(sending.get_by_text("Mất mạng")).to_have_count(2)
    sending.get_by_role("button", name="Tạm dừng: khong giu duoc").click()
    page.reload()
    expect(sending.get_by_text("Mất mạng")).to_have_count(1)
    assert asked == ["beforeunload"]


def test_audio_that_somebody_else_gave_is_not_overwritten_unasked(desk: Desk) -> None:
    desk.allowed += ["401", "ERR_FAILED", "ERR_INTERNET_DISCONNECTED"]
    place = draft(desk.office, "Hai người cùng thay (dữ liệu mẫu)", 2.0)
    page = desk.sign_in("soan", place)
    expect(page.get_by_role("button", name="Nghe: Nghe bản tin")).to_be_visible()
    lost = True
    desk.context.route(
        "**/api/v1/uploads*",
        lambda route: route.abort("internetdisconnected") if lost else route.continue_(),
    )
    page.locator("input[type=file]").set_input_files(
        {"name": "cua toi.wav", "mimeType": "audio/wav", "buffer": wav(4)}
    )
    expect(page.get_by_text("Mất mạng")).to_be_visible()
    api = desk.office.api
    api.call("POST", f"{place}/audio", wav(3), version=api.call("GET", place)["version"])
    api.until(place, lambda b: b["audio"]["state"] == "ready" and b["audio"]["seconds"] > 2.5)
    lost = False
    expect(page.get_by_text("vừa được người khác thay âm thanh")).to_be_visible(timeout=30_000)
    assert api.call("GET", place)["audio"]["seconds"] < 3.5
    page.get_by_role("button", name="Gửi tiếp").click()
    api.until(place, lambda b: b["audio"]["state"] == "ready" and b["audio"]["seconds"] > 3.5)


def test_a_recording_is_trimmed_and_used(desk: Desk) -> None:
    desk.allowed += ["401", "ERR_INTERNET_DISCONNECTED"]
    page = desk.sign_in("soan", "/bulletins")
    page.get_by_role("button", name="Ghi âm").click()
    page.get_by_role("textbox", name="Tiêu đề").fill("Lời chúc mừng (dữ liệu mẫu)")
    page.get_by_role("button", name="Tiếp tục").click()
    page.get_by_role("button", name="Bắt đầu ghi").click()
    expect(page.get_by_role("timer")).to_have_text("0:03")
    shot(page, "bulletins-record")
    page.get_by_role("button", name="Dừng ghi").click()
    # A microphone that refuses the next take leaves this one.
    page.evaluate(
        """() => {
          navigator.mediaDevices.hear = navigator.mediaDevices.getUserMedia
          navigator.mediaDevices.getUserMedia = async () => {
            throw new DOMException('', 'NotFoundError')
          }
        }"""
    )
    page.get_by_role("button", name="Ghi lại").click()
    expect(page.get_by_text("Không tìm thấy micrô")).to_be_visible()
    handle = page.get_by_role("slider", name="Cắt đầu")
    handle.focus()
    page.keyboard.press("Shift+ArrowRight")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    assert abs(float(handle.get_attribute("aria-valuenow") or 0) - 1.2) < 0.01
    axe(page)
    shot(page, "bulletins-trim")
    whole = float(handle.get_attribute("aria-valuemax") or 0)
    # It is sent only after it was not cancelled.
    lost = True
    desk.context.route(
        "**/api/v1/uploads*",
        lambda route: route.abort("internetdisconnected") if lost else route.continue_(),
    )
    page.get_by_role("button", name="Dùng bản ghi này").click()
    page.get_by_role("button", name="Hủy gửi").click()
    axe(page)
    page.get_by_role("dialog").get_by_role("button", name="Hủy", exact=True).click()
    lost = False
    expect(page.get_by_role("button", name="Nghe: Nghe bản tin")).to_be_visible()
    bulletin = desk.office.api.call("GET", "/bulletins/" + page.url.split("/")[-1].split("?")[0])
    assert abs(bulletin["audio"]["seconds"] - (whole - 1.2)) < 0.1


def test_a_text_is_heard_before_it_is_submitted(desk: Desk) -> None:
    desk.allowed.append("401")
    page = desk.sign_in("soan", "/bulletins")
    page.get_by_role("button", name="Soạn văn bản").click()
    page.get_by_role("textbox", name="Tiêu đề").fill("Mời họp (dữ liệu mẫu)")
    page.get_by_role("button", name="Tiếp tục").click()
    page.get_by_label("Nội dung cần đọc").fill("UBND xã mời họp lúc 7h30 tại NVHT.")
    unknown = page.get_by_role("button", name="Viết: NVHT")
    expect(unknown).to_be_visible()
    expect(page.get_by_text("ủy ban nhân dân")).to_be_visible()
    shot(page, "bulletins-text")
    unknown.click()
    page.get_by_role("dialog").get_by_label("Đọc", exact=True).fill("nhà văn hóa thôn")
    page.get_by_role("dialog").get_by_role("button", name="Lưu").click()
    expect(page.get_by_role("button", name="Đọc: nhà văn hóa thôn")).to_be_visible()
    page.get_by_role("button", name="Tạo giọng đọc").click()
    play = page.get_by_role("button", name="Nghe: Nghe bản tin")
    expect(play).to_be_visible()
    submit = page.get_by_role("button", name="Gửi duyệt")
    expect(submit).to_be_disabled()
    play.click()
    expect(submit).to_be_enabled()
    submit.click()
    expect(page.get_by_text("Chờ duyệt").first).to_be_visible()


def test_from_the_editor_to_the_approver_and_back(browser: Browser, office: Office) -> None:
    place = draft(
        office, "Phun thuốc diệt muỗi (dữ liệu mẫu)", 4.0, notes="Lịch phun của các thôn.",
        sign_text="PHUN THUỐC DIỆT MUỖI 6H SÁNG THỨ BẢY",
    )  # fmt: skip
    with desk(browser, office) as editors, desk(browser, office) as approvers:
        editors.allowed.append("401")
        approvers.allowed.append("401")
        editor = editors.sign_in("soan", place)
        axe(editor)
        shot(editor, "bulletins-one")
        editor.get_by_role("button", name="Gửi duyệt").click()
        expect(editor.get_by_role("button", name="Lấy về sửa")).to_be_visible()

        approver = approvers.sign_in("duyet", "/bulletins")
        waiting = approver.get_by_role("region", name="Đang chờ bạn")
        expect(waiting).to_be_visible()
        shot(approver, "bulletins-list")
        waiting.get_by_role("link", name="Phun thuốc").click()
        shot(approver, "bulletins-approve")
        approver.get_by_role("button", name="Trả lại").click()
        dialog = approver.get_by_role("dialog")
        dialog.get_by_label("Lý do trả lại").fill("Sai ngày, xin sửa.")
        axe(approver)
        dialog.get_by_role("button", name="Trả lại").click()
        expect(approver.get_by_text("Bị trả lại").first).to_be_visible()

        editor.goto(f"{office.url}/bulletins")
        editor.get_by_role("region", name="Đang chờ bạn").get_by_role(
            "link", name="Phun thuốc"
        ).click()
        expect(editor.get_by_text("Sai ngày, xin sửa.").first).to_be_visible()
        editor.get_by_role("button", name="Sửa", exact=True).click()
        editor.get_by_label("Tiêu đề").fill("Phun thuốc thứ bảy (dữ liệu mẫu)")
        # Somebody else is quicker: nothing that was typed is lost, and what they changed is there.
        row = office.api.call("GET", place)
        office.api.call(
            "PATCH", place, {"title": "Của người khác", "days": 3}, version=row["version"]
        )
        editors.allowed.append("412")
        editor.get_by_role("button", name="Lưu").click()
        expect(editor.get_by_text("Của họ: Của người khác")).to_be_visible()
        expect(editor.get_by_label("Tiêu đề")).to_have_value("Phun thuốc thứ bảy (dữ liệu mẫu)")
        expect(editor.get_by_label("Số ngày")).to_have_value("3")
        editor.get_by_role("button", name="Lưu").click()
        expect(editor.get_by_role("heading", level=1)).to_have_text(
            "Phun thuốc thứ bảy (dữ liệu mẫu)"
        )
        editor.get_by_role("button", name="Gửi duyệt").click()
        expect(editor.get_by_role("button", name="Lấy về sửa")).to_be_visible()

        approver.reload()
        approver.get_by_role("button", name="Duyệt", exact=True).click()
        expect(approver.get_by_role("heading", name="Đã phát ở đâu")).to_be_visible()
        axe(approver)
    assert office.api.call("GET", place)["state"] == "approved"


def test_a_viewer_only_looks(browser: Browser, office: Office) -> None:
    place = draft(office, HOSTILE, 2.0, sign_text=HOSTILE, notes=HOSTILE)
    size = {"width": 360, "height": 780}
    with desk(browser, office, viewport=size, color_scheme="dark") as viewers:
        viewers.allowed.append("401")
        page = viewers.sign_in("xem", place)
        expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
        expect(page.get_by_role("button", name="Nghe: Nghe bản tin")).to_be_visible()
        for word in ("Gửi duyệt", "Duyệt", "Sửa", "Thu hồi", "Tạo bản sao", "Ghi âm"):
            expect(page.get_by_role("button", name=word, exact=True)).to_have_count(0)
        fits(page)
        axe(page)
        shot(page, "bulletins-phone")
        page.goto(f"{office.url}/bulletins")
        expect(page.get_by_role("row").first).to_be_visible()
        expect(page.get_by_role("button", name="Thêm tệp")).to_have_count(0)
        fits(page)
        axe(page)
        shot(page, "bulletins-phone-list")
        assert page.evaluate("window.hurt") is None
