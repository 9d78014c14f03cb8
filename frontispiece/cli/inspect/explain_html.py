"""A page's timeline as one self-contained HTML page: no script, no font, no network."""

from html import escape

import msgspec

from frontispiece.cli.inspect.waterfall_rows import Row, Scale, rows, scale, summary, times, verdict
from frontispiece.cli.text import milliseconds, printable
from frontispiece.pages.timeline import PageTrace

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0;
  --done: #1a7f37; --fallback: #9a6700; --failed: #cf222e; --cancelled: #818b98 }
@media (prefers-color-scheme: dark) {
  :root { --ground: #0d1117; --ink: #f0f6fc; --soft: #9198a1; --line: #3d444d;
    --done: #3fb950; --fallback: #d29922; --failed: #f85149; --cancelled: #656c76 }
}
body { margin: 2rem auto; max-width: 80rem; padding: 0 1rem; background: var(--ground); color: var(--ink);
  font: 14px/1.45 ui-sans-serif, system-ui, sans-serif }
h1 { font-size: 1.3rem; overflow-wrap: anywhere }
.verdict { color: var(--fallback); overflow-wrap: anywhere }
.wide { overflow-x: auto }
table { width: 100%; border-collapse: collapse }
th, td { padding: .2rem .5rem; text-align: left; font-weight: normal; white-space: nowrap }
thead th, .batch, .call { color: var(--soft) }
.source > * { border-top: 1px solid var(--line) }
.source > th { font-weight: 600 }
.depth1 > th { padding-left: 1.5rem } .depth2 > th { padding-left: 2.5rem }
.note { max-width: 26rem; overflow: hidden; text-overflow: ellipsis }
.fallback .note { color: var(--fallback) } .failed .note { color: var(--failed) }
.time { text-align: right; font-variant-numeric: tabular-nums }
.bars { width: 55%; min-width: 16rem }
.lane { position: relative; height: 1rem }
.lane i { position: absolute; top: .15rem; height: .7rem; min-width: 2px; border-radius: 2px }
.done .lane i { background: var(--done) }
.batch i, .call i { top: .3rem; height: .4rem; opacity: .75 }
.fallback .lane i { background: var(--fallback) } .failed .lane i { background: var(--failed) }
.cancelled .lane i { background: var(--cancelled) }
.lane .waits { top: .45rem; height: 0; border-top: 2px dotted var(--cancelled); background: none !important }
.lane b { position: absolute; top: -.3rem; bottom: -.3rem; border-left: 2px dashed var(--failed) }
summary { margin-top: 1.5rem; cursor: pointer }
pre { overflow-x: auto; border: 1px solid var(--line); padding: 1rem }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(explained: PageTrace) -> str:
    """The HTML page, which is well-formed XML, too."""
    title = escape(summary(explained.timeline))
    at = scale(explained.timeline)
    verdicts = "".join(f'<p class="verdict">{escape(line)}</p>\n' for line in verdict(explained))
    drawn = "".join(_row(row, at) for row in rows(explained.timeline))
    deadline = "" if at.mark is None else ", the red line is the page's deadline"
    return f"""<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="{POLICY}"/>
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{title}</h1>
{verdicts}<div class="wide"><table>
<thead><tr><th>source</th><th>0 to {milliseconds(at.span)} ms{deadline}</th>\
<th class="time">at</th><th class="time">ms</th><th></th></tr></thead>
<tbody>
{drawn}</tbody>
</table></div>
{_folded("View", explained.view)}{_folded("Problem", explained.problem)}</body>
</html>
"""


def _row(row: Row, at: Scale) -> str:
    note = escape(row.note)
    began, took = times(row)
    return (
        f'<tr class="{row.kind} depth{row.depth} {row.outcome}"><th scope="row">{escape(row.label)}</th>'
        f'<td class="bars"><div class="lane">{_lane(row, at)}</div></td>'
        f'<td class="time">{began}</td><td class="time">{took}</td>'
        f'<td class="note" title="{note}">{note}</td></tr>\n'
    )


def _lane(row: Row, at: Scale) -> str:
    """A row's bar, after the time that its source waited for inputs, in percent."""
    begin = at.part(row.ended if row.began is None else row.began) * 100
    end = max(begin, at.part(row.ended) * 100)
    drawn = ""
    if row.waits:
        drawn += f'<i class="waits" style="left:0;width:{begin:.3f}%"></i>'
    if row.began is not None:
        drawn += f'<i style="left:{begin:.3f}%;width:{end - begin:.3f}%"></i>'
    if at.mark is not None:
        drawn += f'<b style="left:{at.mark * 100:.3f}%"></b>'
    return drawn


def _folded(name: str, document: object) -> str:
    if document is None:
        return ""
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    lines = "\n".join(escape(printable(line)) for line in text.split("\n"))
    return f"<details><summary>{name}</summary><pre>{lines}</pre></details>\n"
