"""Texts about webhooks."""

TEXTS: dict[str, tuple[str, str]] = {
    "webhook.unknown": ("Không có webhook số {id}.", "There is no webhook {id}."),
    "webhook.url": (
        "Không gửi được tới địa chỉ này: cần http hoặc https tới một địa chỉ công cộng, không kèm "
        "mật khẩu ({reason}).",
        "Nothing is sent to this address: {reason}.",
    ),
    "webhook.kind": (
        "Phải là loại sự kiện như bulletin.approved, hoặc phần đầu của nó như bulletin.",
        "Must be a kind of event such as bulletin.approved, or how some begin, such as bulletin.",
    ),
    "webhook.too_many": (
        "Một địa bàn chỉ có tối đa {limit} webhook.",
        "An area has at most {limit} webhooks.",
    ),
    "webhook.disabled": (
        "Webhook này đang tắt. Hãy bật lại trước khi thử.",
        "This webhook is switched off: switch it on to try it.",
    ),
}
