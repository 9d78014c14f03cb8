# One image for every role of the shop: `front serve ROLE`. compose.yaml shows the whole.

FROM python:3.13-slim AS build
WORKDIR /source
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/front
ENV PATH=/opt/front/bin:$PATH

# What the shop stands on changes less often than the shop: a layer of its own.
COPY requirements/build.txt requirements/run.txt requirements/
RUN pip install --require-hashes --only-binary :all: -r requirements/build.txt -r requirements/run.txt

COPY pyproject.toml README.md ./
COPY requirements/run.in requirements/
COPY bff bff
COPY front front
COPY gateway gateway
COPY kit kit
COPY services services
# What builds and installs packages is of no use in production, except to intruders.
RUN pip install --no-deps --no-build-isolation . \
    && pip check \
    && pip uninstall --yes setuptools pip

FROM python:3.13-slim
COPY --from=build /opt/front /opt/front
COPY routes.toml /app/
WORKDIR /app
ENV PATH=/opt/front/bin:$PATH
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["front"]
CMD ["serve", "gateway", "--host", "0.0.0.0", "--port", "8000"]
