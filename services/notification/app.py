"""Notification's wiring."""

from pathlib import Path

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.events import Messaging, ServiceSettings
from frontispiece.security import Verifier
from frontispiece.service import create_store_service
from services.notification.events import (
    OrderCancelled,
    OrderConfirmed,
    SendNotification,
    ShipmentDelivered,
    ShipmentDispatched,
)
from services.notification.model import Channel
from services.notification.notifier import Notifier
from services.notification.senders import MailSender, PushSender
from services.notification.store import Store, outbox
from services.notification.texts import Language


class NotificationSettings(ServiceSettings):
    """Notification's settings."""

    model_config = SettingsConfigDict(env_prefix="NOTIFICATION_")

    database_url: str = Field(description="SQLAlchemy URL of notification's own database.")
    maildir: Path = Field(description="The maildir that mails are delivered into.")
    push_log: Path = Field(description="The file that pushes are appended to, one JSON object a line.")
    language: Language = Field(Language.ENGLISH, description="The language of messages: `en` or `de`.")


def create_app(settings: NotificationSettings | None = None) -> FastAPI:
    """The notification service."""
    settings = settings or NotificationSettings()
    store = Store(settings.database_url)
    senders: dict[Channel, MailSender | PushSender] = {
        Channel.MAIL: MailSender(settings.maildir),
        Channel.PUSH: PushSender(settings.push_log),
    }
    notifier = Notifier(store, senders, settings.language)
    messaging = Messaging(
        settings.events,
        service="notification",
        database=store.database,
        outbox=outbox,
        handlers={
            OrderConfirmed: notifier.confirmed,
            OrderCancelled: notifier.cancelled,
            ShipmentDispatched: notifier.dispatched,
            ShipmentDelivered: notifier.delivered,
            SendNotification: notifier.send,
        },
    )
    return create_store_service(
        title="notification",
        description="Mails and pushes to customers about their orders.",
        verifier=Verifier(settings.tokens, "notification"),
        store=store,
        resources=[*senders.values()],
        messaging=messaging,
    )
