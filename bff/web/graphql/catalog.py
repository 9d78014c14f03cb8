"""Products with all that belongs to them, the search, and the basket."""

from bff.clients.discounts import Discounts
from bff.clients.models import (
    Basket,
    BasketItem,
    Counted,
    Discount,
    Money,
    Product,
    Quantity,
    Rating,
    Review,
    SearchResult,
    Sku,
)
from bff.clients.services import Baskets, Catalog, Inventory, Recommendations, Reviews
from bff.shared.prices import current_price as discounted
from bff.shared.sources import ALSO_BOUGHT, DEPARTMENTS, MAX_ALSO_BOUGHT, RETRY, Limit, Price, Sort
from bff.web import OPTIONAL_TIMEOUT
from bff.web.graphql.graph import graph
from frontispiece.pages import gather
from frontispiece.security import Identity

SEARCHED = 24


@graph.query(cache=DEPARTMENTS)
async def departments(catalog: Catalog) -> list[Counted]:
    """Every department, with its number of products."""
    return await catalog.types()


@graph.query(retry=RETRY)
async def product(sku: Sku, catalog: Catalog) -> Product | None:
    """A product; null when the catalog does not have it."""
    return await catalog.load_product(sku)


@graph.query(retry=RETRY)
async def search(
    catalog: Catalog,
    q: str | None = None,
    brand: list[str] | None = None,
    type: list[str] | None = None,  # noqa: A002 (the name of the argument)
    min_price: Price | None = None,
    max_price: Price | None = None,
    sort: Sort | None = None,
    cursor: str | None = None,
    limit: Limit = SEARCHED,
) -> SearchResult:
    """The products that match."""
    return await catalog.search(
        q=q,
        brand=brand,
        type=type,
        min_price=min_price,
        max_price=max_price,
        sort=sort,
        cursor=cursor,
        limit=limit,
    )


@graph.query(retry=RETRY)
async def basket(identity: Identity, baskets: Baskets) -> Basket:
    """The caller's basket."""
    return await baskets.get(identity.subject)


@graph.mutation()
async def set_quantity(sku: Sku, quantity: Quantity, identity: Identity, baskets: Baskets) -> Basket:
    """Set the quantity of a product in the caller's basket."""
    return await baskets.put(identity.subject, sku, quantity)


@graph.mutation()
async def remove_item(sku: Sku, identity: Identity, baskets: Baskets) -> Basket:
    """Remove a product from the caller's basket."""
    return await baskets.remove(identity.subject, sku)


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
    found = await gather(catalog.load_product(sku) for sku in product.related)
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
