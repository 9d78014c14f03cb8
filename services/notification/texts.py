"""What messages say, in each language."""

from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from babel.numbers import format_currency, get_currency_precision

from services.notification.model import Kind


class Language(StrEnum):
    """A language of the messages."""

    ENGLISH = "en"
    GERMAN = "de"


class Template(NamedTuple):
    """A title and a text with placeholders."""

    title: str
    text: str


TEMPLATES: Final = {
    Language.ENGLISH: {
        Kind.CONFIRMED: Template(
            "Your order is confirmed",
            "Thank you for your order {order_id}. It is confirmed; the total is {total}. "
            "We will write again when it is on its way, or ready for pickup.",
        ),
        Kind.CANCELLED: Template(
            "Your order was cancelled",
            "Your order {order_id} was cancelled: {reason}. You pay nothing for it; what you have paid is "
            "given back.",
        ),
        Kind.DISPATCHED: Template(
            "Your order is on its way",
            "Your order {order_id} is on its way. Its tracking number is {tracking_code}.",
        ),
        Kind.READY: Template(
            "Your order is ready for pickup", "Your order {order_id} is ready for pickup at {store}."
        ),
    },
    Language.GERMAN: {
        Kind.CONFIRMED: Template(
            "Ihre Bestellung ist bestätigt",
            "Vielen Dank für Ihre Bestellung {order_id}. Sie ist bestätigt; die Summe beträgt {total}. "
            "Wir schreiben wieder, sobald sie unterwegs ist oder abgeholt werden kann.",
        ),
        Kind.CANCELLED: Template(
            "Ihre Bestellung wurde storniert",
            "Ihre Bestellung {order_id} wurde storniert: {reason}. Sie kostet Sie nichts; was Sie bezahlt "
            "haben, wird erstattet.",
        ),
        Kind.DISPATCHED: Template(
            "Ihre Bestellung ist unterwegs",
            "Ihre Bestellung {order_id} ist unterwegs. Ihre Sendungsnummer ist {tracking_code}.",
        ),
        Kind.READY: Template(
            "Ihre Bestellung kann abgeholt werden", "Ihre Bestellung {order_id} liegt bereit: {store}."
        ),
    },
}

REASONS: Final = {
    Language.ENGLISH: {
        "out-of-stock": "not everything in it is in stock",
        "payment-declined": "the payment was declined",
        "cancelled-by-customer": "you cancelled it",
        "not-deliverable": "we cannot deliver to the address",
        "timed-out": "it could not be completed in time",
    },
    Language.GERMAN: {
        "out-of-stock": "nicht alles davon ist vorrätig",
        "payment-declined": "die Zahlung wurde abgelehnt",
        "cancelled-by-customer": "Sie haben sie storniert",
        "not-deliverable": "an die Adresse können wir nicht liefern",
        "timed-out": "sie konnte nicht rechtzeitig abgeschlossen werden",
    },
}
"""Words for an order's reasons; a reason without words is named as it is."""


def render(language: Language, kind: Kind, **values: str) -> Template:
    """The title and the text of a message, with these values in place of the placeholders."""
    template = TEMPLATES[language][kind]
    return Template(template.title, template.text.format(**values))


def reason_in_words(language: Language, reason: str) -> str:
    """Why an order was cancelled."""
    return REASONS[language].get(reason, reason)


def price_in_words(language: Language, amount: int, currency: str) -> str:
    """An amount in minor units as the language writes it, such as `€12.90`."""
    units = Decimal(amount).scaleb(-get_currency_precision(currency))
    return format_currency(units, currency, locale=language)
