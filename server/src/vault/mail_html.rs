//! Mails for programs that show HTML. They load nothing from anywhere.

use super::mail::Paragraph::{self, Code, Link, Plain, Quiet, QuietLink};
use super::words::Words;

/// Colours of a dark mail; those of a light one stand beside the elements, for programs that drop style sheets.
const DARK_STYLE: &str = "@media (prefers-color-scheme: dark) { \
    body { background: #171715 !important; color: #ecece8 !important } \
    .sheet { background: #242421 !important } \
    .quiet { color: #a9a9a1 !important } \
    .link { color: #9db7ff !important } }";

const PLAIN: &str = r#"style="margin:0 0 24px""#;
const QUIET: &str = r#"class="quiet" style="margin:0 0 16px;color:#5c5c55;font-size:14px""#;
const LINK: &str = r#"class="link" style="color:#2549c4""#;
const BUTTON: &str = r#"style="display:inline-block;padding:12px 24px;border-radius:8px;background:#2549c4;color:#ffffff;font-weight:600;text-decoration:none""#;
const CODE: &str =
    r#"style="margin:0 0 24px;font:600 28px/1.2 ui-monospace,monospace;letter-spacing:2px""#;

/// The same mail as its text.
pub(super) fn html(subject: &str, paragraphs: &[Paragraph], words: &Words) -> String {
    let subject = escape(subject);
    let paragraphs = paragraphs.iter().map(|one| paragraph(one, words));
    let paragraphs: Vec<String> = paragraphs.collect();
    let language = words.language;
    let paragraphs = paragraphs.join("\n");
    format!(
        r#"<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{subject}</title>
<style>{DARK_STYLE}</style>
</head>
<body style="margin:0;padding:24px 12px;background:#f3f3f0;color:#1d1d1a;font:16px/1.5 system-ui,sans-serif">
<div class="sheet" style="max-width:480px;margin:0 auto;padding:32px 32px 16px;border-radius:12px;background:#ffffff;overflow-wrap:anywhere">
{paragraphs}
</div>
</body>
</html>
"#
    )
}

fn paragraph(paragraph: &Paragraph, words: &Words) -> String {
    match paragraph {
        Plain(text) => format!("<p {PLAIN}>{}</p>", escape(text)),
        Quiet(text) => format!("<p {QUIET}>{}</p>", escape(text)),
        Code(code) => format!("<p {CODE}>{}</p>", escape(code)),
        Link(name, _, link) => {
            let (name, link) = (escape(name), escape(link));
            let otherwise = escape(&words.no_button);
            format!(
                "<p {PLAIN}><a href=\"{link}\" {BUTTON}>{name}</a></p>\n\
                 <p {QUIET}>{otherwise}<br><a href=\"{link}\" {LINK}>{link}</a></p>"
            )
        }
        QuietLink(sentence, link) => {
            let (sentence, link) = (escape(sentence), escape(link));
            format!("<p {QUIET}>{sentence}<br><a href=\"{link}\" {LINK}>{link}</a></p>")
        }
    }
}

/// Text as it stands in HTML, between tags and in quoted attributes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_shows_what_it_was_given() {
        let hostile = r#""><script>alert('&')</script>"#;
        let text = || hostile.to_owned();
        let paragraphs = [
            Plain(text()),
            Quiet(text()),
            Code(text()),
            QuietLink(text(), text()),
        ];
        let html = html(hostile, &paragraphs, Words::of(None));
        let escaped = "&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;";
        assert_eq!(html.matches(escaped).count(), 7);
        assert!(!html.contains("<script") && !html.contains("alert('"));
    }
}
