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
    "password.wrong": (
        "Mật khẩu hiện tại không đúng.",
        "This is not your password.",
    ),
    "password.must_change": (
        "Mật khẩu này do người khác đặt. Hãy đổi mật khẩu trước.",
        "Somebody else chose this password. Change it first.",
    ),
    "account.login_taken": (
        "Đã có tài khoản với tên đăng nhập {login}.",
        "There is an account with the login {login} already.",
    ),
    "grant.unknown": ("Không có quyền được cấp số {id}.", "There is no role {id} given."),
    "grant.beyond": (
        "Bạn không thể cho hoặc lấy quyền mà chính bạn không có ở {area}: {permission}.",
        "You cannot give or take what you may not do yourself in {area}: {permission}.",
    ),
    "grant.last_administrator": (
        "Đây là quản trị viên cuối cùng của {area}. Hãy cấp quyền quản trị cho người khác trước.",
        "This is the last administrator of {area}. Make somebody else administrator first.",
    ),
    "setup.done": (
        "Hệ thống đã được thiết lập. Hãy đăng nhập.",
        "This has been set up already. Sign in.",
    ),
    "setup.code_wrong": (
        "Mã thiết lập không đúng. Mã mới nhất được in ra khi máy chủ khởi động.",
        "This is not the set-up code. The newest one is what the server printed when it started.",
    ),
    "setup.no_area": (
        "Chưa có địa bàn nào.",
        "There is no area yet.",
    ),
    "token.unknown": ("Không có token số {id}.", "There is no token {id}."),
    "token.too_many": (
        "Đã có {limit} token còn dùng được. Hãy thu hồi token không dùng nữa.",
        "There are {limit} valid tokens. Revoke those that are not used.",
    ),
    "token.expiry": (
        "Phải là thời điểm sắp tới, không quá hai năm.",
        "Must be in the future, at most two years away.",
    ),
    "source_token.unknown": (
        "Không có mật khẩu nguồn phát số {id}.",
        "There is no source token {id}.",
    ),
    "source_token.target_outside": (
        "{target} không thuộc {area}.",
        "{target} does not lie in {area}.",
    ),
}
