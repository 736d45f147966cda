"""What stands for what in Vietnamese announcements: the tables that ``spelling`` reads.

Areas add to ``ABBREVIATIONS`` and overrule it with a table of their own. An entry without a small
letter is meant as it is written (``TP``); one with small letters in any case (``Covid-19``).
"""

from __future__ import annotations

ABBREVIATIONS: dict[str, str] = {
    # The state, its levels and its bodies
    "UBND": "ủy ban nhân dân",
    "HĐND": "hội đồng nhân dân",
    "UBMTTQ": "ủy ban mặt trận tổ quốc",
    "MTTQ": "mặt trận tổ quốc",
    "UBTVQH": "ủy ban thường vụ quốc hội",
    "QH": "quốc hội",
    "CP": "chính phủ",
    "TTg": "thủ tướng chính phủ",
    "BTTTT": "bộ thông tin và truyền thông",
    "BVHTTDL": "bộ văn hóa, thể thao và du lịch",
    "BYT": "bộ y tế",
    "BCA": "bộ công an",
    "BQP": "bộ quốc phòng",
    "BNV": "bộ nội vụ",
    "BTP": "bộ tư pháp",
    "BCT": "bộ công thương",
    "BXD": "bộ xây dựng",
    "BTNMT": "bộ tài nguyên và môi trường",
    "BNNPTNT": "bộ nông nghiệp và phát triển nông thôn",
    "BLĐTBXH": "bộ lao động, thương binh và xã hội",
    "BGDĐT": "bộ giáo dục và đào tạo",
    "GD&ĐT": "giáo dục và đào tạo",
    "GDĐT": "giáo dục và đào tạo",
    "TT&TT": "thông tin và truyền thông",
    "TTTT": "thông tin và truyền thông",
    "NN&PTNT": "nông nghiệp và phát triển nông thôn",
    "TN&MT": "tài nguyên và môi trường",
    "LĐTB&XH": "lao động, thương binh và xã hội",
    "VHTT": "văn hóa, thông tin",
    "CHXHCN": "cộng hòa xã hội chủ nghĩa",
    "VN": "Việt Nam",
    "VPCP": "văn phòng chính phủ",
    "VP": "văn phòng",
    "TW": "trung ương",
    "TƯ": "trung ương",
    "BCH": "ban chấp hành",
    "BTV": "ban thường vụ",
    "BCĐ": "ban chỉ đạo",
    "BTC": "ban tổ chức",
    "BQL": "ban quản lý",
    "BCHQS": "ban chỉ huy quân sự",
    "PCTT": "phòng chống thiên tai",
    "PCTT&TKCN": "phòng chống thiên tai và tìm kiếm cứu nạn",
    "TKCN": "tìm kiếm cứu nạn",
    "PCCC": "phòng cháy chữa cháy",
    "PCCCR": "phòng cháy chữa cháy rừng",
    "PCCC&CNCH": "phòng cháy chữa cháy và cứu nạn cứu hộ",
    "CNCH": "cứu nạn cứu hộ",
    "QĐND": "quân đội nhân dân",
    "CAND": "công an nhân dân",
    "CSGT": "cảnh sát giao thông",
    "NVQS": "nghĩa vụ quân sự",
    "QPAN": "quốc phòng an ninh",
    "ANTT": "an ninh trật tự",
    "ATGT": "an toàn giao thông",
    "TNGT": "tai nạn giao thông",
    "ATTP": "an toàn thực phẩm",
    "VSATTP": "vệ sinh an toàn thực phẩm",
    "HTX": "hợp tác xã",
    "NTM": "nông thôn mới",
    "MTQG": "mục tiêu quốc gia",
    "DTTS": "dân tộc thiểu số",
    "KT-XH": "kinh tế, xã hội",
    "KTXH": "kinh tế, xã hội",
    "GPMB": "giải phóng mặt bằng",
    "QSDĐ": "quyền sử dụng đất",
    "TTHC": "thủ tục hành chính",
    "CCHC": "cải cách hành chính",
    "CNTT": "công nghệ thông tin",
    "CNXH": "chủ nghĩa xã hội",
    "ĐVTN": "đoàn viên thanh niên",
    "TNCS": "thanh niên cộng sản",
    "TNTP": "thiếu niên tiền phong",
    "LHPN": "liên hiệp phụ nữ",
    "CCB": "cựu chiến binh",
    "HND": "hội nông dân",
    "ĐBQH": "đại biểu quốc hội",
    "NHNN": "ngân hàng nhà nước",
    "NHCSXH": "ngân hàng chính sách xã hội",
    "VNPT": "vê en pê tê",
    "VOV": "vê ô vê",
    "EVN": "e vê en",
    # Health, school, papers
    "BHYT": "bảo hiểm y tế",
    "BHXH": "bảo hiểm xã hội",
    "BHTN": "bảo hiểm thất nghiệp",
    "TYT": "trạm y tế",
    "TTYT": "trung tâm y tế",
    "KHHGĐ": "kế hoạch hóa gia đình",
    "CDC": "trung tâm kiểm soát bệnh tật",
    "WHO": "tổ chức y tế thế giới",
    "Covid-19": "Cô vít mười chín",
    "Covid": "Cô vít",
    "SARS-CoV-2": "Sa Cô vi hai",
    "HIV": "hát i vê",
    "AIDS": "ết",
    "THPT": "trung học phổ thông",
    "THCS": "trung học cơ sở",
    "GV": "giáo viên",
    "HS": "học sinh",
    "SV": "sinh viên",
    "PTDTBT": "phổ thông dân tộc bán trú",
    "PTDTNT": "phổ thông dân tộc nội trú",
    "CCCD": "căn cước công dân",
    "CMND": "chứng minh nhân dân",
    "VNeID": "vê en e i đi",
    "GPLX": "giấy phép lái xe",
    # Places and people
    "TP": "thành phố",
    "TP.": "thành phố",
    "TP.HCM": "thành phố Hồ Chí Minh",
    "TPHCM": "thành phố Hồ Chí Minh",
    "HCM": "Hồ Chí Minh",
    "HN": "Hà Nội",
    "TX": "thị xã",
    "TTr": "tờ trình",
    "QL": "quốc lộ",
    "ĐT": "điện thoại",
    "SĐT": "số điện thoại",
    "ĐTDĐ": "điện thoại di động",
    "đ/c": "đồng chí",
    "PCT": "phó chủ tịch",
    "CBCC": "cán bộ công chức",
    "CBCCVC": "cán bộ công chức viên chức",
    "GS": "giáo sư",
    "PGS": "phó giáo sư",
    "TS": "tiến sĩ",
    "ThS": "thạc sĩ",
    "BS": "bác sĩ",
    "QĐ": "quyết định",
    "QĐ-UBND": "quyết định của ủy ban nhân dân",
    "NQ": "nghị quyết",
    "NĐ": "nghị định",
    "NĐ-CP": "nghị định của chính phủ",
    "TTLT": "thông tư liên tịch",
    # Programmes of the radio, and the rest
    "TTXVN": "thông tấn xã Việt Nam",
    "PV": "phóng viên",
    "LED": "lét",
    "GDP": "giê đê pê",
    "USD": "đô la Mỹ",
    "VND": "đồng",
    "VNĐ": "đồng",
    "v.v.": "vân vân",
    "v.v": "vân vân",
    "vv": "vân vân",
    "24/7": "hai mươi tư trên bảy",
}

