"""The operators' backend."""

from bff.operator.clients import OrdersOfAll, Sales, Users
from bff.operator.pages import customers, orders, products, sales
from frontispiece.pages import bff

create_app = bff(
    "bff-operator",
    description="What those who run the shop see of it.",
    pages=[orders.page, products.page, customers.page, sales.page],
    clients={OrdersOfAll: "ordering", Users: "identity", Sales: "sales"},
)
