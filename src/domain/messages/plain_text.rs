//! The plain text of a pool's HTML, for readers who see no HTML: tags go, blocks begin on lines of their own, links keep their
//! addresses, entities become what they stand for.

/// Elements whose content is not for reading.
const UNREAD: [&str; 4] = ["head", "script", "style", "title"];

/// Elements that begin, and end, a line.
const BLOCKS: [&str; 12] =
    ["address", "blockquote", "center", "div", "li", "ol", "section", "table", "tr", "ul", "dl", "pre"];

/// Elements with an empty line around them.
const PARAGRAPHS: [&str; 7] = ["p", "h1", "h2", "h3", "h4", "h5", "h6"];

/// What somebody reads of `html`. A text without a tag keeps its lines.
pub fn of_html(html: &str) -> String {
    if !html.contains('<') {
        return decoded(html).trim().to_owned();
    }
    let mut text = Text::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.words(&decoded(&rest[..at]));
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let Some(tag) = Tag::read(rest) else {
            text.words("<");
            rest = &rest[1..];
            continue;
        };
        rest = &rest[tag.length..];
        if UNREAD.contains(&tag.name.as_str()) && !tag.closes {
            rest = after_element(rest, &tag.name);
            continue;
        }
        text.element(&tag);
    }
    text.words(&decoded(rest));
    text.written.trim().to_owned()
}

/// What follows the end of an element that is not read.
fn after_element<'a>(html: &'a str, name: &str) -> &'a str {
    let lower = html.to_ascii_lowercase();
    let end = lower.find(&format!("</{name}"));
    end.and_then(|at| html[at..].split_once('>')).map_or("", |(_, after)| after)
}

struct Tag {
    /// In lower case.
    name: String,
    closes: bool,
    href: Option<String>,
    length: usize,
}

impl Tag {
    /// The tag with which the text begins, if it is one: `<`, perhaps `/`, and a letter or `!`.
    fn read(html: &str) -> Option<Tag> {
        let inside = &html[1..];
        let closes = inside.starts_with('/');
        let named = inside.strip_prefix('/').unwrap_or(inside);
        if !named.starts_with(|first: char| first.is_ascii_alphabetic() || first == '!') {
            return None;
        }
        let end = end_of_tag(html)?;
        let name: String = named.chars().take_while(char::is_ascii_alphanumeric).collect();
        let href = attribute(&html[..end], "href");
        Some(Tag { name: name.to_ascii_lowercase(), closes, href, length: end + 1 })
    }
}

/// Where the tag's `>` stands; one in quotes does not count.
fn end_of_tag(html: &str) -> Option<usize> {
    let mut quote = None;
    for (at, character) in html.char_indices() {
        match (quote, character) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
    }
    None
}

/// The value of an attribute that stands in quotes.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let at = tag.to_ascii_lowercase().find(&format!(" {name}="))? + name.len() + 2;
    let quote = tag[at..].chars().next().filter(|quote| ['"', '\''].contains(quote))?;
    let (value, _) = tag[at + 1..].split_once(quote)?;
    Some(decoded(value))
}

#[derive(Default)]
struct Text {
    written: String,
    /// Space that stands before the next word, if one follows.
    space: bool,
    /// The addresses of the links that are open, and where their words began.
    links: Vec<(String, usize)>,
}

impl Text {
    /// White space of any length is one space.
    fn words(&mut self, text: &str) {
        for character in text.chars() {
            if character.is_whitespace() {
                self.space = true;
                continue;
            }
            if std::mem::take(&mut self.space) && !self.written.is_empty() && !self.written.ends_with('\n') {
                self.written.push(' ');
            }
            self.written.push(character);
        }
    }

    fn element(&mut self, tag: &Tag) {
        match tag.name.as_str() {
            "br" | "hr" => self.line(),
            "a" if tag.closes => self.link_ends(),
            "a" => {
                let at = self.written.len();
                self.links.extend(tag.href.clone().map(|href| (href, at)));
            }
            "td" | "th" => self.space = true,
            name if PARAGRAPHS.contains(&name) => {
                self.new_line();
                if !self.written.is_empty() && !self.written.ends_with("\n\n") {
                    self.line();
                }
            }
            name if BLOCKS.contains(&name) => {
                self.new_line();
                if name == "li" && !tag.closes {
                    self.written.push_str("- ");
                }
            }
            _ => {}
        }
    }

    /// The address, unless it is what was read already.
    fn link_ends(&mut self) {
        if let Some((href, began_at)) = self.links.pop() {
            let is_shown = self.written.get(began_at..).is_some_and(|words| words.trim() == href);
            if !is_shown {
                self.written.push_str(&format!(" ({href})"));
            }
        }
    }

    fn new_line(&mut self) {
        if !self.written.is_empty() && !self.written.ends_with('\n') {
            self.line();
        }
        self.space = false;
    }

    fn line(&mut self) {
        self.space = false;
        self.written.push('\n');
    }
}

/// With the entities that templates use resolved: those of HTML's own syntax, the space, and numbers.
fn decoded(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let found = rest.split_once(';').and_then(|(name, after)| Some((entity(&name[1..])?, after)));
        match found {
            Some((character, after)) => {
                out.push(character);
                rest = after;
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        "copy" => Some('©'),
        "mdash" => Some('—'),
        "ndash" => Some('–'),
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(number).filter(|character| !character.is_control())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_read_is_kept_and_in_its_lines() {
        for (html, text) in [
            ("Your code is {####}", "Your code is {####}"),
            ("one\ntwo", "one\ntwo"),
            ("<p>Dear\n   <b>friend</b>,</p><p>hello.<br>Bye</p>", "Dear friend,\n\nhello.\nBye"),
            ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
            ("<table><tr><td>code</td><td>{####}</td></tr><tr><td>x</td></tr></table>", "code {####}\nx"),
            ("<html><head><title>no</title><STYLE>p > a {}</STYLE></head><body>yes</body></html>", "yes"),
            ("<script>if (1 < 2) {}</script>yes", "yes"),
            ("<!-- no > --><p title=\"a > b\">yes</p>", "yes"),
            ("Tom &amp; Co &lt;3 &#169; &#xE9; &unknown; & more", "Tom & Co <3 © é &unknown; & more"),
            ("see <a href=\"https://x.example/?a=1&amp;b=2\">this</a>.", "see this (https://x.example/?a=1&b=2)."),
            ("<a href='https://x.example'>https://x.example</a>", "https://x.example"),
            ("1 < 2 <b>and</b> 2 > 1", "1 < 2 and 2 > 1"),
            ("<b", "<b"),
        ] {
            assert_eq!(of_html(html), text, "{html}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_some_plain_text(html in "([<>/&;#x\"'! a-z\n]|<p>|<a href=\"|<style>|&#65;|é){0,60}") {
            let _ = of_html(&html);
        }
    }
}