DOCUMENTS: dict[str, str] = {
    "TT": "thông tư",
    "TTLT": "thông tư liên tịch",
    "QĐ": "quyết định",
    "NĐ": "nghị định",
    "NQ": "nghị quyết",
    "CT": "chỉ thị",
    "KH": "kế hoạch",
    "BC": "báo cáo",
    "TB": "thông báo",
    "TTr": "tờ trình",
    "CV": "công văn",
    "HD": "hướng dẫn",
    "GM": "giấy mời",
    "CĐ": "công điện",
    "PA": "phương án",
    "CTr": "chương trình",
    "L": "luật",
    "PL": "pháp lệnh",
}
"""Kinds of documents, as they stand in a number: 15/QĐ-UBND."""

BODIES: dict[str, str] = {
    "BTC": "bộ tài chính",
    "CP": "chính phủ",
    "TU": "tỉnh ủy",
    "HU": "huyện ủy",
    "ĐU": "đảng ủy",
    "TW": "trung ương",
}
"""Who made a document, where that differs from what the letters mean elsewhere."""

UNITS: dict[str, str] = {
    "km²": "ki lô mét vuông",
    "km2": "ki lô mét vuông",
    "km³": "ki lô mét khối",
    "m²": "mét vuông",
    "m2": "mét vuông",
    "m³": "mét khối",
    "m3": "mét khối",
    "cm²": "xăng ti mét vuông",
    "cm2": "xăng ti mét vuông",
    "cm³": "xăng ti mét khối",
    "cm3": "xăng ti mét khối",
    "km/h": "ki lô mét trên giờ",
    "m/s": "mét trên giây",
    "m³/s": "mét khối trên giây",
    "m3/s": "mét khối trên giây",
    "km": "ki lô mét",
    "dm": "đề xi mét",
    "cm": "xăng ti mét",
    "mm": "mi li mét",
    "m": "mét",
    "ha": "héc ta",
    "kg": "ki lô gam",
    "mg": "mi li gam",
    "g": "gam",
    "ml": "mi li lít",
    "l": "lít",
    "kWh": "ki lô oát giờ",
    "kW": "ki lô oát",
    "MW": "mê ga oát",
    "kV": "ki lô vôn",
    "W": "oát",
    "MHz": "mê ga héc",
    "kHz": "ki lô héc",
    "Hz": "héc",
    "GB": "gi ga bai",
    "MB": "mê ga bai",
    "°C": "độ xê",
    "ºC": "độ xê",
    "oC": "độ xê",
    "℃": "độ xê",
    "°": "độ",
    "º": "độ",
    "%": "phần trăm",
    "‰": "phần nghìn",
    "đ": "đồng",
    "₫": "đồng",
    "VND": "đồng",
    "VNĐ": "đồng",
    "USD": "đô la Mỹ",
    "$": "đô la",
    "€": "ơ rô",
}
"""What is measured in, behind a number."""

