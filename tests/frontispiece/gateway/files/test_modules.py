"""What a module imports before it runs, read off its text."""

from frontispiece.gateway.files.html import import_graph, imports_of


def test_static_imports_and_re_exports_by_relative_references_are_found() -> None:
    expected = {
        'import "./a.js";': ["web/a.js"],
        "import './a.js'": ["web/a.js"],
        'import a from "./a.js";': ["web/a.js"],
        'import a,{b as c}from"./a.js";import d from"../d.js"': ["web/a.js", "d.js"],
        'import * as a from "./deep/a.js"': ["web/deep/a.js"],
        'import {\n  a,\n  b,\n} from "./a.js";\n': ["web/a.js"],
        'export { a } from "./a.js";\nexport * from "./b.js";': ["web/a.js", "web/b.js"],
        '  import a from "./a.js?v=1";': ["web/a.js"],
        'import a from "library";\nimport b from "/absolute.js";': [],
        'const a = await import("./a.js");': [],
        'import("./a.js").then(run);': [],
        '/** @import { A } from "./a.js" */': [],
        ' * import a from "./a.js";': [],
        '// import a from "./a.js";': [],
        'export const VERSION = "1.1.0";': [],
        'export const a = () => import("./a.js");': [],
        'export function from() {}\nconst x = "./a.js";': [],
        'const text = "import a from ./a.js";': [],
    }
    assert {text: list(imports_of("web/main.js", text)) for text in expected} == expected


def test_a_graph_has_every_module_once_even_in_circles() -> None:
    contents = {
        "main.js": b'import "./a.js";\nimport "./b.js";',
        "a.js": b'import "./b.js";',
        "b.js": b'import "./a.js";\nimport "./main.js";',
        "unused.js": b"",
    }

    assert import_graph("main.js", contents) == (["main.js", "a.js", "b.js"], [])
