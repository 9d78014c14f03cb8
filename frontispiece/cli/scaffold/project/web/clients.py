"""Clients of the services, and of their responses only the fields that pages read."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from frontispiece.pages import loader
from frontispiece.upstream import Service, batch_path


class Note(Struct, frozen=True):
    """A note."""

    id: str
    text: str
    related: list[str] = []


class Notes:
    """A client of the service `notes`, made for each request."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def get(self, note_id: str) -> Note:
        """One note."""
        return await self._service.get(f"/notes/{note_id}", Note)

    @loader(max_size=50)  # called for one id; the loads of a page leave as one call
    async def load(self, ids: Sequence[str]) -> Mapping[str, Note | None]:
        """A note of many; None when there is none."""
        notes = await self._service.get(batch_path("/notes", "id", ids), list[Note])
        return dict.fromkeys(ids) | {note.id: note for note in notes}
