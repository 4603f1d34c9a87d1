//! What comes out is read with a parser of Markdown, with all its extensions and with none: it finds no HTML, no image and no foreign
//! link, whatever went in and in whatever pieces.

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

use super::*;

fn sanitised(text: &str) -> String {
    Sanitiser::all(Slug::new("vary"), text)
}

/// What a parser finds in `text` that must not be there.
fn forbidden(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for options in [Options::empty(), Options::all()] {
        for event in Parser::new_ext(text, options) {
            match event {
                Event::Html(html) | Event::InlineHtml(html) => found.push(html.to_string()),
                Event::Start(Tag::Image { dest_url, .. }) => found.push(format!("image {dest_url}")),
                Event::Start(Tag::Link { dest_url, .. }) if &*dest_url != "/modules/vary" => {
                    found.push(dest_url.to_string());
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn what_is_no_danger_stays_as_it_is() {
    for text in [
        "A *short* answer, with `code <b>` and ``a ` b``.\n\n- one\n- two!\n\n1. three",
        "See [Vary](/modules/vary).",
        "```http\nGET https://example.org/ HTTP/1.1\n<html>\n```\nAfter.",
        "a ~~struck~ word; 3 > 2 && x | y",
        "```\nunclosed is closed\n```",
        "Ünïcödé 日本語の文章。",
        "",
    ] {
        assert_eq!(sanitised(text).replace("\\~", "~"), text);
    }
}

#[test]
fn what_is_dangerous_is_text() {
    for (text, safe) in [
        ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
        ("[here](https://evil.example/)", "here"),
        ("[a](javascript:alert(1))", "a)"),
        ("![x](/modules/vary)", "\\![x](/modules/vary)"),
        ("![x](https://evil.example/?q=secret)", "\\!x"),
        ("go to https://evil.example/x now", "go to (link removed) now"),
        ("<https://evil.example>", "(link removed)"),
        ("write to eve@evil.example", "write to (link removed)"),
        ("[a]: https://evil.example\n\n[a]", "\\[a]: (link removed)\n\n\\[a]"),
        ("[other](/modules/draft)", "other"),
        ("[v](/v1/modules/vary#x \"t\")", "[v](/modules/vary)"),
        ("[a](//evil.example/modules/vary)", "a"),
        ("[x](/modules/vary/../../evil)", "x"),
        ("`<b>", "\\`&lt;b>"),
        ("\\[x](https://evil.example)", "(link removed)"),
        ("~~~\n```\n~~~\n<b>", "~\\~\\~\n```\n~~~\n<b>\n```"),
        ("| `a | <b>` |", "| \\`a | &lt;b>\\` |"),
        ("> ```\n<b>", "> \\`\\`\\`\n&lt;b>"),
        ("+++\n```\n+++\n<b>", "++\\+\n```\n+++\n<b>\n```"),
        ("$````$[a](http://e)````", "\\$````$[a](http://e)````"),
        ("a\u{202e}b\u{0}c\r\n", "abc\n"),
    ] {
        assert_eq!(sanitised(text), safe, "{text}");
        assert_eq!(forbidden(&sanitised(text)), [""; 0], "{text}");
    }
}

/// Text of what Markdown is made of.
fn markdown() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<b>",
        "<",
        ">",
        "<!--",
        "-->",
        "<a href=\"x\">",
        "[",
        "]",
        "(",
        ")",
        "](",
        "![",
        "[a](/modules/vary)",
        "[a](http://e)",
        "[a]: http://e",
        "[^1]",
        "http://e",
        "<http://e>",
        "`",
        "``",
        "```",
        "````",
        "```\n",
        "~~~",
        "~",
        "\\",
        "\\`",
        "\n",
        "\n\n",
        " ",
        "    ",
        "\t",
        "a",
        "b c",
        "!",
        "|",
        "|-|-|\n",
        "- ",
        "> ",
        "# ",
        "1. ",
        "*",
        "**",
        "_",
        "$",
        "$$",
        "&lt;",
        "&",
        "---\n",
        "+++\n",
        "= ",
        ":",
        "é",
        "{",
        "}",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_forbidden_comes_out(text in markdown()) {
        let safe = sanitised(&text);
        prop_assert_eq!(forbidden(&safe), Vec::<String>::new(), "{}", safe);
    }

    #[test]
    fn pieces_make_no_difference(text in markdown(), cuts in prop::collection::vec(0_usize..100, 0..10)) {
        let mut sanitiser = Sanitiser::new(Slug::new("vary"));
        let (mut safe, mut rest) = (String::new(), text.as_str());
        for cut in cuts {
            let at = rest.floor_char_boundary(cut.min(rest.len()));
            safe.push_str(&sanitiser.push(&rest[..at]));
            rest = &rest[at..];
        }
        safe.push_str(&sanitiser.push(rest));
        safe.push_str(&sanitiser.finish());
        prop_assert_eq!(safe, sanitised(&text));
    }

    #[test]
    fn any_text_at_all_is_taken(text in any::<String>()) {
        prop_assert_eq!(forbidden(&sanitised(&text)), Vec::<String>::new());
    }
}
