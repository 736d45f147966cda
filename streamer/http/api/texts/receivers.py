"""Texts about receivers."""

TEXTS: dict[str, tuple[str, str]] = {
    "receiver.unknown": ("Không có cụm thu số {id}.", "There is no receiver {id}."),
    "receiver.no_door": (
        "Máy chủ này không có cổng cho cụm thu.",
        "This server has no door for receivers.",
    ),
    "receiver.too_many": (
        "Máy chủ này chỉ quản lý tối đa {limit} cụm thu.",
        "This server has at most {limit} receivers.",
    ),
    "receiver.name_taken": (
        "Địa bàn này đã có cụm thu tên {name}.",
        "This area has a receiver called {name} already.",
    ),
    "receiver.serial_taken": (
        "Đã có cụm thu mang số máy {serial}.",
        "There is a receiver with the serial number {serial} already.",
    ),
    "receiver.identity_not_in_backup": (
        "Khóa mới chưa có trong bản sao lưu nào; hãy chạy loa backup rồi thử lại.",
        "The new identity is in no backup yet: run loa backup, then try again.",
    ),
    "receiver.identity_not_written": (
        "Không ghi được khóa mới xuống đĩa ({reason}); khóa cũ vẫn dùng.",
        "The new identity cannot be written ({reason}); the former one stays.",
    ),
}
