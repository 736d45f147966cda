"""Texts about what is on air and what was."""

TEXTS: dict[str, tuple[str, str]] = {
    "live.unknown": (
        "Không có buổi phát trực tiếp “{id}”.",
        "There is no live called {id}.",
    ),
    "events.full": (
        "Đang có quá nhiều trang cùng mở. Hãy đóng bớt rồi thử lại.",
        "Too many pages are open. Close some and try again.",
    ),
    "live.outside_hours": (
        "Ngoài giờ phát của {area}.",
        "This is outside the hours of {area}.",
    ),
    "live.second_person": (
        "{area} cần người thứ hai xác nhận khi phát khẩn cấp. Để nói ngay, hãy ghi lý do.",
        "{area} wants a second person for an emergency. To speak at once, give a reason.",
    ),
    "onair.outside": ("Địa bàn này không thuộc {area}.", "This is not {area} or an area below it."),
    "onair.no_item": (
        "Hiện không phát bản tin nào có thể bỏ qua.",
        "No item is on that could be skipped.",
    ),
    "aired.backwards": (
        "Thời điểm kết thúc phải sau thời điểm bắt đầu.",
        "The end must be after the beginning.",
    ),
    "aired.too_long": (
        "Mỗi lần nghe lại tối đa {hours} giờ.",
        "At most {hours} hours can be had at a time.",
    ),
    "aired.future": ("Thời điểm này chưa tới.", "This time has not come yet."),
}
