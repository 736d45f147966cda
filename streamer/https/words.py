"""What to do next, for the devices of the office, in plain words. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping

LANGUAGES = ("vi", "en")


def language_of(environment: Mapping[str, str] = os.environ) -> str:
    """Return ``vi`` or ``en``, by what the terminal speaks."""
    said = next(
        (environment[k] for k in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(k)), ""
    )
    return "vi" if said.lower().startswith("vi") else "en"


EN = """\
HTTPS is ready: {url}/

{server}
Every device trusts it once. Open {url}/https there: that page has the same steps.
(The browser warns this first time: choose "Advanced", then "Continue".) Or copy this file: {file}
Compare the fingerprint (SHA-256) where the device shows one:
  {fingerprint}

  Windows          open loa-ca.crt > Install Certificate > Local Machine (or Current User) >
                   Place all in: "Trusted Root Certification Authorities". Restart the browser.
  Android          Settings > Security > Encryption & credentials > Install a certificate >
                   CA certificate > Install anyway > loa-ca.crt
  iPhone, iPad     open {url}/loa-ca.crt in Safari > Allow. Settings > Profile downloaded > Install;
                   then General > About > Certificate Trust Settings: switch it on.
  macOS            open loa-ca.crt (Keychain Access, System) > double-click > Trust > Always Trust
  Linux, Chromium  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n Loa -i loa-ca.crt   (libnss3-tools)
                   curl and others: sudo cp loa-ca.crt /usr/local/share/ca-certificates/ &&
                   sudo update-ca-certificates
  Firefox          Settings > Privacy & Security > View Certificates > Authorities > Import >
                   "Trust this CA to identify websites" (Windows and macOS: it takes the system's)

This authority can vouch for these names, private names and private addresses only, until {ends}.
The server's certificate ({called}) renews itself."""

VI = """\
HTTPS đã sẵn sàng: {url}/

{server}
Mỗi thiết bị chỉ cần tin cậy một lần. Mở {url}/https trên thiết bị đó: có cùng các bước dưới đây.
(Lần đầu trình duyệt sẽ cảnh báo: chọn “Nâng cao” rồi “Tiếp tục”.) Hoặc chép tệp này sang: {file}
Đối chiếu dấu vân tay (SHA-256) nếu thiết bị có hiện:
  {fingerprint}

  Windows          mở loa-ca.crt > Cài đặt chứng chỉ (Install Certificate) > Máy cục bộ > Đặt vào:
                   “Trusted Root Certification Authorities”. Mở lại trình duyệt.
  Android          Cài đặt > Bảo mật > Mã hóa và thông tin xác thực > Cài đặt chứng chỉ >
                   Chứng chỉ CA > Vẫn cài đặt > loa-ca.crt
  iPhone, iPad     mở {url}/loa-ca.crt bằng Safari > Cho phép. Cài đặt > Đã tải về hồ sơ > Cài đặt;
                   rồi Cài đặt chung > Giới thiệu > Cài đặt tin cậy chứng nhận: bật lên.
  macOS            mở loa-ca.crt (Keychain Access, System) > nhấp đúp > Trust > Always Trust
  Linux, Chromium  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n Loa -i loa-ca.crt   (libnss3-tools)
                   curl và các chương trình khác: sudo cp loa-ca.crt
                   /usr/local/share/ca-certificates/ && sudo update-ca-certificates
  Firefox          Cài đặt > Quyền riêng tư và bảo mật > Xem chứng chỉ > Nhà thẩm quyền > Nhập >
                   “Tin cậy CA này để nhận diện trang web” (Windows, macOS: dùng của hệ thống)

Chứng chỉ gốc này chỉ bảo đảm cho các tên trên, tên nội bộ và địa chỉ nội bộ, đến {ends}.
Chứng chỉ của máy chủ ({called}) tự gia hạn."""

WORDS = {"en": EN, "vi": VI}

RESTART = {
    "en": "Start the server again, so that the office reaches it: systemctl restart loa",
    "vi": "Hãy khởi động lại máy chủ để cả cơ quan vào được: systemctl restart loa",
}
RUNNING = {
    "en": "A server that runs takes it by itself within seconds; one that does not: loa serve",
    "vi": "Máy chủ đang chạy tự dùng ngay trong vài giây; nếu chưa chạy: loa serve",
}
"""Of the server, by whether it has to be started again."""
