"""Texts about areas."""

TEXTS: dict[str, tuple[str, str]] = {
    "area.name_empty": ("Tên không được để trống.", "The name is empty."),
    "area.name_unseen": (
        "Tên có ký tự điều khiển hoặc ký tự không nhìn thấy.",
        "The name has control or invisible characters.",
    ),
    "area.word_none": (
        "Không tạo được đường dẫn từ tên này. Hãy chọn chữ cho đường dẫn (word).",
        "No letter of this name can stand in a path. Choose the word of the path (word).",
    ),
    "area.word_form": (
        "Chữ của đường dẫn chỉ gồm a-z, 0-9 và dấu gạch nối đơn, như na-khuong.",
        "A word of a path has only a-z, 0-9 and single hyphens, as in na-khuong.",
    ),
    "area.word_reserved": (
        "“{word}” là địa chỉ riêng của máy chủ, không dùng làm địa bàn cấp cao nhất được.",
        "“{word}” is an address of the server and cannot be an area at the top.",
    ),
    "area.word_or_keep": (
        "Chỉ chọn một: word, hoặc keep_path.",
        "Give word or keep_path, not both.",
    ),
    "area.path_form": (
        "Đường dẫn phải có dạng /ha-giang/quang-binh.",
        "A path must look like /ha-giang/quang-binh.",
    ),
    "area.path_taken": (
        "Đường dẫn này đã thuộc về địa bàn khác.",
        "This path is already another area's.",
    ),
    "area.path_too_long": (
        "Đường dẫn dài quá {limit} ký tự.",
        "The path would be longer than {limit} characters.",
    ),
    "area.code_form": (
        "Mã chỉ gồm chữ không dấu, số và các dấu . _ / -",
        "A code has only letters without marks, digits and . _ / -",
    ),
    "area.code_taken": (
        "Mã {taken} đã thuộc về địa bàn khác.",
        "The code {taken} is already another area's.",
    ),
    "area.cycle": (
        "Không thể chuyển một địa bàn vào bên trong chính nó.",
        "An area cannot hang below itself.",
    ),
    "area.merge_self": (
        "Không thể sáp nhập một địa bàn vào chính nó.",
        "An area cannot be merged into itself.",
    ),
    "area.merge_below": (
        "Không thể sáp nhập một địa bàn vào nơi nằm bên trong nó.",
        "An area cannot be merged into one that lies below it.",
    ),
    "area.not_empty": (
        "Địa bàn này còn các địa bàn trực thuộc. Hãy chuyển chúng đi, bỏ cấp này, hoặc xóa tất cả.",
        "There are areas below this one. Move them, remove the level, or remove all of it.",
    ),
    "area.last": (
        "Không thể xóa địa bàn cuối cùng.",
        "The last area cannot be removed.",
    ),
    "area.level_top": (
        "Không bỏ được cấp cao nhất. Hãy sáp nhập hoặc chuyển các địa bàn trực thuộc trước.",
        "The top is no level that can be removed. Merge it, or move what is below it.",
    ),
    "area.order_incomplete": (
        "Danh sách phải gồm đúng mọi địa bàn trực thuộc, mỗi địa bàn một lần.",
        "The list must have every area that hangs there, each once.",
    ),
    "area.emergency": (
        "Đang có thông tin khẩn cấp tại đây. Hãy dừng phát hoặc chờ kết thúc rồi làm tiếp.",
        "An emergency is under way here. Stop it, or wait until it is over.",
    ),
    "policy.timezone": (
        "Không có múi giờ này. Ví dụ: Asia/Ho_Chi_Minh.",
        "There is no such time zone. An example: Asia/Ho_Chi_Minh.",
    ),
    "policy.hours_end": (
        "Giờ kết thúc phải sau giờ bắt đầu.",
        "The end must be after the start.",
    ),
}
