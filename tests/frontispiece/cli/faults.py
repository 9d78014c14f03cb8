# ruff: noqa: E501 (a row of the table is a line)
"""What can be wrong with a project, and what is said of it: file, line, column where it is known, and remedy.

A row is a fault in a small project without any: files that differ, and all that `front check` then reports.
`DIR` is the project's folder.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

PROJECT: Final = """\
[apps.web]
factory = "web:create_app"
mounted = true

[apps.notes]
command = ["python3", "notes.py"]
"""

ROUTES: Final = """\
[services.web]
url = "registry://web"

[services.notes]
url = "registry://notes"

[[routes]]
path = "/web/notes/{note_id}"
to = "web:/notes/{note_id}"
auth = "none"
rate_limit = { rate = "100/second", burst = 500, by = "address" }
timeout = "2s"

[[routes]]
path = "/api/notes/{note_id}"
to = "notes:/notes/{note_id}"
auth = "none"
rate_limit = { rate = "100/second", burst = 500, by = "address" }
timeout = "2s"
"""

PAGES: Final = """\
from frontispiece.pages import Page, bff

page = Page("/notes/{note_id}", deadline=1.0)


@page.source()
async def note(note_id: str) -> str:
    return note_id


@page.view
def screen(note: str) -> dict[str, str]:
    return {"text": note}


