"""The languages that bulletins are in: BCP 47 tags, with names in Vietnamese and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """``tag``: ISO 639-1 where there is one, else 639-3."""

    tag: str
    vi: str
    en: str


_ALL = (
    Language("vi", "Tiếng Việt", "Vietnamese"),
    Language("hmn", "H'Mông", "Hmong"),
    Language("ium", "Dao", "Dao (Iu Mien)"),
    Language("tyz", "Tày", "Tay"),
    Language("nut", "Nùng", "Nung"),
    Language("blt", "Thái", "Thai (Tai Dam)"),
    Language("mtq", "Mường", "Muong"),
    Language("pcc", "Giáy", "Giay (Bouyei)"),
    Language("lbt", "La Chí", "La Chi"),
    Language("nty", "Lô Lô", "Lo Lo (Mantsi)"),
    Language("laq", "Pu Péo", "Pu Peo (Qabiao)"),
    Language("mlc", "Cao Lan", "Cao Lan"),
    Language("hni", "Hà Nhì", "Hani"),
    Language("kjg", "Khơ Mú", "Khmu"),
    Language("lo", "Lào", "Lao"),
    Language("km", "Khmer", "Khmer"),
    Language("cjm", "Chăm", "Cham"),
    Language("jra", "Gia Rai", "Jarai"),
    Language("rad", "Ê Đê", "Rade"),
    Language("bdq", "Ba Na", "Bahnar"),
    Language("sed", "Xơ Đăng", "Sedang"),
    Language("kpm", "Cơ Ho", "Koho"),
    Language("hre", "Hrê", "Hre"),
    Language("rog", "Ra Glai", "Roglai"),
    Language("cmo", "Mnông", "Mnong"),
    Language("sti", "Xtiêng", "Stieng"),
    Language("bru", "Bru – Vân Kiều", "Bru"),
    Language("ktv", "Cơ Tu", "Katu"),
    Language("tth", "Tà Ôi", "Ta Oi"),
    Language("zh", "Hoa", "Chinese"),
    Language("en", "Tiếng Anh", "English"),
)

LANGUAGES: Mapping[str, Language] = {language.tag: language for language in _ALL}
