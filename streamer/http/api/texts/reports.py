"""Texts about reports."""

TEXTS: dict[str, tuple[str, str]] = {
    "report.half": (
        "Nửa năm ghi như 2026-1 (sáu tháng đầu) hoặc 2026-2 (sáu tháng cuối).",
        "Half a year is written 2026-1 (January to June) or 2026-2 (July to December).",
    ),
    "report.either": (
        "Chọn nửa năm, hoặc từ ngày đến ngày, không chọn cả hai.",
        "Give half a year, or from and to, not both.",
    ),
    "report.backwards": (
        "Ngày cuối phải không sớm hơn ngày đầu.",
        "The last day must not be before the first.",
    ),
    "report.too_long": (
        "Kỳ báo cáo không được quá {limit} ngày.",
        "The period must be at most {limit} days.",
    ),
}
