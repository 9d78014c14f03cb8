"""What the edge says about itself: `/openapi.json`, `/docs`, and a page at `/` where no route has one."""