MONEY = frozenset({"đ", "₫", "VND", "VNĐ", "USD", "$", "€"})
ATTACHED: dict[str, str] = {"k": "nghìn", "K": "nghìn", "tr": "triệu", "Tr": "triệu"}
"""Only where nothing stands between: 50k."""
ALONE = frozenset(UNITS) - frozenset(
    ("dm", "m", "ha", "g", "l", "kV", "MW", "W", "Hz", "kHz", "GB", "MB", "oC", "°", "º", "đ",
     "VND", "VNĐ", "USD", "$", "€", "m/s")
)  # fmt: skip
"""Those that can be nothing else, so that they are units without a number, too."""

LETTERS = {
    "A": "a", "Ă": "á", "Â": "ớ", "B": "bê", "C": "xê", "D": "dê", "Đ": "đê", "E": "e", "Ê": "ê",
    "F": "ép", "G": "giê", "H": "hát", "I": "i", "J": "gi", "K": "ca", "L": "e lờ", "M": "em mờ",
    "N": "en nờ", "O": "o", "Ô": "ô", "Ơ": "ơ", "P": "pê", "Q": "quy", "R": "e rờ", "S": "ét xì",
    "T": "tê", "U": "u", "Ư": "ư", "V": "vê", "W": "vê kép", "X": "ích xì", "Y": "i dài",
    "Z": "dét",
}  # fmt: skip
CONSONANTS = frozenset("BCDĐFGHJKLMNPQRSTVWXZ")

SYMBOLS: dict[str, str] = {
    "&": "và",
    "@": "a còng",
    "=": "bằng",
    "≥": "lớn hơn hoặc bằng",
    "≤": "nhỏ hơn hoặc bằng",
    "≈": "khoảng",
    "½": "một phần hai",
    "¼": "một phần tư",
    "¾": "ba phần tư",
}
BETWEEN: dict[str, str] = {"+": "cộng", "×": "nhân", "x": "nhân", "X": "nhân", "*": "nhân",
                           ":": "trên", "/": "trên"}  # fmt: skip
"""Said between two numbers."""
BEFORE: dict[str, str] = {"-": "âm", "−": "âm", "+": "cộng", "±": "cộng trừ", "<": "nhỏ hơn",
                          ">": "lớn hơn", "~": "khoảng", "№": "số"}  # fmt: skip
"""Said before a number."""
DECORATION = frozenset("•●▪■□►▶✓✔★☆*|_~^`<>{}\\")
"""Says nothing: a voice would name it."""

DAY_BEFORE = frozenset(
    {"ngày", "sáng", "trưa", "chiều", "tối", "đêm", "hôm", "mồng", "mùng", "lễ", "dịp", "khánh",
     "nghỉ", "động", "nhi", "nhật", "nay", "qua", "mai"}
)  # fmt: skip
"""Behind these, 2/9 is a day and no fraction."""
DAY_SAID = frozenset({"ngày", "mồng", "mùng", "hôm"})
MONTH_SAID = frozenset({"tháng", "quý", "quí", "số", "định", "tư", "thị", "luật", "lệnh", "kỳ"})
"""Behind these, 3/2026 needs no further word."""
CALL_BEFORE = frozenset({"gọi", "hotline", "đài", "nóng", "thoại", "sđt", "đt", "máy"})
"""Behind these, 115 is a telephone number."""
ROMAN_BEFORE = frozenset(
    {"khóa", "khoá", "kỷ", "kỉ", "quý", "quí", "thứ", "lần", "hội", "chương", "phần", "mục",
     "vực", "vùng", "cấp", "loại", "hạng", "đoạn", "đợt", "tập", "kỳ", "đảng", "quyển", "bậc"}
)  # fmt: skip
ROMAN_NEVER_ALONE = frozenset({"VI", "XI"})
"""They are Vietnamese words as well."""
