"""Texts about people."""

TEXTS: dict[str, tuple[str, str]] = {
    "sign_in.wrong": (
        "Tên đăng nhập hoặc mật khẩu không đúng.",
        "The login or the password is wrong.",
    ),
    "sign_in.too_often": (
        "Thử sai quá nhiều lần. Hãy thử lại sau {after} giây.",
        "Too many failed tries. Try again in {after} seconds.",
    ),
    "csrf": (
        "Thiếu hoặc sai X-CSRF-Token. Hãy tải lại trang.",
        "X-CSRF-Token is missing or wrong. Load the page again.",
    ),
    "token.not_valid": (
        "Token không đúng, đã hết hạn hoặc đã bị thu hồi.",
        "The token is unknown, has expired, or was revoked.",
    ),
    "session.unknown": ("Không có phiên đăng nhập số {id}.", "You have no session {id}."),
    "account.unknown": ("Không có tài khoản số {id}.", "There is no account {id}."),
    "password.short": (
        "Mật khẩu phải có ít nhất 10 ký tự.",
        "A password needs at least 10 characters.",
    ),
    "password.long": (
        "Mật khẩu không được quá 200 ký tự.",
        "A password has at most 200 characters.",
    ),
    "password.is_login": (
        "Mật khẩu không được giống tên đăng nhập.",
        "The password must not be the login.",
    ),
    "password.common": (
        "Mật khẩu này quá dễ đoán. Hãy chọn mật khẩu khác.",
        "This password is one of the first that anyone tries. Choose another one.",
    ),
}
