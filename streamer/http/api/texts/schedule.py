"""Texts about schedule: slots, days off, queues, and why something does not fit."""

TEXTS: dict[str, tuple[str, str]] = {
    "slot.unknown": ("Không có khung giờ số {id}.", "There is no slot {id}."),
    "slot.not_station": (
        "{area} không phải là đài: khung giờ đặt ở đài.",
        "{area} is no station: slots belong to stations.",
    ),
    "slot.too_many": (
        "Một đài có nhiều nhất {limit} khung giờ.",
        "A station has at most {limit} slots.",
    ),
    "slot.overlap": (
        "Trùng với khung giờ “{name}”, lần đầu vào {at}.",
        "Collides with the slot “{name}”, first at {at}.",
    ),
    "slot.first": (
        "Phải là ngày và giờ địa phương, như 2026-01-05T05:00.",
        "Must be a local date and time such as 2026-01-05T05:00.",
    ),
    "slot.minutes": (
        "Phải từ 1 đến {limit} phút.",
        "Must be from 1 to {limit} minutes.",
    ),
    "slot.date": (
        "Phải là ngày như 2026-01-05, trong các năm từ 2000 đến 2199.",
        "Must be a date such as 2026-01-05, in the years 2000 to 2199.",
    ),
    "slot.never": (
        "Khung giờ này không bao giờ diễn ra.",
        "This slot would never take place.",
    ),
    "slot.relay_missing": ("Thiếu địa chỉ tiếp sóng.", "The address of the relay is missing."),
    "slot.relay_unused": (
        "Chỉ khung giờ tiếp sóng mới có địa chỉ tiếp sóng.",
        "Only a slot that is a relay has an address of one.",
    ),
    "rule.too_long": ("Quy tắc lặp dài quá.", "The rule is too long."),
    "rule.form": (
        "Quy tắc lặp phải có dạng FREQ=WEEKLY;BYDAY=MO,WE; không hiểu “{part}”.",
        "The rule must be like FREQ=WEEKLY;BYDAY=MO,WE; “{part}” is not understood.",
    ),
    "rule.twice": ("{part} có hai lần.", "{part} is there twice."),
    "rule.freq": (
        "FREQ phải là DAILY, WEEKLY, MONTHLY hoặc YEARLY.",
        "FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY.",
    ),
    "rule.count_until": (
        "Chỉ dùng COUNT hoặc UNTIL, không dùng cả hai.",
        "Either COUNT or UNTIL, not both.",
    ),
    "rule.part": (
        "{part} không dùng được cho khung giờ.",
        "{part} cannot be used for slots.",
    ),
    "rule.number": (
        "{part} có số không dùng được.",
        "{part} has a number that cannot be used.",
    ),
    "rule.day": (
        "{part} phải là MO, TU, WE, TH, FR, SA, SU.",
        "{part} must be of MO, TU, WE, TH, FR, SA, SU.",
    ),
    "rule.ordinal": (
        "{part} chỉ có số thứ tự (1MO) khi FREQ là MONTHLY hoặc YEARLY.",
        "{part} has ordinals (1MO) only with MONTHLY or YEARLY.",
    ),
    "rule.setpos": (
        "{part} cần thêm BYDAY, BYMONTHDAY hoặc BYMONTH.",
        "{part} needs BYDAY, BYMONTHDAY or BYMONTH.",
    ),
    "rule.until": (
        "{part} phải là ngày như 20261231.",
        "{part} must be a date such as 20261231.",
    ),
    "holiday.unknown": ("Không có ngày nghỉ số {id}.", "There is no day off {id}."),
    "holiday.there": (
        "{date} đã là ngày nghỉ: {name}.",
        "{date} is a day off already: {name}.",
    ),
    "holiday.too_many": (
        "Một địa bàn có nhiều nhất {limit} ngày nghỉ.",
        "An area has at most {limit} days off.",
    ),
    "holiday.encoding": ("Tệp không phải UTF-8.", "The file is not UTF-8."),
    "holiday.csv": ("Tệp không đọc được như CSV.", "The file cannot be read as CSV."),
    "holiday.year": ("Ngày này không thuộc năm {year}.", "This date is not in {year}."),
    "holiday.twice": ("Ngày này có hai lần.", "This date is there twice."),
    "holiday.name": ("Thiếu tên ngày nghỉ.", "The name of the day off is missing."),
    "entry.unknown": (
        "Không có mục số {id} trong danh sách chờ phát.",
        "There is no entry {id} in a queue.",
    ),
    "queue.not_station": (
        "{area} không phải là đài: danh sách chờ phát ở đài.",
        "{area} is no station: queues belong to stations.",
    ),
    "queue.no_bulletin": ("Không có bản tin số {id}.", "There is no bulletin {id}."),
    "queue.full": (
        "Danh sách chờ phát có nhiều nhất {limit} mục.",
        "A queue has at most {limit} entries.",
    ),
    "queue.emergency": (
        "Bản tin khẩn cấp không xếp hàng: hãy phát khẩn cấp.",
        "Emergency bulletins do not queue: call an emergency.",
    ),
    "queue.thrown_away": (
        "“{title}” đã bị trả lại hoặc thu hồi.",
        "“{title}” was rejected or withdrawn.",
    ),
    "queue.not_for": (
        "“{title}” không dành cho {area}.",
        "“{title}” is not for {area}.",
    ),
    "queue.past": ("Thời điểm này đã qua.", "This is in the past."),
    "queue.ends_before": (
        "Hết hạn trước khi được phát.",
        "It expires before it may begin.",
    ),
    "queue.endless": (
        "Phát mỗi ngày đến khi hết hạn thì phải có ngày hết hạn.",
        "To be played every day until it expires, it must have an expiry.",
    ),
    "queue.target": (
        "{target} không nghe đài {area}.",
        "{target} does not hear the station {area}.",
    ),
    "queue.fixed": (
        "Bản tin ưu tiên của cấp trên chỉ đổi được thứ tự.",
        "Of a priority bulletin of an upper level only the order can be changed.",
    ),
    "queue.priority": (
        "Không từ chối được bản tin ưu tiên của cấp trên; chỉ đổi được thứ tự.",
        "A priority bulletin of an upper level cannot be declined; its order can be changed.",
    ),
    "queue.own": (
        "Mục này không do cấp trên gửi: hãy bỏ nó khỏi danh sách.",
        "This was not sent by an upper level: remove it from the queue instead.",
    ),
    "queue.closed": (
        "Mục này không còn trong danh sách chờ phát.",
        "This is no longer in the queue.",
    ),
    "queue.not_in": (
        "Mục số {id} không ở trong danh sách chờ phát này.",
        "Entry {id} is not in this queue.",
    ),
    "queue.twice": ("Có mục xuất hiện hai lần.", "An entry is there twice."),
    "queue.missing": (
        "Thiếu các mục số {ids}: phải có đủ cả danh sách.",
        "Entries {ids} are missing: the whole queue must be there.",
    ),
    "day.no_station": (
        "{area} và các cấp trên đều không phải là đài.",
        "Neither {area} nor any area above it is a station.",
    ),
    "day.too_far": (
        "Chỉ xem trước được {limit} ngày.",
        "Only the next {limit} days can be looked at.",
    ),
    "plan.expired": (
        "Hết hạn trước khi tới lượt.",
        "It expires before its turn comes.",
    ),
    "plan.no_slot": (
        "Không có khung giờ nào của danh sách chờ phát.",
        "There is no slot for the queue.",
    ),
    "plan.too_long": (
        "Dài hơn mọi khung giờ.",
        "It is longer than any slot.",
    ),
    "plan.no_room": ("Các khung giờ đã kín.", "The slots are full."),
    "plan.limit": (
        "Vướng giờ phát hoặc giới hạn phiên phát.",
        "The hours or the limits of sessions stand against it.",
    ),
    "plan.later": ("Sẽ tới lượt sau.", "Its turn comes later."),
    "plan.not_approved": ("Bản tin chưa được duyệt.", "The bulletin is not approved yet."),
    "plan.not_accepted": (
        "Đài chưa quyết định nhận hay không.",
        "The station has not decided whether to take it.",
    ),
}
