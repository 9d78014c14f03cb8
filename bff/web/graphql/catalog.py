"""Products with all that belongs to them, the search, and the basket."""

from bff.clients.basket import Basket, BasketItem, Baskets
from bff.clients.catalog import Catalog, Product
from bff.clients.common import Money, Quantity, Sku
from bff.clients.discount import Discount, Discounts
from bff.clients.inventory import Inventory
from bff.clients.recommendation import Recommendations
from bff.clients.reviews import Rating, Review, Reviews
from bff.shared import sources
from bff.shared.prices import current_price as discounted
from bff.shared.sources import ALSO_BOUGHT, DEPARTMENTS, MAX_ALSO_BOUGHT, RETRY, Limit
from bff.web import OPTIONAL_TIMEOUT
from bff.web.graphql.graph import graph
from frontispiece.pages import gather
from frontispiece.security import Identity

graph.query(name="departments", cache=DEPARTMENTS)(sources.types)
graph.query(name="search", retry=RETRY)(sources.search(24))
graph.query(retry=RETRY)(sources.basket)
graph.mutation(name="remove_item")(sources.remove)


@graph.query(retry=RETRY)
async def product(sku: Sku, catalog: Catalog) -> Product | None:
    """A product; null when the catalog does not have it."""
    return await catalog.load_product(sku)


@graph.mutation()
async def set_quantity(sku: Sku, quantity: Quantity, identity: Identity, baskets: Baskets) -> Basket:
    """Set the quantity of a product in the caller's basket."""
    return await baskets.put(identity.subject, sku, quantity)


@graph.field(BasketItem, name="product", timeout=OPTIONAL_TIMEOUT)
async def product_of_item(item: BasketItem, catalog: Catalog) -> Product | None:
    """The product; null when the catalog no longer has it."""
    return await catalog.load_product(item.sku)


@graph.field(Product, timeout=OPTIONAL_TIMEOUT)
async def available(product: Product, inventory: Inventory) -> int | None:
    """Pieces in stock; null while that is not known."""
    return (await inventory.load_stock(product.sku)).available


@graph.field(Product, timeout=OPTIONAL_TIMEOUT)
async def discount(product: Product, price_rules: Discounts) -> Discount | None:
    """What is taken off its price."""
    return await price_rules.load_discount(product.sku)


@graph.field(Product, timeout=OPTIONAL_TIMEOUT)
async def current_price(product: Product, price_rules: Discounts) -> Money | None:
    """The price of one piece, with its discount."""
    found = await price_rules.load_discount(product.sku)
    return discounted(product, {product.sku: found} if found else {})


@graph.field(Product, timeout=OPTIONAL_TIMEOUT)
async def rating(product: Product, reviews: Reviews) -> Rating | None:
    """The average of its reviews."""
    return await reviews.load_rating(product.sku)


@graph.field(Product, timeout=OPTIONAL_TIMEOUT, batched=False)
async def reviews(product: Product, reviews: Reviews, limit: Limit = 5) -> list[Review] | None:
    """Its newest reviews."""
    return (await reviews.latest(product.sku, limit)).items


@graph.field(Product, timeout=OPTIONAL_TIMEOUT, list_size=6)
async def related(product: Product, catalog: Catalog) -> list[Product] | None:
    """The products that the catalog lists beside it."""
    found = await gather(map(catalog.load_product, product.related))
    return [each for each in found if each is not None]


@graph.field(
    Product,
    timeout=OPTIONAL_TIMEOUT,
    cache=ALSO_BOUGHT,
    batched=False,
    list_size=MAX_ALSO_BOUGHT,
)
async def also_bought(
    product: Product, recommendations: Recommendations, catalog: Catalog
) -> list[Product] | None:
    """The products that its customers have bought, too."""
    found = await gather(
        catalog.load_product(sku) for sku in await recommendations.beside(product.sku, MAX_ALSO_BOUGHT)
    )
    return [each for each in found if each is not None]