create_app = bff("web", pages=[page])
"""

NAMES: Final = {"frontispiece.toml": PROJECT, "routes.toml": ROUTES, "web.py": PAGES, "notes.py": ""}

FOLDER: Final = object()
"""A folder where a file should be."""

Files = Mapping[str, object]
"""What differs: text, bytes, `FOLDER`, or None for a file that is missing."""


class Row(NamedTuple):
    """A fault."""

    name: str
    files: Files
    expected: str
    environment: Mapping[str, str] = {}


def table(old: str, new: str) -> Files:
    """The route table with one thing written otherwise."""
    return _with("routes.toml", old, new)


def project(old: str, new: str) -> Files:
    """The same of frontispiece.toml."""
    return _with("frontispiece.toml", old, new)


def setting(text: str) -> Files:
    """A variable of the gateway in frontispiece.toml."""
    return {"frontispiece.toml": f"{PROJECT}\n[gateway.environment]\n{text}\n"}


def pages(old: str, new: str) -> Files:
    """The module of the pages with one thing written otherwise."""
    return _with("web.py", old, new)


def _with(name: str, old: str, new: str) -> Files:
    text = NAMES[name]
    assert old in text
    return {name: text.replace(old, new, 1)}


TIMEOUT = 'timeout = "2s"'
AUTH = 'auth = "none"'
RATE = 'rate_limit = { rate = "100/second", burst = 500, by = "address" }'
ONE = "✗ DIR/routes.toml:{}: route 1 (/web/notes/{{note_id}}): "
TWO = "✗ DIR/routes.toml:{}: route 2 (/api/notes/{{note_id}}): "

# fmt: off
FAULTS: Final = [
    # the route table: keys and values
    Row("a typing error", table(TIMEOUT, 'timout = "2s"'), ONE.format(12) + "timout: unknown key: did you mean 'timeout'?"),
    Row("a typing error after a text", {"routes.toml": ROUTES.replace("[[routes]]", '# \u2028 \x85\n[docs]\ntitle = """\n[[routes]]\n"""\n[[routes]]', 1).replace("timeout", "timout", 1)}, ONE.format(17) + "timout: unknown key: did you mean 'timeout'?"),
    Row("no auth", table(f"{AUTH}\n", ""), ONE.format(7) + "auth: is missing: write who may call it, 'none', 'bearer', 'session', 'passthrough'"),
    Row("another auth", table(AUTH, 'auth = "beerer"'), ONE.format(10) + "auth: 'beerer' is none of 'none', 'bearer', 'session' or 'passthrough': did you mean 'bearer'?"),
    Row("a method as text", table(AUTH, f'{AUTH}\nmethods = "GET"'), ONE.format(11) + 'methods: must be a list: write ["GET"]'),
    Row("a number as time", table(TIMEOUT, "timeout = 2"), ONE.format(12) + '''timeout: 2 is no duration: write "150ms", "2s" or "5m"'''),
    Row("an unknown unit", table(TIMEOUT, 'timeout = "2 parsecs"'), ONE.format(12) + '''timeout: '2 parsecs' is no duration: write "150ms", "2s" or "5m"'''),
    Row("text for a table", table(RATE, 'rate_limit = "100/second"'), ONE.format(11) + "rate_limit: must be a table: the keys here are burst, by, header, rate, shared"),
    Row("a typing error within", table("burst", "brust"), ONE.format(11) + "rate_limit: brust: unknown key: did you mean 'burst'?"),
    Row("text for a number", table("500", '"many"'), ONE.format(11) + "rate_limit: burst: 'many' is no whole number"),
    Row("a table of its own", table(TIMEOUT, f'{TIMEOUT}\n\n[routes.cache]\nstale = "1m"'), ONE.format(15) + "cache: stale: unknown key: did you mean 'stale_if_error' or 'stale_while_revalidate'?"),
    Row("an undeclared layer", table(TIMEOUT, f"{TIMEOUT}\nlayers.greet = {{}}"), ONE.format(13) + "layers.greet: unknown key: no layer is declared, in [gateway.layers.NAME] of frontispiece.toml"),
    Row("scopes of nobody", table(AUTH, f'{AUTH}\nscopes = ["a"]'), ONE.format(11) + 'scopes ask for a user: set auth = "bearer" or "session"'),
    Row("two answers", table(AUTH, f'{AUTH}\nparts.a = {{ from = "notes:/a" }}'), ONE.format(7) + "a route has to or parts, not both: leave one"),
    # the route table: paths and addresses
    Row("a URL in to", table('"notes:/notes/{note_id}"', '"http://notes:8000/notes"'), TWO.format(16) + 'to: a URL is the address of a service: write [services.NAME] with url = "http://notes:8000", and here to = "NAME:/notes"'),
    Row("a colon for braces", table("/api/notes/{note_id}", "/api/notes/:id"), "✗ DIR/routes.toml:15: route 2 (/api/notes/:id): path: ':id' is no placeholder: write {id}"),
    Row("angle brackets", table("/api/notes/{note_id}", "/api/notes/<id>"), "✗ DIR/routes.toml:15: route 2 (/api/notes/<id>): path: '<id>' is no placeholder: write {id}"),
    Row("a star", table("/api/notes/{note_id}", "/api/notes/*"), "✗ DIR/routes.toml:15: route 2 (/api/notes/*): path: '*' is no placeholder: write {rest:path}"),
    Row("no slash", table("/api/notes/{note_id}", "api/notes/{note_id}"), "✗ DIR/routes.toml:15: route 2 (api/notes/{note_id}): path: 'api/notes/{note_id}' does not begin with a slash: write '/api/notes/{note_id}'"),
    Row("an unknown service", table("notes:/", "note:/"), TWO.format(16) + "to names the service 'note', which the table does not have: did you mean 'notes'?"),
    Row("an unknown placeholder", table('"notes:/notes/{note_id}"', '"notes:/notes/{id}"'), TWO.format(16) + "to uses id, which the path does not have: did you mean 'note_id'?"),
    Row("a page that does not exist", table('"web:/notes/{note_id}"', '"web:/note/{note_id}"'), ONE.format(9) + "to: web has no page GET /note/{note_id}: did you mean '/notes/{note_id}'?"),
    Row("a page that does not exist beside another fault", {**table('"web:/notes/{note_id}"', '"web:/note/{note_id}"'), **setting('GATEWAY_MAX_IN_FLIGHT = "many"')}, "✗ DIR/frontispiece.toml:9: gateway.environment.GATEWAY_MAX_IN_FLIGHT: 'many' is no whole number\n" + ONE.format(9) + "to: web has no page GET /note/{note_id}: did you mean '/notes/{note_id}'?"),
    Row("routes that collide", table('/api/notes/{note_id}"\nto = "notes:/notes/{note_id}"', '/web/notes/{id}"\nto = "notes:/notes/{id}"'), "✗ DIR/routes.toml:15: route 2 (/web/notes/{id}): GET is answered by /web/notes/{note_id} already: leave one of them"),
    Row("a bad URL", table("registry://notes", "notes:8080"), "✗ DIR/routes.toml:5: services: notes: url: 'notes:8080' is no address: it begins with none of http://, https://, h2://, httpx+http://, grpc://, grpcs://, registry://, dns://, srv://, app://"),
    Row("an unknown app", table("registry://notes", "registry://nots"), "✗ DIR/routes.toml:5: services: notes: SERVICES names no address for 'nots': did you mean 'notes'?"),
    Row("an app that cannot be imported", table("registry://web", "app://wep:create_app"), "✗ DIR/routes.toml:2: services: web: wep:create_app cannot be imported: No module named 'wep': modules are found in the project's folder, and where pip installs"),
    # the route table: its form
    Row("one route in single brackets", table("[[routes]]", "[routes]"), "✗ DIR/routes.toml:14:9: Cannot overwrite a value: it is there already; lists of tables are headed by [[NAME]]"),
    Row("routes in single brackets", {"routes.toml": ROUTES.rpartition("[[routes]]")[0].replace("[[", "[").replace("]]", "]")}, "✗ DIR/routes.toml:7: routes: must be a list of tables: each route is headed by [[routes]], in two pairs of brackets"),
    Row("a service as text", table("[services.web]\nurl =", "[services]\nweb ="), "✗ DIR/routes.toml:2: services: web: must be a table: the keys here are audience, breaker, concurrency, descriptors, health, needed, url"),
    Row("an open string", table(TIMEOUT, 'timeout = "2s'), "✗ DIR/routes.toml:12:14: Illegal character '\\n': is a quotation mark missing?"),
    Row("a key twice", table(TIMEOUT, f"{TIMEOUT}\n{TIMEOUT}"), "✗ DIR/routes.toml:13:15: Cannot overwrite a value: it is there already; lists of tables are headed by [[NAME]]"),
    Row("a section twice", table("[services.notes]", "[services.web]"), "✗ DIR/routes.toml:4:14: Cannot declare ('services', 'web') twice: keys of one table stand under one header"),
    Row("a byte order mark", {"routes.toml": b"\xef\xbb\xbf" + ROUTES.encode()}, "✗ DIR/routes.toml:1:1: it begins with a byte order mark: save it as UTF-8 without BOM"),
    Row("another encoding", {"routes.toml": b"\n# caf\xe9\n"}, "✗ DIR/routes.toml:2:6: the byte 0xe9 is no UTF-8: save the file as UTF-8"),
    Row("an empty file", {"routes.toml": ""}, "✗ DIR/routes.toml: services: is missing: each service is headed by [services.NAME]\n✗ DIR/routes.toml: routes: is missing: each route is headed by [[routes]], in two pairs of brackets"),
    Row("no file", {"routes.toml": None}, "✗ DIR/routes.toml: there is no such file: `[gateway] routes` of frontispiece.toml, or GATEWAY_ROUTES, names the table"),
    Row("a folder for a file", {"routes.toml": FOLDER}, "✗ DIR/routes.toml: this is a folder, where a file is expected: `[gateway] routes` of frontispiece.toml, or GATEWAY_ROUTES, names the table"),
    # frontispiece.toml
    Row("an unknown key of an app", project("command", "commnd"), "DIR/frontispiece.toml:6: apps.notes.commnd: unknown key: did you mean 'command'?"),
    Row("two kinds of app", project("mounted = true", 'url = "http://a"'), "DIR/frontispiece.toml:1: apps.web: an app has exactly one of factory, command and url: leave one"),
    Row("a list of apps", {"frontispiece.toml": '[[apps]]\nname = "web"\n'}, "DIR/frontispiece.toml:1: apps: must be tables by name: each app is headed by [apps.NAME]"),
    Row("a factory with a dot", project("web:create_app", "web.create_app"), "DIR/frontispiece.toml:2: apps.web.factory: 'web.create_app' is no module:function"),
    Row("a variable that begins with a digit", project("mounted", 'signing_key = "1A"\nmounted'), "DIR/frontispiece.toml:3: apps.web.signing_key: '1A' is no VARIABLE: letters, digits and _, no digit first"),
    Row("a command as text", project('["python3", "notes.py"]', '"python3 notes.py"'), 'DIR/frontispiece.toml:6: apps.notes.command: must be a list: write ["python3 notes.py"]'),
    Row("an unknown variable", project('"notes.py"', '"notes.py", "${prot}"'), "DIR/frontispiece.toml:6: apps.notes.command.2: unknown placeholder ${prot}: did you mean 'port'?"),
    Row("a program mounted", project("command", "mounted = true\ncommand"), "DIR/frontispiece.toml:5: apps.notes: only an app with a factory can be mounted: leave mounted out"),
    Row("Python's truth", project("mounted = true", "mounted = True"), "DIR/frontispiece.toml:3:11: Invalid value: write text in quotation marks, and true or false in small letters"),
    Row("no project", {"frontispiece.toml": None}, "DIR/frontispiece.toml: there is no such file: front init DIR writes one, --project DIR names the folder of another"),
    Row("an unknown program", project("python3", "pyhton3"), "✗ DIR/frontispiece.toml:6: apps.notes.command: there is no program pyhton3, neither on PATH nor in DIR: install it"),
    Row("an unknown folder", project("command", 'folder = "nots"\ncommand'), "✗ DIR/frontispiece.toml:6: apps.notes.folder: there is no folder DIR/nots: it is relative to the project's"),
    Row("an unknown module", project("web:", "wep:"), "✗ DIR/frontispiece.toml:2: apps.web.factory: wep:create_app cannot be imported: No module named 'wep': modules are found in the project's folder, and where pip installs"),
    Row("an unknown function", project("create_app", "create_ap"), "✗ DIR/frontispiece.toml:2: apps.web.factory: web:create_ap cannot be imported: module 'web' has no attribute 'create_ap': did you mean 'create_app'?"),
    Row("a factory that fails", pages("create_app =", "def create_app():\n    return 1 / 0\n\n\nother ="), "✗ DIR/frontispiece.toml:2: apps.web.factory: web:create_app failed: ZeroDivisionError: division by zero (DIR/web.py, line 17)"),
    Row("a factory that ends", pages("create_app =", 'raise SystemExit("no ink")\ncreate_app ='), "✗ DIR/frontispiece.toml:2: apps.web.factory: web:create_app cannot be imported: SystemExit: no ink (DIR/web.py, line 16)"),
    Row("a factory of nothing", pages("create_app =", "def create_app():\n    pass\n\n\nother ="), "✗ DIR/frontispiece.toml:2: apps.web.factory: web:create_app returns no ASGI app, but NoneType"),
    Row("an empty address", {"frontispiece.toml": '[apps.far]\nurl = ""\n'}, "DIR/frontispiece.toml:2: apps.far.url: must have at least 1 character"),
    Row("a key of nothing", {"frontispiece.toml": f'folder = "x"\n{PROJECT}'}, "DIR/frontispiece.toml:1: folder: unknown key"),
    Row("a layer nowhere", {"frontispiece.toml": f'{PROJECT}\n[gateway.layers.greet]\nfactory = "web:page"\nafter = "authh"\n'}, "✗ DIR/frontispiece.toml:10: gateway.layers.greet.after: 'authh' is no policy: did you mean 'auth'?\n✗ DIR/frontispiece.toml:9: gateway.layers.greet.factory: web:page is no subclass of frontispiece.gateway.RouteLayer: name one"),
    Row("a command that front has", {"frontispiece.toml": f'{PROJECT}\n[commands]\ncheck = "web:page"\n'}, "✗ DIR/frontispiece.toml:9: commands.check: front has a command with this name: choose another\n✗ DIR/frontispiece.toml:9: commands.check: web:page is no typer.Typer, but Page: name an attribute that is one"),
    # settings
    Row("bad JSON", setting('GATEWAY_ISSUERS = "{"'), '✗ DIR/frontispiece.toml:9: gateway.environment.GATEWAY_ISSUERS: this is no JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1)): write {"NAME": …}'),
    Row("no setting", setting('GATEWAY_MAX_IN_FLIHGT = "5"'), "✗ DIR/frontispiece.toml:9: gateway.environment.GATEWAY_MAX_IN_FLIHGT: it is no setting of the gateway: did you mean 'GATEWAY_MAX_IN_FLIGHT'?"),
    Row("no setting of the issuer", setting('ISSUER_AUDEINCE = "api"'), "✗ DIR/frontispiece.toml:9: gateway.environment.ISSUER_AUDEINCE: it is no setting of the gateway: did you mean 'ISSUER_AUDIENCE'?"),
    Row("a number that is text", setting('GATEWAY_MAX_IN_FLIGHT = "many"'), "✗ DIR/frontispiece.toml:9: gateway.environment.GATEWAY_MAX_IN_FLIGHT: 'many' is no whole number"),
    Row("a variable that is a number", setting("GATEWAY_MAX_IN_FLIGHT = 5"), 'DIR/frontispiece.toml:9: gateway.environment.GATEWAY_MAX_IN_FLIGHT: must be text: write "5"'),
    Row("no address", setting('GATEWAY_ADMIN = "nonsense"'), """✗ DIR/frontispiece.toml:9: gateway.environment.GATEWAY_ADMIN: 'nonsense' is no address: write "127.0.0.1:9100", or "off\""""),
    Row("no key", setting('GATEWAY_SIGNING_KEY = "no PEM"'), "✗ DIR/frontispiece.toml:9: gateway.environment.GATEWAY_SIGNING_KEY: this is no private key in PEM: make one with `openssl genpkey -algorithm ed25519`"),
    Row("no issuer", table(AUTH, 'auth = "bearer"'), "✗ gateway: ISSUER_URL: the table's bearer routes need an issuer of tokens: set it to your identity provider's URL"),
    Row("a URL without https", setting('ISSUER_URL = "issuer.test"'), "✗ DIR/frontispiece.toml:9: gateway.environment.ISSUER_URL: this is no http(s) URL: write https://issuer.example"),
    Row("keys without a file", setting('ISSUER_URL = "https://issuer.test"\nISSUER_JWKS = "jwks.json"'), "✗ DIR/frontispiece.toml:10: gateway.environment.ISSUER_JWKS: there is no file jwks.json: name one, or leave ISSUER_JWKS out, for discovery"),
    Row("bad JSON in the environment", {}, '✗ web: SERVICES: this is no JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1)): write {"NAME": …}\n✗ gateway: SERVICES: this is no JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1)): write {"NAME": …}', {"SERVICES": "{"}),
    # pages
    Row("a cycle", pages("note_id: str) -> str:\n    return note_id", "other: str) -> str:\n    return other\n\n\n@page.source()\nasync def other(note: str) -> str:\n    return note"), "✗ DIR/web.py:6: /notes/{note_id}: sources wait for each other: note → other → note: one of them takes a parameter too many"),
    Row("an unknown parameter", pages("note_id: str)", "nte_id: str)"), "✗ DIR/web.py:6: /notes/{note_id}: the parameter nte_id is no source, placeholder or provided type: did you mean 'note_id'?; a query parameter has a default, or is declared nte_id: Query[…]"),
    Row("a client that is not listed", pages("@page.source()\nasync def note(note_id: str)", "class Notes: ...\n\n\n@page.source()\nasync def note(note_id: str, notes: Notes)"), '✗ DIR/web.py:9: /notes/{note_id}: the parameter notes: its type Notes is not in clients={…} of bff("web"): add it there, Notes: "SERVICE"'),
    Row("another type", pages("screen(note: str)", "screen(note: int)"), "✗ DIR/web.py:11: /notes/{note_id}: the source note returns str, not int: annotate both alike"),
    Row("a source for nothing", pages("@page.view", '@page.source()\nasync def more() -> str:\n    return "a"\n\n\n@page.view'), "✗ DIR/web.py:11: /notes/{note_id}: the source more is not used: take it as a parameter, or remove it"),
    Row("a source without await", pages("async def", "def"), "✗ DIR/web.py:6: /notes/{note_id}: a source is an async function: write async def"),
    Row("no view", pages("@page.view\n", ""), "✗ DIR/web.py:6: /notes/{note_id}: a page has one @page.view, not 0"),
    Row("a page twice", pages("[page]", "[page, page]"), "✗ DIR/web.py:6: /notes/{note_id}: another page serves GET already: leave one of them"),
    Row("no Python", pages("return note_id", "return note_id)"), "✗ DIR/frontispiece.toml:2: apps.web.factory: web:create_app cannot be imported: SyntaxError: unmatched ')' (DIR/web.py, line 8)"),
]

UP_FAULTS: Final = [
    # what is taken: TAKEN is a port that another program has
    ("a port", ["--port", "TAKEN"], "Port TAKEN on 127.0.0.1 is not free (Address already in use): choose another."),
    ("an admin port", ["--port", "0", "--admin-port", "TAKEN"], "Port TAKEN on 127.0.0.1 is not free (Address already in use): choose another."),
    ("a folder that is a file", ["--port", "0", "--data", "DIR/notes.py"], "DIR/notes.py cannot be the data folder: Not a directory: DIR/notes.py/logs: name another by --data"),
]
# fmt: on
