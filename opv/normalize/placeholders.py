"""Values that senders write where they have none: "null", "Não configurado", `{{1.email}}`."""

from __future__ import annotations

import re

from schemas.conditions import fold

_NOTHING = frozenset({
    "null", "(null)", "undefined", "none", "(none)", "nan", "n/a", "#n/a", "n.a.", "n/d", "n/i",
    "[object object]", "nao configurado", "nao configurada", "nao informado", "nao informada", "nao definido",
    "nao definida", "nao preenchido", "nao preenchida", "nao disponivel", "nao identificado", "nao identificada",
    "nao se aplica", "nao consta", "sem informacao", "indefinido", "desconhecido", "unknown", "not set",
    "(not set)", "not provided", "(not provided)", "not available", "not applicable",
})  # fmt: skip
_LONGEST = max(map(len, _NOTHING))
_PUNCTUATION = "-–—_.,;:*?!/\\|#()[]+ \t\r\n\"'"

_TEMPLATE = "|".join(
    (
        r"\{\{[^{}]*\}\}",  # Make, n8n, Meta, Handlebars
        r"[$#]\{[^{}]*\}",  # ${x}, #{x}
        r"\{[A-Za-z_][\w .:-]*\}",  # {name}, Google's {keyword:text}
        r"%%[^%]+%%",
        r"%[A-Za-z_][\w.]*%",
        r"<%[^%]*%>",
        r"\[[a-z][\w-]*(?:\s[^\[\]=]*=[^\[\]]*)?\]",  # [field id="x"], [your-name]
        r"\*\|[^|]+\|\*",  # Mailchimp
        r"__[A-Z]+(?:_[A-Z]+)*__",  # TikTok
    )
)
_ONLY_TEMPLATES = re.compile(rf"(?:(?:{_TEMPLATE})[\s,;/|-]*)+")
_TEMPLATE_STARTS = frozenset("{$#%<[*_")
_TEMPLATE_LIMIT = 500
_META_TEST = "<test lead: dummy data"

_NO_NAME = frozenset({
    "john doe", "jane doe", "sem nome", "nome", "name", "no name", "nome completo", "full name", "seu nome",
    "your name", "nome sobrenome", "nome e sobrenome", "primeiro nome", "first name", "fulano", "fulano de tal",
    "anonimo", "anonymous", "cliente", "lead", "novo lead", "contato", "visitante", "usuario", "user", "whatsapp",
    "facebook user", "usuario do facebook", "instagram user",
})  # fmt: skip
_NO_EMAIL = frozenset({
    "email@email.com", "seuemail@email.com", "naotem@naotem.com", "naotem@email.com", "nao@tem.com",
    "naotem@gmail.com", "exemplo@exemplo.com", "teste@teste.com", "test@test.com", "test@meta.com", "test@fb.com",
})  # fmt: skip


def placeholder(text: str) -> str | None:
    """`unfilled_template` or `placeholder_removed` when a clean, not empty text says nothing; else None.

    Only a text that is nothing but templates is one: "Olá {{nome}}" stays.
    """
    if len(text) <= _LONGEST and (not text.strip(_PUNCTUATION) or fold(text) in _NOTHING):
        return "placeholder_removed"
    if text[0] in _TEMPLATE_STARTS and len(text) <= _TEMPLATE_LIMIT:
        if _ONLY_TEMPLATES.fullmatch(text):
            return "unfilled_template"
        if text.startswith(_META_TEST):
            return "placeholder_removed"
    return None


def no_name(text: str) -> bool:
    """Whether a text is written where a name is missing ("John Doe", "Sem nome")."""
    return fold(text) in _NO_NAME


def no_email(address: str) -> bool:
    """Whether a lower-case address is one that people and forms invent."""
    return address in _NO_EMAIL


def same_digits(digits: str) -> bool:
    """Whether digits as long as a phone's are all equal: (99) 99999-9999, 0000-0000."""
    return len(digits) >= 8 and digits == digits[0] * len(digits)
