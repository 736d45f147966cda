"""Texts about what receivers played."""

TEXTS: dict[str, tuple[str, str]] = {
    "heard.whole": ("Đã phát đủ", "Played whole"),
    "heard.late": ("Phát đủ nhưng muộn", "Played whole, but late"),
    "heard.part": ("Phát một phần", "Played in part"),
    "heard.begun": ("Đang phát", "Is sounding"),
    "heard.unmeasured": (
        "Đã giải mã; không đo được ở loa",
        "Decoded; not measured at the sound device",
    ),
    "heard.pending": ("Chờ báo cáo", "Not reported yet"),
    "heard.unreported": ("Không có báo cáo", "Nothing reported"),
    "heard.not": ("Không phát", "Not played"),
    "heard.not_measured": ("không đo", "not measured"),
    "heard.why.offline": ("mất kết nối", "offline"),
    "heard.why.silent": (
        "đang kết nối nhưng không báo cáo",
        "connected, but it says nothing",
    ),
    "heard.why.not_aired": (
        "địa bàn này chưa được phát",
        "it was not put on air in this area",
    ),
    "heard.why.volume": ("âm lượng bằng 0", "the volume was 0"),
    "heard.why.device": ("lỗi thiết bị âm thanh", "the sound device failed"),
    "heard.why.power": ("mất điện", "the power failed"),
    "heard.why.stop": ("bị dừng", "it was stopped"),
    "heard.why.cut": ("nhường cho mục khác ({what})", "something else took over ({what})"),
    "heard.why.gaps": ("mất một phần âm thanh", "parts of it were missing"),
    "heard.why.no_audio": ("không nhận được âm thanh", "no audio came"),
    "heard.why.no_audio_came": ("không nhận được âm thanh", "no audio came"),
    "heard.why.no_data": ("hết dung lượng", "its data was used up"),
    "heard.why.not_in_the_cache": ("chưa tải về cụm thu", "it was not in the cache"),
    "heard.why.not_fetched": ("chưa tải về cụm thu", "it was not fetched in time"),
    "heard.why.too_late": ("quá giờ phát", "it was too late"),
    "heard.why.unknown": ("không rõ", "not known"),
    "journal.missing": (
        "Thiếu mục trong nhật ký của cụm thu",
        "Entries of the box's journal are missing",
    ),
    "journal.fork": (
        "Nhật ký không nối tiếp phần đã lưu (thẻ nhớ bị khôi phục hoặc sao chép?)",
        "The journal does not follow from what is kept (was its card put back, or copied?)",
    ),
    "journal.anew": ("Cụm thu lập nhật ký mới", "The box began another journal"),
    "journal.signature": (
        "Chữ ký không phải của cụm thu này",
        "The signature is not this box's",
    ),
    "journal.altered": ("Nhật ký bị sửa đổi", "The journal was altered"),
    "journal.receiver": (
        "Nhật ký của một cụm thu khác",
        "This is another receiver's journal",
    ),
}
