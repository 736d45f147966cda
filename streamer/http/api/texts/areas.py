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
    "area.receivers": (
        "Ở đây còn {count} cụm thu. Hãy chuyển hoặc xóa chúng trước.",
        "There are {count} receivers here: move or remove them first.",
    ),
    "area.emergency": (
        "Đang có thông tin khẩn cấp tại đây. Hãy dừng phát hoặc chờ kết thúc rồi làm tiếp.",
        "An emergency is under way here. Stop it, or wait until it is over.",
    ),
    "area.top": (
        "Chỉ người quản trị một địa bàn cấp cao nhất mới thêm được địa bàn ở cấp đó.",
        "Only who administers an area at the top may put others there.",
    ),
    "area.no_sample": (
        "Không có địa bàn mẫu {path}.",
        "There is no sample area {path}.",
    ),
    "import.refused": (
        "Bảng địa bàn có chỗ chưa đúng. Chưa có gì thay đổi.",
        "The table of areas has mistakes. Nothing was changed.",
    ),
    "import.content_type": (
        "Phải là bảng text/csv hoặc application/json.",
        "Must be a table: text/csv or application/json.",
    ),
    "import.too_large": (
        "Tệp lớn quá {limit} MB.",
        "The file is larger than {limit} MB.",
    ),
    "import.too_many": (
        "Bảng có quá {limit} địa bàn.",
        "The table has more than {limit} areas.",
    ),
    "import.encoding": (
        "Tệp không phải UTF-8. Trong bảng tính, hãy lưu dạng “CSV UTF-8”.",
        "The file is not UTF-8. In the spreadsheet, save it as “CSV UTF-8”.",
    ),
    "import.nul": (
        "Có ký tự NUL: đây không phải tệp văn bản.",
        "There is a NUL character: this is no text file.",
    ),
    "import.csv": ("Không đọc được CSV: {reason}", "This cannot be read as CSV: {reason}"),
    "import.json": (
        'Phải là JSON dạng {{"areas": […]}}.',
        'Must be JSON of the form {{"areas": […]}}.',
    ),
    "import.no_columns": (
        "Dòng đầu phải có tên cột. Các cột: {columns}.",
        "The first line must name the columns, which are: {columns}.",
    ),
    "import.column_unknown": (
        "Không có cột “{column}”. Các cột: {columns}.",
        "There is no column “{column}”. The columns are: {columns}.",
    ),
    "import.column_twice": (
        "Cột “{column}” có hai lần.",
        "The column “{column}” stands there twice.",
    ),
    "import.too_wide": (
        "Dòng này có nhiều ô hơn {columns} cột.",
        "This line has more cells than the {columns} columns.",
    ),
    "import.yes_or_no": (
        "Phải là 1 hoặc 0 (có hoặc không).",
        "Must be 1 or 0 (yes or no).",
    ),
    "import.twice": (
        "Trùng địa bàn với dòng {other}.",
        "The same area as in line {other}.",
    ),
    "import.other_area": (
        "Mã số này là của {name} ({path}). Nếu bảng lấy từ máy chủ khác, hãy bỏ cột id.",
        "This id is of {name} ({path}). If the table is from another server, remove the column id.",
    ),
    "import.parent_unknown": (
        "Không có địa bàn {path}, cả trong bảng này.",
        "There is no area {path}, nor does this table make it.",
    ),
    "import.parent_differs": (
        "Cấp trên khác với đường dẫn {path}.",
        "This is not what is above {path}.",
    ),
    "import.path_taken": (
        "Đường dẫn này là của {other}.",
        "This path is that of {other}.",
    ),
    "import.code_taken": ("Mã này là của {other}.", "This code is that of {other}."),
    "import.alias_taken": (
        "Đường dẫn cũ này là của {other}.",
        "This former path is that of {other}.",
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
