"""Timelines made by hand, and any that there could be."""

from html.parser import HTMLParser

from hypothesis import strategies as st

from frontispiece.pages.timeline import BatchTrace, CallTrace, PageTrace, SourceTrace, Timeline, TraceOutcome

CARDS = "/products?sku=" + "&sku=".join(f"INKS-{number:03d}" for number in range(20))


def call(upstream: str, target: str, began: float, ended: float, answer: str = "200") -> CallTrace:
    return CallTrace(upstream=upstream, method="GET", target=target, began=began, ended=ended, answer=answer)


def text_of(document: str) -> str:
    """What a document of HTML shows."""
    shown: list[str] = []
    parser = HTMLParser()
    parser.handle_data = shown.append  # type: ignore[assignment, method-assign]
    parser.feed(document)
    return "".join(shown)


def explained() -> PageTrace:
    """A page on which nearly everything happened that can."""
    called = [call("catalog", CARDS, 14.1, 29.9)]
    batch = BatchTrace(loader="cards", keys=20, began=14, ended=30, outcome=TraceOutcome.DONE, calls=called)
    sources = [
        SourceTrace(
            name="product",
            optional=False,
            needs=[],
            began=0.3,
            ended=12.1,
            outcome=TraceOutcome.DONE,
            calls=[call("catalog", "/products/PENS-001", 0.4, 12.0)],
        ),
        SourceTrace(
            name="latest",
            optional=True,
            needs=[],
            began=0.3,
            ended=180.1,
            outcome=TraceOutcome.FALLBACK,
            reason="timeout",
            attempts=2,
            calls=[call("reviews", "/reviews?sku=PENS-001", 0.4, 180.0, "timeout")],
        ),
        SourceTrace(
            name="related",
            optional=True,
            needs=["product"],
            began=90.0,
            ended=120.0,
            outcome=TraceOutcome.DONE,
            batches=[0],
        ),
        SourceTrace(
            name="also_bought",
            optional=True,
            needs=["product"],
            began=91.0,
            ended=121.0,
            outcome=TraceOutcome.DONE,
            cache="miss",
            batches=[0],
        ),
        SourceTrace(
            name="stocks",
            optional=True,
            needs=["product"],
            began=12.3,
            ended=12.4,
            outcome=TraceOutcome.DONE,
            cache="hit",
        ),
        SourceTrace(
            name="prices", optional=False, needs=["stocks"], began=12.4, outcome=TraceOutcome.CANCELLED
        ),
        SourceTrace(name="labels", optional=False, needs=["prices"]),
    ]
    timeline = Timeline(
        page="/products/{sku}",
        method="GET",
        status=200,
        total=182.4,
        deadline=200.0,
        sources=sources,
        batches=[batch],
    )
    return PageTrace(timeline=timeline, view={"sku": "PENS-001", "name": "<b>Reed</b> & pen"})


texts = st.text(max_size=60)
times = st.floats()  # clocks may be wrong: not a number, infinite, negative, ended before begun
calls = st.lists(
    st.builds(CallTrace, upstream=texts, method=texts, target=texts, began=times, ended=times, answer=texts),
    max_size=2,
)
batches = st.lists(
    st.builds(
        BatchTrace,
        loader=texts,
        keys=st.integers(),
        began=times,
        ended=times,
        outcome=st.sampled_from(TraceOutcome),
        calls=calls,
    ),
    max_size=2,
)


def _sources(seen: list[BatchTrace]) -> st.SearchStrategy[list[SourceTrace]]:
    source = st.builds(
        SourceTrace,
        name=texts,
        optional=st.booleans(),
        needs=st.lists(texts, max_size=2),
        began=st.none() | times,
        ended=st.none() | times,
        outcome=st.sampled_from(TraceOutcome),
        reason=st.none() | texts,
        cache=st.none() | texts,
        attempts=st.integers(),
        calls=calls,
        batches=st.lists(st.sampled_from(range(len(seen))), max_size=3) if seen else st.just([]),
    )
    return st.lists(source, max_size=4)


@st.composite
def anything(draw: st.DrawFn) -> PageTrace:
    """What a page might tell of itself, however odd."""
    seen = draw(batches)
    timeline = Timeline(
        page=draw(texts),
        method=draw(texts),
        status=draw(st.integers()),
        total=draw(times),
        deadline=draw(times),
        sources=draw(_sources(seen)),
        batches=seen,
    )
    document = st.none() | texts | st.dictionaries(texts, texts | st.integers(0, 9), max_size=3)
    return PageTrace(timeline=timeline, view=draw(document), problem=draw(document))
