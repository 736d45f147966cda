"""Texts that every topic needs."""

TEXTS: dict[str, tuple[str, str]] = {
    "invalid": ("Yêu cầu có chỗ chưa đúng.", "The request has mistakes."),
    "not_json": ("Nội dung gửi lên không phải JSON.", "The body is not JSON."),
    "not_found": ("Không có địa chỉ này.", "There is no such address."),
    "too_large": (
        "Nội dung gửi lên lớn quá {limit}.",
        "The body is larger than {limit}.",
    ),
    "too_deep": (
        "JSON lồng nhau quá {limit} tầng.",
        "The JSON is nested deeper than {limit} levels.",
    ),
    "content_type": (
        "Nội dung gửi lên phải là JSON (Content-Type: application/json).",
        "The body must be JSON (Content-Type: application/json).",
    ),
    "method": (
        "Địa chỉ này không nhận {method}; chỉ nhận {allowed}.",
        "This address does not take {method}, only {allowed}.",
    ),
    "signed_out": ("Hãy đăng nhập.", "Sign in first."),
    "forbidden": (
        "Bạn không có quyền làm việc này ở {area}.",
        "You have no right to do this in {area}.",
    ),
    "forbidden_anywhere": (
        "Bạn không có quyền làm việc này ở bất kỳ địa bàn nào.",
        "You have no right to do this anywhere.",
    ),
    "in_person": (
        "Việc này phải đăng nhập bằng mật khẩu, không làm được bằng token.",
        "This needs somebody signed in with a password; a token cannot do it.",
    ),
    "busy": (
        "Hệ thống đang bận. Hãy thử lại sau {after} giây.",
        "Too many at once. Try again in {after} seconds.",
    ),
    "stale": (
        "Người khác vừa sửa mục này. Hãy tải lại rồi sửa tiếp.",
        "Somebody else has changed this meanwhile. Load it again, then make your change.",
    ),
    "version_missing": (
        "Thiếu If-Match: hãy cho biết bạn đang sửa phiên bản nào.",
        "If-Match is missing: say which version you are changing.",
    ),
    "version_invalid": (
        'If-Match phải là số phiên bản, như "3".',
        'If-Match must be a version such as "3".',
    ),
    "failed": ("Hệ thống gặp lỗi, xin thử lại.", "Something broke here; please try again."),
    "no_room": (
        "Không lưu được: ổ đĩa của máy chủ đã đầy hoặc bị hỏng. Những gì đã lưu trước đó vẫn còn.",
        "Not saved: the server's disk is full or broken. What was saved before is still there.",
    ),
    "field.missing": ("Thiếu mục này.", "This is missing."),
    "field.unknown": ("Không có mục này.", "There is no such field."),
    "field.type": ("Sai kiểu dữ liệu: cần {expected}.", "Wrong kind of value: needs {expected}."),
    "field.not_boolean": ("Phải là true hoặc false.", "Must be true or false."),
    "field.not_integer": ("Phải là số nguyên.", "Must be a whole number."),
    "field.not_list": ("Phải là danh sách.", "Must be a list."),
    "field.not_number": ("Phải là số.", "Must be a number."),
    "field.not_object": ("Phải là đối tượng JSON.", "Must be a JSON object."),
    "field.not_text": ("Phải là chữ.", "Must be text."),
    "field.character": (
        "Có ký tự không dùng được.",
        "Has a character that cannot be used.",
    ),
    "field.too_many": ("Không được quá {limit} mục.", "Must have at most {limit} items."),
    "field.too_few": ("Phải có ít nhất {limit} mục.", "Must have at least {limit} items."),
    "field.not_above": ("Phải lớn hơn {limit}.", "Must be more than {limit}."),
    "field.not_below": ("Phải nhỏ hơn {limit}.", "Must be less than {limit}."),
    "field.too_long": ("Dài quá {limit} ký tự.", "Longer than {limit} characters."),
    "field.too_short": ("Ngắn hơn {limit} ký tự.", "Shorter than {limit} characters."),
    "field.too_small": ("Phải từ {limit} trở lên.", "Must be at least {limit}."),
    "field.too_large": ("Không được quá {limit}.", "Must be at most {limit}."),
    "field.choice": ("Phải là một trong: {expected}.", "Must be one of: {expected}."),
    "field.pattern": ("Không đúng dạng.", "Does not have the right form."),
    "field.invalid": ("Không dùng được: {reason}", "Cannot be used: {reason}"),
    "time.invalid": (
        "Không phải thời điểm theo ISO 8601, như 2026-09-21T21:00:00+07:00.",
        "Not an ISO 8601 time such as 2026-09-21T21:00:00+07:00.",
    ),
    "time.offset": (
        "Thiếu múi giờ: thêm +07:00 hoặc Z.",
        "The offset from UTC is missing: add +07:00 or Z.",
    ),
    "time.range": (
        "Thời điểm phải nằm trong các năm từ 1970 đến 2199.",
        "Must be a time between the years 1970 and 2199.",
    ),
    "area.no_path": ("Không có địa bàn {path}.", "There is no area {path}."),
    "area.unknown": ("Không có địa bàn số {area}.", "There is no area {area}."),
}
