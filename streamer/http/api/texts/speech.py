"""Texts about speech."""

TEXTS: dict[str, tuple[str, str]] = {
    "spelling.unknown": (
        "Không có từ viết tắt số {id}.",
        "There is no abbreviation {id}.",
    ),
    "spelling.empty": ("Hãy ghi từ viết tắt.", "Say what is written."),
    "spelling.no_words": (
        "Cách đọc phải có chữ.",
        "How it is spoken must have words.",
    ),
    "spelling.again": (
        "Cách đọc lại chứa chính {written}: giọng đọc sẽ gặp lại từ cần thay.",
        "How it is spoken has {written} in it again, which is what was to be replaced.",
    ),
    "spelling.taken": (
        "Địa bàn này đã có cách đọc của {written}.",
        "This area has {written} already.",
    ),
    "spelling.full": (
        "Địa bàn này đã có đủ {limit} từ viết tắt.",
        "This area has {limit} abbreviations, and there can be no more.",
    ),
    "voice.none": (
        "Chưa có giọng đọc cho {language}. Hãy thu âm hoặc tải tệp âm thanh lên: đọc bằng giọng "
        "của ngôn ngữ khác thì không ai hiểu.",
        "There is no voice for {language}. Record it or upload audio: in the voice of another "
        "language nobody would understand it.",
    ),
    "voice.unknown": (
        "Không có giọng đọc {voice}. Có: {voices}.",
        "There is no voice {voice}. There are: {voices}.",
    ),
    "voice.language": (
        "Giọng {voice} không đọc được {language}.",
        "The voice {voice} does not speak {language}.",
    ),
    "voice.failed": (
        "Giọng đọc không đọc được văn bản này. Hãy thử lại hoặc rút ngắn văn bản.",
        "The voice could not speak this text. Try again, or make it shorter.",
    ),
    "speech.language": ("Không biết ngôn ngữ này.", "This language is not known."),
    "speech.nothing": ("Văn bản không có gì để đọc.", "There is nothing to speak in this text."),
}
