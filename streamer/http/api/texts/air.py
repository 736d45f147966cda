"""Texts about emergencies."""

TEXTS: dict[str, tuple[str, str]] = {
    "emergency.unknown": ("Không có lệnh khẩn cấp số {id}.", "There is no emergency {id}."),
    "emergency.no_bulletin": ("Không có bản tin số {id}.", "There is no bulletin {id}."),
    "emergency.not_approved": (
        "Bản tin “{title}” chưa được duyệt hoặc đã bị thu hồi.",
        "The bulletin “{title}” is not approved, or was withdrawn.",
    ),
    "emergency.bulletin_expired": ("Bản tin đã hết hạn.", "The bulletin has expired."),
    "emergency.not_emergency": (
        "“{title}” không phải bản tin khẩn cấp; chỉ diễn tập mới dùng được bản tin loại khác.",
        "“{title}” is no emergency bulletin; only a drill may use one of another class.",
    ),
    "emergency.outside": (
        "Địa bàn này không thuộc {area}.",
        "This is not {area} or an area below it.",
    ),
    "emergency.not_reached": (
        "Lệnh không phát tới địa bàn này, không cần loại trừ.",
        "This area is not among those that would be reached, so it cannot be left out.",
    ),
    "emergency.nobody": (
        "Loại trừ như vậy thì không còn địa bàn nào được phát.",
        "With these left out nobody would be reached.",
    ),
    "emergency.every": (
        "Hãy cho biết phát lại sau mỗi bao nhiêu phút.",
        "Say every how many minutes it is to be repeated.",
    ),
    "emergency.until": (
        "Hãy cho biết phát lại đến bao giờ, hoặc khi nào hết hạn.",
        "Say until when it is to be repeated, or when it expires.",
    ),
    "emergency.past": ("Thời điểm này đã qua.", "This time has passed."),
    "emergency.expires_early": (
        "Hết hạn trước khi phát xong lần cuối.",
        "It would expire before it has been said for the last time.",
    ),
    "emergency.too_long": (
        "Lệnh khẩn cấp không được kéo dài quá 7 ngày.",
        "An emergency may not last longer than 7 days.",
    ),
    "emergency.reason": (
        "Bỏ qua người xác nhận thứ hai thì phải ghi lý do.",
        "To go without the second person, give a reason.",
    ),
    "emergency.twice": (
        "Vừa có lệnh y hệt được phát; không phát thêm lần nữa.",
        "Just the same was called a moment ago; it is not called again.",
    ),
    "emergency.same_person": (
        "Người ra lệnh không thể tự xác nhận; cần một người khác.",
        "Whoever called it cannot confirm it; somebody else has to.",
    ),
    "emergency.not_waiting": (
        "Lệnh này không (còn) chờ xác nhận.",
        "This one does not wait for a confirmation (any more).",
    ),
    "emergency.not_standing": ("Lệnh này đã kết thúc.", "This one has ended already."),
    "emergency.wider": (
        "Đính chính không được phát rộng hơn lệnh cũ nếu không có người thứ hai xác nhận.",
        "A correction may not reach further than what it corrects, for nobody else confirms it.",
    ),
    "emergency.drill_made_real": (
        "Đính chính một cuộc diễn tập không được thành khẩn cấp thật nếu không có người thứ hai"
        " xác nhận.",
        "The correction of a drill may not be a real emergency, for nobody else confirms it.",
    ),
    "emergency.late": (
        "Lệnh cũ đã hết hơn một ngày: hãy phát một lệnh mới, có người thứ hai xác nhận.",
        "It ended more than a day ago: call a new one, which a second person confirms.",
    ),
}
