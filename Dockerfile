# One image for every app of the shop: `front serve APP`. compose.yaml shows the whole.

FROM python:3.13-slim AS build
WORKDIR /source
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/front
ENV PATH=/opt/front/bin:$PATH

# Dependencies change less often than the code: a layer of their own.
COPY requirements/build.txt requirements/run.txt requirements/
RUN pip install --require-hashes --only-binary :all: -r requirements/build.txt -r requirements/run.txt

# The platform, as a wheel. What builds and installs packages is of no use in production, except to intruders.
COPY pyproject.toml README.md ./
COPY frontispiece frontispiece
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && pip install --no-deps dist/*.whl \
    && pip check \
    && pip uninstall --yes setuptools pip

FROM python:3.13-slim
COPY --from=build /opt/front /opt/front
WORKDIR /app
# The shop.
COPY frontispiece.toml ./
COPY bff bff
COPY clients clients
COPY contracts/graphql contracts/graphql
COPY gateway gateway
COPY services services
COPY shop shop
ENV PATH=/opt/front/bin:$PATH
# A volume that is mounted here gets this owner.
RUN install --directory --owner 10001 --group 10001 --mode 700 /data
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["front"]
CMD ["serve", "gateway", "--host", "0.0.0.0", "--port", "8000"]
