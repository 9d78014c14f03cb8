"""The web client's backend: its pages, and the services that they read."""

from frontispiece.pages import bff
from web.clients import Notes
from web.pages import note

create_app = bff("web", pages=[note.page], clients={Notes: "notes"})
