"""Going live from the studio's page: a file is the microphone, a plain listener hears it."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Page, Route, expect

from loa.codecs.opus import OpusStream
from loa.streamer.web.site import SECURITY
from support.audio import Samples, frequency
from support.browser import COMMUNE, HOST, PASSWORD, ROOT, Desk, Office, axe, chromium, office, shot
from support.browser import desk as a_desk
from support.process import Listener
from support.wires import Wire

RATE = 48_000
TONE = 1300.0
"""Of each burst: 0.4 s long, one a second."""


@pytest.fixture(scope="module", name="office")
def _office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("office")) as made:
        made.person("mai", "broadcaster", COMMUNE)
        made.person("xem", "viewer", COMMUNE)
        yield made


@pytest.fixture(scope="module", name="browser")
def _browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    at = np.arange(2 * RATE) / RATE
    bursts = 0.2 * np.sin(2 * np.pi * TONE * at) * (at % 1.0 < 0.4)
    file = tmp_path_factory.mktemp("microphone") / "bursts.wav"
    soundfile.write(file, bursts.astype(np.float32), RATE, subtype="PCM_16")
    with chromium(
        "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={file}",
        # A script that a test answers comes from nowhere, and from there nothing may call here.
        "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
    ) as made:  # fmt: skip
        yield made


@pytest.fixture(name="desk")
def _desk(browser: Browser, office: Office) -> Iterator[Desk]:
    with a_desk(browser, office, permissions=["microphone"]) as made:
        made.allowed.append("401")
        yield made


class Ear(threading.Thread):
    """A listener over TLS, who keeps what is heard, with the time at which it came."""

    def __init__(self, office: Office, path: str = COMMUNE) -> None:
        super().__init__(daemon=True)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = office.server.connect()
        self._wrapped = context.wrap_socket(plain, server_hostname=HOST)
        self._listener = Listener(self._wrapped, f"{path}.opus?cadence=low&burst=0")
        self._stream = OpusStream()
        self._heard: list[Samples] = []
        self.start()

    def run(self) -> None:
        try:
            while data := self._listener.receive():
                self._heard += self._stream.feed(data)
        except OSError:
            return

    @property
    def samples(self) -> Samples:
        return np.concatenate([np.zeros(0, np.float32), *self._heard])

    def bursts(self) -> int:
        """Return how many bursts of the microphone's were heard, each of at least 0.2 s."""
        heard = self.samples
        size = RATE // 20
        blocks = heard[: len(heard) // size * size].reshape(-1, size)
        is_tone = [
            float(np.sqrt(np.mean(block**2))) > 0.02 and abs(frequency(block) - TONE) < 30
            for block in blocks
        ]
        found = run = 0
        for tone in [*is_tone, False]:
            found += not tone and run >= 4
            run = run + 1 if tone else 0
        return found

    def close(self) -> None:
        self._wrapped.close()
        self.join(5)


@pytest.fixture
def ear(office: Office) -> Iterator[Ear]:
    made = Ear(office)
    yield made
    made.close()


def until(page: Page, what: Callable[[], object], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        page.wait_for_timeout(100)


def go_live(page: Page, name: str = "Tin xã sáng nay (dữ liệu mẫu)") -> None:
    """Press what has to be pressed, the microphone being allowed, and skip the count."""
    page.get_by_label("Tên buổi phát").fill(name)
    expect(page.get_by_text("Nghe ngay")).to_be_visible()
    page.get_by_role("button", name="Phát trực tiếp", exact=True).click()
    page.get_by_role("button", name="Phát ngay").click()


def on_air(page: Page) -> None:
    expect(page.locator(".band strong").first).to_have_text("● ĐANG PHÁT", timeout=15_000)


def stop(page: Page) -> None:
    page.locator(".stop").click()
    expect(page.get_by_role("heading", name="Đã kết thúc buổi phát")).to_be_visible()


def test_a_broadcaster_goes_live_and_is_heard(desk: Desk, office: Office, ear: Ear) -> None:
    page = desk.sign_in("mai", "/studio")
    expect(page).to_have_title("Phát trực tiếp · Loa")
    # One area to speak for, and the microphone is allowed: nothing has to be set.
    expect(page.get_by_text("Nghe ngay")).to_be_visible()
    expect(page.get_by_role("button", name="Phát trực tiếp", exact=True)).to_be_enabled()
    until(page, lambda: page.get_by_role("meter").get_attribute("aria-valuetext") == "Vừa")
    axe(page)
    shot(page, "studio-ready")
    page.get_by_label("Tên buổi phát").fill("Tin xã sáng nay (dữ liệu mẫu)")
    page.get_by_role("button", name="Phát trực tiếp", exact=True).click()
    expect(page.get_by_role("timer")).to_have_text("3")
    shot(page, "studio-count-in")
    on_air(page)
    expect(page).to_have_title(re.compile(r"● ĐANG PHÁT \d:\d\d · Xã Nà Khương"))
    until(page, lambda: ear.bursts() >= 3)
    status = office.api.call("GET", f"/areas/{office.ids[COMMUNE]}/on-air")
    assert (status["kind"], status["title"]) == ("live", "Tin xã sáng nay (dữ liệu mẫu)")
    # Muted by a key: nothing is heard, but it stays on air.
    page.keyboard.press("m")
    expect(page.locator(".band .muted")).to_be_visible()
    axe(page)
    page.emulate_media(color_scheme="dark")
    axe(page)
    shot(page, "studio-on-air-dark")
    page.emulate_media(color_scheme="light")
    page.keyboard.press("m")
    shot(page, "studio-on-air")
    # The rest of the desk says it, too.
    page.get_by_role("link", name="Đang phát").first.click()
    on_air(page)
    page.get_by_role("link", name="Về phòng thu").click()
    stop(page)
    expect(page.get_by_text("Không mất tiếng nào.")).to_be_visible()
    expect(page.get_by_role("heading", name="Bản ghi trên máy này")).to_be_visible()
    axe(page)
    shot(page, "studio-over")
    page.get_by_role("button", name="Làm thành bản tin").click()
    expect(page.get_by_text("Đã gửi xong")).to_be_visible()
    expect(page.get_by_role("button", name="Đã gửi làm bản tin")).to_be_disabled()
    (bulletin,) = office.api.call("GET", f"/bulletins?area={office.ids[COMMUNE]}")["items"]
    assert bulletin["title"] == "Tin xã sáng nay (dữ liệu mẫu)"
    audit = office.api.call("GET", "/audit?action=live.began")["items"]
    assert audit[0]["who"] == "Mai (mai)"


def test_a_cut_of_the_network_does_not_end_it(browser: Browser, office: Office, ear: Ear) -> None:
    with Wire(office.server.port) as wire:
        away = replace(office, url=f"https://{HOST}:{wire.port}")
        with a_desk(browser, away, permissions=["microphone"]) as made:
            made.allowed += [
                "401",
                "WebSocket",
                "ERR_CONNECTION",
                "ERR_EMPTY",
                "ERR_SOCKET",
                "ERR_INCOMPLETE",
            ]
            page = made.sign_in("mai", "/studio")
            go_live(page)
            on_air(page)
            begun = time.monotonic()
            until(page, lambda: ear.bursts() >= 1)
            place = f"/areas/{office.ids[COMMUNE]}/on-air"
            live = office.api.call("GET", place)["live"]
            wire.cut()
            expect(page.locator(".band strong").first).to_have_text("✕ MẤT MẠNG")
            wire.mend()
            on_air(page)
            assert office.api.call("GET", place)["live"] == live
            before = ear.bursts()
            until(page, lambda: ear.bursts() >= before + 2)
            expect(page.get_by_text(re.compile(r"^\d lần$"))).to_be_visible()
            # Once more, for as long as it takes to look at it.
            wire.cut()
            expect(page.locator(".band strong").first).to_have_text("✕ MẤT MẠNG")
            axe(page)
            shot(page, "studio-lost")
            wire.mend()
            on_air(page)
            lasted = time.monotonic() - begun
            stop(page)
            # The browser kept what was said, the seconds without a network too.
            with page.expect_download() as download:
                page.get_by_role("button", name="Tải về").first.click()
            stream = OpusStream()
            said = np.concatenate(list(stream.feed(Path(download.value.path()).read_bytes())))
            assert len(said) / RATE > 0.8 * lasted
            assert abs(frequency(said) - TONE) < 30


def test_samples_are_sent_where_nothing_encodes(desk: Desk, ear: Ear) -> None:
    def without_encoder(route: Route) -> None:
        built = ROOT / "streamer/web/dist/web" / route.request.url.rpartition("/")[2]
        body = "delete globalThis.AudioEncoder;" + built.read_text()
        route.fulfill(body=body, content_type="text/javascript", headers=dict(SECURITY))

    desk.context.route("**/web/studio.worker-*.js", without_encoder)
    page = desk.sign_in("mai", "/studio")
    go_live(page)
    on_air(page)
    expect(page.get_by_text("không nén được tiếng")).to_be_visible()
    until(page, lambda: ear.bursts() >= 2)
    # Who signs out is asked first, and leaves a broadcast that has ended.
    page.get_by_role("button", name="Đăng xuất").click()
    expect(page.get_by_role("dialog")).to_contain_text("Bạn đang phát trực tiếp")
    page.get_by_role("button", name="Hủy").click()
    on_air(page)
    page.get_by_role("button", name="Đăng xuất").click()
    page.get_by_role("button", name="Dừng phát và đăng xuất").click()
    expect(page).to_have_title("Đăng nhập · Loa")


@pytest.mark.slow
def test_an_emergency_asks_for_the_word_and_is_for_this_once(desk: Desk) -> None:
    page = desk.sign_in("lan", "/emergency")
    emergency = page.get_by_role("radio", name=re.compile("^Khẩn cấp"))
    routine = page.get_by_role("radio", name=re.compile("^Thông thường"))

    def sent_to_speak() -> None:
        page.get_by_role("radio", name="KHẨN CẤP THẬT").check()
        page.get_by_label("Tìm địa bàn").fill("na khuong")
        page.get_by_role("treeitem", name="Xã Nà Khương").click()
        page.get_by_role("radio", name="Nói trực tiếp").check()
        page.get_by_role("link", name="Đến trang Phát trực tiếp").click()
        expect(emergency).to_be_checked()

    sent_to_speak()
    # Only looked at: it is not an emergency when one comes back.
    page.locator("nav").get_by_role("link", name="Bản tin").click()
    expect(page).to_have_title("Bản tin · Loa")
    page.locator("nav").get_by_role("link", name="Phát trực tiếp").click()
    expect(routine).to_be_checked()
    page.locator("nav").get_by_role("link", name="Khẩn cấp").click()
    page.get_by_role("link", name="Đến trang Phát trực tiếp").click()
    expect(emergency).to_be_checked()
    page.get_by_role("button", name="Phát khẩn cấp ngay").click()
    asks = page.get_by_role("dialog")
    go = asks.get_by_role("button", name="Phát khẩn cấp ngay")
    expect(go).to_be_disabled()
    axe(page)
    shot(page, "studio-emergency")
    asks.get_by_label("Gõ chữ KHẨN CẤP").fill("emergency")
    go.click()
    on_air(page)
    # Stopped on another page, the microphone is let go.
    page.locator("nav").get_by_role("link", name="Khẩn cấp").click()
    expect(page.get_by_text("Bạn đang soạn một lệnh")).to_be_visible()
    band = page.get_by_role("region", name="Phát trực tiếp", exact=True)
    band.get_by_role("button", name="Dừng phát").click()
    expect(band).to_have_count(0)
    page.locator("nav").get_by_role("link", name="Phát trực tiếp").click()
    page.get_by_role("button", name="Phát buổi khác").click()
    expect(routine).to_be_checked()


@pytest.mark.slow
def test_a_session_that_ends_on_air_goes_on_from_whatever_page_is_open(
    browser: Browser, office: Office, ear: Ear
) -> None:
    with Wire(office.server.port) as wire:
        away = replace(office, url=f"https://{HOST}:{wire.port}")
        with a_desk(browser, away, permissions=["microphone"]) as made:
            made.allowed += ["401", "WebSocket", "ERR_"]
            page = made.sign_in("mai", "/studio")
            go_live(page)
            on_air(page)
            page.locator("nav").get_by_role("link", name="Bản tin").click()
            expect(page.get_by_role("heading", name="Bản tin", level=1)).to_be_visible()
            accounts = office.api.call("GET", "/accounts?limit=100")["items"]
            mai = next(one for one in accounts if one["login"] == "mai")
            wire.cut()
            office.api.call("POST", f"/accounts/{mai['id']}/sign-out")
            expect(page.locator(".band strong").first).to_have_text("✕ MẤT MẠNG")
            wire.mend()
            asks = page.get_by_role("dialog")
            expect(asks).to_contain_text("Phiên làm việc đã hết", timeout=15_000)
            before = ear.bursts()
            asks.locator("input[type=password]").fill(PASSWORD)
            asks.get_by_role("button", name="Đăng nhập").click()
            on_air(page)
            until(page, lambda: ear.bursts() >= before + 2)
            page.get_by_role("link", name="Về phòng thu").click()
            stop(page)


def test_a_viewer_cannot(desk: Desk) -> None:
    page = desk.sign_in("xem", "/studio")
    expect(page.get_by_text("Bạn chưa có quyền phát trực tiếp")).to_be_visible()
    expect(page.locator("nav").get_by_role("link", name="Phát trực tiếp")).to_have_count(0)
    axe(page)


def test_the_preview_says_why_and_others_are_told_who(
    desk: Desk, browser: Browser, office: Office
) -> None:
    mai = desk.sign_in("mai", "/studio")
    go_live(mai)
    on_air(mai)
    with a_desk(browser, office, permissions=["microphone"]) as other:
        other.allowed.append("401")
        lan = other.sign_in("lan", "/studio")
        expect(lan.get_by_text("Chọn nơi phát.").first).to_be_visible()
        lan.get_by_role("treeitem", name="Huyện Quang Bình").click()
        expect(lan.get_by_text("đang có buổi phát trực tiếp khác")).to_be_visible()
        lan.get_by_text("Nghe ngay").click()
        expect(lan.get_by_text("Xã Tân Nam", exact=False).last).to_be_visible()
        axe(lan)
        shot(lan, "studio-preview")
        # The commune itself is taken: whose it is, and a way on.
        lan.get_by_role("treeitem", name="Huyện Quang Bình").click()
        lan.get_by_label("Tìm địa bàn").fill("na khuong")
        lan.get_by_role("treeitem", name="Xã Nà Khương").click()
        lan.get_by_role("button", name="Phát trực tiếp", exact=True).click()
        expect(lan.get_by_text("Mai (mai) đang phát trực tiếp ở đây.")).to_be_visible()
        lan.get_by_role("button", name="Dừng buổi phát kia").click()
        lan.get_by_role("dialog").get_by_role("button", name="Dừng buổi phát kia").click()
        expect(mai.get_by_text("Lan (lan) đã dừng buổi phát này.")).to_be_visible()


def test_what_is_wrong_with_the_microphone_or_the_hours_is_said(desk: Desk, office: Office) -> None:
    desk.context.add_init_script(
        "const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
        "window.streams = []; window.denied = true;"
        "navigator.mediaDevices.getUserMedia = async (wanted) => {"
        " if (window.denied) throw new DOMException('', 'NotAllowedError');"
        " const stream = await real(wanted); window.streams.push(stream); return stream }"
    )
    place = f"/areas/{office.ids[COMMUNE]}/policy"
    said = office.api.call("GET", place)
    another_day = (time.gmtime().tm_wday + 3) % 7
    hours = {"hours": [{"weekdays": [another_day], "start": "05:00", "end": "06:00"}]}
    office.api.call("PUT", place, hours, version=said["version"])
    page = desk.sign_in("mai", "/studio")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_text("Trình duyệt đang chặn micrô")).to_be_visible()
    page.evaluate("window.denied = false")
    page.get_by_role("button", name="Bật micrô").click()
    until(page, lambda: page.get_by_role("meter").get_attribute("aria-valuetext") == "Vừa")
    page.evaluate("window.streams.at(-1).getTracks()[0].dispatchEvent(new Event('ended'))")
    expect(page.get_by_text("Micrô vừa bị rút")).to_be_visible()
    page.get_by_role("button", name="Bật micrô").click()
    # Outside the hours: with a reason only.
    expect(page.get_by_text("Bây giờ ngoài giờ phát")).to_be_visible()
    button = page.get_by_role("button", name="Phát trực tiếp", exact=True)
    expect(button).to_be_disabled()
    page.get_by_label("Lý do").fill("Báo mưa lũ (dữ liệu mẫu)")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    axe(page)
    shot(page, "studio-phone")
    button.click()
    on_air(page)
    shot(page, "studio-phone-on-air")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    stop(page)
    said = office.api.call("GET", place)
    office.api.call("PUT", place, {}, version=said["version"])
    began = office.api.call("GET", "/audit?action=live.began")["items"][0]
    assert began["details"]["reason"] == "Báo mưa lũ (dữ liệu mẫu)"
