"""Texts about commands to receivers and their settings."""

TEXTS: dict[str, tuple[str, str]] = {
    "receiver.not_enrolled": (
        "Cụm thu {name} chưa được kết nạp nên không nhận lệnh được.",
        "{name} is not enrolled, so it cannot be ordered to do anything.",
    ),
    "receiver.none_enrolled": (
        "Địa bàn này chưa có cụm thu nào được kết nạp.",
        "No receiver of this area is enrolled.",
    ),
    "receiver.too_many_orders": (
        "Cụm thu {name} còn {limit} lệnh chưa thực hiện; hãy chờ.",
        "{name} still has {limit} commands to obey; wait for those.",
    ),
    "receiver.bulletin_not_approved": (
        "Bản tin này chưa được duyệt nên không phát được.",
        "This bulletin is not approved, so it cannot be played.",
    ),
    "receiver.bulletin_expired": (
        "Bản tin này đã hết hạn.",
        "This bulletin has expired.",
    ),
    "receiver.play_too_far": (
        "Chỉ hẹn phát được trong vòng 24 giờ tới; xa hơn thì hãy xếp vào khung giờ phát.",
        "It can be played within the next 24 hours only; what is later belongs in the schedule.",
    ),
    "receiver.trim_of_area": (
        "trim_ms chỉ đặt cho từng cụm thu, không đặt cho cả địa bàn.",
        "trim_ms is about a single receiver, not about an area.",
    ),
}
