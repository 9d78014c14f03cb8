"""Payment's wiring."""

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.events import CallingServiceSettings, Messaging
from frontispiece.security import Signer, Verifier
from frontispiece.service import create_store_service
from services.payment import api
from services.payment.acquirer import Acquirer
from services.payment.events import AuthorisePayment, CancelPayment, CapturePayment
from services.payment.handlers import Handlers
from services.payment.store import Store, outbox


class PaymentSettings(CallingServiceSettings):
    """Payment's settings."""

    model_config = SettingsConfigDict(env_prefix="PAYMENT_")

    database_url: str = Field(description="SQLAlchemy URL of payment's own database.")
    timeout: float = Field(2.0, gt=0, description="Seconds that a call to the acquirer may take.")


def create_app(settings: PaymentSettings | None = None) -> FastAPI:
    """The payment service."""
    settings = settings or PaymentSettings()
    store = Store(settings.database_url)
    acquirer = Acquirer(settings.directory, Signer(settings.signing_key, "payment"), settings.timeout)
    handlers = Handlers(store, acquirer)
    messaging = Messaging(
        settings.events,
        service="payment",
        database=store.database,
        outbox=outbox,
        handlers={
            AuthorisePayment: handlers.authorise,
            CapturePayment: handlers.capture,
            CancelPayment: handlers.cancel,
        },
    )
    return create_store_service(
        title="payment",
        description="The payment of each order: authorised, captured, voided or refunded.",
        verifier=Verifier(settings.tokens, "payment"),
        store=store,
        router=api.router,
        resources=[acquirer],
        messaging=messaging,
    )
