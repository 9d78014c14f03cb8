"""A note with the notes that belong to it, in one call."""

from msgspec import Struct

from frontispiece.pages import Page, Retry, gather
from web.clients import Note, Notes

page = Page("/notes/{note_id}", deadline=1.0)


@page.source(retry=Retry())  # required: without it the page fails, with the service's own 404
async def note(note_id: str, notes: Notes) -> Note:
    """The note that the page is about."""
    return await notes.get(note_id)


@page.source(timeout=0.3, fallback=list)  # optional: without it the page is degraded
async def related(note: Note, notes: Notes) -> list[Note | None]:
    """The related notes."""
    return await gather(notes.load(note_id) for note_id in note.related)


class NotePage(Struct, frozen=True):
    """Everything on the page."""

    text: str
    related: list[str]


@page.view
def screen(note: Note, related: list[Note | None]) -> NotePage:
    """The page."""
    return NotePage(text=note.text, related=[each.text for each in related if each])
