"""The BFF of the measurements."""

from bench.ours.pages import PAGES
from bench.ours.services import Lost, Shop
from frontispiece.pages import bff

create_app = bff(
    "bff",
    description="The pages that are measured.",
    pages=PAGES,
    clients={Shop: "shop", Lost: "lost"},
)
