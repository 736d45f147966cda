"""Texts about sticks of bulletins."""

TEXTS: dict[str, tuple[str, str]] = {
    "pack.no_station": (
        "Địa bàn {area} chưa thuộc đài truyền thanh nào nên chưa có bản tin để chép.",
        "{area} belongs to no station: there is nothing to be packed.",
    ),
    "pack.no_audio": (
        "Địa bàn này không có bản tin đó.",
        "This area has no such bulletin.",
    ),
    "pack.no_mp3": (
        "Không tạo được tệp MP3: {reason}.",
        "The MP3 cannot be made: {reason}.",
    ),
}
