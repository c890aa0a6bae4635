"""What form builders and tools do differently from a home-made form, as data: presets of the `form` source.

Names in `synonyms` and `mapping` are written as in a channel's configuration. Patterns in `json_in`, `ignored` and
`extra` are compared with the path as sent, lower case, without signs: `_wpcf7_unit_tag` is `wpcf7unittag`,
`headers[cookie]` is `headers.cookie`; `*` stands for anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

PresetName = Literal[
    "dommus", "elementor", "google_forms", "hypnobox", "jotform", "make", "n8n", "unbounce", "wordpress_forms", "zapier"
]


@dataclass(frozen=True, slots=True, eq=False)
class Preset:
    """What one sender does differently. The empty one is a form that does nothing differently."""

    title: str
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names that come before the usual ones (`SYNONYMS`); `utc_date` and `utc_time` are parts of a time in UTC."""
    mapping: Mapping[str, str] = field(default_factory=dict)
    """Where its own fields are; a channel's `mapping` goes before it."""
    fields_in: frozenset[str] = frozenset()
    """Containers whose fields count as if they stood outside."""
    json_in: tuple[str, ...] = ()
    """Fields whose text is a JSON object with the form's fields."""
    ignored: tuple[str, ...] = ()
    """Fields that say nothing of a lead."""
    extra: tuple[str, ...] = ()
    """Fields that say something of the request; no answers."""
    noise: str = ""
    """Regular expression of what it adds to the form's own names."""
    unlabelled: str = ""
    """Regular expression of names that say nothing: a value that looks like a phone or an e-mail is taken for one."""
    phone_from_message: bool = False
    """Whether senders write the phone into the message when there is no field for it."""


PLAIN = Preset("")

_CAPTCHAS = ("grecaptcharesponse", "hcaptcharesponse", "cfturnstileresponse")

_ADVERTISEMENT = {"ad.platform": ("platform",), "ad.is_organic": ("is organic",)}
"""What Meta's lead forms say besides, when a tool passes them on whole."""

_ELEMENTOR = Preset(
    "Elementor Pro",
    mapping={"extra.date": "meta.date", "extra.time": "meta.time"},
    ignored=_CAPTCHAS,
    noise="^No Label ",
    unlabelled=r"field_\w+",
)

PRESETS: Mapping[PresetName, Preset] = {
    "dommus": replace(_ELEMENTOR, title="Dommus"),
    "elementor": _ELEMENTOR,
    "google_forms": Preset(
        "Google Forms",
        synonyms={"submitted_at": ("carimbo data hora", "timestamp")},
        fields_in=frozenset({"answers", "namedvalues"}),
        ignored=("authmode", "triggeruid", "range.*", "values"),
        extra=("source", "source.*"),
    ),
    "hypnobox": Preset("Hypnobox", phone_from_message=True),
    "jotform": Preset(
        "JotForm",
        synonyms={"ad.form_name": ("form title",)},
        json_in=("rawrequest",),
        ignored=(
            "slug", "path", "jsexecutiontracker", "submitsource", "submitdate", "builddate", "uploadserverurl",
            "eventobserver", "eventid", "timetosubmit", "validatednewrequiredfieldids", "simplespc", "tempupload*",
            "webhookurl", "type", "pretty", *_CAPTCHAS,
        ),
        extra=("username",),
        noise=r"^q\d+_|(?<!\d)\d{1,3}$",
        unlabelled=r"input|typeA",
    ),
    "make": Preset(
        "Make",
        synonyms=_ADVERTISEMENT,
        ignored=("imtlength", "imtindex"),
        extra=("rownumber", "spreadsheetid", "sheet"),
    ),
    "n8n": Preset(
        "n8n",
        synonyms={**_ADVERTISEMENT, "test": ("execution mode",)},
        fields_in=frozenset({"body", "json"}),
        ignored=("headers.*", "params.*", "webhookurl", "paireditem*"),
    ),
    "unbounce": Preset(
        "Unbounce",
        synonyms={
            "ad.form_id": ("page uuid", "page id"),
            "ad.form_name": ("page name",),
            "extra.variant": ("variant",),
            "extra.ip": ("ip address",),
            "utc_date": ("date submitted",),
            "utc_time": ("time submitted",),
        },
        json_in=("data.json", "datajson"),
        ignored=("data.xml", "dataxml"),
    ),
    "wordpress_forms": Preset(
        "Contact Form 7, WPForms, Gravity Forms",
        synonyms={"utc_date": ("date created",)},
        mapping={"first_name": "1.3", "last_name": "1.6"},
        ignored=("wpcf7*", "wpnonce", "wphttpreferer", *_CAPTCHAS),
        extra=(
            "isstarred", "isread", "isfulfilled", "status", "currency", "payment*", "transactionid", "transactiontype",
            "postid", "sourceid", "createdby", "dateupdated",
        ),
        unlabelled=r"\d+(?:\.\d+)?",
    ),
    "zapier": Preset("Zapier", synonyms=_ADVERTISEMENT, extra=("zap*",)),
}  # fmt: skip
