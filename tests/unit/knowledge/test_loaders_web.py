from __future__ import annotations

import pytest

from knowledge.loaders.blocks import Block, DocumentUnreadable
from knowledge.loaders.web import load_html


def page(body: str, head: str = "") -> tuple[Block, ...]:
    html = f"<!doctype html><html><head>{head}</head><body>{body}</body></html>"
    return load_html(html.encode()).blocks


def texts(body: str, head: str = "") -> list[str]:
    return [block.text for block in page(body, head)]


def test_navigation_header_footer_aside_and_scripts_are_left_out() -> None:
    body = (
        "<header>Logo</header><nav>Home</nav><div role='navigation'>Menu</div>"
        "<p>Seen.</p><aside>Links</aside><script>x()</script><style>p{}</style>"
        "<noscript>No</noscript><footer>Imprint</footer><!-- comment -->"
    )

    assert texts(body) == ["Seen."]


def test_only_main_is_read_where_there_is_one() -> None:
    assert texts("<p>Around.</p><main><p>Inside.</p></main>") == ["Inside."]


def test_the_header_of_an_article_holds_its_title() -> None:
    body = "<article><header><h1>News</h1></header><p>Text.</p></article>"

    assert texts(body) == ["News", "Text."]


def test_a_page_that_is_all_frame_is_read_anyway() -> None:
    assert texts("<aside><p>All there is.</p></aside>") == ["All there is."]


@pytest.mark.parametrize(
    "element",
    [
        '<p style="display:none">x</p>',
        '<p style="visibility: hidden">x</p>',
        '<p style="font-size:0px">x</p>',
        '<p style="opacity: 0">x</p>',
        '<p style="position:absolute; left:-9999px">x</p>',
        '<p style="color:#fff;background:#FFF">x</p>',
        '<p style="color:transparent">x</p>',
        '<p style="height:0;overflow:hidden">x</p>',
        "<p hidden>x</p>",
        '<p aria-hidden="true">x</p>',
        '<p class="sr-only">x</p>',
        '<input type="hidden" value="x">',
        "<template><p>x</p></template>",
        '<p>Seen<span style="display:none">x</span></p>',
        '<table><tr><th>Seen<td style="display:none">x</td></tr><tr><td>c</table>',
        '<ul><li>Seen</li><li style="display:none">x</li></ul>',
        "<h2>Seen <span hidden>x</span></h2>",
    ],
)
def test_hidden_elements_are_left_out(element: str) -> None:
    joined = " ".join(texts(f"<p>Seen.</p>{element}"))

    assert "Seen" in joined
    assert "x" not in joined


def test_what_a_style_sheet_hides_is_left_out() -> None:
    head = "<style>/* a */ .note, #x { display : none } p b{color:red}</style>"

    assert texts('<p class="note">a</p><p id="x">b</p><p>c <b>d</b></p>', head) == [
        "c d"
    ]


def test_what_is_hidden_for_print_only_is_seen() -> None:
    head = "<style>@media print { .note { display:none } }</style>"

    assert texts('<p class="note">Seen.</p>', head) == ["Seen."]


def test_inline_elements_keep_their_words_apart_only_where_the_text_does() -> None:
    assert texts("<p>H<sub>2</sub>O is <em>not</em>\n <b>air</b>.</p>") == [
        "H2O is not air."
    ]


def test_lists_nest_and_count() -> None:
    body = "<ol><li>one<ul><li>deep</li></ul></li><li>two</li></ol>"

    assert texts(body) == ["1. one", "- deep", "2. two"]


def test_terms_and_their_meaning_are_items() -> None:
    assert texts("<dl><dt>KRS</dt><dd>study plan</dd></dl>") == ["- KRS: study plan"]


def test_breaks_are_lines() -> None:
    assert texts("<p>Bima Hall<br>Room 2</p>") == ["Bima Hall\nRoom 2"]


def test_a_table_names_columns_and_fills_in_spans() -> None:
    body = (
        "<table><caption>Fees</caption>"
        "<tr><th rowspan=2>Group</th><th colspan=2>Fee</th></tr>"
        "<tr><th>Odd</th><th>Even</th></tr>"
        "<tr><td rowspan=2>A</td><td>1</td><td>2</td></tr>"
        "<tr><td>3</td><td>4</td></tr></table>"
    )

    assert texts(body) == [
        "Fees",
        "Group: A; Fee Odd: 1; Fee Even: 2",
        "Group: A; Fee Odd: 3; Fee Even: 4",
    ]


def test_a_table_of_keys_and_values() -> None:
    body = "<table><tr><th>Phone<td>555</tr><tr><th>Room<td>2</tr></table>"

    assert texts(body) == ["Phone: 555", "Room: 2"]


def test_a_table_for_layout_is_read_as_text() -> None:
    body = (
        "<table role=presentation><tr><td><h2>Hours</h2><p>Nine.</p></td></tr></table>"
    )

    assert [(b.kind, b.text) for b in page(body)] == [
        ("heading", "Hours"),
        ("text", "Nine."),
    ]


def test_title_language_and_meta_are_kept() -> None:
    html = (
        '<html lang="id-ID"><head><title>Biaya Kuliah | Universitas</title>'
        '<meta name="description" content="Semua biaya">'
        '<meta name="valid_until" content="2026-12-31">'
        '<link rel="canonical" href="https://uls.example/biaya"></head>'
        "<body><h1>Biaya Kuliah</h1><p>Teks.</p></body></html>"
    )

    extract = load_html(html.encode())

    assert extract.title == "Biaya Kuliah"
    assert extract.language == "id"
    assert extract.metadata == {
        "description": "Semua biaya",
        "valid_until": "2026-12-31",
        "url": "https://uls.example/biaya",
    }


def test_a_declared_encoding_is_believed() -> None:
    html = '<meta charset="iso-8859-1"><p>Caf\u00e9</p>'

    assert load_html(html.encode("latin-1")).blocks[0].text == "Caf\u00e9"


def test_a_tower_of_elements_is_refused_before_it_is_built() -> None:
    with pytest.raises(DocumentUnreadable, match="nested"):
        load_html(b"<div>" * 100_000)


def test_elements_are_deep_but_readable_below_the_limit() -> None:
    assert texts("<div>" * 600 + "deep" + "</div>" * 600) == ["deep"]
