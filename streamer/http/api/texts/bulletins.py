"""Texts about bulletins."""

TEXTS: dict[str, tuple[str, str]] = {
    "bulletin.spoken_language": (
        "Bản tin này do giọng đọc máy đọc: muốn đổi ngôn ngữ, hãy soạn bản tin mới.",
        "This bulletin is spoken by a voice: for another language, make a new one.",
    ),
    "bulletin.unknown": ("Không có bản tin số {id}.", "There is no bulletin {id}."),
    # What stands against a step.
    "bulletin.title": ("Bản tin chưa có tiêu đề.", "The bulletin has no title."),
    "bulletin.no_audio": ("Bản tin chưa có âm thanh.", "The bulletin has no audio."),
    "bulletin.preparing": (
        "Âm thanh đang được xử lý, xin đợi một lát.",
        "Its audio is still being prepared; wait a moment.",
    ),
    "bulletin.failed": (
        "Không dùng được tệp âm thanh, hãy gửi tệp khác.",
        "Its recording cannot be used; hand in another one.",
    ),
    "bulletin.targets": (
        "Chưa chọn địa bàn nào để phát.",
        "It is for no area; choose at least one.",
    ),
    "bulletin.expired": ("Bản tin đã hết hạn phát.", "It has expired."),
    "bulletin.unheard": (
        "Bản tin do máy đọc: người soạn phải nghe hết một lượt trước khi gửi duyệt.",
        "A voice speaks it: its author has to listen to all of it before it is submitted.",
    ),
    "bulletin.reason": ("Hãy ghi lý do trả lại.", "Say why it is rejected."),
    "bulletin.own": (
        "Ở địa bàn này, bản tin phải do người khác duyệt.",
        "Here somebody else has to approve what one made or submitted.",
    ),
    # Where it is in its life.
    "bulletin.is_draft": (
        "Bản tin còn là bản nháp: hãy gửi duyệt trước.",
        "It is a draft: it has to be submitted first.",
    ),
    "bulletin.is_submitted": (
        "Bản tin đang chờ duyệt: hãy lấy về bản nháp rồi mới sửa.",
        "It waits for approval: take it back as a draft to change it.",
    ),
    "bulletin.is_approved": (
        "Bản tin đã duyệt: hãy thu hồi và tạo bản sao để sửa.",
        "It is approved: withdraw it, and make a copy to change it.",
    ),
    "bulletin.is_rejected": (
        "Bản tin đã bị trả lại: hãy sửa rồi gửi duyệt lại.",
        "It was rejected: change it, then submit it again.",
    ),
    "bulletin.is_withdrawn": (
        "Bản tin đã thu hồi: hãy tạo bản sao để dùng lại.",
        "It is withdrawn: make a copy to use it again.",
    ),
    # Fields.
    "bulletin.language": (
        "Không có ngôn ngữ này. Có: {known}.",
        "There is no such language. There are: {known}.",
    ),
    "bulletin.expires_past": ("Hạn phát đã qua.", "This is in the past."),
    "bulletin.expires_before_start": (
        "Hạn phát phải sau lúc bắt đầu.",
        "It must expire after its start.",
    ),
    "bulletin.days_need_expiry": (
        "Phát đến khi hết hạn thì phải có hạn phát.",
        "To be played until it expires, it needs an expiry.",
    ),
    "bulletin.target_outside": (
        "{target} không thuộc {area}.",
        "{target} does not lie in {area}.",
    ),
    "bulletin.audio_lost": (
        "Tệp âm thanh của bản tin số {id} không còn trên máy chủ.",
        "The audio file of bulletin {id} is no longer on the server.",
    ),
    # Uploads.
    "upload.unknown": (
        "Không có lượt tải lên này, hoặc đã quá hạn.",
        "There is no such upload, or it has expired.",
    ),
    "upload.unfinished": ("Tệp chưa tải lên hết.", "The upload is not finished."),
    "upload.empty": ("Tệp rỗng.", "The file is empty."),
    "upload.too_large": (
        "Tệp lớn quá {limit} MB.",
        "The file is larger than {limit} MB.",
    ),
    "upload.too_many": (
        "Bạn còn {count} tệp tải lên dở dang: hãy tải xong hoặc xóa bớt.",
        "You have {count} unfinished uploads: finish them, or give some up.",
    ),
    "upload.disk_full": (
        "Máy chủ sắp hết chỗ chứa, không nhận thêm tệp.",
        "The server's disk is nearly full; it takes no more files.",
    ),
    "upload.no_account": (
        "Chỉ người có tài khoản mới tải tệp lên được.",
        "Only somebody with an account can upload.",
    ),
    "upload.protocol": (
        "Thiếu Tus-Resumable: {version}.",
        "Tus-Resumable: {version} is missing.",
    ),
    "upload.number": ("{name} không phải là số dùng được.", "{name} is no number that can be."),
    "upload.metadata": (
        "Không đọc được: cần các từ kèm giá trị base64, cách nhau bằng dấu phẩy.",
        "Cannot be read: words, each with a value in base64, separated by commas.",
    ),
    "upload.area": (
        "Thiếu area: mã số địa bàn của bản tin.",
        "area is missing: the id of the area that the bulletin belongs to.",
    ),
    "upload.content_type": (
        "Content-Type phải là {wanted}.",
        "Content-Type must be {wanted}.",
    ),
    "upload.multipart": (
        "Hãy gửi thẳng nội dung tệp, không gửi dạng biểu mẫu (curl --data-binary @tệp).",
        "Send the file itself, not a form (curl --data-binary @file).",
    ),
    "upload.locked": (
        "Tệp này đang được tải lên ở nơi khác.",
        "Somebody is sending to this upload already.",
    ),
    "upload.offset": (
        "Sai vị trí: hãy hỏi lại Upload-Offset rồi gửi tiếp.",
        "The wrong place: ask for Upload-Offset again, and go on there.",
    ),
    "upload.too_much": (
        "Gửi nhiều hơn Upload-Length đã báo.",
        "More than Upload-Length has said.",
    ),
    "upload.checksum": (
        "Dữ liệu đến nơi không đúng: hãy gửi lại đoạn này.",
        "What arrived is not what was sent: send this piece again.",
    ),
    "upload.checksum_unknown": (
        "Upload-Checksum phải là một trong {known} kèm giá trị base64.",
        "Upload-Checksum must be one of {known}, and the value in base64.",
    ),
    "upload.broken_off": (
        "Đường truyền bị ngắt giữa chừng.",
        "The connection broke off.",
    ),
    # Why a recording cannot be used.
    "audio.unreadable": (
        "Không đọc được âm thanh trong tệp này. Hãy gửi WAV, FLAC, MP3, M4A hoặc Ogg.",
        "There is no audio in it that can be read. Make it WAV, FLAC, MP3, M4A or Ogg.",
    ),
    "audio.no_audio": ("Trong tệp không có âm thanh.", "There is no audio in it."),
    "audio.damaged": ("Tệp bị hỏng hoàn toàn.", "All of its audio is damaged."),
    "audio.rate": (
        "Không dùng được tần số lấy mẫu {rate} Hz.",
        "A sample rate of {rate} Hz cannot be used.",
    ),
    "audio.channels": (
        "Không trộn được {channels} kênh: hãy làm thành stereo.",
        "{channels} channels cannot be mixed: make it stereo.",
    ),
    "audio.too_long": (
        "Dài hơn {hours} giờ: hãy cắt thành nhiều phần.",
        "It is longer than {hours} hours: cut it into parts.",
    ),
    "audio.time": (
        "Sau {minutes} phút vẫn chưa xử lý xong.",
        "It was not prepared within {minutes} minutes.",
    ),
    "audio.memory": (
        "Tệp cần quá nhiều bộ nhớ, có thể là tệp độc hại.",
        "It needs too much memory; it may be meant to do harm.",
    ),
    "audio.disk": (
        "Máy chủ không đủ chỗ chứa để xử lý.",
        "There is not enough room on the server's disk to prepare it.",
    ),
    "audio.broke": (
        "Tệp làm bộ giải mã hỏng: có thể tệp bị lỗi hoặc độc hại.",
        "It breaks the decoder: it may be damaged, or meant to do harm.",
    ),
    "audio.missing": ("Không mở được tệp.", "The file cannot be opened."),
    "audio.lost": (
        "Tệp tải lên không còn trên máy chủ, hãy gửi lại.",
        "The recording is no longer on the server; hand it in again.",
    ),
    # What is to be known of audio that can be used.
    "remark.damaged": (
        "Bỏ qua {count} đoạn bị hỏng.",
        "{count} damaged packets were left out.",
    ),
    "remark.short": (
        "Ngắn hơn 0,4 giây nên không đo được độ to: giữ nguyên.",
        "Shorter than 0.4 s, too short for its loudness to be measured: left as it is.",
    ),
    "remark.silence": ("Im lặng: giữ nguyên.", "Silence: left as it is."),
    "remark.quiet": (
        "Nhỏ quá: đã tăng {most:.0f} dB, mức nhiều nhất, được {lufs:.1f} LUFS.",
        "Too quiet: raised by {most:.0f} dB, the most allowed, to {lufs:.1f} LUFS.",
    ),
    "remark.peaks": (
        "Đỉnh âm chỉ cho phép {lufs:.1f} LUFS.",
        "Its peaks allow only {lufs:.1f} LUFS.",
    ),
    "remark.peaks_after": (
        "Đỉnh âm sau giải mã chỉ cho phép {lufs:.1f} LUFS.",
        "Its peaks after decoding allow only {lufs:.1f} LUFS.",
    ),
}
