from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.errors import UnreadableDocument
from app.ingestion.parsers.html import DEEPEST, HtmlParser, parsed_html
from app.ingestion.parsers.html_events import tags
from tests.factories import html
from tests.unit.parsing import check_whole, unhurried


def text_of(body: str) -> str:
    parsed = HtmlParser().parse(html(body))
    check_whole(parsed)
    return parsed.text


def test_headings_make_sections_with_their_path() -> None:
    parsed = HtmlParser().parse(html("<p>x<h1>A</h1><p>a<h2>B <i>c</i></h2><p>b<h1>D</h1>"))
    check_whole(parsed)
    assert [section.path for section in parsed.sections] == [(), ("A",), ("A", "B c"), ("D",)]
    assert parsed.text == "x\n\n# A\n\na\n\n## B c\n\nb\n\n# D"


def test_the_title_is_the_pages_or_its_first_heading() -> None:
    assert HtmlParser().parse(html("<h1>Other</h1>", title=" Tides \n&amp; time ")).title == (
        "Tides & time"
    )
    assert HtmlParser().parse(html("<h1>Tides</h1>")).title == "Tides"
    assert HtmlParser().parse(html("<p>Tides")).title is None


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>no()</script>",
        "<style>no{}</style>",
        "<noscript>no</noscript>",
        "<template>no</template>",
        "<nav>no</nav>",
        "<footer>no</footer>",
        "<aside>no</aside>",
        "<div role=navigation>no</div>",
        "<p hidden>no</p>",
        "<p style='color:red; display : none'>no</p>",
        "<span aria-hidden=true>no</span>",
        "<a hreflang=de href=x>no</a>",
        "<button>no</button><select><option>no</select>",
        "<!-- no -->",
        "<svg><text>no</text></svg>",
    ],
)
def test_what_a_reader_does_not_read_is_left_out(hidden: str) -> None:
    assert text_of(f"<p>be</p>{hidden}<p>fore</p>") == "be\n\nfore"


def test_the_main_part_of_a_page_is_all_of_it() -> None:
    assert text_of("<div>menu</div><main><p>words that matter</main><div>more</div>") == (
        "words that matter"
    )


def test_a_small_article_is_not_taken_for_the_page() -> None:
    assert "matter" in text_of("<article>teaser</article><p>" + "words that matter " * 5)


def test_a_page_of_nothing_but_menus_is_still_read() -> None:
    assert text_of("<nav><p>only this</nav>") == "only this"


def test_lists_are_lists() -> None:
    assert text_of("<p>Buy<ul><li>salt<li>fish<ol><li>cod<li>eel</ol><li>rope</ul><p>End") == (
        "Buy\n\n- salt\n- fish\n  1. cod\n  2. eel\n- rope\n\nEnd"
    )


def test_an_items_paragraphs_belong_to_it() -> None:
    assert text_of("<ul><li><p>one<p>more</ul>") == "- one\n\n  more"


def test_tables_are_rows_with_their_header() -> None:
    assert text_of(
        "<table><caption>Tides</caption><tr><th>Port<th>High<tr><td>Brest<td>6 | 7<tr><td>Kiel"
        "</table>"
    ) == ("Tides\n\n| Port | High |\n| --- | --- |\n| Brest | 6 \\| 7 |\n| Kiel |  |")


def test_a_cell_over_two_columns_leaves_the_others_in_place() -> None:
    assert text_of("<table><tr><td colspan=2>a<td>b<tr><td>1<td>2<td>3</table>") == (
        "| a |  | b |\n| 1 | 2 | 3 |"
    )


def test_every_row_of_a_long_table_carries_its_header() -> None:
    rows = "".join(f"<tr><td>port {number}<td>{number} | m" for number in range(20))
    head = "<tr><th rowspan=2>Port<th>High<tr><th><th>water"
    for header in (head, "<tr><td>Port<td>High water"):
        text = text_of(f"<table><caption>Tides</caption>{header}{rows}</table>")
        assert text.startswith("Tides\n\nPort: port 0; High water: 0 | m\nPort: port 1;")
        assert text.endswith("\nPort: port 19; High water: 19 | m")


def test_a_table_that_arranges_a_page_is_no_table() -> None:
    assert text_of("<table><tr><td><h1>A</h1><p>a<td><p>b</table>") == "# A\n\na\n\nb"


def test_code_keeps_its_lines_and_spaces() -> None:
    assert text_of(
        "<pre><code>def f():\n    return `1`\n</code></pre><p>Call <code>f()</code>"
    ) == ("```\ndef f():\n    return `1`\n```\n\nCall `f()`")


def test_a_fence_is_longer_than_those_within() -> None:
    assert text_of("<pre>```\nx\n```</pre>") == "````\n```\nx\n```\n````"


def test_lines_break_where_the_page_says() -> None:
    assert text_of("<p>a<br>b\n c<hr>d") == "a\nb c\n\nd"


def test_links_and_pictures_are_their_words() -> None:
    assert text_of("<p>See <a href='http://x'>the <b>tide</b>s</a> <img src=x alt='a chart'>") == (
        "See the tides a chart"
    )


def test_quotes_are_marked() -> None:
    assert text_of("<blockquote><p>a<p>b</blockquote>c") == "> a\n\n> b\n\nc"


def test_the_pages_encoding_is_believed() -> None:
    page = "<html><meta charset='windows-1251'><body><p>Прилив</p></body></html>"
    assert HtmlParser().parse(page.encode("cp1251")).text == "Прилив"


def test_character_references_bring_nothing_forbidden_in() -> None:
    assert text_of("<p>a&#0;b&#13;c&#xd800;d&#1;e") == "a\ufffdb c\ufffdd e"


def test_elements_nested_without_end_are_refused() -> None:
    with pytest.raises(UnreadableDocument, match="nested"):
        parsed_html("<div>" * (DEEPEST + 1) + "x")


def test_elements_nested_deep_are_read() -> None:
    assert parsed_html("<div><ul><li>" * (DEEPEST // 3) + "x").text.endswith("x")


def test_unclosed_paragraphs_are_not_nested() -> None:
    assert parsed_html("<p>x" * (DEEPEST + 1)).text.count("x") == DEEPEST + 1


TAGS = sorted(
    tags(
        "p div h1 h2 ul ol li table tr td th caption pre code br a b nav main span blockquote",
    )
)
PIECES = st.one_of(
    st.sampled_from([f"<{tag}>" for tag in TAGS] + [f"</{tag}>" for tag in TAGS]),
    st.sampled_from(["<td colspan=3>", "<p hidden>", "<img alt=x>", "&lt;", "&#0;", "<!--", "-->"]),
    st.text(alphabet=st.characters(), max_size=5),
)


@unhurried
@given(st.lists(PIECES).map("".join))
@example("<table><td><table></table>")
@example("<pre>\x00\ud800")
@example("<math alttext=x><mi>y")
def test_any_page_comes_out_clean(page: str) -> None:
    check_whole(HtmlParser().parse(page.encode("utf-8", "surrogatepass")))


@unhurried
@given(
    st.lists(
        st.sampled_from(["<p>", "<ul><li>", "<table><tr><td>", "<pre>", "<b>", "<h2>", "</p>"])
    )
)
def test_every_visible_word_is_kept(opened: list[str]) -> None:
    words = [f"word{number}" for number in range(len(opened))]
    text = HtmlParser().parse(html("".join(map("".join, zip(opened, words, strict=True))))).text
    assert all(word in text for word in words)
