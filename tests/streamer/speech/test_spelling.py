"""Spelling: a table of cases as announcements have them, and what holds for any text."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loa.streamer.speech.spelling import MAX_TEXT, Speller

SPELLER = Speller()

CASES = {
    "abbreviations": [
        ("UBND xã", "ủy ban nhân dân xã"),
        ("HĐND và UBMTTQ", "hội đồng nhân dân và ủy ban mặt trận tổ quốc"),
        ("BCH Đoàn", "ban chấp hành Đoàn"),
        ("trường THCS", "trường trung học cơ sở"),
        ("thẻ BHYT.", "thẻ bảo hiểm y tế."),
        ("(BHYT)", "(bảo hiểm y tế)"),
        ("Covid-19, COVID-19, covid-19", "Cô vít mười chín, Cô vít mười chín, Cô vít mười chín"),
        ("tại TP.HCM", "tại thành phố Hồ Chí Minh"),
        ("TP Hà Giang", "thành phố Hà Giang"),
        ("đ/c Nam, Đ/c Lan", "đồng chí Nam, đồng chí Lan"),
        ("NN&PTNT", "nông nghiệp và phát triển nông thôn"),
        ("QL2", "quốc lộ hai"),
        ("BCK", "bê xê ca"),
        ("UBNDX", "UBNDX"),  # part of a longer word is not it
        ("THÔNG BÁO VỀ VIỆC VI PHẠM", "THÔNG BÁO VỀ VIỆC VI PHẠM"),
    ],
    "numbers": [
        ("5 hộ", "năm hộ"),
        ("21, 24, 15, 105", "hai mươi mốt, hai mươi tư, mười lăm, một trăm linh năm"),
        ("1.500.000 người", "một triệu năm trăm nghìn người"),
        ("1.234,5", "một nghìn hai trăm ba mươi tư phẩy năm"),
        ("1,000,000", "một triệu"),
        ("3,5", "ba phẩy năm"),
        ("0,05", "không phẩy không năm"),
        ("3.5", "ba chấm năm"),
        ("1.2.3", "một chấm hai chấm ba"),
        ("05 hộ", "năm hộ"),
        ("007", "không không bảy"),
        ("-5 độ", "âm năm độ"),
        ("- 5 hộ", "- năm hộ"),
        ("Mục 5.", "Mục năm."),
        ("H5N1, A4, 5A", "H năm N một, A bốn, năm A"),
        ("3-5 ngày", "ba đến năm ngày"),
        ("20 - 25 độ", "hai mươi đến hai mươi lăm độ"),
        ("2020–2025", "hai nghìn không trăm hai mươi đến hai nghìn không trăm hai mươi lăm"),
        ("F-16", "F-mười sáu"),
        ("5 x 6 = 30", "năm nhân sáu bằng ba mươi"),
        ("tỷ số 2-1", "tỷ số hai một"),
    ],
    "fractions": [
        ("3/4 số hộ", "ba phần tư số hộ"),
        ("1/2", "một phần hai"),
        ("12/19 xã", "mười hai trên mười chín xã"),
        ("24/24 giờ", "hai mươi tư trên hai mươi tư giờ"),
        ("½", "một phần hai"),
    ],
    "ordinals": [
        ("khóa XV", "khóa mười lăm"),
        ("Đại hội XIII", "Đại hội mười ba"),
        ("quý IV", "quý bốn"),
        ("lần thứ I", "lần thứ nhất"),
        ("thế kỷ XXI", "thế kỷ hai mươi mốt"),
        ("vùng V", "vùng năm"),
        ("XI MĂNG", "XI MĂNG"),
        ("thứ 2, thứ 4, lần thứ 1", "thứ hai, thứ tư, lần thứ nhất"),
    ],
    "dates": [
        ("15/3/2026", "ngày mười lăm tháng ba năm hai nghìn không trăm hai mươi sáu"),
        ("ngày 15/3", "ngày mười lăm tháng ba"),
        ("sáng 15/4", "sáng ngày mười lăm tháng tư"),
        ("15-3", "ngày mười lăm tháng ba"),
        ("ngày 3-5", "ngày ba tháng năm"),
        ("ngày 3-5/4", "ngày ba đến năm tháng tư"),
        ("lễ 2/9", "lễ ngày hai tháng chín"),
        ("từ 2/9 đến 4/9", "từ ngày hai tháng chín đến ngày bốn tháng chín"),
        ("30/4 - 1/5", "ngày ba mươi tháng tư đến ngày một tháng năm"),
        ("tháng 3/2026", "tháng ba năm hai nghìn không trăm hai mươi sáu"),
        ("tháng 4", "tháng tư"),
        ("quý 2/2026", "quý hai năm hai nghìn không trăm hai mươi sáu"),
        ("2026-03-15", "ngày mười lăm tháng ba năm hai nghìn không trăm hai mươi sáu"),
        ("ngày 31/2", "ngày ba mươi mốt trên hai"),
    ],
    "times": [
        ("7h30", "bảy giờ ba mươi phút"),
        ("7h", "bảy giờ"),
        ("07:30", "bảy giờ ba mươi phút"),
        ("17h00", "mười bảy giờ"),
        ("5 giờ", "năm giờ"),
        ("7g30", "bảy giờ ba mươi phút"),
        ("7h30-9h", "bảy giờ ba mươi phút đến chín giờ"),
        ("05:30:15", "năm giờ ba mươi phút mười lăm giây"),
    ],
    "money": [
        ("25.000đ", "hai mươi lăm nghìn đồng"),
        ("1.500.000 VND", "một triệu năm trăm nghìn đồng"),
        ("3,5 triệu đồng", "ba phẩy năm triệu đồng"),
        ("50k", "năm mươi nghìn"),
        ("5tr", "năm triệu"),
        ("500.000đ/hộ", "năm trăm nghìn đồng mỗi hộ"),
        ("$5", "năm đô la"),
    ],
    "units": [
        ("5km, 12 kg", "năm ki lô mét, mười hai ki lô gam"),
        ("500 m²", "năm trăm mét vuông"),
        ("500m2", "năm trăm mét vuông"),
        ("vài km²", "vài ki lô mét vuông"),
        ("20°C - 25°C", "hai mươi độ xê đến hai mươi lăm độ xê"),
        ("3,5%", "ba phẩy năm phần trăm"),
        ("60km/h", "sáu mươi ki lô mét trên giờ"),
        ("20 kg/ha", "hai mươi ki lô gam trên héc ta"),
        ("4G", "bốn G"),
    ],
    "telephones": [
        ("0912345678", "không chín một hai ba bốn năm sáu bảy tám"),
        ("0912 345 678", "không chín một hai, ba bốn năm, sáu bảy tám"),
        ("gọi 115", "gọi một một năm"),
        ("gọi số 113.", "gọi số một một ba."),
        ("ĐT: 0219.3812.345", "điện thoại: không hai một chín, ba tám một hai, ba bốn năm"),
        ("+84 912 345 678", "cộng tám bốn, chín một hai, ba bốn năm, sáu bảy tám"),
    ],
    "documents": [
        (
            "Thông tư số 39/2020/TT-BTTTT",
            "Thông tư số ba mươi chín năm hai nghìn không trăm hai mươi của bộ thông tin và "
            "truyền thông",
        ),
        ("số 15/QĐ-UBND", "số mười lăm, quyết định của ủy ban nhân dân"),
        (
            "Nghị định 49/2024/NĐ-CP",
            "Nghị định bốn mươi chín năm hai nghìn không trăm hai mươi tư của chính phủ",
        ),
        (
            "Luật 31/2024/QH15",
            "Luật ba mươi mốt năm hai nghìn không trăm hai mươi tư của quốc hội khóa mười lăm",
        ),
    ],
    "signs": [
        ("gov.vn, a@b.vn", "gov chấm vn, a a còng b chấm vn"),
        ("Vui & khỏe", "Vui và khỏe"),
        ("* Hộ\x07 A", "  Hộ  A"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("written", "spoken"), [pytest.param(*c, id=c[0][:30]) for cs in CASES.values() for c in cs]
)
def test_cases(written: str, spoken: str) -> None:
    assert SPELLER.spell(written).text == spoken


# Texts of what the rules look for, in any order.
PIECES = st.sampled_from(
    [w for cases in CASES.values() for w, _ in cases]
    + ["0", "1", "2", "31", "12", "2026", "99", "000", "/", "-", "–", ".", ",", ":", "+", "x", "%",
       " ", "\u00a0", "\n", "h", "g", "đ", "tr", "k", "km", "m", "²", "°C", "/h", "$", "ngày ",
       "tháng ", "số ", "quý ", "thứ ", "gọi ", "V", "II", "VI", "XX", "UBND", "QĐ-", "CP", "QH",
       "TP.", "BTX", "đến ", "•", "½", "\u0301", "ạ", "(", ")", "'", "vn", ".vn", "@", "&"]
)  # fmt: skip
TEXTS = st.one_of(
    st.lists(PIECES, max_size=12).map("".join),
    st.lists(PIECES, max_size=12).map(" ".join),
    st.text(max_size=60),
    st.text(alphabet="0123456789/.-:, hđXVIm", max_size=40),
)


def bare(text: str) -> str:
    return re.sub(r"\s", "", text)


@settings(deadline=None, derandomize=True, max_examples=400)
@given(TEXTS)
@example("5\u0301")
@example("U•BND")
def test_what_holds_for_any_text(text: str) -> None:
    spelled = SPELLER.spell(text)
    # No digit is left for a voice to guess at.
    assert not re.search("[0-9]", spelled.text)
    # Nothing is lost: outside what was replaced every character is there, in its order, and
    # whatever has letters or digits is replaced by words.
    rebuilt, at = "", 0
    for replaced in spelled.replacements:
        assert at <= replaced.start < replaced.end <= len(spelled.source)
        assert spelled.source[replaced.start : replaced.end] == replaced.written
        if re.search(r"[^\W_]", replaced.written):
            assert re.search(r"[^\W\d_]", replaced.spoken), replaced
        rebuilt += spelled.source[at : replaced.start] + replaced.spoken
        at = replaced.end
    rebuilt += spelled.source[at:]
    assert bare(rebuilt) == bare(spelled.text)
    # Spelling what is spelled changes nothing.
    again = SPELLER.spell(spelled.text)
    assert again.text == spelled.text, again.replacements


@settings(deadline=None, derandomize=True)
@given(
    st.lists(
        st.sampled_from(
            ["bà", "con", "các", "thôn", "bản", "đi", "họp", "nhé", "ủy", "ban", "nhân", "dân"]
        )
    )
)
def test_words_stay_as_they_are(said: list[str]) -> None:
    text = " ".join(said)
    assert SPELLER.spell(text).text == text
    assert SPELLER.spell(text).replacements == ()


@pytest.mark.parametrize(
    "piece",
    ["1", "1.", "1/", "1-", "1 ", "1:", "1,", "000.", "0 ", "A", "A-", "1/A-", "a.", "a-", "- ",
     "1/1/", "12/2020/TT-", "\u0301", "km", "$", "0912 ", " \u00a0", "X", "UBND", "•", "'", "("],
)  # fmt: skip
def test_hostile_texts_cost_what_their_length_does(piece: str) -> None:
    """Steps are counted, not seconds: every rule is asked at most once for each place."""
    text = (piece * MAX_TEXT)[:MAX_TEXT]
    spelled = SPELLER.spell(text)
    assert len(spelled.replacements) <= MAX_TEXT
    assert len(spelled.text) < 12 * MAX_TEXT


def test_too_long_is_refused() -> None:
    with pytest.raises(ValueError):
        SPELLER.spell("a" * (MAX_TEXT + 1))


def test_an_areas_own_words_come_first() -> None:
    speller = Speller(
        {"UBND": "ủy ban", "Bản Rừa": "bản Rừa", "ha": "hécta", "TT39": "thông tư 39"}
    )
    assert (
        speller.spell("UBND cấp 5 ha, TT39").text == "ủy ban cấp năm hécta, thông tư ba mươi chín"
    )
    kinds = [r.kind for r in speller.spell("UBND BCK").replacements]
    assert kinds == ["table", "letters"]


def test_other_languages_get_the_table_alone() -> None:
    speller = Speller({"NTM": "nong thon moi"}, "hmn")
    assert speller.spell("NTM 15/3 UBND").text == "nong thon moi 15/3 UBND"
