"""An app of pages: what a BFF is."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI
from starlette.routing import Route

from gateway.page.declare import Page
from gateway.page.endpoint import Endpoint
from gateway.page.graph import plans
from gateway.page.inbound import Provider
from gateway.page.openapi import describe
from kit.service import Check, Lifespan, add_health, answer_with_problems


def create_app(
    *,
    title: str,
    description: str,
    pages: Iterable[Page],
    providers: Mapping[Any, Provider],
    lifespan: Lifespan,
    ready: Check,
) -> FastAPI:
    """An app that serves pages, described in its OpenAPI document.

    Args:
        title: the app's name.
        description: one sentence for the OpenAPI document.
        pages: what it serves.
        providers: how each type that sources may ask for is made for one request.
        lifespan: opens what the providers use, and closes it.
        ready: returns when everything the pages need answers; raises when not.

    Raises:
        Faulty: some page cannot work; every fault is named.
    """
    made = plans(pages, providers)
    app = FastAPI(title=title, description=description, lifespan=lifespan, redirect_slashes=False)
    answer_with_problems(app)
    add_health(app, ready)
    for plan in made:
        methods = [plan.page.method]
        app.router.routes.append(Route(plan.page.path, Endpoint(plan, providers), methods=methods))
    build = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(build(), made)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents for extending OpenAPI
    return app
